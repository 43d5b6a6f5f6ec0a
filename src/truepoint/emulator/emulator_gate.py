"""The gate in front of the AWS emulator, which admits only our own processes and the pages that we serve.

A web page of any site can send requests to a loopback port, and the emulator runs code and deletes data for any client.
So the gate passes on a request only if it carries an AWS signature made with a secret of this emulator, or the gate's
own token. The module is plain ASGI and imports only the standard library, because it runs in the emulator's
environment.
"""

from __future__ import annotations

import hmac
import json
import re
from collections.abc import Awaitable, Callable, Mapping
from html import escape
from typing import Any
from urllib.parse import parse_qs, quote, unquote

Scope = Mapping[str, Any]
Application = Callable[[Any, Any, Any], Awaitable[None]]
SignatureCheck = Callable[[str, str, dict[str, list[str]], dict[str, str], bytes], bool]
"""A function that returns whether a request is signed with a secret of this emulator, given its method, its path as
sent, its query parameters, its headers by lower-case name, and its body."""

TOKEN_HEADER = "x-truepoint-emulator-token"  # noqa: S105 (the header's name)
AWS_HOST = re.compile(r"(?:[a-z0-9-]+\.)+(?:amazonaws\.com|cloudfront\.net)")
"""Host names of the stack on AWS. Our own proxies use them, with the token."""
VIEWER_DOMAIN = ".cloudfront.net"
"""Domain of CloudFront distributions, whose viewers send unsigned requests."""
READY_PATH = "/_ministack/ready"
CONTROL_PATHS = re.compile(r"/+_(?:ministack|localstack)(?:/|$)", re.IGNORECASE)
"""Paths of the emulator's own controls, one of which erases all state."""
CUSTOM_RESOURCE_ANSWER = re.compile(r"/_ministack/cfn-response/[A-Za-z0-9_-]{16,}")
"""Path to which a custom resource's function sends its response. On AWS it is a presigned S3 URL; here an unguessable
id replaces the signature."""
LARGEST_BODY = 512 * 1024 * 1024
"""Maximum size of a body, in bytes. The gate keeps a body in memory to check its signature. The largest one that the
demo sends is the output manifest of a job of some 50,000 images."""
TOO_LARGE = f"expected a body of at most {LARGEST_BODY:,} bytes"
UNSIGNED = "expected a request signed with this emulator's credentials"
SAME_PAGE = frozenset({"none", "same-origin"})
"""Values of Sec-Fetch-Site of requests that do not come from another site's page."""
SAFE_METHODS = frozenset({"GET", "HEAD"})


class Gate:
    """An ASGI application that passes on authenticated requests to the emulator and refuses all others.

    Args:
        application: the emulator.
        hosts: the emulator's own values of the Host header. Others are refused, because a foreign domain may resolve to
            loopback (DNS rebinding).
        origins: origins of the pages that we serve, such as `http://127.0.0.1:8000`.
        token: a secret that our own processes send in `TOKEN_HEADER` with unsigned requests and with requests under
            AWS's host names.
        is_signed: checks an AWS signature.
    """

    def __init__(
        self,
        application: Application,
        hosts: frozenset[str],
        origins: frozenset[str],
        token: str,
        is_signed: SignatureCheck,
    ) -> None:
        self._application = application
        self._hosts = hosts
        self._origins = origins
        self._token = token.encode()
        self._is_signed = is_signed

    async def __call__(self, scope: Scope, receive: Any, send: Any) -> None:
        """Pass the request on, or refuse it."""
        if scope["type"] == "lifespan":
            await self._application(scope, receive, send)
            return
        if scope["type"] != "http":  # a WebSocket, which a page of any origin can open and we do not use
            await receive()
            await send({"type": "websocket.close", "code": 1008})
            return
        headers = _headers(scope)
        trusted = hmac.compare_digest(headers.pop(TOKEN_HEADER, "").encode(), self._token)
        refusal = self._refusal(scope, headers, trusted)
        if refusal is not None:
            await _refuse(send, headers, *refusal)
            return
        scope = {**scope, "headers": [pair for pair in scope["headers"] if pair[0].lower() != TOKEN_HEADER.encode()]}
        if not ((trusted and _is_unsigned_on_aws(scope, headers)) or _answers_custom_resource(scope)):
            if "authorization" not in headers and "X-Amz-Signature" not in _query(scope):
                await _refuse(send, headers, 403, UNSIGNED)  # before reading the body, which may be large
                return
            try:
                body = await _body(receive)
            except OverflowError:
                await _refuse(send, headers, 413, TOO_LARGE)
                return
            if body is None:
                return  # the client disconnected
            if not self._is_signed(scope["method"], _raw_path(scope), _query(scope), headers, body):
                await _refuse(send, headers, 403, UNSIGNED)
                return
            receive = _replay(body, receive)
        await self._application(scope, receive, send)

    def _refusal(self, scope: Scope, headers: Mapping[str, str], trusted: bool) -> tuple[int, str] | None:
        host, path = headers.get("host", "").lower(), unquote(_raw_path(scope))
        if host not in self._hosts and not (trusted and AWS_HOST.fullmatch(_host_name(headers))):
            return 421, "expected the emulator's own host name"
        origin, site = headers.get("origin"), headers.get("sec-fetch-site")
        if origin is not None and origin not in self._origins:
            return 403, "expected a page of this demo as the origin"
        # A page of the demo may load an image without sending its origin. The image's signature is still checked.
        image = site == "same-site" and scope["method"] in SAFE_METHODS and "X-Amz-Signature" in _query(scope)
        if origin is None and site is not None and site not in SAME_PAGE and not image:
            return 403, "expected a request of this demo's own pages"
        if _length(headers) > LARGEST_BODY:
            return 413, TOO_LARGE
        if CONTROL_PATHS.match(path) and not (trusted and path == READY_PATH) and not _answers_custom_resource(scope):
            return 403, "expected a path of an AWS service"
        return None


def _is_unsigned_on_aws(scope: Scope, headers: Mapping[str, str]) -> bool:
    """Return whether a request needs no signature: it reads from a distribution, or asks for readiness."""
    if scope["method"] not in SAFE_METHODS:
        return False
    return _raw_path(scope) == READY_PATH or _host_name(headers).endswith(VIEWER_DOMAIN)


def _host_name(headers: Mapping[str, str]) -> str:
    return headers.get("host", "").lower().partition(":")[0]


def _answers_custom_resource(scope: Scope) -> bool:
    path = _raw_path(scope)
    return scope["method"] == "PUT" and CUSTOM_RESOURCE_ANSWER.fullmatch(path) is not None


def _headers(scope: Scope) -> dict[str, str]:
    """Return headers by lower-case name. The values of repeated headers are joined by commas, as SigV4 signs them."""
    headers: dict[str, str] = {}
    for name, value in scope["headers"]:
        key, text = name.decode("latin-1").lower(), value.decode("latin-1")
        headers[key] = f"{headers[key]},{text}" if key in headers else text
    return headers


def _raw_path(scope: Scope) -> str:
    return str((scope.get("raw_path") or quote(scope["path"]).encode()).decode("latin-1"))


def _query(scope: Scope) -> dict[str, list[str]]:
    return parse_qs(scope["query_string"].decode("latin-1"), keep_blank_values=True)


def _length(headers: Mapping[str, str]) -> int:
    """Return the Content-Length; 0 if it is missing or not a number."""
    length = headers.get("content-length", "")
    return int(length) if length.isdecimal() and len(length) < 20 else 0


async def _body(receive: Any) -> bytes | None:
    """Return the whole body; None if the client disconnected.

    Raises:
        OverflowError: the body has more than `LARGEST_BODY` bytes.
    """
    parts, size = [], 0
    while True:
        message = await receive()
        if message["type"] == "http.disconnect":
            return None
        parts.append(message.get("body", b""))
        size += len(parts[-1])
        if size > LARGEST_BODY:
            raise OverflowError
        if not message.get("more_body"):
            return b"".join(parts)


def _replay(body: bytes, receive: Any) -> Any:
    """Return a `receive` function that first returns the body that was read, and then further messages."""
    messages = [{"type": "http.request", "body": body, "more_body": False}]

    async def replayed() -> Any:
        return messages.pop() if messages else await receive()

    return replayed


async def _refuse(send: Any, headers: Mapping[str, str], status: int, reason: str) -> None:
    """Send an error that AWS's clients can parse: in JSON for a request in JSON, otherwise in XML."""
    code = "EntityTooLarge" if status == 413 else "AccessDenied"
    if "json" in headers.get("content-type", ""):
        kind, body = b"application/x-amz-json-1.1", json.dumps({"__type": code, "message": reason}).encode()
    else:
        error = f"<Error><Code>{code}</Code><Message>{escape(reason)}</Message></Error>"
        kind, body = b"text/xml", f"<ErrorResponse>{error}</ErrorResponse>".encode()
    length = str(len(body)).encode()
    start = {"type": "http.response.start", "status": status}
    await send({**start, "headers": [(b"content-type", kind), (b"content-length", length)]})
    await send({"type": "http.response.body", "body": body})
