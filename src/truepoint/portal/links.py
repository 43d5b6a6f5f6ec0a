"""Presigned URLs that stay the same for a while, so that browsers can cache the objects."""

from __future__ import annotations

import time
from collections.abc import Callable

SAME_SECONDS = 900
"""Time for which a URL is reused, in seconds. A reused URL is valid for at least 45 more minutes."""


class Links:
    """A signer that signs each `s3://` URI once in `SAME_SECONDS`, because a new signature is a new URL for a cache.

    Args:
        sign: an `s3://` URI to a URL.
        now: seconds of any origin.
    """

    def __init__(self, sign: Callable[[str], str], now: Callable[[], float] = time.monotonic) -> None:
        self._sign = sign
        self._now = now
        self._links: dict[str, tuple[float, str]] = {}

    def __call__(self, uri: str) -> str:
        """Return the URL of an object."""
        now = self._now()
        self._links = {key: link for key, link in self._links.items() if now - link[0] < SAME_SECONDS}
        if uri not in self._links:
            self._links[uri] = (now, self._sign(uri))
        return self._links[uri][1]
