"""Reads the configuration files of TensorFlow Serving: protocol buffers in the text format."""

from pathlib import Path
from typing import TypeVar

from google.protobuf import descriptor_pb2, descriptor_pool, message_factory, text_format
from google.protobuf.message import Message

from creative_logs.errors import InputError

Proto = TypeVar('Proto', bound=Message)


def read_text_proto(path: Path, message: Proto) -> Proto:
    """Fills a message from a file.

    Raises:
        InputError: The file cannot be read or does not hold this message.
    """
    try:
        return text_format.Parse(path.read_text('utf-8'), message)
    except (OSError, UnicodeDecodeError, text_format.ParseError) as error:
        reason = ' '.join(str(error).split())
        kind = message.DESCRIPTOR.name
        raise InputError(
            f'{path}: not a valid {kind} in the text format of protocol buffers: {reason}'
        ) from error


def message_class(file: str, name: str) -> type[Message]:
    """Builds the class of a message that tensorflow-serving-api does not ship.

    Args:
        file: A `FileDescriptorProto` in the text format.
        name: The full name of the message, with its package.
    """
    parsed = text_format.Parse(file, descriptor_pb2.FileDescriptorProto())
    return message_factory.GetMessages([parsed], descriptor_pool.DescriptorPool())[name]
