"""Peers that read the catalogue, so that GenCO is compared with models that know the same."""
