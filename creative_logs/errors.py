"""The one error that a user's input can cause, shown by the command line as a single line."""


class InputError(ValueError):
    """Bad input, named precisely enough to be mended: the file, the field, the rule and the value."""
