"""The skeleton creator as a person uses it: with the headers it is published with, in real Chromium."""

from __future__ import annotations

import hashlib
import html
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml
from driver import NAMES, PERSON, ROOT, Task, TaskPage, out_of_reach, picture, until
from playwright.sync_api import Browser, Locator, Page, expect

from truepoint.pose.skeleton import parse_skeleton

AXE = (ROOT / "node_modules/axe-core/axe.min.js").read_text()
SCHEMA = json.loads((ROOT / "docs/schemas/skeleton.schema.json").read_text())
PHOTO = {"name": "p.png", "mimeType": "image/png", "buffer": picture(600, 300)}
STORED = """new Promise((resolve) => {
  const open = indexedDB.open("truepoint", 1);
  open.onsuccess = () => {
    const all = open.result.transaction("drafts").objectStore("drafts").getAll();
    all.onsuccess = () => (open.result.close(), resolve(all.result));
  };
})"""
HOSTILE = "<img src=x onerror=window.hacked=1>'\""
SCREENS = [
    (1440, 900, "light"), (1024, 768, "dark"), (390, 844, "light"), (360, 640, "dark"),
    (640, 400, "light"), (667, 375, "dark"),  # 1280 x 800 at 200 %, a phone on its side
    (320, 256, "light"), (320, 200, "dark"),  # 1280 x 1024 and 1280 x 800 at 400 %
]  # fmt: skip


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
    # Where the publisher puts the element.
    folder = f"/{hashlib.sha256(bundle.encode()).hexdigest()[:16]}"
    for file in (ROOT / "src/ui/dist").glob("crowd-2d-skeleton*.js"):
        open_task.files[f"{folder}/{file.name}"] = ("text/javascript", file.read_text())
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


def test_messages_do_not_move_the_board(creator: Page) -> None:
    for size in ((1440, 900), (1024, 768), (390, 844)):
        creator.set_viewport_size({"width": size[0], "height": size[1]})
        before = creator.locator("skeleton-creator .drawing").bounding_box()
        paste(creator, [{"label": "a"}, *[{"label": "b", "sigma": 7}] * 5])
        assert len(said(creator)) > 150
        assert creator.locator("skeleton-creator .drawing").bounding_box() == before
        creator.get_by_role("button", name="Draw edges").click()
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


def test_a_duplicate_name_is_refused_with_a_reason(creator: Page) -> None:
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


def test_import_from_files_and_text_reports_what_it_left_out(creator: Page) -> None:
    paste(creator, [{"label": HOSTILE, "x": 1, "y": 1}, {"label": "b", "x": 3, "y": 5}])
    assert names(creator)[0] == HOSTILE
    assert creator.evaluate("window.hacked") is None
    paste(creator, "nonsense")
    assert "Expected a skeleton in a known format" in said(creator)
    assert names(creator)[0] == HOSTILE
    paste(creator, {"keypoints": [{"name": "a"}, {"name": "b"}], "edges": [["a", "b"], ["a", "c"]]})
    assert "2 keypoints, 1 edges. The edge “a” to “c” was left out" in said(creator)
    assert "Undo restores" in said(creator)
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
    expect(creator.locator("skeleton-creator [role=status]")).to_contain_text("Expected a skeleton in a known format")
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
    until(creator, f"{STORED}.then(all => !all.some(({{ photo }}) => photo))")
    creator.reload()
    assert exported(creator) == before
    assert creator.locator("skeleton-creator image").get_attribute("href") is None


def test_without_storage_the_creator_says_so_once_and_works(creator: Page) -> None:
    blocked = "{ get() { throw new DOMException('blocked', 'SecurityError'); } }"
    for storage in ("localStorage", "indexedDB"):
        creator.add_init_script(f"Object.defineProperty(window, '{storage}', {blocked})")
    creator.reload()
    assert said(creator) == "This browser cannot save the drawing: download the skeleton before you leave."
    creator.mouse.click(*board(creator, 0, 0))
    assert said(creator) == "keypoint_1 placed."
    creator.get_by_label("Reference image", exact=True).set_input_files(PHOTO)
    until(creator, "document.querySelector('skeleton-creator').photo")
    creator.get_by_role("button", name="New").click()
    assert said(creator) == "The drawing is empty. Undo restores it."
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


def test_the_creator_fits_every_screen_and_axe_finds_no_violation(creator: Page) -> None:
    creator.get_by_label("Start from").select_option("0")
    creator.get_by_label("Name of keypoint 6", exact=True).click()
    for details in creator.locator("skeleton-creator details").all():
        details.locator("summary").click()
    creator.evaluate(AXE)
    for width, height, scheme in SCREENS:
        creator.set_viewport_size({"width": width, "height": height})
        creator.emulate_media(color_scheme="dark" if scheme == "dark" else "light")
        creator.evaluate("new Promise((painted) => requestAnimationFrame(() => requestAnimationFrame(painted)))")
        assert creator.evaluate("document.documentElement.scrollWidth") <= width, (width, height)
        assert creator.locator("skeleton-creator .app").evaluate(
            "app => [...app.querySelectorAll('button, input, select')]"
            ".every(node => node.getBoundingClientRect().right <= innerWidth + 1)"
        ), (width, height)
        result = creator.evaluate("axe.run()")
        assert [f"{v['id']}: {[n['target'] for n in v['nodes']]}" for v in result["violations"]] == [], (width, height)


@pytest.mark.parametrize(
    ("width", "height", "least"),
    [
        (320, 200, (290, 90)),
        (320, 256, (290, 120)),
        (360, 640, (330, 200)),
        (640, 400, (340, 200)),
        (667, 375, (350, 180)),
    ],
)
def test_small_windows_have_room_to_draw_and_reach_every_control(
    creator: Page, width: int, height: int, least: tuple[int, int]
) -> None:
    creator.set_viewport_size({"width": width, "height": height})
    creator.get_by_label("Start from").select_option("0")
    box = creator.locator("skeleton-creator .drawing").bounding_box()
    assert box
    assert (box["width"] >= least[0], box["height"] >= least[1]) == (True, True), box
    assert box["height"] < height, "fingers that draw on the board cannot scroll the page: something must be beside it"
    creator.get_by_label("Name of keypoint 6", exact=True).click()
    for details in creator.locator("skeleton-creator details").all():
        details.locator("summary").click()
    component = creator.locator("skeleton-creator")
    assert out_of_reach(component, ".app :is(button, input, select, summary, textarea)") == []
    creator.locator("skeleton-creator .drawing").scroll_into_view_if_needed()
    before = len(names(creator))
    creator.mouse.click(*board(creator, -120, 10))
    assert len(names(creator)) == before + 1


def test_forced_colours_show_the_selection(creator: Page) -> None:
    creator.emulate_media(forced_colors="active")
    creator.get_by_label("Start from").select_option("0")
    edges = creator.get_by_role("button", name="Draw edges")
    color = "(node) => getComputedStyle(node).backgroundColor"
    assert edges.evaluate(color) == creator.get_by_role("button", name="New", exact=True).evaluate(color)
    edges.click()
    assert edges.evaluate(color) != creator.get_by_role("button", name="New", exact=True).evaluate(color)
    creator.get_by_label("Name of keypoint 6", exact=True).click()
    borders = rows(creator).evaluate_all("(all) => all.map((row) => getComputedStyle(row).borderTopColor)")
    assert [i for i, border in enumerate(borders) if border != borders[0]] == [5]
    numbers = rows(creator).locator(".number")
    lines = numbers.evaluate_all("(all) => all.map((number) => getComputedStyle(number).textDecorationLine)")
    assert [i for i, line in enumerate(lines) if line == "underline"] == [5]
    creator.evaluate(AXE)
    assert [v["id"] for v in creator.evaluate("axe.run()")["violations"]] == []


def show_photo(page: Page) -> None:
    page.get_by_label("Reference image", exact=True).set_input_files(PHOTO)
    # Without a photo, the board may have this size too.
    creator = "document.querySelector('skeleton-creator')"
    until(page, f"{creator}.photo && {creator}.drawing.size.width === 600")


def open_file(page: Page, value: object, name: str = "skeleton.json") -> None:
    text = value if isinstance(value, str) else json.dumps(value)
    page.get_by_label("Open JSON").set_input_files({"name": name, "mimeType": "", "buffer": text.encode()})


def templates(page: Page) -> list[list[float]]:
    return [k["template"] for k in exported(page)["keypoints"]]


@pytest.mark.parametrize("order", ["image first", "file first", "no image"])
def test_a_saved_skeleton_reopens_where_every_point_was_drawn(open_creator: Callable[[], Page], order: str) -> None:
    page = open_creator()
    show_photo(page)
    for x, y in ((-211, -37), (13, 5), (40, 71)):
        page.mouse.click(*board(page, x, y))
    saved = exported(page)
    other = open_creator()
    if order == "image first":
        show_photo(other)
    open_file(other, saved)
    expect(rows(other)).to_have_count(3)
    if order == "file first":
        show_photo(other)
    assert exported(other) == saved
    other.wait_for_timeout(500)
    other.reload()
    assert exported(other) == saved


def test_a_file_without_a_size_keeps_its_points_over_the_image_it_fits(open_creator: Callable[[], Page]) -> None:
    """Files of earlier versions do not name the size of their image."""
    places = [[120.5, 40], [300, 150.2], [555, 260]]
    file = {"name": "old", "keypoints": [{"name": f"k{n}", "template": place} for n, place in enumerate(places)]}
    page = open_creator()
    show_photo(page)
    open_file(page, file)
    expect(rows(page)).to_have_count(3)
    assert templates(page) == places
    open_file(page, {**file, "keypoints": [{"name": "a", "template": [0, 0]}, {"name": "b", "template": [9, 20]}]})
    expect(rows(page)).to_have_count(2)
    assert templates(page)[1][1] - templates(page)[0][1] > 150  # as small as that was never drawn over it
    page.get_by_role("button", name="New").click()
    page.get_by_role("button", name="Remove the reference image").click()
    open_file(page, file)
    expect(rows(page)).to_have_count(3)
    show_photo(page)
    assert templates(page) == places


def test_selects_act_on_confirmation(creator: Page) -> None:
    start = creator.get_by_label("Start from")
    start.focus()
    for _ in range(3):
        creator.keyboard.press("ArrowDown")
    assert rows(creator).count() == 0
    assert "Enter chooses" in said(creator)
    creator.keyboard.press("Escape")
    expect(start).to_have_value("")
    creator.keyboard.press("ArrowDown")
    creator.keyboard.press("Tab")
    assert rows(creator).count() == 0
    start.focus()
    creator.keyboard.press("ArrowDown")
    creator.keyboard.press("ArrowDown")
    creator.keyboard.press("Enter")
    expect(rows(creator)).to_have_count(16)
    undo = creator.get_by_role("button", name="Undo")
    creator.get_by_label("Name of keypoint 1", exact=True).click()
    before = exported(creator)
    for label in ("Other side", "Join with"):
        select = creator.get_by_label(label)
        select.focus()
        creator.keyboard.press("ArrowDown")
        creator.keyboard.press("ArrowDown")
        assert exported(creator) == before
        creator.keyboard.press("Enter")
        assert exported(creator) != before
        undo.click()
        assert exported(creator) == before


def test_keys_in_mid_drag_end_the_gesture_first(creator: Page) -> None:
    for x in (-100, 0, 100):
        creator.mouse.click(*board(creator, x, 0))
    before = templates(creator)

    def drag() -> None:
        creator.mouse.move(*spot(creator, 0))
        creator.mouse.down()
        creator.mouse.move(*board(creator, -60, 60), steps=3)

    drag()
    creator.keyboard.press("Escape")
    creator.mouse.move(*board(creator, 80, 80))
    creator.mouse.up()
    assert templates(creator) == before
    drag()
    creator.keyboard.press("Delete")
    creator.mouse.move(*board(creator, 80, 80), steps=3)
    creator.mouse.up()
    assert templates(creator) == before[1:]  # no other keypoint takes its place
    creator.keyboard.press("Control+z")
    creator.keyboard.press("Control+z")
    assert templates(creator) == before
    drag()
    creator.keyboard.press("Control+z")
    creator.mouse.move(*board(creator, 80, 80), steps=3)
    creator.mouse.up()
    assert templates(creator) == before
    drag()
    creator.keyboard.press("Enter")
    creator.mouse.move(*board(creator, 80, 80), steps=3)
    creator.mouse.up()
    assert len(templates(creator)) == 4
    assert templates(creator)[1:3] == before[1:]
    for button in ("right", "middle"):
        creator.mouse.click(*board(creator, 150, 120), button=button)
    assert len(templates(creator)) == 4


def test_a_drag_ends_with_its_own_button_and_when_the_window_loses_the_focus(creator: Page) -> None:
    for x in (-100, 0, 100):
        creator.mouse.click(*board(creator, x, 0))
    before = templates(creator)

    def press() -> None:
        creator.mouse.move(*spot(creator, 0))
        creator.mouse.down()
        creator.mouse.move(*board(creator, -60, 60), steps=3)

    press()
    creator.mouse.down(button="right")
    creator.mouse.up()
    released = templates(creator)
    assert released != before
    creator.mouse.move(*board(creator, 80, 80), steps=3)
    creator.mouse.up(button="right")
    assert templates(creator) == released
    creator.keyboard.press("Control+z")
    press()
    creator.evaluate("dispatchEvent(new Event('blur'))")
    assert templates(creator) == before
    creator.keyboard.press("Enter")
    assert len(templates(creator)) == 4
    creator.mouse.move(*board(creator, 80, 80), steps=3)
    creator.mouse.up()
    assert templates(creator)[:3] == before
    # A point is placed where the button went down and up, not where another button goes up.
    creator.mouse.move(*board(creator, 150, 120))
    creator.mouse.down()
    creator.mouse.down(button="right")
    creator.mouse.up()
    placed = templates(creator)
    assert len(placed) == 5
    creator.mouse.move(*board(creator, 20, 20))
    creator.mouse.up(button="right")
    assert templates(creator) == placed


def test_a_held_key_acts_once(creator: Page) -> None:
    creator.mouse.click(*board(creator, 0, 0))

    def hold(key: str) -> None:
        for _ in range(8):
            creator.keyboard.down(key)
        creator.keyboard.up(key)

    hold("Enter")
    assert len(names(creator)) == 2
    before = templates(creator)[1]
    hold("ArrowRight")
    assert templates(creator)[1][0] - before[0] > 3  # what moves goes on
    hold("Delete")
    assert len(names(creator)) == 1
    hold("j")
    expect(creator.get_by_role("button", name="Draw edges")).to_have_attribute("aria-pressed", "true")
    creator.keyboard.press("Escape")
    for _ in range(3):
        creator.keyboard.press("Enter")
    creator.keyboard.down("Control")
    hold("z")
    creator.keyboard.up("Control")
    assert len(names(creator)) == 3
    creator.get_by_role("button", name="Undo").focus()
    hold("Enter")
    assert len(names(creator)) == 2


def test_two_tabs_never_overwrite_each_other(open_creator: Callable[[], Page]) -> None:
    first = open_creator()
    show_photo(first)
    for x in (-60, 60):
        first.mouse.click(*board(first, x, 0))
    second = open_creator()
    expect(rows(second)).to_have_count(0)
    second.mouse.click(*board(second, 0, 0))
    name(second, "only_one")
    kept = exported(first), exported(second)
    for page in (first, second):
        page.wait_for_timeout(500)
    first.mouse.click(*board(first, 0, 60))
    first.keyboard.press("Control+z")
    for page in (first, second):
        page.reload()
    assert (exported(first), exported(second)) == kept
    until(first, "document.querySelector('skeleton-creator').photo")
    assert second.evaluate("document.querySelector('skeleton-creator').photo") == ""
    second.close()
    first.close()
    third = open_creator()
    found = exported(third)
    assert found in kept
    other = kept[1 - kept.index(found)]
    third.get_by_label("Start from").select_option("kept 0")
    # On this tab's board, which may have another size.
    assert names(third) == [k["name"] for k in other["keypoints"]]


def test_zoom_and_pan_do_not_move_keypoints(creator: Page) -> None:
    show_photo(creator)
    x, y = board(creator, 50, 20)
    creator.mouse.click(x, y)
    [place] = templates(creator)
    creator.mouse.move(x, y)
    for _ in range(4):
        creator.mouse.wheel(0, -120)
    assert spot(creator, 0) == pytest.approx((x, y), abs=1)
    creator.mouse.move(*board(creator, -80, -60))
    creator.mouse.down()
    creator.mouse.move(*board(creator, -40, 0), steps=3)
    creator.mouse.up()
    assert templates(creator) == [place]  # the image was dragged
    assert spot(creator, 0) == pytest.approx((x + 40, y + 60), abs=1)
    creator.mouse.wheel(30, 10)
    assert spot(creator, 0) == pytest.approx((x + 10, y + 50), abs=1)
    creator.mouse.click(x + 110, y + 50)
    # Zoomed in by more than two, 100 screen pixels are less than half as many image pixels as before.
    assert 10 < templates(creator)[1][0] - place[0] < 45
    creator.keyboard.press("0")
    assert spot(creator, 0) == pytest.approx((x, y), abs=1)
    creator.get_by_role("button", name="Zoom in").click()
    assert spot(creator, 0) != pytest.approx((x, y), abs=1)
    creator.get_by_role("button", name="Whole image").click()
    assert spot(creator, 0) == pytest.approx((x, y), abs=1)


def test_order_by_dragging_and_by_keyboard(creator: Page) -> None:
    paste(creator, "a\nb\nc\nd\ne")
    grips = creator.locator("skeleton-creator .grip")

    def middle(index: int) -> tuple[float, float]:
        grips.nth(index).scroll_into_view_if_needed()
        box = grips.nth(index).bounding_box()
        assert box
        return box["x"] + box["width"] / 2, box["y"] + box["height"] / 2

    creator.mouse.move(*middle(0))
    creator.mouse.down()
    creator.mouse.move(*middle(3), steps=5)
    creator.mouse.up()
    assert names(creator) == ["b", "c", "d", "a", "e"]
    creator.get_by_role("button", name="Undo").click()
    assert names(creator) == ["a", "b", "c", "d", "e"]
    field = creator.get_by_label("Name of keypoint 5", exact=True)
    field.focus()
    for _ in range(2):
        creator.keyboard.press("Alt+ArrowUp")
    assert names(creator) == ["a", "b", "e", "c", "d"]
    assert "e is keypoint 3 now." in said(creator)
    expect(creator.get_by_label("Name of keypoint 3", exact=True)).to_be_focused()


def test_coordinates_are_typed(creator: Page) -> None:
    show_photo(creator)
    creator.mouse.click(*board(creator, 0, 0))
    creator.get_by_label("X", exact=True).fill("12.34")
    creator.keyboard.press("Enter")
    creator.get_by_label("Y", exact=True).fill("250")
    creator.keyboard.press("Enter")
    assert templates(creator) == [[12.3, 250]]
    creator.get_by_label("X", exact=True).fill("601")
    creator.keyboard.press("Enter")
    assert "X from 0 to 600" in said(creator)
    expect(creator.get_by_label("X", exact=True)).to_have_value("12.3")


def test_all_pairs_are_mirrored(creator: Page) -> None:
    file = {
        "name": "rat", "template_size": [400, 400],
        "keypoints": [{"name": label, "template": place} for label, place in (
            ("nose", [200, 50]), ("earL", [240, 60]), ("earR", [100, 300]), ("pawL", [260, 200]), ("tail", [200, 350])
        )],
        "edges": [["nose", "earL"], ["earL", "pawL"], ["nose", "tail"]],
    }  # fmt: skip
    open_file(creator, file)
    expect(rows(creator)).to_have_count(5)
    creator.get_by_role("button", name="Mirror left to right").click()
    places = {k["name"]: k["template"] for k in exported(creator)["keypoints"]}
    assert (places["earR"], places["pawR"]) == ([160, 60], [140, 200])
    assert {frozenset(edge[:2]) for edge in exported(creator)["edges"]} == {
        frozenset(edge)
        for edge in (["nose", "earL"], ["nose", "earR"], ["earL", "pawL"], ["earR", "pawR"], ["nose", "tail"])
    }
    before = exported(creator)
    creator.get_by_role("button", name="Mirror right to left").click()
    assert exported(creator) == before
    assert said(creator) == "There is nothing to change."


def test_names_that_look_alike_are_refused(creator: Page) -> None:
    paste(creator, "eye\nnose")
    for wanted in ("Eye", "e\u200bye", "eye\u00a0", "\u200b"):
        creator.get_by_label("Name of keypoint 2", exact=True).fill(wanted)
        creator.keyboard.press("Enter")
        assert names(creator) == ["eye", "nose"]
    assert "needs a name with visible characters" in said(creator)
    paste(creator, "eye\nEYE")
    assert "differ in more than case and invisible characters" in said(creator)
    assert names(creator) == ["eye", "nose"]


def test_n8_unpaired_sides_show_a_warning_until_they_are_paired(creator: Page) -> None:
    warning = creator.get_by_text("Check left and right")
    paste(creator, "nose\neyeL\neyeR\nleft ear\nright ear\nlip\nrip\nleg")
    assert [k.get("pair") for k in exported(creator)["keypoints"]] == [
        None, "eyeR", "eyeL", "right ear", "left ear", None, None, None,
    ]  # fmt: skip
    expect(warning).to_be_hidden()
    creator.get_by_label("Name of keypoint 2", exact=True).click()
    creator.get_by_label("Other side").select_option("")
    expect(warning).to_contain_text("eyeL, eyeR name sides without a matching other side")
    expect(warning).to_contain_text("flip_idx")
    creator.get_by_role("button", name="Pair by name").click()
    expect(warning).to_be_hidden()
    creator.get_by_label("Name of keypoint 6", exact=True).fill("pawL")
    creator.keyboard.press("Enter")
    expect(warning).to_contain_text("pawL names a side")
    expect(creator.get_by_role("button", name="Pair by name")).to_be_hidden()


CVAT_SVG = """<svg viewBox="0 0 100 100"><line x1="39.2" y1="7.7" x2="51.9" y2="20.8" stroke="black" data-type="edge"
data-node-from="1" stroke-width="0.5" data-node-to="3"></line><line x1="39.2" y1="7.7" x2="28.1" y2="21.9"
stroke="black" data-type="edge" data-node-from="1" stroke-width="0.5" data-node-to="2"></line><circle r="0.75"
cx="39.2" cy="7.7"
data-type="element node" data-element-id="1" data-node-id="1" stroke="black" fill="#b3b3b3" stroke-width="0.1"></circle>
<circle r="0.75" cx="28.1" cy="21.9" data-type="element node" data-element-id="2" data-node-id="2" stroke="black"
fill="#b3b3b3" stroke-width="0.1"></circle><circle r="0.75" cx="51.9" cy="20.8" data-type="element node"
data-element-id="3" data-node-id="3" stroke="black" fill="#b3b3b3" stroke-width="0.1"></circle>
<desc data-description-type="labels-specification">{"1":{"name":"head &amp; neck","attributes":[],"type":"points",
"has_parent":true},"2":{"name":"left_shoulder","color":"#2675db","attributes":[],"type":"points","has_parent":true},
"3":{"name":"right_shoulder","attributes":[],"type":"points","has_parent":true}}</desc></svg>"""
"""A drawing as CVAT's skeleton constructor saves it: the first nodes of example/svg/person.svg in
https://github.com/K4LC/cvat_autoannotation_deploy_app, shortened numbers, names of its own."""

CVAT_LABELS = [
    {"name": "cat", "color": "#5c5eba", "attributes": []},
    {
        "name": "skeleton", "color": "#5c5eba", "attributes": [], "type": "skeleton",
        "sublabels": [
            {"name": "1", "color": "#d12345", "attributes": [], "type": "points"},
            {"name": "2", "color": "#350dea", "attributes": [], "type": "points"},
        ],
        "svg": '<line x1="19.464284896850586" y1="21.922269821166992" x2="54.08613586425781" y2="43.60293960571289" '
        'stroke="black" data-type="edge" data-node-from="1" stroke-width="0.5" data-node-to="2"></line>'
        '<circle r="1.5" stroke="black" fill="#b3b3b3" cx="19.464284896850586" cy="21.922269821166992" '
        'stroke-width="0.1" data-type="element node" data-element-id="1" data-node-id="1" data-label-id="103">'
        '</circle>'
        '<circle r="1.5" stroke="black" fill="#b3b3b3" cx="54.08613586425781" cy="43.60293960571289" '
        'stroke-width="0.1" data-type="element node" data-element-id="2" data-node-id="2" data-label-id="104">'
        '</circle>',
    },
]  # fmt: skip
"""From the tests of https://github.com/cvat-ai/cvat (tests/python, MIT): ids of labels that the file does not have."""


def test_cvats_drawing_labels_and_annotations(creator: Page) -> None:
    open_file(creator, CVAT_SVG, "skeleton.svg")
    expect(rows(creator)).to_have_count(3)
    read = exported(creator)
    assert [k["name"] for k in read["keypoints"]] == ["head & neck", "left_shoulder", "right_shoulder"]
    assert [k.get("pair") for k in read["keypoints"]] == [None, "right_shoulder", "left_shoulder"]
    assert read["keypoints"][1]["color"] == "#2675db"
    assert read["edges"] == [["head & neck", "right_shoulder"], ["head & neck", "left_shoulder"]]
    (ax, ay), (bx, by), _ = templates(creator)
    assert (by - ay) / (ax - bx) == pytest.approx((21.9 - 7.7) / (39.2 - 28.1), rel=0.01)

    paste(creator, CVAT_LABELS)
    read = exported(creator)
    assert (read["name"], [k["name"] for k in read["keypoints"]], read["edges"]) == (
        "skeleton",
        ["1", "2"],
        [["1", "2"]],
    )
    assert [k["color"] for k in read["keypoints"]] == ["#d12345", "#350dea"]
    assert templates(creator)[0][0] < templates(creator)[1][0]

    # "CVAT for images 1.1", in which the drawing is a text (docs/formats.md has the layout).
    svg = html.escape(
        str(CVAT_LABELS[1]["svg"])
        .replace('label-id="103"', 'label-name="tip"')
        .replace('label-id="104"', 'label-name="end"')
    )
    points = "".join(
        f"<label><name>{label}</name><type>points</type><parent>pen</parent></label>" for label in ("end", "tip")
    )
    paste(
        creator,
        "<?xml version='1.0'?><annotations><meta><task><labels>"
        f"<label><name>pen</name><type>skeleton</type><svg>{svg}</svg></label>{points}"
        "</labels></task></meta></annotations>",
    )
    read = exported(creator)
    assert (read["name"], [k["name"] for k in read["keypoints"]], read["edges"]) == (
        "pen",
        ["end", "tip"],
        [["tip", "end"]],
    )
    assert templates(creator)[1][0] < templates(creator)[0][0]


def test_damaged_and_large_drawings(creator: Page) -> None:
    """Only the first element of CVAT's XML is read. The rest of this one, read as HTML, would be nested 50,000 deep."""
    labels = "<label><name>pen</name><type>skeleton</type></label>"
    labels += "".join(f"<label><name>{n}</name><parent>pen</parent></label>" for n in ("end", "tip"))
    images = '<image name="a.jpg"><points label="tip" points="1,2"/></image>' * 50_000
    paste(creator, f"<annotations><meta><task><labels>{labels}</labels></task></meta>{images}</annotations>")
    assert names(creator) == ["end", "tip"]

    def drawing(count: int, description: str = "{}") -> str:
        circles = "".join(
            f'<circle cx="{i}" cy="{i}" data-node-id="{i}" data-label-name="n{i}"/>' for i in range(count)
        )
        return f'<svg>{circles}<desc data-description-type="labels-specification">{description}</desc></svg>'

    for description in ('"text"', "[1]", '{"0": "nose", "1": 5, "2": null}', "[" * 5000):
        paste(creator, drawing(2, description))
        assert names(creator) == ["n0", "n1"]
    paste(creator, drawing(20_000))
    assert "A skeleton has at most 1000 keypoints; this one has 20000." in said(creator)


def test_label_studios_configuration(creator: Page, open_task: TaskPage) -> None:
    # https://github.com/HumanSignal/label-studio, annotation_templates/computer-vision/keypoints (Apache-2.0)
    template = """<View>
  <KeyPointLabels name="kp-1" toName="img-1">
    <Label value="Face" background="red" />
    <Label value="Nose" background="green" />
  </KeyPointLabels>
  <Image name="img-1" value="$img" />
</View>"""
    paste(creator, template)
    read = exported(creator)
    assert [(k["name"], k["color"]) for k in read["keypoints"]] == [("Face", "red"), ("Nose", "green")]
    assert "no positions" in said(creator)
    several = template.replace(
        "<Image",
        """<KeyPointLabels name="kp-2" toName="img-1">
      <!-- <Label value="hidden"/> --><Label value="b &amp; c" model_index="1"/><Label value="$task"/>
      <Label value="a" model_index="0"/>
    </KeyPointLabels><RectangleLabels name="r" toName="img-1"><Label value="Shirt"/></RectangleLabels><Image""",
    )
    paste(creator, several)
    dialog = creator.get_by_role("dialog", name="Which skeleton?")
    dialog.get_by_role("button", name="Shirt (2 keypoints)").nth(1).click()
    assert exported(creator)["name"] == "Shirt"
    assert names(creator) == ["a", "b & c"]
    assert "takes from each task" in said(creator)
    # https://labelstud.io/tags/keypoint: a tool without labels, beside another control's. Tags may have any case.
    paste(
        creator,
        """<view><keyPoint name="kp" toName="img"/><Image name="img" value="$img"/>
        <labels name="l" toName="img"><label value="tip"/><Label value="end"/></labels>
        <Labels name="t" toName="text"><Label value="word"/></Labels></view>""",
    )
    assert names(creator) == ["tip", "end"]
    for text, sentence in (("<View><Image", "Expected valid XML or SVG"), ("<View/>", "got neither")):
        paste(creator, text)
        assert sentence in said(creator)
    # Chromium styles its report of XML that is not sound, which the page's policy forbids.
    assert all("Applying inline style" in error for error in open_task.errors)
    open_task.errors.clear()
    paste(
        creator,
        f"<View><KeyPointLabels name='k' toName='i'><Label value='{html.escape(HOSTILE)}'/></KeyPointLabels></View>",
    )
    assert names(creator) == [HOSTILE]
    assert creator.evaluate("window.hacked") is None


def test_the_category_of_a_coco_file_is_chosen(creator: Page) -> None:
    category = {"keypoints": ["nose", "tail"], "skeleton": [[1, 2]]}
    file = {"categories": [{"name": "box"}, {"name": "cat", **category}, {"name": "dog", **category}]}
    open_file(creator, file)
    dialog = creator.get_by_role("dialog", name="Which skeleton?")
    dialog.get_by_role("button", name="Cancel").click()
    assert rows(creator).count() == 0
    open_file(creator, file)
    dialog.get_by_role("button", name="dog").press("Enter")
    expect(rows(creator)).to_have_count(2)
    assert exported(creator)["name"] == "dog"
    creator.evaluate(AXE)
    open_file(creator, file)
    expect(dialog).to_be_visible()
    assert creator.evaluate("axe.run()")["violations"] == []


def test_configurations_of_deeplabcut_and_yolo(creator: Page) -> None:
    open_file(
        creator,
        "Task: mouse\nbodyparts:\n- snout\n- leftear\n- rightear\nskeleton:\n- - snout\n  - leftear\n",
        "config.yaml",
    )
    expect(rows(creator)).to_have_count(3)
    assert exported(creator)["edges"] == [["snout", "leftear"]]
    assert keypoint(creator, 1)["pair"] == "rightear"
    open_file(
        creator, "kpt_shape: [2, 3]\nflip_idx: [1, 0]\nnames: {0: pen}\nkpt_names: {0: [tip, end]}\n", "data.yaml"
    )
    expect(rows(creator)).to_have_count(2)
    assert (exported(creator)["name"], keypoint(creator, 0)["pair"]) == ("pen", "end")
    open_file(creator, "bodyparts: [a, b\n", "config.yaml")
    expect(creator.locator("skeleton-creator [role=status]")).to_contain_text("Line 1")
