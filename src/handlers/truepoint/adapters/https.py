"""Requests to the identity provider, bounded in time and size.

http.client of the standard library follows no redirects and reads no proxy settings, so a request can go only to the
address in the stack's settings. ssl is slow to import, so it is imported at the first request.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

if TYPE_CHECKING:
    from http.client import HTTPConnection, HTTPResponse

CONNECT_SECONDS = 3.0
"""Time limit for connecting, in seconds."""
TOTAL_SECONDS = 8.0
"""Time limit for a whole request, in seconds. A person waits for it in front of an empty page."""
PIECE = 16 * 1024
"""Size of one read of the response, in bytes."""
LOOPBACK = frozenset({"127.0.0.1", "localhost", "host.docker.internal"})
"""Hosts to which requests without TLS are allowed: an emulator on this machine."""


class FetchError(Exception):
    """A failed request or a refused response. The message holds no content of either."""


class StatusError(FetchError):
    """A response with a status other than 200."""

    def __init__(self, host: str, status: int) -> None:
        super().__init__(f"expected {host} to answer with the status 200, got {status}")
        self.status = status


def fetch(url: str, largest: int, form: Mapping[str, str] | None = None) -> bytes:
    """Return the body of a response.

    Args:
        url: the address; https unless the host is in `LOOPBACK`.
        largest: maximum size of the body, in bytes.
        form: fields to send as a POST request, encoded as an HTML form; without them the request is a GET.

    Raises:
        FetchError: there was no response in time, its status was not 200, or its body was too large.
        ValueError: the address is not allowed.
    """
    parts = urlsplit(url)
    host = parts.hostname or ""
    if parts.scheme != "https" and not (parts.scheme == "http" and host in LOOPBACK):
        raise ValueError(f"expected an https address, got {parts.scheme}://{host}")
    deadline = time.monotonic() + TOTAL_SECONDS
    headers = {"accept": "application/json", "connection": "close"}
    body = None
    if form is not None:
        body = urlencode(form)
        headers["content-type"] = "application/x-www-form-urlencoded"
    from http.client import HTTPException  # noqa: PLC0415

    connection = _connection(parts.scheme, host, parts.port)
    try:
        connection.connect()
        connection.sock.settimeout(max(0.1, deadline - time.monotonic()))
        target = f"{parts.path or '/'}{'?' + parts.query if parts.query else ''}"
        connection.request("GET" if body is None else "POST", target, body, headers)
        response = connection.getresponse()
        if response.status != 200:
            raise StatusError(host, response.status)
        return _content(response, largest, deadline, host)
    except (OSError, HTTPException) as error:
        raise FetchError(f"expected a response of {host}, got {type(error).__name__}") from error
    finally:
        connection.close()


def _connection(scheme: str, host: str, port: int | None) -> HTTPConnection:
    from http.client import HTTPConnection, HTTPSConnection  # noqa: PLC0415

    if scheme == "http":
        return HTTPConnection(host, port, timeout=CONNECT_SECONDS)
    import ssl  # noqa: PLC0415

    return HTTPSConnection(host, port, timeout=CONNECT_SECONDS, context=ssl.create_default_context())


def _content(response: HTTPResponse, largest: int, deadline: float, host: str) -> bytes:
    content = bytearray()
    while piece := response.read1(PIECE):
        content += piece
        if len(content) > largest:
            raise FetchError(f"expected at most {largest} bytes of {host}, got more")
        # The socket's timeout bounds each read, but not a response that arrives byte by byte.
        if time.monotonic() > deadline:
            raise FetchError(f"expected {host} to answer within {TOTAL_SECONDS:g} s, got an unfinished response")
    if response.length:  # bytes of the announced Content-Length that did not arrive
        raise FetchError(f"expected a whole response of {host}, got a truncated one")
    return bytes(content)
