"""Pusher that never lets a server see a half-written model."""
