"""A Pusher that never lets a server see a partly written model."""
