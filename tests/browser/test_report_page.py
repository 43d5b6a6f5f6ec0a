"""The quality report in a real Chromium: a large job and a hostile one, light, dark, small and on paper."""

from __future__ import annotations

import csv
import io
import json
import re
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
        page.on("request", lambda request: request.url.startswith(("file:", "blob:")) or troubles.append(request.url))
        page.goto(file.as_uri())
        return page

    yield run
    for context in contexts:
        context.close()
    assert troubles == []


def test_every_section_is_there(visit: Any, sample: Path) -> None:
    page = visit(sample)
    assert page.title() == "Quality of sample-people"
    assert page.locator("h2").all_inner_texts() == [
        "Distributions", "Keypoints", "Workers", "Errors by worker", "Empty answers", "Images to look at again",
        "Outcome of every line",
    ]  # fmt: skip
    figures = json.loads(page.locator("#data").text_content())
    assert page.locator("#workers tbody tr").count() == 5
    assert page.locator("#keypoints tbody tr").count() == 17
    assert page.locator("#keypoints svg.skeleton circle").count() == 34
    assert page.locator(".worst > li").count() == len(figures["worst"]) > 5
    assert page.locator("#distributions rect.bar").count() == len(figures["consensus"]["bins"]) + used_times(figures)


def test_the_figures_are_those_of_quality_and_workers(visit: Any, sample: Path) -> None:
    page = visit(sample)
    figures = json.loads(page.locator("#data").text_content())
    quality = figures["quality"]
    [written, instances, agreement, again, empty, time] = page.locator(".tile .value").all_inner_texts()
    assert (written, instances, empty) == (
        str(quality["written"]), str(quality["instances"]), str(quality["empty_answers"]),
    )  # fmt: skip
    assert agreement == f"{100 * quality['agreement']['relative']:.0f}%"
    assert again == str(figures["suspicious"])
    assert time in (
        f"{quality['time_in_seconds']['median'] / 60:.1f} min",
        f"{quality['time_in_seconds']['median']:.0f} s",
    )
    sums = page.locator("#outcome-of-every-line .note").first.inner_text()
    assert sums.endswith(f"= {quality['lines']} lines of the manifest.")
    by_worker = dict(zip(cells(page, "empty-answers", 1), cells(page, "empty-answers", 2), strict=True))
    assert by_worker == {w["worker_id"]: str(w["empty"]) for w in quality["workers"] if w["empty"]}
    assert cells(page, "keypoints", 2) == [str(k["labeled"]) for k in quality["keypoints"]]
    assert [float(text) for text in cells(page, "keypoints", 7)] == [
        round(k["similarity"], 2) for k in quality["agreement"]["keypoints"]
    ]
    jitter = [w["against_others"]["errors"]["jitter"] for w in figures["workers"]]
    shown = [re.findall(r"[\d.]+", text) for text in cells(page, "errors-by-worker", 3)]
    for one, (share, count, n, low, high) in zip(jitter, shown, strict=True):
        assert (int(count), int(n)) == (one["count"], one["n"])
        for text, value in ((share, one["share"]), (low, one["low"]), (high, one["high"])):
            assert float(text) == pytest.approx(100 * value, abs=0.5)


def cells(page: Page, section: str, column: int) -> list[str]:
    """Text of a column of a section's first table, as displayed."""
    table = page.locator(f"#{section} table").first
    return [text.replace(",", "") for text in table.locator(f"tbody tr > :nth-child({column})").all_inner_texts()]


def test_a_tile_links_to_its_section(visit: Any, sample: Path) -> None:
    page = visit(sample)
    links = page.locator(".tile a")
    assert links.count() == page.locator(".tile").count() == 6
    for link in links.all():
        assert page.locator(link.get_attribute("href")).count() == 1, link.inner_text()
    again = page.get_by_role("link", name="Images to look at again")
    again.press("Enter")
    assert page.url.endswith("#images-to-look-at-again")
    assert page.locator("#images-to-look-at-again h2").inner_text() == again.inner_text()


@pytest.mark.parametrize(
    ("lines", "share"), [((319, 320), "99.7%"), ((1, 320), "0.3%"), ((9999, 10_000), "99.99%"), ((320, 320), "100%")]
)
def test_100_percent_is_shown_only_for_all(
    visit: Any, sample: Path, tmp_path: Path, lines: tuple[int, int], share: str
) -> None:
    written, read = lines
    quality = {"written": written, "lines": read, "rejected": read - written, "failed": 0, "unlabeled": 0}
    page = visit(changed(sample, tmp_path, quality=quality))
    assert f"{share} of the manifest" in page.locator(".tile .more").first.inner_text()
    assert cells(page, "outcome-of-every-line", 4)[0] == share
    rest = cells(page, "outcome-of-every-line", 4)[1]
    assert (rest == "0%") == (written == read)


def changed(file: Path, folder: Path, **sections: Any) -> Path:
    """The report with other figures: those that no small job has."""
    before, data, after = re.split(r'(?<=id="data">)(.*?)(?=</script>)', file.read_text(), maxsplit=1, flags=re.DOTALL)
    figures = json.loads(data)
    for name, values in sections.items():
        figures[name] = figures[name] | values if isinstance(values, dict) else values
    text = json.dumps(figures).replace("<", "\\u003c")
    (folder / "report.html").write_text(f"{before}{text}{after}")
    return folder / "report.html"


def test_an_anchoring_experiment_is_told_by_worker(visit: Any, sample: Path, tmp_path: Path) -> None:
    rate = {"count": 6, "n": 20, "share": 0.3, "low": 0.1455, "high": 0.519}
    none = {"count": 0, "n": 0, "share": None, "low": None, "high": None}
    rates = {"wrong_stayed": rate, "right_moved": rate | {"count": 9, "n": 30}, "withheld_elsewhere": none}
    found = rates | {
        "images_shown": 70, "images_withheld": 1, "images_seeded": 20, "other_workers_answers": 3,
        "kinds": [{"kind": "swap", "wrong_stayed": rate}], "workers": [rates | {"worker_id": "<b>w</b>"}],
    }  # fmt: skip
    page = visit(changed(sample, tmp_path, quality={"anchoring": found}))
    words = page.locator("#anchoring").inner_text()
    assert "1 image had none, and one pre-label of each of 20 images was wrong on purpose" in words
    assert "Workers left 6 of 20 wrong ones as they were" in words
    assert "3 more answers" in words
    assert cells(page, "anchoring", 1) == ["all workers", "<b>w</b>"]
    assert all(re.findall(r"[\d.]+", text) == ["30", "6", "20", "15", "52"] for text in cells(page, "anchoring", 2))
    assert [text.strip() for text in cells(page, "anchoring", 4)] == [NONE, NONE]
    assert page.locator("#anchoring table").nth(1).locator("tbody").inner_text().startswith("left and right swapped")
    assert visit(sample).locator("#anchoring").count() == 0


def test_bins_state_their_edges_exactly(visit: Any, sample: Path) -> None:
    page = visit(sample)
    figures = json.loads(page.locator("#data").text_content())
    for summary in page.locator("#distributions summary").all():
        summary.click()
    scores, times = page.locator("#distributions table").all()
    edges = [0, *figures["consensus"]["edges"], 1]
    shown = scores.locator("tbody tr").all_inner_texts()
    expected = [(f"{edges[i]:g}", f"{edges[i + 1]:g}", str(n)) for i, n in enumerate(figures["consensus"]["bins"]) if n]
    assert [tuple(row.split("\t")) for row in shown] == expected
    seconds = {"s": 1, "min": 60, "h": 3600}
    for row in times.locator("tbody tr").all_inner_texts():
        lower, upper, n = row.split("\t")
        start, end = (float(text.split()[0]) * seconds[text.split()[1]] for text in (lower, upper))
        index = figures["time_edges"].index(start) if start else -1
        assert figures["time_edges"][index + 1] == end
        assert figures["time_bins"][index + 1] == int(n)


def test_tables_sort_by_keyboard(visit: Any, sample: Path) -> None:
    page = visit(sample)
    table = page.locator("#workers table")
    header = table.locator("thead th").nth(3)
    button = header.locator("button")
    button.focus()
    page.keyboard.press("Enter")
    assert header.get_attribute("aria-sort") == "descending"
    empty = [int(text) for text in cells(page, "workers", 4)]
    assert empty == sorted(empty, reverse=True)
    page.keyboard.press("Space")
    assert header.get_attribute("aria-sort") == "ascending"
    assert [int(text) for text in cells(page, "workers", 4)] == empty[::-1]
    assert button.evaluate("(button) => document.activeElement === button")
    table.locator("thead th").first.locator("button").press("Enter")
    assert table.locator("[aria-sort]").count() == 1
    assert cells(page, "workers", 1) == sorted(cells(page, "workers", 1))


def test_tables_have_a_caption_and_headers(visit: Any, sample: Path) -> None:
    page = visit(sample)
    tables = page.locator("table")
    assert tables.count() >= 7
    for table in tables.all():
        assert table.locator("caption").text_content()
        assert table.locator("thead th[scope=col]").count() == table.locator("tbody tr").first.locator("> *").count()
        assert table.locator("tbody th[scope=row]").count() == table.locator("tbody tr").count()


def saved(page: Page, section: str) -> tuple[str, str]:
    """Name and text of the file that a section's first table is downloaded as."""
    with page.expect_download() as download:
        page.locator(f"#{section} .save").first.press("Enter")
    return download.value.suggested_filename, download.value.path().read_bytes().decode()


def test_tables_are_downloaded_as_csv_with_every_digit(visit: Any, sample: Path) -> None:
    page = visit(sample)
    figures = json.loads(page.locator("#data").text_content())
    name, text = saved(page, "errors-by-worker")
    assert name == "sample-people-error-shares-by-worker.csv"
    assert text.endswith("\r\n")
    rows = list(csv.DictReader(io.StringIO(text, newline="")))
    for row, worker in zip(rows, figures["workers"], strict=True):
        good = worker["against_others"]["errors"]["good"]
        assert row["worker"] == worker["worker_id"]
        read = {key: float(row[f"good: {name}" if name else "good"]) for key, name in
                {"share": "", "count": "count", "n": "of", "low": "95% low", "high": "95% high"}.items()}  # fmt: skip
        assert read == good


def test_tables_are_downloaded_in_the_portal_too(browser: Browser, sample: Path) -> None:
    """A host may send results with a policy that gives them no origin."""
    context = browser.new_context()
    page = context.new_page()
    policy = "default-src 'none'; style-src 'unsafe-inline'; script-src 'unsafe-inline'; img-src data:; "
    policy += "sandbox allow-scripts allow-downloads"
    headers = {"content-type": "text/html; charset=utf-8", "content-security-policy": policy}
    page.route("**/*", lambda route: route.fulfill(body=sample.read_bytes(), headers=headers))
    page.goto("http://portal.example/results/report.html")
    name, text = saved(page, "workers")
    assert name == "sample-people-answers-by-worker.csv"
    assert text.count("\r\n") == 6
    context.close()


def test_no_cell_of_a_csv_is_a_formula(visit: Any, tmp_path: Path) -> None:
    names = ['=cmd|"/C calc"!A0', "+1\n-1", "@sum, x", "fine"]
    skeleton = Skeleton("a", tuple(SkeletonKeypoint(name) for name in names))
    file = tmp_path / "report.html"
    file.write_bytes(rendered(skeleton, [], "=1+1"))
    name, text = saved(visit(file), "keypoints")
    assert name == "1-1-labels-by-keypoint.csv"
    read = [row[0] for row in csv.reader(io.StringIO(text, newline=""))]
    assert read == ["keypoint", '\'=cmd|"/C calc"!A0', "'+1\n'-1", "'@sum, x", "fine"]


@pytest.mark.parametrize("scheme", ["light", "dark", "print"])
def test_grades_can_be_told_apart(visit: Any, sample: Path, scheme: str) -> None:
    """By contrast with the card, and by how much of the disc is filled."""
    page = visit(sample, color_scheme="dark" if scheme == "print" else scheme)
    page.emulate_media(media="print" if scheme == "print" else "screen")
    legend = page.locator("#keypoints .legend").first
    card = page.locator("#keypoints .card").first.evaluate("(card) => getComputedStyle(card).backgroundColor")
    shapes = []
    for item in legend.locator("li").all():
        stroke = item.locator("circle").evaluate("(disc) => getComputedStyle(disc).stroke")
        assert contrast(stroke, card) >= 3, (item.inner_text(), stroke, card)
        filled = item.locator("circle").evaluate("(disc) => getComputedStyle(disc).fill") == stroke
        shapes.append(
            (filled, item.locator("path").evaluate_all("(parts) => parts.map((part) => part.getAttribute('d'))"))
        )
    assert len({str(shape) for shape in shapes}) == 5
    bar = page.locator("#distributions rect.bar").first.evaluate("(bar) => getComputedStyle(bar).fill")
    assert contrast(bar, card) >= 3


def contrast(one: str, other: str) -> float:
    """WCAG's contrast ratio of two colours as CSS computes them, `rgb(r, g, b)`."""

    def luminance(color: str) -> float:
        channels = [int(value) / 255 for value in re.findall(r"\d+", color)[:3]]
        linear = [c / 12.92 if c <= 0.04045 else ((c + 0.055) / 1.055) ** 2.4 for c in channels]
        return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]

    darker, lighter = sorted((luminance(one), luminance(other)))
    return (lighter + 0.05) / (darker + 0.05)


def used_times(figures: dict[str, Any]) -> int:
    """Bars of the histogram of times: from one before the first to one after the last that counts any."""
    used = [i for i, n in enumerate(figures["time_bins"]) if n]
    return min(len(figures["time_bins"]), used[-1] + 2) - max(0, used[0] - 1)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_the_report_is_accessible(visit: Any, sample: Path, scheme: str) -> None:
    page = visit(sample, color_scheme=scheme)
    page.evaluate(AXE)
    found = page.evaluate("axe.run({ resultTypes: ['violations'] })")
    assert [(v["id"], v["nodes"][0]["html"][:120]) for v in found["violations"]] == []


@pytest.mark.parametrize("width", [320, 768, 1280])
def test_nothing_overflows_the_page(visit: Any, sample: Path, hostile: Path, width: int) -> None:
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
    assert page.locator(".tile .value").all_inner_texts() == ["0", "0", NONE, "0", "0", NONE]
    assert page.locator(".worst > li").count() == 0
    assert "0 + 0 + 0 + 0 = 0 lines" in page.locator("main").inner_text()


def test_the_headline_and_the_list_count_the_same_images(visit: Any, tmp_path: Path) -> None:
    """An image that only looks wrong, without a dispute between workers, is counted like every other."""
    skeleton = Skeleton("a", (SkeletonKeypoint("b"),))
    outside = {"id": "n1", "name": "", "annotations": [{"label": "b", "x": 9999, "y": 1, "visibility": 2}]}
    label = {
        "version": "1.0", "dataset_object_id": "0", "data_object_s3_uri": "s3://b/a.jpg", "image_file_name": "a.jpg",
        "image_s3_location": "s3://b/a.jpg", "updated_annotations": [outside], "image_width": 64, "image_height": 64,
    }  # fmt: skip
    file = tmp_path / "report.html"
    line = json.dumps({"source-ref": "s3://b/a.jpg", "keypoints": label}).encode()
    file.write_bytes(rendered(skeleton, [line], "one"))
    page = visit(file)
    assert page.locator(".tile", has_text="Images to look at again").locator(".value").inner_text() == "1"
    assert page.locator(".worst > li").count() == 1
    assert page.locator("#images-to-look-at-again .note").inner_text().startswith("1 image may hold a label error.")


RIGHT_TO_LEFT = ("\u05d9\u05d3_\u05e9\u05de\u05d0\u05dc", "\u202egpj.exe", "n" * 120, "<b>&amp;\nsecond line", "end")
"""A Hebrew name, one that turns what follows around, a long one, one that looks like HTML and has a line break."""


def test_names_in_any_script_do_not_change_the_layout(visit: Any, tmp_path: Path) -> None:
    job, skeleton, worker = "\u202ejob", "\u05e9\u05dc\u05d3", "\u202eworker"
    keypoints = tuple(
        SkeletonKeypoint(name, template=(20.0 * i, 30.0 * (i % 2))) for i, name in enumerate(RIGHT_TO_LEFT)
    )
    lines = []
    for n, name in enumerate(RIGHT_TO_LEFT):
        points = [{"label": k, "x": 9e3 + 40 * i, "y": 60, "visibility": 2} for i, k in enumerate(RIGHT_TO_LEFT)]
        label = {
            "version": "1.0", "dataset_object_id": str(n), "data_object_s3_uri": f"s3://b/{name}", "image_width": 640,
            "image_file_name": name, "image_s3_location": f"s3://b/{name}", "image_height": 480,
            "updated_annotations": [{"id": "n1", "name": "", "annotations": points}],
            "workers": [{"worker_id": worker, "usable": True}],
        }  # fmt: skip
        lines.append(json.dumps({"source-ref": f"s3://b/{name}", "keypoints": label}).encode())
    file = tmp_path / "report.html"
    file.write_bytes(rendered(Skeleton(skeleton, keypoints), lines, job, "\u202eStopped"))
    for width in (1280, 320):
        page = visit(file, viewport={"width": width, "height": 800})
        assert page.evaluate("document.documentElement.scrollWidth") <= width
        assert page.locator("#keypoints tbody th").all_text_contents() == list(RIGHT_TO_LEFT)
        assert page.locator(".worst > li").count() == len(RIGHT_TO_LEFT)
        # Where each word of the page's own is drawn: from left to right, whatever the name beside it does.
        order = """([node, text]) => {
          const at = (part) => {
            const walk = document.createTreeWalker(node, NodeFilter.SHOW_TEXT);
            for (let text = walk.nextNode(); text; text = walk.nextNode()) {
              const start = text.data.indexOf(part);
              if (start < 0) continue;
              const range = new Range();
              range.setStart(text, start);
              range.setEnd(text, start + part.length);
              return range.getBoundingClientRect();
            }
          };
          return text.map(at).map(({ left, top }) => [Math.round(top), left]);
        }"""
        header = page.locator("header p")
        places = header.evaluate(f"(node) => ({order})([node, ['Skeleton', '{skeleton}', 'status', 'Stopped']])")
        assert places == sorted(places)
        warning = page.locator(".warning").first
        places = warning.evaluate(f"(node) => ({order})([node, ['The job', 'Stopped', 'not', 'Completed']])")
        assert places == sorted(places)
        card = page.locator(".worst h3", has_text="gpj.exe")
        places = card.evaluate(f"(node) => ({order})([node, ['. ', 'gpj']])")
        assert places == sorted(places)


def test_a_disc_without_a_value_is_in_the_legend(visit: Any, sample: Path, tmp_path: Path) -> None:
    assert visit(sample).locator("#keypoints .legend").first.locator("li").count() == 5
    file = tmp_path / "report.html"
    file.write_bytes(rendered(Skeleton("a", (SkeletonKeypoint("b", template=(1, 1)),)), [], "empty"))
    legend = visit(file).locator("#keypoints .legend")
    assert legend.locator("li").all_inner_texts()[5:] == ["no value"]


def test_long_times_have_separators(visit: Any, sample: Path, tmp_path: Path) -> None:
    times = {"images": 240, "median": 172.4, "total": 51_062_040.0}
    page = visit(changed(sample, tmp_path, quality={"time_in_seconds": times}))
    more = page.locator(".tile", has_text="Time per image").locator(".more").inner_text()
    assert more.endswith("14,183.9 h in total")


def test_reasons_are_shown_whole(visit: Any, tmp_path: Path) -> None:
    reason = f"expected at most 640 pixels, got {'1234567 ' * 60}in this image"
    lines = [
        f'{{"source-ref": "s3://b/{n}", "keypoints-metadata": {{"failure-reason": "{reason}"}}}}'.encode()
        for n in (1, 2)
    ]
    file = tmp_path / "report.html"
    file.write_bytes(rendered(Skeleton("a", (SkeletonKeypoint("b"),)), lines, "one"))
    page = visit(file)
    [row] = page.locator("#outcome-of-every-line table").nth(1).locator("tbody tr").all()
    assert row.locator("td").all_inner_texts() == [reason, "2", "0"]
