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
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from chromium import ARGUMENTS, EXECUTABLE
from portal_site import PortalSite, running

EXAMPLES = ROOT / "examples/person"
TRUTH = json.loads((EXAMPLES / "truth.json").read_text())
PICTURES = ROOT / "docs/portal"
JOB = "Runners-1"


def save(page: Page, name: str, folder: Path) -> None:
    page.wait_for_timeout(400)
    Image.open(io.BytesIO(page.screenshot())).convert("RGB").save(folder / f"{name}.png", optimize=True)


class Camera:
    """A window of one size and scheme, in which somebody is signed in."""

    def __init__(self, browser: Browser, site: PortalSite, who: str, folder: Path, *, width: int, dark: bool) -> None:
        height = 780 if width < 600 else 800
        self.context = browser.new_context(
            viewport={"width": width, "height": height}, color_scheme="dark" if dark else "light"
        )
        self.context.set_default_timeout(10_000)
        self.site, self.folder = site, folder
        if who:
            name = site.cookies.name("session")
            cookie = {"name": name, "value": site.cookie(who), "url": site.origin, "httpOnly": True}
            self.context.add_cookies([cookie])  # type: ignore[list-item]
        self.page = self.context.new_page()

    def open(self, fragment: str = "") -> Page:
        self.page.goto(f"{self.site.origin}/portal/index.html{fragment}")
        self.page.wait_for_selector("main h1, crowd-2d-skeleton")
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
    site.change_job("Start-1", title="Starting blocks", status="Completed")


def label(task: Task, image: str, count: int = 99) -> None:
    for keypoint in TRUTH[image][0]["annotations"][:count]:
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
    label(task, images[2], 11)
    camera.save("labeling")
    label(task, images[2])
    site.fail("POST .*/answers/2", 503, 2)
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
    label(Task(phone.page).ready(), images[2], 9)
    phone.save("phone")
    phone.open()
    phone.save("phone-jobs")


def all_views(folder: Path) -> None:
    """Every view in both schemes and sizes, to be looked at."""
    subprocess.run(["node", "src/ui/build.js"], cwd=ROOT, check=True, capture_output=True)
    with (
        tempfile.TemporaryDirectory() as temporary,
        running(Path(temporary)) as make,
        sync_playwright() as playwright,
    ):
        browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=[*ARGUMENTS])
        for dark in (False, True):
            for width in (1280, 390):
                to = folder / f"{'dark' if dark else 'light'}-{width}"
                to.mkdir(parents=True, exist_ok=True)
                site = make()
                prepare(site)
                nobody, worker, phone = (
                    Camera(browser, site, who, to, width=width_of, dark=dark)
                    for who, width_of in (("", width), ("Ada", width), ("Ada", 390))
                )
                nobody.open()
                nobody.save("welcome")
                worker_pictures(worker, phone)
        browser.close()


if __name__ == "__main__":
    all_views(Path(sys.argv[1]))
