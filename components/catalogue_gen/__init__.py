"""The element catalogue as an artifact: checked, compared with the candidates in the logs, and versioned."""
