"""Takes the pictures of docs/portal.md from the portal's own page: `npm run portal-guide`."""

from __future__ import annotations

import io
import json
import subprocess
import sys
import tempfile
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from driver import ROOT, Task
from labeling_site import PortalSite, running
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from chromium import ARGUMENTS, EXECUTABLE

EXAMPLES = ROOT / "examples/person"
TRUTH = json.loads((EXAMPLES / "truth.json").read_text())
PICTURES = ROOT / "docs/portal"
JOB = "Runners-1"


def save(page: Page, name: str, folder: Path) -> None:
    page.wait_for_timeout(500)
    Image.open(io.BytesIO(page.screenshot())).convert("RGB").save(folder / f"{name}.png", optimize=True)


class Camera:
    """A window of one size and scheme, in which somebody is signed in."""

    def __init__(self, browser: Browser, site: PortalSite, who: str, folder: Path, *, width: int, dark: bool) -> None:
        height = 780 if width < 600 else 800
        self.context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
        )
        self.context.set_default_timeout(60_000)
        self.site, self.folder = site, folder
        if who:
            name = site.cookies.name("session")
            cookie = {"name": name, "value": site.cookie(who), "url": site.origin, "httpOnly": True}
            self.context.add_cookies([cookie])  # type: ignore[list-item]
        self.page = self.context.new_page()

    def open(self, fragment: str = "") -> Page:
        self.page.goto(f"{self.site.origin}/portal/index.html{fragment}")
        self.page.wait_for_selector("main h1, main h2, crowd-2d-skeleton")
        self.page.wait_for_load_state("networkidle")
        return self.page

    def save(self, name: str) -> None:
        save(self.page, name, self.folder)


def prepare(site: PortalSite) -> None:
    """Make a few jobs, some of them under way."""
    images = sorted(EXAMPLES.glob("person-*"))
    words = "<p>Mark every runner whose head is visible. Leave out people in the background.</p>"
    site.add_job(JOB, images, instructions=words)
    site.change_job(JOB, title="Runners, spring 2026", description="Every runner whose head is visible. 17 keypoints.")
    site.add_job("Cyclists-1", images)
    site.change_job("Cyclists-1", title="Cyclists at the crossing", description="One cyclist an image.", paused=True)
    site.add_job("Start-1", images[:2])
    site.change_job("Start-1", title="Starting blocks", status="Completed", total_labelled=2)


def label(task: Task, image: str, start: int = 0, end: int = 99) -> None:
    for keypoint in TRUTH[image][0]["annotations"][start:end]:
        task.click(keypoint["x"], keypoint["y"], button="left" if keypoint["visibility"] == 2 else "right")


def submit(task: Task) -> None:
    task.key("Shift+u")
    task.element.locator("footer button.primary").click()
    task.page.wait_for_timeout(300)
    if task.page.locator("crowd-2d-skeleton").count():
        task.override()


def worker_pictures(camera: Camera, phone: Camera) -> None:
    images = [path.name for path in sorted(EXAMPLES.glob("person-*"))]
    site = camera.site
    page = camera.open(f"#/jobs/{JOB}")
    for number in range(2):
        task = Task(page).ready()
        label(task, images[number])
        submit(task)
        page.wait_for_function(
            "n => document.querySelector('crowd-2d-skeleton')?.getAttribute('images3uri').includes(`/${n}.`)",
            arg=number + 1,
        )
    camera.open()
    camera.save("jobs")
    camera.open(f"#/jobs/{JOB}")
    task = Task(page).ready()
    label(task, images[2], end=11)
    camera.save("labeling")
    label(task, images[2], start=11)
    site.fail("POST .*/answers/2", 503, 9)
    submit(task)
    page.get_by_text("Next try").wait_for()
    camera.save("failed")
    page.get_by_role("button", name="Keep editing").click()
    site.failing.clear()
    page.get_by_role("button", name="Your answers").click()
    page.get_by_role("link", name="Correct: Image 1").wait_for()
    camera.save("answers")
    page.get_by_role("button", name="Close").click()
    page.get_by_role("button", name="Instructions").click()
    camera.save("instructions")
    page.get_by_role("link", name="Jobs").count()
    page.get_by_role("button", name="Close").click()
    camera.open(f"#/jobs/{JOB}/answers/0")
    Task(page).ready()
    camera.save("correcting")
    camera.open("#/jobs/Cyclists-1")
    camera.save("paused")
    phone.open(f"#/jobs/{JOB}")
    label(Task(phone.page).ready(), images[2], end=9)
    phone.save("phone")
    phone.open()
    phone.save("phone-jobs")


def lead_pictures(camera: Camera) -> None:
    site = camera.site
    now = site.now()
    site.change_worker(
        JOB, "Ada", answers=212, seconds=212 * 31.0, skips=3, gold_answers=12, gold_sum=11.2, last=now - 40
    )
    site.change_worker(JOB, "Bea", answers=148, seconds=148 * 44.0, gold_answers=9, gold_sum=6.9, last=now - 90)
    site.change_job(JOB, open=400, gold=[])
    for number, reason, note in ((7, "unusable", "motion blur"), (31, "too-hard", "")):
        site.add_skip(JOB, number, "Ada", reason, note)
    camera.open("#/lead")
    camera.save("lead")
    page = camera.open(f"#/lead/jobs/{JOB}")
    camera.save("lead-job")
    page.get_by_role("button", name="More time").click()
    camera.save("more-time")
    page.get_by_role("button", name="Cancel").click()
    page.get_by_role("button", name="Pause the job").click()
    page.get_by_role("button", name="Resume the job").click()
    page.get_by_role("button", name="Pause the job").wait_for()
    camera.open("#/lead/people")
    camera.save("people")
    camera.open("#/lead/log")
    camera.save("log")


def run(folder: Path, looks: list[tuple[bool, int]]) -> None:
    """Take the pictures in each look: dark or not, and the width of the window."""
    subprocess.run(["node", "src/ui/build.js"], cwd=ROOT, check=True, capture_output=True)
    with (
        tempfile.TemporaryDirectory() as temporary,
        running(Path(temporary)) as make,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=[*ARGUMENTS])
        for dark, width in looks:
            to = folder / f"{'dark' if dark else 'light'}-{width}" if len(looks) > 1 else folder
            to.mkdir(parents=True, exist_ok=True)
            site = make()
            prepare(site)
            nobody, worker, phone, lead = (
                Camera(browser, site, who, to, width=width_of, dark=dark)
                for who, width_of in (("", width), ("Ada", width), ("Ada", 390), ("Lea", width))
            )
            nobody.open()
            nobody.save("welcome")
            worker_pictures(worker, phone)
            lead_pictures(lead)
        browser.close()


KEPT = ("jobs", "labeling", "phone", "answers", "failed", "lead-job", "people")


if __name__ == "__main__":
    if len(sys.argv) > 1:  # every view in every look, to be looked at
        run(Path(sys.argv[1]), [(dark, width) for dark in (False, True) for width in (1280, 390)])
    else:
        with tempfile.TemporaryDirectory() as all_of_them:
            run(Path(all_of_them), [(False, 1280)])
            PICTURES.mkdir(exist_ok=True)
            for name in KEPT:
                (PICTURES / f"{name}.png").write_bytes((Path(all_of_them) / f"{name}.png").read_bytes())
