"""Simulated click logs whose true CTRs are known, shaped like the data of the GenCO paper."""
