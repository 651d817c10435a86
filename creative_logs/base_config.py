"""What the classes of the configuration share: the base class and the type of a name."""

from typing import Annotated

from pydantic import AfterValidator, BaseModel, ConfigDict


def _identifier(name: str) -> str:
    if not name.isidentifier():
        raise ValueError(f'a name must be a letter followed by letters, digits or "_": got {name!r}')
    return name


Name = Annotated[str, AfterValidator(_identifier)]


class Frozen(BaseModel):
    """Base of every part of the configuration: immutable, and an unknown key is an error."""

    model_config = ConfigDict(frozen=True, extra='forbid')
