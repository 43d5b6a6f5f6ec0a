"""Presigned links that stay the same for a while, so that a browser finds in its cache what it has loaded before."""

from __future__ import annotations

import time
from collections.abc import Callable

SAME_SECONDS = 900
"""Far less than a link works: one given out again has three quarters of an hour left."""


class Links:
    """Signs each `s3://` URI once in `SAME_SECONDS`; every signature is another URL, which no cache knows.

    Args:
        sign: an `s3://` URI to a URL.
        now: seconds of any origin.
    """

    def __init__(self, sign: Callable[[str], str], now: Callable[[], float] = time.monotonic) -> None:
        self._sign = sign
        self._now = now
        self._links: dict[str, tuple[float, str]] = {}

    def __call__(self, uri: str) -> str:
        """The URL of an object."""
        now = self._now()
        self._links = {key: link for key, link in self._links.items() if now - link[0] < SAME_SECONDS}
        if uri not in self._links:
            self._links[uri] = (now, self._sign(uri))
        return self._links[uri][1]
