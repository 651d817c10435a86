"""Reads the body of an HTTP request, decompressed and up to a limit."""

import zlib

from werkzeug.exceptions import BadRequest, RequestEntityTooLarge
from werkzeug.wrappers import Request

_GZIP = zlib.MAX_WBITS | 16


def read_body(request: Request, most: int) -> bytes:
    """Reads the body and decompresses it if its Content-Encoding is gzip.

    Args:
        request: A request whose body has not been read yet.
        most: The largest number of bytes, before and after decompression.

    Raises:
        werkzeug.exceptions.HTTPException: The body is larger (413), or is not valid gzip (400).
    """
    request.max_content_length = most
    data = request.get_data()
    if request.headers.get('Content-Encoding', '').lower() != 'gzip':
        return data
    unpacker = zlib.decompressobj(_GZIP)
    try:
        body = unpacker.decompress(data, most)
    except zlib.error as error:
        raise BadRequest(f'Content-Encoding is gzip, but the body is not: {error}') from error
    if unpacker.unconsumed_tail:
        raise RequestEntityTooLarge()
    if not unpacker.eof:
        raise BadRequest('Content-Encoding is gzip, but the body is cut off')
    return body
