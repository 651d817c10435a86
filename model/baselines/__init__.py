"""What a user would pick instead of GenCO, on the same packed batches and behind one interface."""

from model.baselines.policy import Policy

__all__ = ['Policy']
