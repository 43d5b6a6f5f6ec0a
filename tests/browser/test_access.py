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


def spoken(task: Task) -> str:
    """What the live region says once the last command has been spoken."""
    task.page.wait_for_timeout(250)
    return task.element.locator(".live").text_content() or ""


def tree(task: Task) -> list[dict[str, Any]]:
    """The page's accessibility tree as a screen reader gets it: role, name, and the properties that are set."""
    cdp = task.page.context.new_cdp_session(task.page)
    nodes = cdp.send("Accessibility.getFullAXTree")["nodes"]
    cdp.detach()
    return [
        {
            "role": node["role"]["value"],
            "name": node.get("name", {}).get("value", ""),
            **{p["name"]: p["value"].get("value") for p in node.get("properties", [])},
        }
        for node in nodes
        if not node["ignored"]
    ]


def test_a_person_by_keyboard_alone_as_a_screen_reader_tells_it(open_task: TaskPage) -> None:
    """After every command: which keypoint, its state, where it is, what remains."""
    task = open_task()
    (stage,) = [node for node in tree(task) if node["role"] == "application"]
    assert stage["focused"]
    assert "Enter places the next keypoint" in stage["name"]
    for number, name in enumerate(NAMES):
        task.key("Enter")
        words = name.replace("_", " ")
        x, y, _ = task.points()[name]
        said = spoken(task)
        assert f"Placed {words}" in said
        assert f"{words}: visible at {round(x)}, {round(y)}" in said or f"at {int(x)}, " in said
        left = len(NAMES) - number - 1
        assert (f"{left} left, next: {NAMES[number + 1].replace('_', ' ')}" if left else "All keypoints placed") in said
        task.key("ArrowLeft", "ArrowUp")
    for keys, words in (
        ("w", "left ankle: visible"), ("s", "right ankle: visible"), ("1", "nose: visible at"),
        ("o", "nose: occluded at"), ("Shift+ArrowRight", "nose: occluded at"), ("Delete", "nose: not placed"),
        ("Control+z", "Undone: delete nose"), ("h", "Hidden: Instance 1"), ("h", "Shown: Instance 1"),
        ("k", "Hidden: nose"), ("k", "Shown: nose"), ("y", "Names"), ("l", "Magnifier"), ("Shift+c", "Crosshair"),
        ("c", "All keypoints placed"), ("n", "Adjust:"), ("n", "All keypoints placed"), ("g", "Box:"),
        ("Escape", "All keypoints placed"), ("v", "Draw a skeleton:"), ("v", "nose"),
        ("r", "Select a keypoint that has a left or right pair"), ("Control+y", "Done again: delete nose"),
        ("Control+y", "Nothing to redo"), ("Control+z", "Undone: delete nose"), ("Shift+m", "click where it belongs"),
        ("Escape", "nose"), ("2", "left eye"), ("u", "left eye: not visible"), ("2", "left eye: not visible"),
        ("p", "Instance 2"), ("[", "Instance 1"), ("]", "Instance 2"),
        ("b", "Instance 3. no keypoint selected. 17 left, next: nose"), ("d", "nose: not placed"),
        ("a", "right ankle"), ("Shift+Delete", "Instance 2"), ("Shift+Delete", "Instance 1"),
    ):  # fmt: skip
        task.key(keys)
        assert words in spoken(task), keys
    nodes = tree(task)
    names = [(node["role"], node["name"]) for node in nodes]
    for role, name in (
        ("list", "Instances"), ("list", "Keypoints"), ("group", "Visibility"), ("toolbar", "Tools"), ("main", "Image"),
        ("complementary", "Labels"), ("button", "Submit"), ("textbox", "Image note"),
        ("checkbox", "Nothing to label here"),
    ):  # fmt: skip
        assert (role, name) in names, (role, name)
    assert all(node["name"] for node in nodes if node["role"] in {"button", "textbox", "checkbox", "slider", "link"})
    task.key("Control+Enter")
    dialog = [node for node in tree(task) if node["role"] == "dialog"]
    assert [node["name"] for node in dialog] == ["Before you submit"]


def test_a_held_key_is_spoken_once(task: Task) -> None:
    task.key("Enter")
    spoken(task)
    task.page.evaluate(
        """() => {
          const live = document.querySelector("crowd-2d-skeleton").shadowRoot.querySelector(".live");
          window.said = [];
          const note = () => live.textContent && said.push(live.textContent);
          new MutationObserver(note).observe(live, { childList: true });
        }"""
    )
    for _ in range(15):
        task.page.keyboard.down("ArrowRight")
    task.page.keyboard.up("ArrowRight")
    x = task.points()["nose"][0]
    spoken(task)
    said = task.page.evaluate("window.said")
    assert len(said) <= 3
    assert f"at {round(x)}, " in said[-1] or f"at {int(x)}, " in said[-1]
    task.key("Control+y")
    spoken(task)
    task.key("Control+y")
    spoken(task)
    assert [text.startswith("Nothing to redo") for text in task.page.evaluate("window.said")[-2:]] == [True, True]


@pytest.mark.parametrize(("width", "height"), [(1440, 900), (390, 844), (360, 640)])
def test_the_focused_element_is_always_visible(browser: Browser, bundle: str, width: int, height: int) -> None:
    """WCAG 2.4.11: sticky parts of the panel and of dialogs do not cover what has the focus."""
    context = browser.new_context(viewport={"width": width, "height": height})
    context.set_default_timeout(5000)
    opener = TaskPage(context, bundle)
    task = opener(
        initialValues=[person(20 + 40 * n) for n in range(8)], annotationIssues=["look"] * 3, skipReasons={"a": "b"}
    )
    task.key("1", "t")
    task.page.wait_for_timeout(400)
    task.element.locator("summary").click()
    hidden = """({shadowRoot: root}) => {
      const node = root.activeElement;
      if (!node || node.matches(".stage")) return "";
      const { left, top, width, height } = node.getBoundingClientRect();
      const spots = [[0.5, 0.5], [0.1, 0.5], [0.9, 0.5], [0.5, 0.2], [0.5, 0.8]];
      const seen = spots.filter(([x, y]) => {
        const at = root.elementFromPoint(left + x * width, top + y * height);
        return at && (node.contains(at) || at.contains(node));
      });
      return seen.length ? "" : node.outerHTML.slice(0, 120);
    }"""
    for keys in ("Tab", "Shift+Tab"):
        found = set()
        for _ in range(90):
            task.key(keys)
            found.add(task.evaluate(hidden))
        assert found <= {""}
    task.element.locator(".stage").focus()
    task.key("?")
    for _ in range(70):
        task.key("Tab")
        assert task.evaluate(hidden) == ""
    context.close()


def test_dragging_has_alternatives(task: Task) -> None:
    """WCAG 2.5.7: two clicks do what a drag does."""
    task.key("v")
    task.click(100, 50)
    task.click(300, 400)
    drawn = task.points()
    assert list(drawn) == NAMES
    assert max(p[0] for p in drawn.values()) <= 301
    task.key("v")
    task.click(600, 50)
    task.click(400, 400)
    assert len(task.doc["instances"]) == 2, "from right to left, as a drag"
    second = task.points(1)
    assert second["left_shoulder"][0] < second["right_shoulder"][0]
    task.key("g")
    task.click(390, 40)
    task.click(610, 410)
    assert task.answer()["updated_annotations"][1]["box"] == pytest.approx([390, 40, 220, 370], abs=2)
    task.key("1")
    task.element.locator("button[title^='Move the selected keypoint']").click()
    task.click(450, 120)
    assert task.points(1)["nose"][:2] == (pytest.approx(450, abs=1), pytest.approx(120, abs=1))
    task.key("Control+z")
    assert task.points(1) == second
    task.key("n")
    xs = [p[0] for p in second.values()]
    ys = [p[1] for p in second.values()]
    scale = task.state["view"]["scale"]
    corner = (max(xs) + 18 / scale, max(ys) + 18 / scale)
    task.click(*corner)
    task.click(corner[0] - 60, corner[1] - 60)
    assert max(p[0] for p in task.points(1).values()) == pytest.approx(max(xs) - 60, abs=2)


def test_escape_or_another_action_cancels_a_move_by_two_clicks(task: Task) -> None:
    task.place_person()
    before = task.points()
    task.key("1", "Shift+m", "Escape")
    task.click(600, 400)
    assert task.points() == before
    task.key("1", "Shift+m", "ArrowLeft")
    nudged = task.points()
    task.click(600, 400)
    assert {name: place for name, place in task.points().items() if name != "nose"} == {
        name: place for name, place in nudged.items() if name != "nose"
    }
    assert task.points()["nose"] == nudged["nose"]
    task.key("v")
    task.click(300, 100)
    task.key("v")
    task.click(320, 300)
    assert task.points()["nose"] == nudged["nose"]


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
    task.evaluate("({shadowRoot}) => shadowRoot.querySelector('.toolbar button').focus()")
    seen = []
    for _ in range(45):
        task.page.keyboard.press("Tab")
        seen.append(
            task.evaluate(
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


@pytest.mark.parametrize(("scheme", "width"), [("light", 390), ("light", 1440), ("dark", 1440)])
def test_axe_finds_no_violation(browser: Browser, bundle: str, scheme: Any, width: int) -> None:
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
    task.element.get_by_role("button", name="Help").click()
    help_dialog.get_by_text("Reset keys").click()
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
