"""What the bundles may weigh, compressed: the element is loaded anew by every worker. And that there always is one."""

import base64
import gzip
import hashlib
import importlib.util
import subprocess
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DIST = ROOT / "src/ui/dist"


@pytest.mark.parametrize(
    ("files", "most_bytes"),
    [
        # The original component weighs 174 kB.
        (["crowd-2d-skeleton.js"], 32_000),
        # What the element loads after its start, and the second language.
        (["crowd-2d-skeleton.later.js"], 7_000),
        (["crowd-2d-skeleton.de.js"], 5_500),
        # Without the element, which it loads for the preview.
        (["creator.html", "skeleton-creator.js"], 33_000),
    ],
)
def test_a_bundle_stays_small(bundle: str, files: list[str], most_bytes: int) -> None:
    assert bundle
    assert sum(len(gzip.compress((DIST / file).read_bytes(), 9)) for file in files) <= most_bytes


def test_concurrent_builds_never_remove_the_bundle(bundle: str) -> None:
    """Tests run side by side, and `sam build` beside them."""
    builds = [subprocess.Popen(["node", "src/ui/build.js"], cwd=ROOT, stdout=subprocess.DEVNULL) for _ in range(2)]
    while any(build.poll() is None for build in builds):
        assert (DIST / "crowd-2d-skeleton.js").read_text() == bundle
    assert [build.returncode for build in builds] == [0, 0]


def test_the_creator_knows_where_the_publisher_puts_the_element(bundle: str) -> None:
    spec = importlib.util.spec_from_file_location("publisher", ROOT / "src/ui/publisher.py")
    assert spec
    assert spec.loader
    publisher = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(publisher)
    script = (DIST / "skeleton-creator.js").read_text()
    # As publish() makes the element's key, seen from ui/creator/<digest>/creator.html.
    assert f"../../{publisher._digest(bundle.encode())}/crowd-2d-skeleton.js" in script
    assert "sha384-" + base64.b64encode(hashlib.sha384(bundle.encode()).digest()).decode() in script
