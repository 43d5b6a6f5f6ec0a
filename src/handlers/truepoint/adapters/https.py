"""Requests to the identity provider, bounded in time and size.

http.client of the standard library follows no redirection and reads no proxy settings: a request goes to the address
that the stack's settings name, or nowhere. ssl takes a while to import, so that is left until the first request.
"""

from __future__ import annotations

import time
from collections.abc import Mapping
from typing import TYPE_CHECKING
from urllib.parse import urlencode, urlsplit

if TYPE_CHECKING:
    from http.client import HTTPConnection, HTTPResponse

CONNECT_SECONDS = 3.0
TOTAL_SECONDS = 8.0
"""Seconds that one request may take altogether. Somebody waits for it in front of a white page."""
PIECE = 16 * 1024
LOOPBACK = frozenset({"127.0.0.1", "localhost", "host.docker.internal"})
"""Hosts that may be asked without TLS: an emulator on this machine."""


class FetchError(Exception):
    """A request that failed, or whose response was refused. The message holds nothing of either."""


class StatusError(FetchError):
    """A response with another status than 200."""

    def __init__(self, host: str, status: int) -> None:
        super().__init__(f"expected {host} to answer with the status 200, got {status}")
        self.status = status


def fetch(url: str, largest: int, form: Mapping[str, str] | None = None) -> bytes:
    """Return the body of a response.

    Args:
        url: where to. Only https, except on this machine.
        largest: bytes that the body may have.
        form: sent as a POST of an HTML form; without one the request is a GET.

    Raises:
        FetchError: no response in time, another status than 200, or a body that is too large.
        ValueError: an address that may not be asked.
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
        # Each wait is bounded by the socket; a response that comes byte by byte is not.
        if time.monotonic() > deadline:
            raise FetchError(f"expected {host} to answer within {TOTAL_SECONDS:g} s, it is still answering")
    if response.length:  # what is still to come of what the headers announced
        raise FetchError(f"expected a whole response of {host}, it broke off")
    return bytes(content)
