"""An ASGI guard that refuses foreign hosts, foreign origins and large bodies."""

from __future__ import annotations

from starlette.datastructures import Headers
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

MAX_BODY = 5_000_000
"""Maximum size of a body, in bytes. It is above the limit of the portal's function, which has an error of its own."""

PAGE_POLICY = (
    "default-src 'none'; style-src 'self'; script-src 'self'; img-src 'self'; frame-src 'self'; "
    "form-action 'self'; base-uri 'none'; frame-ancestors 'none'"
)
SAFE_METHODS = frozenset({"GET", "HEAD"})
_COMMON = (
    (b"x-content-type-options", b"nosniff"),
    (b"referrer-policy", b"same-origin"),  # "no-referrer" would also remove the Origin header from our own forms
    (b"cross-origin-opener-policy", b"same-origin"),
)


class Guard:
    """A guard that accepts only requests to `hosts`, and state-changing requests only from the portal's own pages.

    A foreign domain that resolves to loopback is not among the hosts (DNS rebinding). A page of another site sends
    its own origin (cross-site request forgery).
    """

    def __init__(self, app: ASGIApp, hosts: frozenset[str]) -> None:
        self._app = app
        self._hosts = hosts

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        """Answer the request, or refuse it."""
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        headers = Headers(scope=scope)
        refusal = self._refusal(scope["method"], headers)
        if refusal is not None:
            await refusal(scope, receive, send)
            return
        read = 0

        async def limited() -> Message:
            nonlocal read
            message = await receive()
            read += len(message.get("body", b""))
            # A body without a length is truncated here: the rest is not valid JSON and is refused.
            return message if read <= MAX_BODY else {"type": "http.disconnect"}

        async def with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                given = {name.lower() for name, _ in message["headers"]}
                policy = (b"content-security-policy", PAGE_POLICY.encode())
                added = [pair for pair in (*_COMMON, policy) if pair[0] not in given]
                message = {**message, "headers": [*message["headers"], *added]}
            await send(message)

        await self._app(scope, limited, with_headers)

    def _refusal(self, method: str, headers: Headers) -> PlainTextResponse | None:
        host = headers.get("host", "")
        if host not in self._hosts:
            return PlainTextResponse("This portal answers only under its own address.\n", 421)
        if method not in SAFE_METHODS and headers.get("origin") != f"http://{host}":
            return PlainTextResponse("Only the portal's own pages may do this.\n", 403)
        length = headers.get("content-length", "0")
        if not length.isdecimal() or int(length) > MAX_BODY:
            return PlainTextResponse(f"Expected at most {MAX_BODY:,} bytes.\n", 413)
        return None
