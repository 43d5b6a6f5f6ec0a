"""Touch, keyboard alone, screen readers."""

from __future__ import annotations

import json
import random
from collections.abc import Iterator
from typing import Any

import pytest
from driver import NAMES, ROOT, Task, TaskPage, person
from playwright.sync_api import Browser, CDPSession, expect

AXE = (ROOT / "node_modules/axe-core/axe.min.js").read_text()


class Fingers:
    def __init__(self, task: Task) -> None:
        self.task = task
        self.cdp: CDPSession = task.page.context.new_cdp_session(task.page)

    def send(self, kind: str, *points: tuple[float, float]) -> None:
        touches = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(points)]
        self.cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": touches})

    def tap(self, x: float, y: float) -> None:
        self.send("touchStart", self.task.screen(x, y))
        self.send("touchEnd")

    def slide(self, *paths: tuple[tuple[float, float], tuple[float, float]], steps: int = 8) -> None:
        """Fingers from page places to page places."""
        self.send("touchStart", *(start for start, _ in paths))
        for n in range(1, steps + 1):
            self.send(
                "touchMove", *((a[0] + (b[0] - a[0]) * n / steps, a[1] + (b[1] - a[1]) * n / steps) for a, b in paths)
            )
        self.send("touchEnd")


@pytest.fixture
def phone(browser: Browser, bundle: str) -> Iterator[TaskPage]:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True, device_scale_factor=2)
    context.set_default_timeout(5000)
    opener = TaskPage(context, bundle)
    yield opener
    assert opener.errors == []
    context.close()


def test_defect_19_taps_pans_and_pinches(phone: TaskPage) -> None:
    task = phone()
    fingers = Fingers(task)
    fingers.tap(200, 200)
    fingers.tap(300, 220)
    assert list(task.points()) == NAMES[:2]
    before = task.state["view"]
    x, y = task.screen(320, 240)
    fingers.slide(((x - 30, y), (x - 90, y)), ((x + 30, y), (x + 90, y)))
    pinched = task.state["view"]
    assert pinched["scale"] == pytest.approx(3 * before["scale"], rel=0.15)
    fingers.slide(((x, y + 80), (x + 40, y + 100)))
    panned = task.state["view"]
    assert panned["tx"] - pinched["tx"] == pytest.approx(40, abs=12)
    # Both fingers on one spot have no distance between them: still numbers.
    fingers.slide(((x, y), (x + 5, y)), ((x, y), (x + 5, y)))
    assert all(isinstance(value, float | int) for value in task.state["view"].values())
    assert list(task.points()) == NAMES[:2]


def test_touch_drags_a_keypoint_under_a_magnifier(phone: TaskPage) -> None:
    task = phone()
    fingers = Fingers(task)
    fingers.tap(320, 240)
    x, y = task.screen(320, 240)
    fingers.send("touchStart", (x + 6, y + 6))
    fingers.send("touchMove", (x + 30, y + 30))
    fingers.send("touchMove", (x + 46, y + 46))
    expect(task.element.locator(".loupe")).to_be_visible()
    fingers.send("touchEnd")
    scale = task.state["view"]["scale"]
    assert task.points()["nose"][0] == pytest.approx(320 + 40 / scale, abs=1)
    expect(task.element.locator(".loupe")).to_be_hidden()


def test_a_second_finger_takes_a_drag_back(phone: TaskPage) -> None:
    task = phone()
    fingers = Fingers(task)
    fingers.tap(320, 240)
    before = task.doc
    x, y = task.screen(320, 240)
    fingers.send("touchStart", (x, y))
    fingers.send("touchMove", (x + 30, y))
    fingers.send("touchStart", (x + 30, y), (x + 90, y))
    fingers.send("touchMove", (x + 30, y), (x + 120, y))
    fingers.send("touchEnd")
    assert task.doc == before


def test_visibility_by_touch(phone: TaskPage) -> None:
    task = phone()
    Fingers(task).tap(200, 200)
    task.element.locator(".choice button", has_text="Occluded").tap()
    assert task.points()["nose"][2] == 1


def test_defect_27_a_person_by_keyboard_alone(open_task: TaskPage) -> None:
    task = open_task()
    stage = task.element.locator(".stage")
    assert stage.evaluate("stage => stage.getRootNode().activeElement === stage")
    task.key("Enter")
    first = task.points()["nose"]
    task.key("ArrowRight", "Shift+ArrowDown")
    moved = task.points()["nose"]
    scale = task.state["view"]["scale"]
    assert moved[0] - first[0] == pytest.approx(1 / scale, abs=0.02)
    assert moved[1] - first[1] == pytest.approx(10 / scale, abs=0.02)
    for _ in NAMES[1:]:
        task.key("Enter", "ArrowLeft")
    assert list(task.points()) == NAMES
    expect(task.element.locator(".live")).to_contain_text("All keypoints placed")


def test_whole_instances_by_keyboard_alone(open_task: TaskPage) -> None:
    task = open_task()
    task.key("v", "Enter")
    drawn = task.points()
    assert list(drawn) == NAMES
    task.key("g", "Enter")
    left, top, width, height = task.answer()["updated_annotations"][0]["box"]
    for x, y, _ in drawn.values():
        assert left < x < left + width
        assert top < y < top + height
    task.key("n", "ArrowRight", "Shift+ArrowDown", "Control+ArrowDown", "Control+ArrowDown", "Control+ArrowRight")
    turned = task.points()
    span = [max(p[1] for p in points.values()) - min(p[1] for p in points.values()) for points in (drawn, turned)]
    assert span[1] < span[0]
    for x, y, _ in turned.values():
        assert 0 <= x <= 640
        assert 0 <= y <= 480


def test_defect_27_everything_has_a_name_and_the_focus_an_order(open_task: TaskPage) -> None:
    task = open_task(initialValues=[person()])
    task.key("1", "o", "o")
    task.element.evaluate("({shadowRoot}) => shadowRoot.querySelector('.toolbar button').focus()")
    seen = []
    for _ in range(45):
        task.page.keyboard.press("Tab")
        seen.append(
            task.element.evaluate(
                "({shadowRoot: {activeElement: node}}) => node &&"
                " (node.getAttribute('aria-label') || node.textContent.trim() || node.title || node.placeholder)"
            )
        )
    names = [name for name in seen if name]
    for wanted in ("Undo", "Zoom in", "Help", "Instance 1", "nose", "Occluded", "Note on nose", "Submit"):
        assert any(wanted in name for name in names), (wanted, names)
    assert names.index(next(name for name in names if name.startswith("Image"))) < names.index("Submit")
    # One stop for the whole list of keypoints; arrows walk inside.
    assert sum(name.endswith(("visible1", "visible2", "visible3")) for name in names) <= 2


def test_arrows_walk_the_list_of_keypoints(open_task: TaskPage) -> None:
    task = open_task(initialValues=[person()])
    before = task.doc
    task.element.locator(".points .pick").first.focus()
    task.key("ArrowDown", "ArrowDown", "Enter")
    assert task.state["selected"] == 2
    assert task.doc == before


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [1440, 390])
def test_axe_finds_nothing(browser: Browser, bundle: str, scheme: Any, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 844}, color_scheme=scheme)
    context.set_default_timeout(5000)
    opener = TaskPage(context, bundle)
    locked = person(300, annotation_options={"editable": False})
    task = opener(initialValues=[person(), locked], annotationIssues=[{"reason": "Look at the wrist"}])
    task.key("1", "t")
    task.page.wait_for_timeout(400)
    task.element.locator("summary").click()

    def violations() -> list[str]:
        task.page.evaluate(AXE)
        result = task.page.evaluate("axe.run({ rules: { 'page-has-heading-one': { enabled: false } } })")
        return [f"{v['id']}: {[n['target'] for n in v['nodes']]}" for v in result["violations"]]

    assert violations() == []
    task.element.locator(".stage").focus()
    task.key("?")
    assert violations() == []
    task.key("Escape", "b")
    task.element.locator("footer button.primary").click()
    assert violations() == []
    context.close()


def test_own_keys_and_no_keys(open_task: TaskPage) -> None:
    task = open_task()
    task.key("?")
    help_dialog = task.element.locator("dialog.help[open]")
    help_dialog.locator("button[data-shortcut=new]").click()
    task.key("Control+b")
    assert "Ctrl + B" in help_dialog.locator("button[data-shortcut=new]").inner_text()
    task.key("Escape", "Control+b")
    assert len(task.doc["instances"]) == 1
    task.key("b")
    assert len(task.doc["instances"]) == 1
    task.page.wait_for_timeout(600)
    task.page.reload()
    task.resume()
    task.key("Control+b")
    assert len(task.doc["instances"]) == 2
    task.key("?")
    help_dialog.locator("input[type=checkbox]").uncheck()
    task.key("Escape", "Control+b", "o")
    assert len(task.doc["instances"]) == 2
    task.element.locator(".head > button").click()
    help_dialog.get_by_text("As delivered").click()
    task.key("Escape", "b")
    assert len(task.doc["instances"]) == 3


def test_fuzz_with_real_input(open_task: TaskPage) -> None:
    """Random clicks, drags, wheels and keys: never an error, undo leads home, what is submitted is what is shown."""
    task = open_task(initialValues=[person(40, 40, 0.7), person(300, 40, 0.7, annotation_options={"editable": False})])
    start = json.dumps(task.doc)
    dice = random.Random(7)
    mouse, keyboard = task.page.mouse, task.page.keyboard
    letters = [*"ouifbvprtkngqhjmwsadzcxeyl][3"]
    others = (
        "Shift+r Shift+t Shift+2 Delete ArrowLeft Shift+ArrowUp Control+z Control+Shift+z Shift+Delete Enter Escape"
    )
    keys = [*letters, *others.split()]
    for _ in range(250):
        roll = dice.random()
        x, y = dice.uniform(12, 1110), dice.uniform(70, 880)
        if roll < 0.35:
            mouse.click(x, y, button=dice.choice(["left", "left", "right"]))
        elif roll < 0.6:
            mouse.move(x, y)
            mouse.down(button=dice.choice(["left", "left", "left", "middle"]))
            mouse.move(dice.uniform(12, 1420), dice.uniform(10, 890), steps=2)
            mouse.up(button="left")
            mouse.up(button="middle")
        elif roll < 0.65:
            mouse.wheel(0, dice.choice([-400, 400]))
        else:
            keyboard.press(dice.choice(keys))
    keyboard.press("Escape")
    shown = task.doc
    for instance in shown["instances"]:
        for point in instance["points"]:
            if point and point["v"] > 0:
                assert 0 <= point["x"] <= 640
                assert 0 <= point["y"] <= 480
    answer = task.answer()["updated_annotations"]
    for instance, sent in zip(shown["instances"], answer, strict=True):
        placed = [(p["x"], p["y"], p["v"]) for p in instance["points"] if p and p["v"] > 0]
        assert [(a["x"], a["y"], a["visibility"]) for a in sent["annotations"]] == placed
    task.element.locator("button[title^='Undo']").evaluate("undo => { while (!undo.disabled) undo.click(); }")
    assert json.dumps(task.doc) == start


def test_the_image_stays_put_while_a_phone_labels(phone: TaskPage) -> None:
    """A panel that grew with the first keypoint would shift the image under the finger."""
    task = phone(annotationIssues=[{"reason": "Look at the wrist"}])
    before = task.state["view"]
    fingers = Fingers(task)
    fingers.tap(200, 200)
    fingers.tap(300, 220)
    task.key("b")
    task.page.wait_for_timeout(400)
    assert task.state["view"] == before


def test_a_phone_does_not_zoom_into_a_field(phone: TaskPage) -> None:
    """iOS zooms the page into fields whose text is smaller than 16 px."""
    task = phone()
    inputs = task.page.locator("crowd-2d-skeleton input")
    sizes = inputs.evaluate_all("inputs => inputs.map(input => parseFloat(getComputedStyle(input).fontSize))")
    assert sizes
    assert min(sizes) >= 16
