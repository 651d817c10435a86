"""Benchmarks, each run by `genco bench NAME`."""
