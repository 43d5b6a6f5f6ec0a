"""Makes the pictures and the table of shortcuts for people, from the tools themselves: `npm run guide`."""

from __future__ import annotations

import io
import json
import subprocess
import sys
from pathlib import Path
from typing import Any, NamedTuple

sys.path.insert(0, str(Path(__file__).parents[1]))

from driver import ROOT, Task, TaskPage
from PIL import Image
from playwright.sync_api import Browser, Page, sync_playwright

from chromium import ARGUMENTS, EXECUTABLE

GUIDE = ROOT / "docs/labeler-guide.md"
PICTURES = ROOT / "docs/labeler-guide"


def save(task: Task, name: str) -> None:
    PICTURES.mkdir(exist_ok=True)
    screenshot(task.page, PICTURES / f"{name}.png")


def screenshot(page: Page, file: Path) -> None:
    page.wait_for_timeout(350)
    Image.open(io.BytesIO(page.screenshot())).convert("RGB").save(file, optimize=True)


class Example(NamedTuple):
    """An image of examples/ with its true instances."""

    photo: bytes
    instances: list[dict]


def first_example(subject: str) -> Example:
    folder = ROOT / "examples" / subject
    name, instances = next(iter(json.loads((folder / "truth.json").read_text()).items()))
    return Example((folder / name).read_bytes(), instances)


def open_example(
    browser: Browser,
    bundle: str,
    example: Example,
    *,
    width: int = 1280,
    height: int = 800,
    prelabels: int = 0,
    **attributes: Any,
) -> Task:
    context = browser.new_context(viewport={"width": width, "height": height})
    pages = TaskPage(context, bundle)
    pages.files["/photo.jpg"] = ("image/jpeg", example.photo)
    instances = [{"name": "", **entry} for entry in example.instances[:prelabels]]
    return pages(photo="/photo.jpg", initialValues=instances or None, **attributes)


def label(task: Task, instance: dict, count: int) -> None:
    for keypoint in instance["annotations"][:count]:
        task.click(keypoint["x"], keypoint["y"], button="left" if keypoint["visibility"] == 2 else "right")


def pictures(browser: Browser, bundle: str) -> None:
    example = first_example("person")
    first = example.instances[0]
    task = open_example(browser, bundle, example)
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
    review = open_example(browser, bundle, example, prelabels=len(example.instances))
    wrist = next(k for k in first["annotations"] if k["label"].endswith("wrist"))
    review.drag((wrist["x"], wrist["y"]), (wrist["x"] + 60, wrist["y"] - 40))
    save(review, "reviewing")
    scores = {"left_wrist": 0.2, "right_knee": 0.25, "left_ankle": 0.05}
    predicted = [{**k, "score": scores.get(k["label"], 0.9)} for k in first["annotations"]]
    unsure = example._replace(instances=[{**first, "annotations": predicted}])
    task = open_example(browser, bundle, unsure, prelabels=1, offerBelow="0.1")
    task.key(";", "e")
    task.element.locator(".checks summary").click()
    save(task, "confidence")
    save(open_example(browser, bundle, example, width=390, height=780, prelabels=1), "phone")


def draw_skeleton(browser: Browser, bundle: str) -> None:
    """A van's near side, drawn by clicks on the truck's true keypoints."""
    example = first_example("box-truck")
    places = {
        k["label"]: (k["x"], k["y"]) for k in example.instances[0]["annotations"] if k["label"].startswith("right_")
    }
    context = browser.new_context(viewport={"width": 1280, "height": 800})
    pages = TaskPage(context, bundle)
    pages.files["/skeleton-creator.js"] = ("text/javascript", (ROOT / "src/ui/dist/skeleton-creator.js").read_text())
    page = pages.html((ROOT / "src/ui/dist/creator.html").read_text(), path="/creator.html")
    photo = {"name": "van.jpg", "mimeType": "image/jpeg", "buffer": example.photo}
    page.get_by_label("Reference image", exact=True).set_input_files(photo)
    page.wait_for_function("document.querySelector('skeleton-creator').photo")
    page.get_by_label("Name of the skeleton").fill("van")
    to_screen = """([x, y]) => {
      const { board } = document.querySelector("skeleton-creator");
      const at = new DOMPoint(x, y).matrixTransform(board.world.getScreenCTM());
      return [at.x, at.y];
    }"""
    for number, (label, place) in enumerate(places.items()):
        page.mouse.click(*page.evaluate(to_screen, place))
        page.get_by_label(f"Name of keypoint {number + 1}", exact=True).fill(label)
        page.keyboard.press("Enter")
    page.get_by_role("button", name="Draw edges").click()
    outline = ["headlamp", "cab_roof", "box_front_top", "box_rear_top", "box_rear_bottom", "rear_wheel", "front_wheel"]
    for part in outline:
        page.mouse.click(*page.evaluate(to_screen, places[f"right_{part}"]))
    page.get_by_role("button", name="Draw edges").click()
    screenshot(page, ROOT / "docs/images/creator.png")
    context.close()


def main() -> None:
    subprocess.run(["node", "src/ui/build.js"], cwd=ROOT, check=True, capture_output=True)
    subprocess.run(["node", "tests/ui/guide_table.js", "--write"], cwd=ROOT, check=True)
    bundle = (ROOT / "src/ui/dist/crowd-2d-skeleton.js").read_text()
    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=EXECUTABLE, args=[*ARGUMENTS])
        pictures(browser, bundle)
        draw_skeleton(browser, bundle)
        browser.close()


if __name__ == "__main__":
    main()
