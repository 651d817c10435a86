"""The body of an HTTP request, unpacked and bounded."""

import zlib

from werkzeug.exceptions import BadRequest, RequestEntityTooLarge
from werkzeug.wrappers import Request

_GZIP = zlib.MAX_WBITS | 16


def read_body(request: Request, most: int) -> bytes:
    """The body; gzip, where Content-Encoding says so, is unpacked.

    Args:
        request: whose body was not read yet.
        most: bytes, before and after it is unpacked.

    Raises:
        werkzeug.exceptions.HTTPException: it is larger (413), or no gzip (400).
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
