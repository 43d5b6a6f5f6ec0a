"""Makes the pictures and the shortcuts table of docs/labeler-guide.md from the element itself: `npm run guide`."""

from __future__ import annotations

import io
import subprocess
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parents[1]))

from driver import ROOT, Task, TaskPage
from PIL import Image
from playwright.sync_api import Browser, sync_playwright

from chromium import ARGUMENTS, EXECUTABLE
from jobs.scenes import Scene, render_scenes

GUIDE = ROOT / "docs/labeler-guide.md"
PICTURES = ROOT / "docs/labeler-guide"


def save(task: Task, name: str) -> None:
    task.page.wait_for_timeout(350)
    image = Image.open(io.BytesIO(task.page.screenshot())).convert("RGB")
    PICTURES.mkdir(exist_ok=True)
    image.save(PICTURES / f"{name}.png", optimize=True)


def open_scene(
    browser: Browser, bundle: str, scene: Scene, *, width: int = 1280, height: int = 800, prelabels: int = 0
) -> Task:
    context = browser.new_context(viewport={"width": width, "height": height})
    pages = TaskPage(context, bundle)
    photo = io.BytesIO()
    scene.image.save(photo, "PNG")
    pages.files["/photo.png"] = ("image/png", photo.getvalue())
    instances = [{"name": "", **entry} for entry in scene.instances[:prelabels]]
    return pages(photo="/photo.png", initialValues=instances or None)


def label(task: Task, instance: dict, count: int) -> None:
    for keypoint in instance["annotations"][:count]:
        task.click(keypoint["x"], keypoint["y"], button="left" if keypoint["visibility"] == 2 else "right")


def pictures(browser: Browser, bundle: str) -> None:
    scene = next(iter(render_scenes("person", 1, seed=4)))
    first = scene.instances[0]
    task = open_scene(browser, bundle, scene)
    label(task, first, 9)
    following = first["annotations"][min(9, len(first["annotations"]) - 1)]
    task.page.mouse.move(*task.screen(following["x"] - 6, following["y"] - 4))
    save(task, "placing")
    label(task, {"annotations": first["annotations"][9:]}, 99)
    task.key("Shift+u", "n")
    save(task, "adjusting")
    task.key("n", "t")
    task.element.locator("footer button.primary").click()
    save(task, "checks")
    review = open_scene(browser, bundle, scene, prelabels=len(scene.instances))
    wrist = next(k for k in first["annotations"] if k["label"].endswith("wrist"))
    review.drag((wrist["x"], wrist["y"]), (wrist["x"] + 60, wrist["y"] - 40))
    save(review, "reviewing")
    save(open_scene(browser, bundle, scene, width=390, height=780, prelabels=1), "phone")


def main() -> None:
    subprocess.run(["node", "src/ui/build.js"], cwd=ROOT, check=True, capture_output=True)
    subprocess.run(["node", "tests/ui/guide_table.js", "--write"], cwd=ROOT, check=True)
    bundle = (ROOT / "src/ui/dist/crowd-2d-skeleton.js").read_text()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=[*ARGUMENTS])
        pictures(browser, bundle)
        browser.close()


if __name__ == "__main__":
    main()
