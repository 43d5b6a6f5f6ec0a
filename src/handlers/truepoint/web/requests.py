"""Requests and responses of a Lambda function URL (payload format 2.0), and the errors that the page understands. Pure.

AWS documents the event in "Request and response payloads" of Lambda function URLs. There, cookies are in the list
`cookies`; other hosts of the same event leave them in `headers.cookie`. Both are read.
"""

from __future__ import annotations

import json
import math
from base64 import b64decode
from collections.abc import Mapping, Sequence
from typing import Any, NoReturn
from urllib.parse import parse_qsl

import msgspec

from truepoint.json_text import DEEPEST, is_deeper
from truepoint.web.sessions import parse_cookies

LARGEST_BODY = 4_000_000
"""Bytes of a body. Lambda takes an event of 6 MB, in which each quotation mark of the body takes two bytes."""
DEEPEST_BODY = DEEPEST + 2
"""Levels of a body: an answer, within `content`, within an object."""
READING = frozenset({"GET", "HEAD"})
JSON = "application/json"
SECURITY_HEADERS = {
    "cache-control": "no-store",
    "x-content-type-options": "nosniff",
    "referrer-policy": "no-referrer",
    "content-security-policy": "default-src 'none'; frame-ancestors 'none'",
}
"""Of every response: nothing of it is kept, guessed at, framed or run."""


class RefusedError(Exception):
    """A request that is refused, with the status, the code and the message that the page gets."""

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
        """Refuse a request that changes something unless a page of the portal itself made it.

        Browsers send Origin with every request that is neither GET nor HEAD (Fetch Standard, section 3.1), and scripts
        cannot change it.

        Raises:
            RefusedError: the Origin is missing or another one.
        """
        if self.method not in READING and self.headers.get("origin") != origin:
            raise RefusedError(403, "forbidden", "This request did not come from the portal's own page.")

    def fields(self) -> dict[str, Any]:
        """Return the body's JSON object.

        A browser's text may hold half a surrogate pair, so Python's own reader is used: others refuse that.

        Raises:
            RefusedError: it is no such object, too large or nested too deep.
        """
        if len(self.body) > LARGEST_BODY:
            raise RefusedError(413, "too-large", f"Expected at most {LARGEST_BODY} bytes, got {len(self.body)}.")
        if self.headers.get("content-type", "").partition(";")[0].strip().lower() != JSON:
            raise RefusedError(400, "bad-input", f"Expected the content type {JSON}.")
        if is_deeper(self.body, DEEPEST_BODY):
            raise RefusedError(400, "bad-input", f"Expected at most {DEEPEST_BODY} levels of nesting, got more.")
        try:
            value = json.loads(self.body, parse_constant=_no_constant, parse_float=_finite)
        except (ValueError, RecursionError) as error:
            raise RefusedError(400, "bad-input", "Expected a JSON object, got something else.") from error
        if not isinstance(value, dict):
            raise RefusedError(400, "bad-input", "Expected a JSON object, got another JSON value.")
        return value


class Response(msgspec.Struct, frozen=True, kw_only=True):
    """What a route answers: a JSON value, or a redirection, with cookies to set."""

    status: int = 200
    value: Any = None
    location: str = ""
    cookies: Sequence[str] = ()
    retry_after: int = 0


def parse_request(event: Any) -> Request:
    """Read the event of a function URL.

    Raises:
        RefusedError: it is none, or its body is too large.
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
    """Return a response as a function URL takes it."""
    headers = dict(SECURITY_HEADERS)
    body = ""
    if response.location:
        headers["location"] = response.location
    else:
        headers["content-type"] = JSON
        body = json.dumps(response.value, separators=(",", ":"))  # in ASCII: half a surrogate pair is escaped
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
    """Return a text field without space at its ends; empty if it is missing.

    Raises:
        RefusedError: it is no text, too long, or holds half a surrogate pair, which no store takes.
    """
    value = fields.get(name, "")
    if not isinstance(value, str) or len(value) > longest or not _is_whole(value):
        raise RefusedError(400, "bad-input", f"Expected {name} to be a text of at most {longest} characters.")
    return value.strip()


def number(fields: Mapping[str, Any], name: str, most: float) -> float:
    """Return a number from 0 to `most`.

    Raises:
        RefusedError: it is none.
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


def _no_constant(name: str) -> NoReturn:
    raise ValueError(f"{name} is not JSON")


def _finite(digits: str) -> float:
    value = float(digits)
    if not math.isfinite(value):
        raise ValueError(f"expected a number that a float holds, got one of {len(digits)} characters")
    return value
