"""The one line of a failed step that matters."""

import re

_INPUT_ERROR = re.compile(r'^(?:[\w.]+\.)?InputError: (.+?)(?: \[while running .*)?$', re.MULTILINE)
_BEAM_SUFFIX = re.compile(r' \[while running .*', re.DOTALL)


class StepError(Exception):
    """A step failed for a reason other than the user's input."""


def input_error_in(error: BaseException) -> str | None:
    """The message of the InputError that `error` is, was caused by, or quotes.

    Beam hands on what fails in a worker as the text of its traceback.
    """
    cause: BaseException | None = error
    while cause is not None:
        text = f'InputError: {cause}' if type(cause).__name__ == 'InputError' else str(cause)
        found = _INPUT_ERROR.findall(text)
        if found:
            return found[-1]
        cause = cause.__cause__ or cause.__context__
    return None


def last_line(error: BaseException) -> str:
    """Type and message of an error, or, where the message is a traceback, that traceback's last line."""
    lines = [line for line in _BEAM_SUFFIX.sub('', str(error)).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    return lines[-1].strip() if len(lines) > 1 else f'{type(error).__name__}: {lines[0]}'
