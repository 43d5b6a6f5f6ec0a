"""Measures the labelling element in Chromium and prints a table: `npm run bench`.

The scene is a 4000x3000 photograph in a 1440x900 window, instances of 17 keypoints and 19 edges. A move is a real
pointer event followed by a wait until the frame that shows it has been painted; one frame of the screen is 16.7 ms.
"""

from __future__ import annotations

import argparse
import gzip
import json
import statistics
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

sys.path.insert(0, str(Path(__file__).parents[1]))

from driver import ORIGIN, ROOT, TEMPLATE, Task, TaskPage, person, picture
from playwright.sync_api import Browser, CDPSession, Page, sync_playwright

from chromium import ARGUMENTS, EXECUTABLE

WIDTH, HEIGHT = 4000, 3000
PAINTED = """() => new Promise((done) => requestAnimationFrame(() => {
  const channel = new MessageChannel();
  channel.port1.onmessage = () => done();
  channel.port2.postMessage(0);
}))"""


def people(count: int) -> list[dict[str, Any]]:
    """Instances spread over the photograph in rows of ten."""
    return [person(120 + 380 * (n % 10), 120 + 560 * (n // 10), 1.2) for n in range(count)]


class Meter:
    def __init__(self, page: Page) -> None:
        self.page = page
        self.cdp: CDPSession = page.context.new_cdp_session(page)
        self.cdp.send("Performance.enable")

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


def scene(opener: TaskPage, count: int) -> Task:
    task = opener(width=WIDTH, height=HEIGHT, photo="/photo.jpg", initialValues=people(count))
    task.page.wait_for_timeout(400)
    return task


def drag(task: Task, meter: Meter, repeats: int) -> tuple[list[float], float]:
    times = []
    main = []
    for _ in range(repeats):
        x, y, _ = task.points(0)["left_wrist"]
        sx, sy = task.screen(x, y)
        task.page.mouse.move(sx, sy)
        task.page.mouse.down()
        elapsed, busy = meter.steps(lambda n, x=sx, y=sy: task.page.mouse.move(x + 2 * n + 5, y + n), 30)
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


def first_point(opener: TaskPage, runs: int) -> list[float]:
    """From navigation until a click is taken as a keypoint, by the page's clock; an impatient hand keeps clicking."""
    times = []
    opener(width=WIDTH, height=HEIGHT, photo="/photo.jpg").page.close()
    for _ in range(runs):
        page = opener.context.new_page()
        page.goto(f"{ORIGIN}/task.html", wait_until="commit")
        taken = 0.0
        while not taken:
            page.mouse.click(560, 450)
            taken = page.evaluate(
                "() => document.querySelector('crowd-2d-skeleton')?.app?.session.doc.instances.length"
                " ? performance.now() : 0"
            )
        times.append(taken)
        page.close()
    return times


def placing(opener: TaskPage, count: int) -> tuple[float, dict[str, int]]:
    task = opener(width=WIDTH, height=HEIGHT, photo="/photo.jpg")
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


def run(browser: Browser, counts: list[int], repeats: int) -> None:
    bundle = (ROOT / "src/ui/dist/crowd-2d-skeleton.js").read_text()
    photo = picture(WIDTH, HEIGHT, "JPEG")

    def opener() -> TaskPage:
        context = browser.new_context(viewport={"width": 1440, "height": 900})
        # Every page starts afresh: the draft of the one before must not come back.
        context.add_init_script("localStorage.clear(); indexedDB.deleteDatabase('truepoint')")
        pages = TaskPage(context, bundle)
        pages.files["/photo.jpg"] = ("image/jpeg", photo)
        pages.files["/photo.png"] = ("image/png", b"")
        return pages

    size = len(gzip.compress(bundle.encode(), 9))
    print(f"bundle: {len(bundle.encode()):,} B, {size:,} B gzip")
    pages = opener()
    first = first_point(pages, 7)
    spread = f"({min(first):.0f}-{max(first):.0f})"
    print(f"navigation to first keypoint taken: median {statistics.median(first):.0f} ms {spread}")
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


def main() -> None:
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--instances", type=int, nargs="+", default=[1, 5, 20, 50])
    parser.add_argument("--repeats", type=int, default=3)
    options = parser.parse_args()
    subprocess.run(["node", "src/ui/build.js"], cwd=ROOT, check=True, capture_output=True)
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=[*ARGUMENTS])
        run(browser, options.instances, options.repeats)
        browser.close()


if __name__ == "__main__":
    main()
