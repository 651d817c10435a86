"""The version of the project: setup.py and `genco --version` read it here."""

VERSION = '0.2.0'
