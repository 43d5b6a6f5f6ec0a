"""The quality report in a real Chromium: a large job and a hostile one, light, dark, small and on paper."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
import sample_job
from playwright.sync_api import Browser, Page

from made_report import made_report
from truepoint.pose.skeleton import Skeleton, SkeletonKeypoint
from truepoint.results.report_page import page as report_page

ROOT = Path(__file__).resolve().parents[2]
NONE = "\N{EN DASH}"
AXE = (ROOT / "node_modules/axe-core/axe.min.js").read_text()
HOSTILE = (
    "\"><img src=http://evil.example/x onerror=window.taken=1></script><script>window.taken=1</script>\u2028'{{data}}"
)


def rendered(skeleton: Skeleton, lines: list[bytes], job: str, status: str = "Completed") -> bytes:
    return report_page(made_report(skeleton, lines, job, status))


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Path:
    lines = [line.strip() for line in sample_job.lines(60, 3)]
    file = tmp_path_factory.mktemp("report") / "report.html"
    file.write_bytes(rendered(sample_job.parse_skeleton(sample_job.SKELETON), lines, sample_job.JOB))
    return file


@pytest.fixture(scope="module")
def hostile(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """Every text that a worker, an image's name or a skeleton could bring in is an attack."""
    skeleton = Skeleton(
        HOSTILE,
        (SkeletonKeypoint(HOSTILE, color="url(http://evil.example/paint)"), SkeletonKeypoint("b", template=(1, 1))),
        edges=((HOSTILE, "b"),),
    )
    keypoints = [{"label": HOSTILE, "x": -1e6, "y": 1e6}, {"label": f"{HOSTILE}2", "x": 1, "y": 1}]
    instance = {"id": HOSTILE, "name": HOSTILE, "annotations": keypoints, "score": HOSTILE, "needs_review": [HOSTILE]}
    skipped = {"id": HOSTILE, "label": "b", "reason": "not_visible", "comment": HOSTILE}
    label = {
        "dataset_object_id": "0", "data_object_s3_uri": HOSTILE, "image_file_name": HOSTILE, "version": "1.0",
        "image_s3_location": HOSTILE, "updated_annotations": [instance], "image_width": 1, "image_height": 1,
        "workers": [
            {"worker_id": HOSTILE, "usable": True, "not_labeled": [skipped]},
            {"worker_id": "constructor", "usable": True},
        ],
        "total_time_in_seconds": 1e300,
    }  # fmt: skip
    metadata = {"creation-date": HOSTILE, "job-name": HOSTILE}
    lines = [
        json.dumps({"source-ref": HOSTILE, "keypoints": label, "keypoints-metadata": metadata}).encode(),
        json.dumps({"source-ref": HOSTILE, "keypoints": label | {"valid": False, "reason": HOSTILE}}).encode(),
    ]
    file = tmp_path_factory.mktemp("hostile") / "report.html"
    file.write_bytes(rendered(skeleton, lines, HOSTILE, HOSTILE))
    return file


@pytest.fixture
def visit(browser: Browser) -> Iterator[Any]:
    """Opens a file; whatever it asks of the network, and whatever it complains of, fails the test."""
    troubles: list[str] = []
    contexts = []

    def run(file: Path, **options: Any) -> Page:
        context = browser.new_context(**({"viewport": {"width": 1280, "height": 900}} | options))
        contexts.append(context)
        page = context.new_page()
        page.on("console", lambda message: troubles.append(message.text))
        page.on("pageerror", lambda error: troubles.append(str(error)))
        page.on("dialog", lambda dialog: (troubles.append(dialog.message), dialog.dismiss()))
        page.on("request", lambda request: request.url.startswith("file:") or troubles.append(request.url))
        page.goto(file.as_uri())
        return page

    yield run
    for context in contexts:
        context.close()
    assert troubles == []


def test_every_section_is_there(visit: Any, sample: Path) -> None:
    page = visit(sample)
    assert page.title() == "Quality of sample-people"
    titles = ["Distributions", "Keypoints", "Workers", "Look at these first", "Every line accounted for"]
    assert page.locator("h2").all_inner_texts() == titles
    figures = json.loads(page.locator("#data").text_content())
    quality = figures["quality"]
    tiles = page.locator(".tile .value").all_inner_texts()
    assert tiles[:2] == [str(quality["written"]), str(quality["instances"])]
    assert tiles[2] == f"{quality['agreement']['oks']:.2f}"
    assert page.locator("#workers tbody tr").count() == 5
    assert page.locator("#keypoints tbody tr").count() == 17
    assert page.locator("#keypoints svg.skeleton circle").count() == 34
    assert page.locator(".worst > li").count() == len(figures["worst"]) > 5
    sums = page.locator("#every-line-accounted-for .note").inner_text()
    assert sums.endswith(f"= {quality['lines']} lines of the manifest.")
    assert page.locator("#distributions rect.bar").count() == len(figures["consensus"]["bins"]) + used_times(figures)


def used_times(figures: dict[str, Any]) -> int:
    """Bars of the histogram of times: from one before the first to one after the last that counts any."""
    used = [i for i, n in enumerate(figures["time_bins"]) if n]
    return min(len(figures["time_bins"]), used[-1] + 2) - max(0, used[0] - 1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_can_be_read_by_everybody(visit: Any, sample: Path, scheme: str) -> None:
    page = visit(sample, color_scheme=scheme)
    page.evaluate(AXE)
    found = page.evaluate("axe.run({ resultTypes: ['violations'] })")
    assert [(v["id"], v["nodes"][0]["html"][:120]) for v in found["violations"]] == []


@pytest.mark.parametrize("width", [390, 768, 1280])
def test_nothing_sticks_out(visit: Any, sample: Path, hostile: Path, width: int) -> None:
    for file in (sample, hostile):
        page = visit(file, viewport={"width": width, "height": 844})
        assert page.evaluate("document.documentElement.scrollWidth") <= width


def test_it_is_dark_in_the_dark_and_light_on_paper(visit: Any, sample: Path) -> None:
    def brightness(page: Page) -> float:
        color = page.evaluate("getComputedStyle(document.documentElement).backgroundColor")
        return sum(map(int, color[4:-1].split(","))) / 3

    page = visit(sample, color_scheme="dark")
    assert brightness(page) < 60
    page.emulate_media(media="print")
    assert brightness(page) > 240
    page.set_viewport_size({"width": 718, "height": 1000})  # A4 between margins of a centimetre
    cut = "[...document.querySelectorAll('.scroll')].filter((e) => e.scrollWidth > e.clientWidth).length"
    assert page.evaluate(cut) == 0
    assert page.pdf().startswith(b"%PDF")


def test_a_hostile_job_is_only_text(visit: Any, hostile: Path) -> None:
    page = visit(hostile)
    assert page.evaluate("window.taken") is None
    assert page.locator("img, iframe, link").count() == 0
    assert page.locator("script").count() == 2
    assert page.locator("h1").inner_text() == HOSTILE
    text = page.locator("main").text_content()
    assert text.count("<img src=http://evil.example/x") > 5
    assert page.locator(".warning").count() == 2  # the status, and a keypoint that the skeleton does not have


def test_an_empty_job_says_so(visit: Any, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_bytes(rendered(Skeleton("a", (SkeletonKeypoint("b"),)), [], "empty", "Failed"))
    page = visit(file)
    assert page.locator(".tile .value").all_inner_texts() == ["0", "0", NONE, "0", NONE]
    assert "0 + 0 + 0 + 0 = 0 lines" in page.locator("main").inner_text()
