"""Measures the labelling element in Chromium and prints a table: `npm run bench`.

The scene is a 4000x3000 photograph in a 1440x900 window, instances of 17 keypoints and 19 edges. A move is a real
pointer event followed by a wait until the frame that shows it has been painted; one frame of the screen is 16.7 ms.
The last table has 500 instances, of 17 and of 133 keypoints, fetched as pre-labels too large for an attribute are.
"""

from __future__ import annotations

import argparse
import gzip
import itertools
import json
import random
import statistics
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

from driver import ORIGIN, ROOT, TEMPLATE, Task, TaskPage, person, picture, until
from labeling_site import running
from playwright.sync_api import Browser, BrowserContext, CDPSession, Page, sync_playwright

from chromium import ARGUMENTS, EXECUTABLE

WIDTH, HEIGHT = 4000, 3000
# A page of a job states the size of its image, which was measured when the job was created.
PHOTO: dict[str, Any] = {
    "width": WIDTH,
    "height": HEIGHT,
    "photo": "/photo.jpg",
    "expectedSize": {"width": WIDTH, "height": HEIGHT},
}
PAINTED = """() => new Promise((done) => requestAnimationFrame(() => {
  const channel = new MessageChannel();
  channel.port1.onmessage = () => done();
  channel.port2.postMessage(0);
}))"""


LONGEST = """() => {
  window.longest = 0;
  new PerformanceObserver((list) => {
    for (const { duration } of list.getEntries()) window.longest = Math.max(window.longest, duration);
  }).observe({ type: "longtask" });
}"""


def people(count: int) -> list[dict[str, Any]]:
    """Instances spread over the photograph in rows of ten."""
    return [person(120 + 380 * (n % 10), 120 + 560 * (n // 10), 1.2) for n in range(count)]


class Meter:
    def __init__(self, page: Page) -> None:
        self.page = page
        self.cdp: CDPSession = page.context.new_cdp_session(page)
        # Time on the CPU, so that other work of the machine does not count.
        self.cdp.send("Performance.enable", {"timeDomain": "threadTicks"})

    def metrics(self) -> dict[str, float]:
        return {entry["name"]: entry["value"] for entry in self.cdp.send("Performance.getMetrics")["metrics"]}

    def renderer_mb(self) -> float:
        """Proportional memory of the renderer process, off-heap included."""
        self.page.evaluate("globalThis.gc?.()")
        browser = self.page.context.browser
        assert browser
        processes = browser.new_browser_cdp_session().send("SystemInfo.getProcessInfo")["processInfo"]
        pids = [process["id"] for process in processes if process["type"] == "renderer"]
        sizes = []
        for pid in pids:
            try:
                rollup = Path(f"/proc/{pid}/smaps_rollup").read_text()
            except OSError:
                continue
            sizes += [int(line.split()[1]) / 1024 for line in rollup.splitlines() if line.startswith("Pss:")]
        return max(sizes, default=0.0)

    def steps(self, act: Callable[[int], None], count: int) -> tuple[float, float]:
        """Wall time a step, to the last painted frame, and main-thread time a step.

        An input event is acknowledged when the frame it belongs to runs, so a page that
        keeps up takes one frame a step.
        """
        self.page.evaluate(PAINTED)
        before = self.metrics()["TaskDuration"]
        start = time.perf_counter()
        for n in range(count):
            act(n)
        self.page.evaluate(PAINTED)
        elapsed = 1000 * (time.perf_counter() - start) / count
        return elapsed, 1000 * (self.metrics()["TaskDuration"] - before) / count


# Time in milliseconds in which Chromium loads a new window's own interface, which takes as much of the processor as the
# page does.
WINDOW_LOAD_MS = 2000


def scene(opener: TaskPage, count: int) -> Task:
    task = opener(**PHOTO, initialValues=people(count))
    task.page.wait_for_timeout(WINDOW_LOAD_MS)
    return task


def drag(task: Task, meter: Meter, repeats: int) -> tuple[list[float], float]:
    times = []
    main = []
    for _ in range(repeats):
        x, y, _ = task.points(0)["left_wrist"]
        sx, sy = task.screen(x, y)
        task.page.mouse.move(sx, sy)
        task.page.mouse.down()

        def move(n: int, x: float = sx, y: float = sy) -> None:
            task.page.mouse.move(x + 2 * n + 5, y + n)

        elapsed, busy = meter.steps(move, 30)
        task.page.mouse.up()
        task.key("Control+z")
        times.append(elapsed)
        main.append(busy)
    return times, statistics.mean(main)


def zoom(task: Task, meter: Meter) -> tuple[float, float]:
    task.page.mouse.move(*task.screen(WIDTH / 2, HEIGHT / 2))
    return meter.steps(lambda n: task.page.mouse.wheel(0, -120 if n < 12 else 120), 24)


def pan(task: Task, meter: Meter) -> tuple[float, float]:
    task.key("z", "c", "c", "c")
    x, y = task.screen(WIDTH * 0.53, HEIGHT * 0.7)
    task.page.mouse.move(x, y)
    task.page.mouse.down(button="middle")
    figures = meter.steps(lambda n: task.page.mouse.move(x - 3 * n - 6, y - 2 * n), 30)
    task.page.mouse.up(button="middle")
    return figures


def bare(browser: Browser) -> tuple[tuple[float, float], tuple[float, float]]:
    """A move and a turn of the wheel over a page that does nothing but change colour: what the browser itself takes."""
    page = browser.new_page(viewport={"width": 1440, "height": 900})
    page.wait_for_timeout(WINDOW_LOAD_MS)
    page.set_content("<div style='position: fixed; inset: 0'></div>")
    page.evaluate("""() => {
      const sheet = document.querySelector("div"), change = (event) => {
        event.preventDefault();
        sheet.style.background = sheet.style.background ? "" : "#eee";
      };
      for (const type of ["wheel", "pointermove"]) sheet.addEventListener(type, change, { passive: false });
    }""")
    meter = Meter(page)
    page.mouse.move(700, 400)
    moved = meter.steps(lambda n: page.mouse.move(700 + n, 400), 24)
    turned = meter.steps(lambda _: page.mouse.wheel(0, -120), 24)
    page.close()
    return moved, turned


class Subject(NamedTuple):
    """A page whose first keypoint is measured. Its conditions are JavaScript functions of the element."""

    name: str
    page: str
    taken: str
    """Condition: a click has placed a keypoint."""
    key: str = ""
    """A key that must be pressed before, until `added`."""
    added: str = ""


OURS = Subject("this element", "/task.html", "({ app }) => app?.session.doc.instances.length")
# AWS's element has no keypoints before a skeleton is added.
SAMPLE = Subject(
    "AWS's element",
    "/sample.html",
    "({ skeletons }) => skeletons?.some(one => one.keypoints.some(k => k.hasXY))",
    "b",
    "({ skeletons }) => skeletons?.length",
)
BARE = Subject("a bare page", "/bare.html", "() => document.querySelector('b')")
# The least that a page can do: show the image, and draw a dot where it is clicked.
BARE_PAGE = """<!doctype html><title>Bare</title>
<style>* { position: fixed; inset: 0; width: 100%; height: 100% }</style>
<body><img src=/photo.jpg decoding=async><script>
  addEventListener("pointerup", ({ clientX, clientY }) => {
    if (!document.images[0].naturalWidth) return;
    const style = `inset: ${clientY}px auto auto ${clientX}px; width: 9px; height: 9px; background: red`;
    document.body.append(Object.assign(document.createElement("b"), { style }));
  });
</script>"""
# Visits after which Chromium has stored a script's compiled code.
WARM = 3

# Notes when a click placed a keypoint, and when the frame that shows it was painted: in milliseconds by the page's
# clock, which begins with the navigation.
LISTEN = """([taken, painted]) => addEventListener("mouseup", async () => {
  if (window.taken || !taken(document.querySelector("crowd-2d-skeleton") ?? {})) return;
  window.taken = performance.now();
  await painted();
  window.painted = performance.now();
})"""


@contextmanager
def served(files: dict[str, tuple[str, bytes | str]]) -> Iterator[str]:
    """Serve files on loopback, and yield their origin.

    The browser keeps scripts, whose addresses are made from their contents. It has not seen any page's photo before.
    Playwright's routes are not used, because they take longer than the network and turn the browser's cache off.
    """
    numbers = itertools.count()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        # Headers and body in one packet.
        wbufsize = -1

        def do_GET(self) -> None:
            kind, body = files.get(self.path.split("?")[0], ("text/plain", b""))
            content = body.encode() if isinstance(body, str) else body
            if kind.startswith("text/html"):
                content = content.replace(b"/photo.jpg", f"/photo.jpg?{next(numbers)}".encode())
            self.send_response(200)
            self.send_header("Content-Type", kind)
            self.send_header("Content-Length", str(len(content)))
            self.send_header("Cache-Control", "no-store" if "html" in kind else "max-age=31536000, immutable")
            self.end_headers()
            self.wfile.write(content)

        def log_message(self, *_: object) -> None:
            pass

    server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    threading.Thread(target=server.serve_forever, daemon=True).start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    server.server_close()


def first_point(opener: TaskPage, sample: Path | None, runs: int) -> dict[Subject, list[tuple[float, float]]]:
    """Measure the time from navigation until the first keypoint: of our element, AWS's and a bare page in turn.

    Each has a tab in which one task follows the other, as for a worker.

    Returns:
        Milliseconds by the page's clock until a click is taken, and until the frame that shows its keypoint is painted.
        AWS's element is left out without its bundle.
    """
    opener(**PHOTO).page.close()
    files = {**opener.files, BARE.page: ("text/html; charset=utf-8", BARE_PAGE)}
    subjects = [OURS, BARE]
    if sample:
        # AWS's element finds its form by this id.
        html = str(files[OURS.page][1]).replace('<form id="any">', '<form id="crowd-form">')
        files[SAMPLE.page] = ("text/html; charset=utf-8", html.replace("/element.js", "/sample.js"))
        files["/sample.js"] = ("text/javascript; charset=utf-8", sample.read_text())
        subjects.append(SAMPLE)
    browser = opener.context.browser
    assert browser
    context = browser.new_context(viewport={"width": 1440, "height": 900})
    tabs = {subject: new_tab(context) for subject in subjects}
    with served(files) as origin:
        turns = [
            {one: first_point_of(tab, origin + one.page, one) for one, tab in tabs.items()} for _ in range(WARM + runs)
        ]
    context.close()
    return {subject: [turn[subject] for turn in turns[WARM:]] for subject in subjects}


def new_tab(context: BrowserContext) -> Page:
    page = context.new_page()
    page.wait_for_timeout(WINDOW_LOAD_MS)
    return page


def first_point_of(page: Page, address: str, subject: Subject = OURS) -> tuple[float, float]:
    """Click until a keypoint is placed, and return when the click was taken and when the keypoint was painted."""
    page.goto(address, wait_until="commit")
    element = "document.querySelector('crowd-2d-skeleton') ?? {}"
    page.evaluate(f"({LISTEN})([{subject.taken}, {PAINTED}])")
    while subject.key and not page.evaluate(f"({subject.added})({element})"):
        page.keyboard.press(subject.key)
    while not page.evaluate("window.taken"):
        page.mouse.click(560, 450)
    until(page, "window.painted")
    times = page.evaluate("[window.taken, window.painted]")
    # The draft is deleted within 500 ms of the undo, so the next page begins without one.
    while page.evaluate(f"({OURS.taken})({element})"):
        page.keyboard.press("Control+z")
    page.wait_for_timeout(500)
    page.goto("about:blank")
    return times[0], times[1]


def first_point_in_the_portal(pages: TaskPage, photo: bytes, runs: int) -> tuple[list[float], list[float]]:
    """The same in the portal, of somebody who is signed in and opens a job, and in turn on the element's own page."""
    alone, portal = [], []
    pages(**PHOTO).page.close()
    with tempfile.TemporaryDirectory() as folder, running(Path(folder)) as make:
        image = Path(folder) / "photo.jpg"
        image.write_bytes(photo)
        site = make()
        site.add_job("Photos-1", [image])
        browser = pages.context.browser
        assert browser is not None
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        session = {"name": site.cookies.name("session"), "value": site.cookie("Ada"), "url": site.origin}
        context.add_cookies([session])  # type: ignore[list-item]
        tab, portal_tab = new_tab(context), new_tab(context)
        with served(pages.files) as origin:
            for _ in range(WARM + runs):
                alone.append(first_point_of(tab, origin + OURS.page)[0])
                portal.append(first_point_of(portal_tab, f"{site.origin}/portal/index.html#/jobs/Photos-1")[0])
        context.close()
    return alone[WARM:], portal[WARM:]


def placing(opener: TaskPage, count: int) -> tuple[float, dict[str, int]]:
    task = opener(**PHOTO)
    spots = [task.screen(200 + 700 * n + 1.5 * x, 300 + 1.5 * y) for n in range(count) for x, y in TEMPLATE]
    start = time.perf_counter()
    for x, y in spots:
        task.page.mouse.click(x, y)
    elapsed = 1000 * (time.perf_counter() - start)
    doc = task.doc
    assert len(doc["instances"]) == count, "a click was lost"
    actions = task.answer()["answer_details"]["actions"]
    task.page.close()
    return elapsed / len(spots), actions


def crowd(count: int, keypoints: int) -> tuple[dict[str, Any], list[dict[str, Any]]]:
    """A skeleton with so many keypoints, the same for every run, and pre-labelled instances of it side by side."""
    dice = random.Random(keypoints)
    template = [(round(124 * dice.random(), 1), round(384 * dice.random(), 1)) for _ in range(keypoints)]
    names = [f"keypoint_{n}" for n in range(keypoints)]
    skeleton = {
        "keypointClasses": [
            {"label": name, "x": x, "y": y, "color": f"hsl({37 * n % 360} 80% 60%)", "sigma": 0.05}
            for n, (name, (x, y)) in enumerate(zip(names, template, strict=True))
        ],
        "skeletonRig": [[a, b] for a, b in itertools.pairwise(names)],
        "skeletonBoundingBox": {"left": 0, "top": 0, "right": 124, "bottom": 384},
    }
    columns, scale = 25, 0.35
    labels = [
        {
            "annotations": [
                {
                    "label": name,
                    "x": round(30 + 158 * (n % columns) + scale * x + dice.random(), 2),
                    "y": round(8 + 148 * (n // columns) + scale * y + dice.random(), 2),
                    "visibility": dice.choice([1, 2, 2]),
                }
                for name, (x, y) in zip(names, template, strict=True)
            ]
        }
        for n in range(count)
    ]
    return skeleton, labels


def crowded(opener: TaskPage, keypoints: int, repeats: int) -> str:
    """One row of the table: 500 instances of so many keypoints."""
    skeleton, labels = crowd(500, keypoints)
    opener.files["/labels.json"] = ("application/json", json.dumps({"annotations": labels}))
    # With a limit, as in the portal: the size of the answer is part of the work.
    values = {**skeleton, "initialValuesSrc": "/labels.json", "maxAnswerBytes": "100000000"}
    loads, longest = [], []
    opener(**PHOTO, wait=False, **values).page.close()
    page = new_tab(opener.context)
    for _ in range(repeats):
        page.goto(f"{ORIGIN}/task.html", wait_until="commit")
        page.wait_for_function("document.querySelector('crowd-2d-skeleton').app?.session.size.width", polling=5)
        loads.append(page.evaluate(f"({PAINTED})().then(() => performance.now())"))
        page.evaluate(LONGEST)
        page.wait_for_timeout(1500)
        longest.append(page.evaluate("window.longest"))
    page.close()
    task = opener(**PHOTO, **values)
    meter = Meter(task.page)
    task.page.wait_for_timeout(WINDOW_LOAD_MS)

    def at(n: int) -> tuple[float, float]:
        first = labels[n]["annotations"][0]
        return task.screen(first["x"], first["y"])

    def settled(act: Callable[[int], None], count: int) -> tuple[float, float, float]:
        """As `steps`, and the longest task of the pause that follows: checks and the draft."""
        figures = meter.steps(act, count)
        task.page.evaluate(LONGEST)
        task.page.wait_for_timeout(1200)
        return *figures, task.page.evaluate("window.longest")

    spots = [at(7 * n) for n in range(20)]
    task.page.keyboard.down("Control")
    clicked = settled(lambda n: task.page.mouse.click(*spots[n]), 20)
    task.page.keyboard.up("Control")
    task.page.mouse.move(*at(0))
    task.page.mouse.down()
    x, y = at(0)
    moved = settled(lambda n: task.page.mouse.move(x + 2 * n + 5, y + n), 30)
    task.page.mouse.up()
    task.key("b")
    placed = settled(lambda n: task.page.mouse.click(400 + 5 * n, 300 + 7 * n), 15)
    cells = [f"{wall:.1f} ({main:.1f}), {longest:.0f}" for wall, main, longest in (moved, clicked, placed)]
    task.page.close()
    return (
        f"| 500 x {keypoints} | {statistics.median(loads):.0f} ({min(loads):.0f}-{max(loads):.0f})"
        f", {statistics.median(longest):.0f} | {' | '.join(cells)} |"
    )


def run(
    browser: Browser, counts: list[int], keypoint_counts: list[int], repeats: int, sample: Path | None = None
) -> None:
    bundle = (ROOT / "src/ui/dist/crowd-2d-skeleton.js").read_text()
    photo = picture(WIDTH, HEIGHT, "JPEG")

    def opener(*, keeps_drafts: bool = False) -> TaskPage:
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        if not keeps_drafts:
            context.add_init_script("localStorage.clear(); indexedDB.deleteDatabase('truepoint')")
        pages = TaskPage(context, bundle)
        pages.files["/photo.jpg"] = ("image/jpeg", photo)
        pages.files["/photo.png"] = ("image/png", b"")
        return pages

    size = len(gzip.compress(bundle.encode(), 9))
    print(f"bundle: {len(bundle.encode()):,} B, {size:,} B gzip")
    pages = opener(keeps_drafts=True)
    figures = first_point(pages, sample, 11)
    print("\n| first keypoint | click taken, ms (range) | keypoint painted, ms (range) |\n|---|---|---|")
    for subject, times in figures.items():
        cells = [f"{statistics.median(ms):.0f} ({min(ms):.0f}-{max(ms):.0f})" for ms in zip(*times, strict=True)]
        print(f"| {subject.name} | {cells[0]} | {cells[1]} |")
    alone, portal = map(statistics.median, first_point_in_the_portal(pages, photo, 7))
    print(f"the same in the portal: median {portal:.0f} ms, {portal / alone:.2f} x of the element's own page in turn")
    pages.context.close()
    pages = opener()
    per_point, actions = placing(pages, 1)
    print(f"one person: {per_point:.0f} ms a keypoint, actions {json.dumps(actions)}")
    per_point, actions = placing(pages, 5)
    print(f"five people: {per_point:.0f} ms a keypoint, actions {json.dumps(actions)}")
    pages.context.close()
    print(
        "\n| instances | drag ms (range) | drag main ms | zoom ms (main) | pan ms (main)"
        " | heap MB | renderer MB | nodes | listeners |"
    )
    print("|---|---|---|---|---|---|---|---|---|")
    (move, move_main), (wheel, wheel_main) = bare(browser)
    print(f"| a bare page | {move:.1f} | {move_main:.1f} | {wheel:.1f} ({wheel_main:.1f}) | | | | | |")
    for count in counts:
        pages = opener()
        task = scene(pages, count)
        meter = Meter(task.page)
        dragged, main = drag(task, meter, repeats)
        zoomed = zoom(task, meter)
        panned = pan(task, meter)
        memory = meter.renderer_mb()
        metrics = meter.metrics()
        print(
            f"| {count} | {statistics.median(dragged):.1f} ({min(dragged):.1f}-{max(dragged):.1f}) | {main:.1f}"
            f" | {zoomed[0]:.1f} ({zoomed[1]:.1f}) | {panned[0]:.1f} ({panned[1]:.1f})"
            f" | {metrics['JSHeapUsedSize'] / 1e6:.1f} | {memory:.0f}"
            f" | {metrics['Nodes']:.0f} | {metrics['JSEventListeners']:.0f} |",
            flush=True,
        )
        pages.context.close()
    print(
        "\n| instances x keypoints | loaded ms (range), longest task after"
        " | move ms (main), longest task after | select ms (main), longest task after"
        " | place ms (main), longest task after |"
    )
    print("|---|---|---|---|---|")
    for keypoints in keypoint_counts:
        pages = opener()
        print(crowded(pages, keypoints, repeats), flush=True)
        pages.context.close()


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", type=int, nargs="*", default=[1, 5, 20, 50])
    parser.add_argument(
        "--keypoints", type=int, nargs="*", default=[17, 133], help="rows of the table of 500 instances"
    )
    parser.add_argument("--repeats", type=int, default=3)
    parser.add_argument(
        "--sample",
        type=Path,
        help="bundle of AWS's crowd-2d-skeleton (aws-samples/sagemaker-ground-truth-crowd-2d-skeleton-component at "
        "99534b1, `npx vite build src`), whose first keypoint is measured in turn",
    )
    options = parser.parse_args()
    subprocess.run(["node", "src/ui/build.js"], cwd=ROOT, check=True, capture_output=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=[*ARGUMENTS])
        run(browser, options.instances, options.keypoints, options.repeats, options.sample)
        browser.close()


if __name__ == "__main__":
    main()
