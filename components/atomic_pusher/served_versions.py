"""Whether a pushed version is still there, in a module that does not import TFX, which is slow."""

from pathlib import Path


def is_served(pushed: int, destination: str) -> bool:
    """Whether a version was pushed and has not been removed since, as by a roll-back.

    Args:
        pushed: The property `pushed` of the `PushedModel`, 1 if its model was pushed.
        destination: The property `pushed_destination`; a folder in an object store is not looked for.
    """
    return pushed == 1 and ('://' in destination or Path(destination).is_dir())
