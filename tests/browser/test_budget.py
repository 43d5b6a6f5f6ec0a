"""What the bundles may weigh, compressed: the element is loaded anew by every worker."""

import gzip
from pathlib import Path

import pytest

DIST = Path(__file__).resolve().parents[2] / "src/ui/dist"


@pytest.mark.parametrize(
    ("files", "most_bytes"),
    [
        # The original component weighs 174 kB; a new feature must find its bytes.
        (["crowd-2d-skeleton.js"], 24_000),
        # With the element in it, for the preview, and presets.
        (["creator.html", "skeleton-creator.js"], 38_000),
    ],
)
def test_a_bundle_stays_small(bundle: str, files: list[str], most_bytes: int) -> None:
    assert bundle
    assert sum(len(gzip.compress((DIST / file).read_bytes(), 9)) for file in files) <= most_bytes
