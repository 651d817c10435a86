"""The additive effects: their posterior, its mode, and the prior variances that are learned."""
