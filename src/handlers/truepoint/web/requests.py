"""Requests and responses of a Lambda function URL (payload format 2.0), and the errors that the page handles.

AWS documents the event in "Request and response payloads" of Lambda function URLs. There, cookies are in the list
`cookies`. Other hosts that send the same event have them in `headers.cookie`, so both are read.
"""

from __future__ import annotations

import json
from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any
from urllib.parse import parse_qsl

import msgspec

from truepoint.json_text import DEEPEST, JsonError, decode_browsers
from truepoint.web.sessions import parse_cookies

LARGEST_BODY = 4_000_000
"""Maximum size of a body, in bytes. Lambda's limit for an event is 6 MB, and each quotation mark of the body takes two
bytes in it."""
DEEPEST_BODY = DEEPEST + 2
"""Maximum levels of nesting of a body: an answer, within `content`, within an object."""
READING = frozenset({"GET", "HEAD"})
"""Methods that change nothing."""
JSON = "application/json"
SECURITY_HEADERS = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
    "strict-transport-security": "max-age=63072000; includeSubDomains",
}
"""Headers of every response: browsers may not cache it, guess its type, frame it or run scripts in it, and use https
from then on. They ignore the last one on http, which only the demo on a laptop uses (RFC 6797, section 8.1)."""


class RefusedError(Exception):
    """A refused request, with the status, the error code and the message for the page."""

    def __init__(self, status: int, code: str, message: str, retry_after: int = 0) -> None:
        super().__init__(message)
        self.status, self.code, self.message, self.retry_after = status, code, message, retry_after


class Request(msgspec.Struct, frozen=True, kw_only=True):
    """One request. Header names are in lower case."""

    method: str
    path: str
    query: dict[str, str] = {}
    headers: dict[str, str] = {}
    cookies: dict[str, str] = {}
    body: bytes = b""

    def check_origin(self, origin: str) -> None:
        """Refuse a request that may change something unless it comes from the portal's own page (CSRF protection).

        Browsers send Origin with every request that is neither GET nor HEAD (Fetch Standard, section 3.1), and scripts
        cannot change it.

        Raises:
            RefusedError: the Origin is missing or is not `origin`.
        """
        if self.method not in READING and self.headers.get("origin") != origin:
            raise RefusedError(403, "other-site", "This request did not come from the portal's own page.")

    def fields(self) -> dict[str, Any]:
        """Return the body's JSON object.

        Raises:
            RefusedError: the body is not a JSON object, or is nested too deep.
        """
        if self.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
            raise RefusedError(400, "bad-input", f"Expected the content type {JSON}.")
        try:
            value = decode_browsers(self.body, DEEPEST_BODY)
        except JsonError as error:
            raise RefusedError(400, "bad-input", f"Expected a JSON object, got something else: {error}.") from error
        if not isinstance(value, dict):
            raise RefusedError(400, "bad-input", "Expected a JSON object, got another JSON value.")
        return value


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """A response: a JSON value or a redirect to `location`, and the Set-Cookie values."""

    status: int = 200
    value: Any = None
    location: str = ""
    cookies: Sequence[str] = ()
    retry_after: int = 0


def parse_request(event: Any) -> Request:
    """Read the event of a function URL.

    Raises:
        RefusedError: the event is malformed, or its body is too large.
    """
    try:
        http = event["requestContext"]["http"]
        headers = {str(name).lower(): str(value) for name, value in (event.get("headers") or {}).items()}
        method, path, body = str(http["method"]).upper(), str(event["rawPath"]), event.get("body") or ""
        cookies = parse_cookies([*map(str, event.get("cookies") or ()), headers.get("cookie", "")])
        query = dict(parse_qsl(str(event.get("rawQueryString") or ""), max_num_fields=50))
        content = b64decode(body, validate=True) if event.get("isBase64Encoded") else body.encode()
    except (KeyError, TypeError, AttributeError, ValueError) as error:
        raise RefusedError(400, "bad-input", "Expected a request of a Lambda function URL.") from error
    if len(content) > LARGEST_BODY:
        raise RefusedError(413, "too-large", f"Expected at most {LARGEST_BODY} bytes, got {len(content)}.")
    return Request(method=method, path=path, query=query, headers=headers, cookies=cookies, body=content)


def as_event(response: Response) -> dict[str, Any]:
    """Return a response in the format of a function URL."""
    headers = dict(SECURITY_HEADERS)
    body = ""
    if response.location:
        headers["location"] = response.location
    else:
        headers["content-type"] = JSON
        body = json.dumps(response.value, separators=(",", ":"))  # ASCII, in which lone surrogates are escaped
    if response.retry_after:
        headers["retry-after"] = str(response.retry_after)
    return {
        "statusCode": response.status,
        "headers": headers,
        "cookies": list(response.cookies),
        "body": body,
        "isBase64Encoded": False,
    }


def refusal(error: RefusedError) -> Response:
    """Return the response for a refused request."""
    value = {"error": {"code": error.code, "message": error.message}}
    return Response(status=error.status, value=value, retry_after=error.retry_after)


def text(fields: Mapping[str, Any], name: str, longest: int) -> str:
    """Return a text field, stripped of white space; "" if it is missing.

    Raises:
        RefusedError: the value is not text, is too long, or holds a lone surrogate, which cannot be stored.
    """
    value = fields.get(name, "")
    if not isinstance(value, str) or len(value) > longest or not _is_whole(value):
        raise RefusedError(400, "bad-input", f"Expected {name} to be a text of at most {longest} characters.")
    return value.strip()


def number(fields: Mapping[str, Any], name: str, most: float) -> float:
    """Return a number field.

    Raises:
        RefusedError: the value is not a number from 0 to `most`.
    """
    value = fields.get(name)
    if isinstance(value, bool) or not isinstance(value, int | float) or not 0 <= value <= most:
        raise RefusedError(400, "bad-input", f"Expected {name} to be a number from 0 to {most:g}.")
    return value


def _is_whole(value: str) -> bool:
    try:
        value.encode()
    except UnicodeEncodeError:
        return False
    return True
