"""Fits the products of the model: tastes of users for elements, and synergies between elements."""
