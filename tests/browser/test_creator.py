"""The skeleton creator: draw, name, pair, export; what it exports is what the project and the element read."""

from __future__ import annotations

import html
import json
import re

import pytest
from driver import NAMES, PERSON, ROOT, TaskPage, picture
from playwright.sync_api import Locator, Page

from keypoints.skeleton import parse_skeleton

AXE = (ROOT / "node_modules/axe-core/axe.min.js").read_text()


@pytest.fixture
def creator(open_task: TaskPage, bundle: str) -> Page:
    open_task.files["/skeleton-creator.js"] = (
        "text/javascript",
        (ROOT / "src/ui/dist/skeleton-creator.js").read_text(),
    )
    return open_task.html((ROOT / "src/ui/dist/creator.html").read_text(), path="/creator.html")


def board(page: Page, x: float, y: float) -> tuple[float, float]:
    box = page.locator("skeleton-creator .board svg").first.bounding_box()
    assert box
    return box["x"] + box["width"] / 2 + x, box["y"] + box["height"] / 2 + y


def exported(page: Page) -> dict:
    return json.loads(page.get_by_label("Skeleton file").input_value())


def rows(page: Page) -> Locator:
    return page.locator("skeleton-creator .rows li")


def test_a_skeleton_drawn_by_hand_is_read_by_everyone(creator: Page, open_task: TaskPage) -> None:
    for x, y in ((-100, 0), (100, 0), (0, 120)):
        creator.mouse.click(*board(creator, x, y))
    for number, name in enumerate(("left_paw", "right_paw", "tail")):
        field = creator.get_by_label(f"Name of keypoint {number + 1}")
        field.fill(name)
        field.press("Enter")
    creator.mouse.click(*board(creator, 0, 120))
    creator.keyboard.down("Shift")
    creator.mouse.click(*board(creator, 100, 0))
    creator.keyboard.up("Shift")
    rows(creator).nth(0).locator("select").select_option("right_paw")
    creator.get_by_label("Sigma of tail").fill("0.05")
    creator.get_by_label("Sigma of tail").press("Enter")
    skeleton = exported(creator)
    assert [k["name"] for k in skeleton["keypoints"]] == ["left_paw", "right_paw", "tail"]
    assert skeleton["edges"] == [["tail", "right_paw"]]
    assert skeleton["keypoints"][1]["pair"] == "left_paw"
    read = parse_skeleton(json.dumps(skeleton))
    assert read.sigmas[2] == 0.05
    text = creator.get_by_label("Attributes of the element").input_value()
    given = {name: html.unescape(value) for name, value in re.findall(r"(\w+)='([^']*)'", text)}
    task = open_task(**given)
    task.key("v")
    task.drag((100, 100), (400, 300))
    assert set(task.points()) == {"left_paw", "right_paw", "tail"}


def test_drag_undo_order_and_removal(creator: Page) -> None:
    creator.mouse.click(*board(creator, 0, 0))
    before = exported(creator)["keypoints"][0]["template"]
    creator.mouse.move(*board(creator, 0, 0))
    creator.mouse.down()
    creator.mouse.move(*board(creator, 60, 30), steps=4)
    creator.mouse.up()
    assert exported(creator)["keypoints"][0]["template"][0] > before[0]
    creator.keyboard.press("Control+z")
    assert exported(creator)["keypoints"][0]["template"] == before
    creator.mouse.click(*board(creator, 90, 90))
    creator.get_by_label("Later: keypoint_1").click()
    assert [k["name"] for k in exported(creator)["keypoints"]] == ["keypoint_2", "keypoint_1"]
    creator.get_by_label("Remove keypoint_2").click()
    assert [k["name"] for k in exported(creator)["keypoints"]] == ["keypoint_1"]


@pytest.mark.parametrize("number", range(6))
def test_presets_are_read_by_the_project(creator: Page, number: int) -> None:
    creator.get_by_label("Start from").select_option(str(number))
    read = parse_skeleton(json.dumps(exported(creator)))
    assert len(read.keypoints) == rows(creator).count()
    assert all(read.flip_indices[other] == mine for mine, other in enumerate(read.flip_indices))


def test_import_and_hostile_names(creator: Page) -> None:
    hostile = "<img src=x onerror=window.hacked=1>'\""
    creator.get_by_label("Paste JSON").fill(
        json.dumps([{"label": hostile, "x": 1, "y": 1}, {"label": "b", "x": 3, "y": 5}])
    )
    creator.get_by_text("Read it").click()
    assert exported(creator)["keypoints"][0]["name"] == hostile
    assert creator.evaluate("window.hacked") is None
    creator.get_by_label("Paste JSON").fill("nonsense")
    creator.get_by_text("Read it").click()
    assert creator.get_by_text("This is not JSON.").is_visible()
    creator.get_by_label("Paste JSON").fill(json.dumps(PERSON))
    creator.get_by_text("Read it").click()
    assert [k["name"] for k in exported(creator)["keypoints"]] == NAMES


def test_over_a_reference_image_and_clean_for_axe(creator: Page) -> None:
    photo = {"name": "p.png", "mimeType": "image/png", "buffer": picture(600, 300)}
    creator.get_by_label("Reference image").set_input_files(photo)
    creator.wait_for_function("document.querySelector('skeleton-creator').size.width === 600")
    creator.get_by_label("Start from").select_option("0")
    assert all(0 <= k["template"][0] <= 600 and 0 <= k["template"][1] <= 300 for k in exported(creator)["keypoints"])
    creator.evaluate(AXE)
    result = creator.evaluate("axe.run()")
    assert [f"{v['id']}: {[n['target'] for n in v['nodes']]}" for v in result["violations"]] == []
