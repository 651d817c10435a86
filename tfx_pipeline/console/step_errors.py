"""Extracts the relevant line from the error of a failed step."""

import re

_INPUT_ERROR = re.compile(r'^(?:[\w.]+\.)?InputError: (.+?)(?: \[while running .*)?$', re.MULTILINE)
_BEAM_SUFFIX = re.compile(r' \[while running .*', re.DOTALL)


class StepError(Exception):
    """A step failed for a reason other than the user's input."""


def input_error_in(error: BaseException) -> str | None:
    """Returns the message of the InputError that `error` is, was caused by, or quotes; None if there is none.

    Beam passes on the error of a worker as the text of its traceback.
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
    """Returns the type and message of an error, or the last line if the message is a traceback."""
    lines = [line for line in _BEAM_SUFFIX.sub('', str(error)).splitlines() if line.strip()]
    if not lines:
        return type(error).__name__
    return lines[-1].strip() if len(lines) > 1 else f'{type(error).__name__}: {lines[0]}'
