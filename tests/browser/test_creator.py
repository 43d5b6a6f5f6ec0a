"""The skeleton creator as a person uses it: with the headers it is published with, in real Chromium."""

from __future__ import annotations

import html
import json
import re
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from driver import NAMES, PERSON, ROOT, Task, TaskPage, picture
from playwright.sync_api import Browser, Locator, Page, expect

from truepoint.pose.skeleton import parse_skeleton

AXE = (ROOT / "node_modules/axe-core/axe.min.js").read_text()
SCHEMA = json.loads((ROOT / "docs/schemas/skeleton.schema.json").read_text())
PHOTO = {"name": "p.png", "mimeType": "image/png", "buffer": picture(600, 300)}
HOSTILE = "<img src=x onerror=window.hacked=1>'\""
SCREENS = [(1440, 900, "light"), (1024, 768, "dark"), (390, 844, "light"), (390, 844, "dark")]


def content_policy() -> str:
    """The Content-Security-Policy that CloudFront sends with the page."""

    class Loader(yaml.SafeLoader):
        """CloudFormation's tags do not matter here."""

    Loader.add_multi_constructor("!", lambda _loader, _suffix, _node: None)
    template = yaml.load((ROOT / "template.yaml").read_text(), Loader)  # noqa: S506 (a SafeLoader)
    policy = template["Resources"]["CreatorHeadersPolicy"]["Properties"]["ResponseHeadersPolicyConfig"]
    return str(policy["SecurityHeadersConfig"]["ContentSecurityPolicy"]["ContentSecurityPolicy"])


@pytest.fixture
def open_creator(open_task: TaskPage, bundle: str) -> Callable[[], Page]:
    script = (ROOT / "src/ui/dist/skeleton-creator.js").read_text()
    open_task.files["/skeleton-creator.js"] = ("text/javascript", script)
    page = (ROOT / "src/ui/dist/creator.html").read_text()

    def open_page() -> Page:
        open_task.headers = {"content-security-policy": content_policy()}
        return open_task.html(page, path="/creator.html")

    return open_page


@pytest.fixture
def creator(open_creator: Callable[[], Page]) -> Page:
    return open_creator()


def board(page: Page, x: float, y: float) -> tuple[float, float]:
    """A place on the screen, from the middle of the board."""
    box = page.locator("skeleton-creator .drawing").bounding_box()
    assert box
    return box["x"] + box["width"] / 2 + x, box["y"] + box["height"] / 2 + y


def spot(page: Page, index: int) -> tuple[float, float]:
    """Where a keypoint is on the screen."""
    box = page.locator("skeleton-creator .drawing g > g .marker").nth(index).bounding_box()
    assert box
    return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2


def exported(page: Page) -> dict[str, Any]:
    return dict(json.loads(page.get_by_label("Skeleton file", exact=True).first.input_value()))


def keypoint(page: Page, index: int) -> dict[str, Any]:
    return dict(exported(page)["keypoints"][index])


def names(page: Page) -> list[str]:
    return [k["name"] for k in exported(page)["keypoints"]]


def rows(page: Page) -> Locator:
    return page.locator("skeleton-creator .rows li")


def name(page: Page, *wanted: str) -> None:
    """Give the first keypoints their names, Enter leading from one to the next."""
    page.get_by_label("Name of keypoint 1", exact=True).click()
    for text in wanted:
        page.keyboard.press("Control+a")
        page.keyboard.type(text)
        page.keyboard.press("Enter")


def paste(page: Page, value: object) -> None:
    if not page.get_by_label("Paste JSON").is_visible():
        page.get_by_text("Paste a skeleton").click()
    page.get_by_label("Paste JSON").fill(value if isinstance(value, str) else json.dumps(value))
    page.get_by_role("button", name="Read it").click()


def until(page: Page, condition: str) -> None:
    """Not wait_for_function: what it evaluates again and again, the page's content policy forbids."""
    end = time.monotonic() + 10
    while not page.evaluate(condition):
        assert time.monotonic() < end, condition
        page.wait_for_timeout(20)


def said(page: Page) -> str:
    return page.locator("skeleton-creator [role=status]").inner_text()


def test_a_skeleton_drawn_by_hand_is_read_by_everyone(creator: Page, open_task: TaskPage, tmp_path: Path) -> None:
    for x, y in ((-100, 0), (100, 0), (0, 120)):
        creator.mouse.click(*board(creator, x, y))
    name(creator, "left_paw", "right_paw", "tail")
    creator.get_by_label("Name of the skeleton").fill("Otter é / 1")
    creator.get_by_label("Supercategory").fill("animal")
    creator.keyboard.down("Shift")
    creator.mouse.click(*spot(creator, 1))
    creator.keyboard.up("Shift")
    creator.mouse.click(*spot(creator, 2))
    creator.get_by_label("Sigma", exact=True).fill("0.05")
    creator.get_by_label("Colour").fill("#123456")

    with creator.expect_download() as download:
        creator.get_by_role("button", name="Download skeleton file").click()
    assert download.value.suggested_filename == "Otter-é-1.json"
    download.value.save_as(tmp_path / "otter.json")
    text = (tmp_path / "otter.json").read_text()
    skeleton = json.loads(text)
    assert skeleton == exported(creator)
    jsonschema.validate(skeleton, SCHEMA)
    assert [k["name"] for k in skeleton["keypoints"]] == ["left_paw", "right_paw", "tail"]
    assert skeleton["edges"] == [["tail", "right_paw"]]
    read = parse_skeleton(text)
    assert (read.name, read.supercategory, read.sigmas[2]) == ("Otter é / 1", "animal", 0.05)
    assert read.keypoints[2].color == "#123456"
    assert read.flip_indices == (1, 0, 2)

    markup = creator.get_by_label("Attributes of the element").first.input_value()
    given = {name: html.unescape(value) for name, value in re.findall(r"(\w+)='([^']*)'", markup)}
    assert {name: json.loads(value) for name, value in given.items()} == {
        name: json.loads(value) for name, value in read.element_attributes().items()
    }
    open_task.headers = {}
    task = open_task(**given)
    task.key("v")
    task.drag((100, 100), (400, 300))
    assert set(task.points()) == {"left_paw", "right_paw", "tail"}


def test_the_board_stays_where_it_is_whatever_is_said(creator: Page) -> None:
    for size in ((1440, 900), (1024, 768), (390, 844)):
        creator.set_viewport_size({"width": size[0], "height": size[1]})
        before = creator.locator("skeleton-creator .drawing").bounding_box()
        paste(creator, [{"label": "a"}, *[{"label": "b", "sigma": 7}] * 5])
        creator.get_by_role("button", name="Draw edges").click()
        assert len(said(creator)) > 150
        assert creator.locator("skeleton-creator .drawing").bounding_box() == before
        creator.get_by_role("button", name="Draw edges").click()


def test_drag_undo_order_other_side_and_removal(creator: Page) -> None:
    creator.mouse.click(*board(creator, 0, 0))
    before = keypoint(creator, 0)["template"]
    creator.mouse.move(*board(creator, 0, 0))
    creator.mouse.down()
    creator.mouse.move(*board(creator, 60, 30), steps=4)
    creator.mouse.up()
    assert keypoint(creator, 0)["template"][0] > before[0]
    creator.keyboard.press("Control+z")
    assert keypoint(creator, 0)["template"] == before
    creator.keyboard.press("Control+Shift+z")
    assert keypoint(creator, 0)["template"] != before
    creator.keyboard.press("Control+z")

    creator.mouse.click(*board(creator, -90, 90))
    creator.keyboard.press("n")
    creator.keyboard.press("Control+a")
    creator.keyboard.type("left_fin\n")
    creator.get_by_role("button", name="Add right_fin").click()
    assert names(creator) == ["keypoint_1", "left_fin", "right_fin"]
    middle, left, right = (keypoint(creator, n)["template"][0] for n in range(3))
    assert middle - left == pytest.approx(right - middle, abs=0.2)
    creator.get_by_role("button", name="↑ Earlier").click()
    assert names(creator) == ["keypoint_1", "right_fin", "left_fin"]
    expect(creator.get_by_label("Other side")).to_have_value("left_fin")
    creator.get_by_label("Other side").select_option("keypoint_1")
    assert [k.get("pair") for k in exported(creator)["keypoints"]] == ["right_fin", "keypoint_1", None]
    creator.get_by_role("button", name="Remove", exact=True).click()
    assert names(creator) == ["keypoint_1", "left_fin"]
    assert "pair" not in keypoint(creator, 0)
    for _ in range(9):
        creator.get_by_role("button", name="Undo").click(force=True)
    expect(rows(creator)).to_have_count(0)
    expect(creator.get_by_role("button", name="Undo")).to_be_disabled()


def test_names_differ_and_a_wrong_one_is_refused_in_words(creator: Page) -> None:
    for x in (-50, 50):
        creator.mouse.click(*board(creator, x, 0))
    name(creator, "a", "a")
    assert "already" in said(creator)
    assert names(creator) == ["a", "keypoint_2"]
    creator.get_by_label("Name of keypoint 2", exact=True).fill("  ")
    creator.keyboard.press("Enter")
    assert "needs a name" in said(creator)
    creator.get_by_label("Sigma", exact=True).fill("7")
    creator.keyboard.press("Enter")
    assert "up to 1" in said(creator)
    assert "sigma" not in keypoint(creator, 1)
    creator.get_by_label("Name of the skeleton").fill("")
    expect(creator.get_by_text("The skeleton needs a name.")).to_be_visible()
    expect(creator.get_by_role("button", name="Download skeleton file")).to_be_disabled()


def test_edges_by_pointer_and_by_list(creator: Page) -> None:
    for x, y in ((-100, 0), (100, 0), (0, 100)):
        creator.mouse.click(*board(creator, x, y))
    creator.get_by_role("button", name="Draw edges").click()
    creator.mouse.click(*spot(creator, 2))
    assert exported(creator)["edges"] == []
    creator.mouse.click(*spot(creator, 0))
    assert exported(creator)["edges"] == [["keypoint_3", "keypoint_1"]]
    creator.mouse.click(*spot(creator, 1))
    assert exported(creator)["edges"][1] == ["keypoint_1", "keypoint_2"]
    creator.mouse.click(*board(creator, 150, -100))  # ends the chain, places nothing
    assert len(names(creator)) == 3
    creator.mouse.move(*spot(creator, 1))
    creator.mouse.down()
    creator.mouse.move(*spot(creator, 2), steps=3)
    creator.mouse.up()
    assert len(exported(creator)["edges"]) == 3
    creator.get_by_role("button", name="No edge to keypoint_1").click()
    creator.get_by_role("button", name="No edge to keypoint_2").click()
    assert exported(creator)["edges"] == [["keypoint_1", "keypoint_2"]]
    creator.get_by_label("Join with").select_option("keypoint_1")
    assert exported(creator)["edges"][1] == ["keypoint_3", "keypoint_1"]
    creator.locator("skeleton-creator .drawing").press("Escape")
    expect(creator.get_by_role("button", name="Draw edges")).to_have_attribute("aria-pressed", "false")


def test_by_keyboard_alone(creator: Page) -> None:
    drawing = creator.get_by_role("application", name="Drawing board")
    for _ in range(30):
        creator.keyboard.press("Tab")
        if drawing.evaluate("node => node.getRootNode().activeElement === node"):
            break
    for _ in range(3):
        creator.keyboard.press("Enter")
    assert len({tuple(k["template"]) for k in exported(creator)["keypoints"]}) == 3
    before = keypoint(creator, 2)["template"]
    for key in ("ArrowRight", "ArrowRight", "Shift+ArrowDown"):
        creator.keyboard.press(key)
    x, y = keypoint(creator, 2)["template"]
    assert x > before[0]
    assert (y - before[1]) == pytest.approx(5 * (x - before[0]), rel=0.2)
    creator.keyboard.press("w")
    assert said(creator) == "keypoint_2, 2 of 3."
    creator.keyboard.press("n")
    creator.keyboard.press("Control+a")
    creator.keyboard.type("elbow")
    creator.keyboard.press("Shift+Tab")
    assert names(creator) == ["keypoint_1", "elbow", "keypoint_3"]
    drawing.focus()
    creator.keyboard.press("s")
    creator.keyboard.press("Delete")
    assert len(names(creator)) == 2
    creator.keyboard.press("Control+z")
    assert len(names(creator)) == 3


def test_by_touch(open_task: TaskPage, browser: Browser, bundle: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    opener = TaskPage(context, bundle)
    opener.files["/skeleton-creator.js"] = ("text/javascript", (ROOT / "src/ui/dist/skeleton-creator.js").read_text())
    page = opener.html((ROOT / "src/ui/dist/creator.html").read_text(), path="/creator.html")
    for x, y in ((-100, 0), (100, 0), (0, 90)):
        page.touchscreen.tap(*board(page, x, y))
    assert len(names(page)) == 3
    x, y = spot(page, 0)
    page.touchscreen.tap(x + 15, y)  # a finger is not exact
    assert len(names(page)) == 3
    assert page.get_by_role("heading", name="keypoint_1").is_visible()
    page.get_by_role("button", name="Draw edges").tap()
    page.touchscreen.tap(*spot(page, 0))
    page.touchscreen.tap(*spot(page, 1))
    assert exported(page)["edges"] == [["keypoint_1", "keypoint_2"]]
    assert opener.errors == []
    context.close()


@pytest.mark.parametrize("number", range(6))
def test_presets_are_read_by_the_project(creator: Page, number: int) -> None:
    creator.get_by_label("Start from").select_option(str(number))
    jsonschema.validate(exported(creator), SCHEMA)
    read = parse_skeleton(json.dumps(exported(creator)))
    assert len(read.keypoints) == rows(creator).count()
    assert all(read.flip_indices[other] == mine for mine, other in enumerate(read.flip_indices))


def test_import_from_files_and_text_says_what_it_left_out(creator: Page) -> None:
    paste(creator, [{"label": HOSTILE, "x": 1, "y": 1}, {"label": "b", "x": 3, "y": 5}])
    assert names(creator)[0] == HOSTILE
    assert creator.evaluate("window.hacked") is None
    paste(creator, "nonsense")
    assert said(creator) == "This is not JSON."
    assert names(creator)[0] == HOSTILE
    paste(creator, {"keypoints": [{"name": "a"}, {"name": "b"}], "edges": [["a", "b"], ["a", "c"]]})
    assert "2 keypoints, 1 edges. The edge “a” to “c” was left out" in said(creator)
    assert "Undo brings back" in said(creator)
    creator.get_by_role("button", name="Undo").click()
    assert names(creator)[0] == HOSTILE

    coco = {"categories": [{"name": "person", "keypoints": NAMES, "skeleton": [[1, 2], [1, 3]]}]}
    file = {"name": "c.json", "mimeType": "application/json", "buffer": json.dumps(coco).encode()}
    creator.get_by_label("Open JSON").set_input_files(file)
    expect(creator.locator("skeleton-creator .rows li")).to_have_count(17)
    assert names(creator) == NAMES
    assert exported(creator)["edges"] == [["nose", "left_eye"], ["nose", "right_eye"]]
    wrong = {"name": "c.json", "mimeType": "application/json", "buffer": b"\x89PNG"}
    creator.get_by_label("Open JSON").set_input_files(wrong)
    expect(creator.locator("skeleton-creator [role=status]")).to_have_text("This is not JSON.")
    paste(creator, PERSON)
    assert exported(creator)["edges"] == PERSON["edges"]


def test_nothing_is_lost_on_reload(creator: Page) -> None:
    creator.get_by_label("Reference image", exact=True).set_input_files(PHOTO)
    until(creator, "document.querySelector('skeleton-creator').drawing.size.width === 600")
    creator.mouse.click(*board(creator, 30, 40))
    name(creator, "tail")
    before = exported(creator)
    creator.reload()
    assert exported(creator) == before
    until(creator, "document.querySelector('skeleton-creator').photo")
    assert creator.locator("skeleton-creator image").get_attribute("href", timeout=1000)
    assert exported(creator) == before
    creator.get_by_role("button", name="Remove the reference image").click()
    until(creator, "caches.keys().then(keys => !keys.length)")
    creator.reload()
    assert exported(creator) == before
    assert creator.locator("skeleton-creator image").get_attribute("href") is None


def test_where_nothing_may_be_kept_that_is_said_once_and_the_rest_works(creator: Page) -> None:
    blocked = "{ get() { throw new DOMException('blocked', 'SecurityError'); } }"
    for storage in ("localStorage", "caches"):
        creator.add_init_script(f"Object.defineProperty(window, '{storage}', {blocked})")
    creator.reload()
    assert said(creator) == "This browser keeps nothing: download the skeleton before you leave."
    creator.mouse.click(*board(creator, 0, 0))
    assert said(creator) == "keypoint_1 placed."
    creator.get_by_label("Reference image", exact=True).set_input_files(PHOTO)
    until(creator, "document.querySelector('skeleton-creator').photo")
    creator.get_by_role("button", name="New").click()
    assert said(creator) == "Empty. Undo brings back what was here."
    creator.get_by_role("button", name="Undo").click()
    assert len(names(creator)) == 1


def test_a_new_reference_image_keeps_the_drawing_in_shape(creator: Page) -> None:
    creator.get_by_label("Start from").select_option("0")
    creator.get_by_label("Reference image", exact=True).set_input_files(PHOTO)
    until(creator, "document.querySelector('skeleton-creator').drawing.size.width === 600")
    places = [k["template"] for k in exported(creator)["keypoints"]]
    assert all(0 <= x <= 600 and 0 <= y <= 300 for x, y in places)
    assert max(y for _, y in places) - min(y for _, y in places) > 200
    broken = {"name": "p.png", "mimeType": "image/png", "buffer": b"no picture"}
    creator.get_by_label("Reference image", exact=True).set_input_files(broken)
    expect(creator.locator("skeleton-creator [role=status]")).to_have_text(
        "This file is not an image that the browser can show."
    )
    assert exported(creator)["keypoints"][0]["template"] == places[0]


def test_the_preview_is_the_element_itself(creator: Page) -> None:
    creator.get_by_label("Start from").select_option("1")
    creator.get_by_label("Reference image", exact=True).set_input_files(PHOTO)
    until(creator, "document.querySelector('skeleton-creator').photo")
    creator.get_by_role("button", name="Try it").click()
    task = Task(creator).ready()
    assert task.state["size"]["height"] > 400
    task.key("v")
    task.drag((100, 20), (300, 280))
    assert len(task.points()) == 16
    creator.keyboard.press("Control+z")
    assert task.answer()["updated_annotations"] == []
    assert len(names(creator)) == 16
    creator.get_by_role("button", name="Close").click()
    expect(creator.locator("crowd-2d-skeleton")).to_have_count(0)


@pytest.mark.parametrize(("width", "height", "scheme"), SCREENS)
def test_every_screen_holds_it_and_axe_finds_nothing(creator: Page, width: int, height: int, scheme: str) -> None:
    creator.set_viewport_size({"width": width, "height": height})
    creator.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
    creator.get_by_label("Start from").select_option("0")
    creator.get_by_label("Name of keypoint 6", exact=True).click()
    for details in creator.locator("skeleton-creator details").all():
        details.locator("summary").click()
    assert creator.evaluate("document.documentElement.scrollWidth") <= width
    assert creator.locator("skeleton-creator .app").evaluate(
        "app => [...app.querySelectorAll('button, input, select')]"
        ".every(node => node.getBoundingClientRect().right <= innerWidth + 1)"
    )
    creator.evaluate(AXE)
    result = creator.evaluate("axe.run()")
    assert [f"{v['id']}: {[n['target'] for n in v['nodes']]}" for v in result["violations"]] == []
