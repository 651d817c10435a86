"""Folds the element catalogue into a model that was trained earlier, without training it again."""
