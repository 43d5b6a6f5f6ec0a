"""The quality report: figures at their limits, any number of workers, labels of this machine, every way to read it."""

from __future__ import annotations

import csv
import io
import json
import re
from pathlib import Path
from typing import Any

import msgspec
import pytest
from playwright.sync_api import Page
from test_report_page import AXE, HOSTILE, NONE, cells, changed, hostile, rendered, sample, saved, visit

from made_report import made_report
from truepoint.pose.skeleton import Skeleton, SkeletonKeypoint
from truepoint.results.report_page import page as report_page

__all__ = ["hostile", "sample", "visit"]  # fixtures


def figures_of(file: Path) -> dict[str, Any]:
    found = re.search(r'(?<=id="data">)(.*?)(?=</script>)', file.read_text(), flags=re.DOTALL)
    assert found
    return dict(json.loads(found[0]))


def with_keypoints(sample: Path, folder: Path, **field: list[float | None]) -> Path:
    """The report with other values of the keypoints' agreement, for as many keypoints as values are given."""
    agreement = figures_of(sample)["quality"]["agreement"]
    for name, values in field.items():
        for keypoint, value in zip(agreement["keypoints"], values, strict=False):
            keypoint[name] = value
    return changed(sample, folder, quality={"agreement": agreement})


# figures -------------------------------------------------------------------------------------------------------------
SIMILARITY = {0.0: "0", 1e-9: "<0.0001", 0.004: "0.004", 0.99999: ">0.9999", 0.9951: "0.995", 1.0: "1"}
RELATIVE = {
    **{0.0: "0%", 1e-6: "<0.001%", 0.9999996: ">99.999%", 1.0: "100%", 1.0000001: ">100%", 1.2: "120%"},
    # No figure looks like the limit of a grade that it has not reached.
    **{0.4996: "49.96%", 0.4999999: ">49.999%", 0.5: "50%", 0.746: "74.6%", 0.74: "74%", 0.9: "90%", 0.97: "97%"},
}


def test_a_figure_near_a_limit_never_looks_like_the_other_one(visit: Any, sample: Path, tmp_path: Path) -> None:
    """A similarity of 0.99999 was shown as "<0.0001"."""
    page = visit(with_keypoints(sample, tmp_path, similarity=list(SIMILARITY), relative=list(RELATIVE)))
    assert cells(page, "keypoints", 7)[: len(SIMILARITY)] == list(SIMILARITY.values())
    assert cells(page, "keypoints", 6)[: len(RELATIVE)] == list(RELATIVE.values())


def test_a_bar_is_empty_only_for_none_and_full_only_for_all(visit: Any, sample: Path, tmp_path: Path) -> None:
    bins = [0] * 40
    bins[3], bins[30] = 1, 10**6
    lines = {"written": 1, "lines": 10**6, "rejected": 999_999, "failed": 0, "unlabeled": 0}
    file = changed(sample, tmp_path, consensus={"bins": bins}, quality=lines)
    page = visit(file)
    heights = (
        page.locator("#distributions .card")
        .first.locator("rect.bar")
        .evaluate_all("(bars) => bars.map((bar) => Number(bar.getAttribute('height')))")
    )
    assert [n for n, height in enumerate(heights) if height] == [3, 30]
    assert min(height for height in heights if height) >= 1
    meters = page.locator("#outcome-of-every-line table").first.locator("rect.bar")
    lengths = meters.evaluate_all("(bars) => bars.map((bar) => Number(bar.getAttribute('width')))")
    assert [(0 < one < 72) for one in lengths] == [True, True, False, False]


def test_agreement_above_the_ceiling_reads_well(visit: Any, sample: Path, tmp_path: Path) -> None:
    agreement = figures_of(sample)["quality"]["agreement"] | {"oks": 0.95, "relative": 1.18}
    page = visit(changed(sample, tmp_path, quality={"agreement": agreement}))
    words = page.locator(".tile", has_text="Agreement").locator(".more").inner_text()
    assert words.endswith("118% as well as two careful people would: similarity 0.95, where those reach 0.80.")


@pytest.mark.parametrize("count", [0, 1, 400])
def test_any_number_of_workers(visit: Any, sample: Path, tmp_path: Path, count: int) -> None:
    figures = figures_of(sample)
    [one, *_] = figures["quality"]["workers"]
    [report, *_] = figures["workers"]
    ids = [f"w{n}" for n in range(count)]
    figures["quality"]["workers"] = [one | {"worker_id": name, "answers": n} for n, name in enumerate(ids)]
    figures["workers"] = [report | {"worker_id": name} for name in ids]
    figures["empty"] = [{"count": 0, "n": 0, "share": None, "low": None, "high": None} for _ in ids]
    page = visit(
        changed(sample, tmp_path, quality=figures["quality"], workers=figures["workers"], empty=figures["empty"])
    )
    assert page.locator("#workers tbody tr").count() == count
    if count:
        header = page.locator("#workers thead th").nth(1)
        header.locator("button").press("Enter")
        assert header.get_attribute("aria-sort") == "descending"
        assert cells(page, "workers", 2)[:2] == [str(n) for n in range(count - 1, max(-1, count - 3), -1)]
        page.locator("#workers thead th").first.locator("button").press("Enter")
        assert cells(page, "workers", 1)[:3] == ids[:3]  # w2 before w10


# tables --------------------------------------------------------------------------------------------------------------
def test_missing_values_are_last_and_ties_keep_their_order(visit: Any, sample: Path, tmp_path: Path) -> None:
    values = [0.5, None, 0.9, 0.5, None, 0.1]
    page = visit(with_keypoints(sample, tmp_path, similarity=[*values, *[0.7] * 11]))
    header = page.locator("#keypoints thead th").nth(6)
    for order in ("descending", "ascending"):
        header.locator("button").press("Space")
        assert header.get_attribute("aria-sort") == order
        shown = cells(page, "keypoints", 7)
        assert shown[-2:] == [NONE, NONE]
        numbers = [float(text) for text in shown[:-2]]
        assert numbers == sorted(numbers, reverse=order == "descending")
        rows = cells(page, "keypoints", 1)
        assert rows[-2:] == ["left_eye", "right_ear"]
        assert [row for row in rows if row in ("nose", "left_ear")] == ["nose", "left_ear"]
    assert page.locator("#keypoints [aria-sort]").count() == 1
    assert header.get_attribute("scope") == "col"


def test_csv_files_name_their_units(visit: Any, sample: Path) -> None:
    page = visit(sample)
    for summary in page.locator("#distributions summary").all():
        summary.click()
    headings = []
    for button in page.locator(".save").all():
        with page.expect_download() as download:
            button.press("Enter")
        text = download.value.path().read_bytes().decode()
        headings.append(text.split("\r\n")[0])
        rows = list(csv.reader(io.StringIO(text, newline="")))
        assert len({len(row) for row in rows}) == 1
    assert "from in seconds,to less than in seconds,images" in headings
    assert any("mean time in seconds" in heading for heading in headings)


FORMULAS = ['a,"b"', "=1+1", "+1", "-1", "@x", "\t=1", "a;=1", "x\r\n=1", "\uff1d1", "|cmd", "%0", "plain"]


def test_a_csv_cell_is_text(visit: Any, tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    file.write_bytes(rendered(Skeleton("a", tuple(SkeletonKeypoint(name) for name in FORMULAS)), [], "one"))
    _, text = saved(visit(file), "keypoints")
    [_, *rows] = csv.reader(io.StringIO(text, newline=""))
    for name, (cell, *_) in zip(FORMULAS, rows, strict=True):
        assert cell.replace("'", "") == name
        assert not re.search(r"(^|[\r\n;\t])[=+\-@|%\uff1d]", cell)


# labels of this machine ----------------------------------------------------------------------------------------------
@pytest.mark.parametrize("is_local", [False, True])
@pytest.mark.parametrize("x", [9999, 5])
def test_the_report_says_where_the_images_are(visit: Any, tmp_path: Path, x: int, *, is_local: bool) -> None:
    """Also if no image looks wrong, or if the labels of this machine name images in S3."""
    skeleton = Skeleton("a", (SkeletonKeypoint("b"),))
    lines = []
    for n, points in enumerate(([{"label": "b", "x": x, "y": 1, "visibility": 2}], [])):
        uri = f"s3://bucket/{n}.jpg"
        label = {
            "version": "1.0", "dataset_object_id": str(n), "data_object_s3_uri": uri, "image_width": 64,
            "image_file_name": f"{n}.jpg", "image_s3_location": uri, "image_height": 64,
            "updated_annotations": [{"id": "n1", "name": "", "annotations": points}] if points else [],
            "workers": [{"worker_id": "w", "usable": True, "empty": not points}],
        }  # fmt: skip
        lines.append(json.dumps({"source-ref": uri, "keypoints": label}).encode())
    file = tmp_path / "report.html"
    report = made_report(skeleton, lines, "one", "Completed")
    file.write_bytes(report_page(msgspec.structs.replace(report, is_local=is_local)))
    words = visit(file).locator("main").inner_text()
    assert ("create_review_job" in words) != is_local
    assert "stay in S3" not in words or not is_local
    assert "does not contain the original images" not in words or is_local


# every way to read it ------------------------------------------------------------------------------------------------
SPACING = """() => {
  const sheet = new CSSStyleSheet();
  sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: 0.12em !important;
    word-spacing: 0.16em !important; } p { margin-bottom: 2em !important; }`);
  document.adoptedStyleSheets = [sheet];
}"""


def is_cut(page: Page) -> list[str]:
    """Return the texts that are wider than their box, outside of what scrolls."""
    found: list[str] = page.evaluate(
        """[...document.querySelectorAll("main :is(p, h1, h2, h3, dt, dd, li, button, summary)")]
          .filter((node) => !node.closest(".scroll") && node.scrollWidth > node.clientWidth + 1 && node.clientWidth)
          .map((node) => node.textContent.slice(0, 60))"""
    )
    return found


@pytest.mark.parametrize("width", [320, 640, 1280])
def test_text_spacing_cuts_nothing(visit: Any, sample: Path, hostile: Path, width: int) -> None:
    for file in (sample, hostile):
        page = visit(file, viewport={"width": width, "height": 256 if width == 320 else 800})
        page.evaluate(SPACING)
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert is_cut(page) == []


def test_axe_finds_nothing_on_a_small_screen_with_forced_colours(visit: Any, sample: Path) -> None:
    page = visit(sample, viewport={"width": 320, "height": 256}, forced_colors="active")
    page.evaluate(AXE)
    found = page.evaluate("axe.run({ resultTypes: ['violations'] })")
    assert [(v["id"], v["nodes"][0]["html"][:120]) for v in found["violations"]] == []


def test_a_focused_control_is_not_behind_the_names(visit: Any, sample: Path) -> None:
    """The first column stays in place while a table scrolls sideways (WCAG 2.4.11)."""
    page = visit(sample, viewport={"width": 320, "height": 400})
    for header in page.locator("#keypoints thead button").all():
        header.focus()
        assert header.evaluate(
            """(button) => {
              const { left, top, width, height } = button.getBoundingClientRect();
              return button.contains(document.elementFromPoint(left + width / 2, top + height / 2));
            }"""
        )


def test_a_hostile_job_sorts_and_saves(visit: Any, hostile: Path) -> None:
    page = visit(hostile)
    for header in page.locator("thead button").all():
        header.press("Enter")
    _, text = saved(page, "keypoints")
    assert HOSTILE in {row[0] for row in csv.reader(io.StringIO(text, newline=""))}
    assert page.evaluate("window.taken") is None
