"""The GenCO model: its configuration, feature transforms, layers, losses, training and export."""
