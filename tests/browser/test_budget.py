"""What the bundles may weigh, compressed: the element is loaded anew by every worker. And that there always is one."""

import base64
import gzip
import hashlib
import importlib.util
import subprocess
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]
DIST = ROOT / "src/ui/dist"


def publisher_module() -> ModuleType:
    spec = importlib.util.spec_from_file_location("publisher", ROOT / "src/ui/publisher.py")
    assert spec
    assert spec.loader
    publisher = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(publisher)
    return publisher


@pytest.mark.parametrize(
    ("files", "most_bytes"),
    [
        # The original component weighs 174 kB.
        (["crowd-2d-skeleton.js"], 32_000),
        # The script that the element loads after its start, and its second language.
        (["crowd-2d-skeleton.later.js"], 7_000),
        (["crowd-2d-skeleton.de.js"], 5_500),
        # Without the element, which it loads for the preview.
        (["creator.html", "skeleton-creator.js"], 36_000),
        # Without the element. The goal of the portal's page is 60 kB.
        (["portal/index.html", "portal/portal.css", "portal/portal.js"], 30_000),
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


def test_the_portals_page_names_what_the_publisher_publishes(bundle: str) -> None:
    """Each file by its folder and its digest."""
    publisher = publisher_module()
    page = (DIST / "portal/index.html").read_text()
    script, style = ((DIST / "portal" / name).read_bytes() for name in ("portal.js", "portal.css"))
    guide = (DIST / "labeler-guide.html").read_bytes()
    folder = f"/portal/{publisher._digest(script + style)}"
    for address, content in (
        (f"{folder}/portal.js", script),
        (f"{folder}/portal.css", style),
        (f"/ui/{publisher._digest(bundle.encode())}/crowd-2d-skeleton.js", bundle.encode()),
    ):
        integrity = "sha384-" + base64.b64encode(hashlib.sha384(content).digest()).decode()
        assert f'"{address}" integrity="{integrity}"' in page
    assert f'"/ui/guide/{publisher._digest(guide)}/labeler-guide.html"' in page
    assert "$" not in page


def test_the_creator_knows_where_the_publisher_puts_the_element(bundle: str) -> None:
    publisher = publisher_module()
    script = (DIST / "skeleton-creator.js").read_text()
    # As publish() makes the element's key, seen from ui/creator/<digest>/creator.html.
    assert f"../../{publisher._digest(bundle.encode())}/crowd-2d-skeleton.js" in script
    assert "sha384-" + base64.b64encode(hashlib.sha384(bundle.encode()).digest()).decode() in script
