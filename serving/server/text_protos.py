"""Configuration files of TensorFlow Serving: messages in the text format."""

from pathlib import Path
from typing import TypeVar

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from google.protobuf.message import Message

from creative_logs.errors import InputError

Proto = TypeVar('Proto', bound=Message)


def read_text_proto(path: Path, message: Proto) -> Proto:
    """Fills a message from a file.

    Raises:
        InputError: the file cannot be read, or is not of this message.
    """
    try:
        return text_format.Parse(path.read_text('utf-8'), message)
    except (OSError, UnicodeDecodeError, text_format.ParseError) as error:
        reason = ' '.join(str(error).split())
        kind = message.DESCRIPTOR.name
        raise InputError(f'{path}: no {kind} in the text format of protocol buffers: {reason}') from error


def message_class(file: str, name: str) -> type[Message]:
    """The class of a message that tensorflow-serving-api does not ship.

    Args:
        file: a `FileDescriptorProto` in text format.
        name: of the message, with its package.
    """
    parsed = text_format.Parse(file, descriptor_pb2.FileDescriptorProto())
    return message_factory.GetMessages([parsed], descriptor_pool.DescriptorPool())[name]
