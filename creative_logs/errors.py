"""The error for faulty user input, which the command line shows as a single line."""


class InputError(ValueError):
    """Faulty input. The message names file, field, rule and value, so that the user can fix it."""
