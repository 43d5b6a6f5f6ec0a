"""What the element may weigh: it is loaded anew by every worker."""

import gzip

MOST_BYTES = 24_600
"""Compressed. The original component weighs 174 kB; a new feature must find its bytes."""


def test_the_bundle_stays_small(bundle: str) -> None:
    assert len(gzip.compress(bundle.encode(), 9)) <= MOST_BYTES
