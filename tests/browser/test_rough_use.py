"""Interrupted gestures, other input devices, damaged storage, late changes by the host, strange images and labels."""

from __future__ import annotations

import io
import json
import time
from typing import Any

import pytest
from driver import LEAVE, NAMES, PERSONS, SENT, Task, TaskPage, attributes, classes, person, picture
from PIL import ExifTags, Image
from playwright.sync_api import expect

from truepoint.groundtruth.answer import parse_answer

WRIST = NAMES.index("left_wrist")


def instances(task: Task) -> list[dict[str, Any]]:
    return list(task.doc["instances"])


def wrist(task: Task) -> tuple[float, float]:
    point = instances(task)[0]["points"][WRIST]
    return point["x"], point["y"]


def grab(task: Task, dx: float = 30) -> None:
    """Press on the first person's wrist and move it."""
    x, y = wrist(task)
    task.page.mouse.move(*task.screen(x, y))
    end = task.screen(x + dx, y)
    task.page.mouse.down()
    task.page.mouse.move(*end, steps=3)


def two_elements(open_task: TaskPage, **values: Any) -> tuple[Task, Task]:
    """Open a page with two elements, each in a form and with an image of its own."""
    given = {"imgSrc": "/photo.png", "keypointClasses": classes(), "skeletonRig": [], **values}
    parts = "".join(
        f'<form style="height: 420px"><crowd-2d-skeleton id=e{n} {attributes({**given, "imageS3Uri": f"s3://b/{n}.png"})}>'
        "</crowd-2d-skeleton></form>"
        for n in range(2)
    )
    page = open_task.html(
        f"<!doctype html><title>Two</title>{parts}<script>{SENT}</script><script src=/element.js></script>"
    )
    return Task(page, "#e0").ready(), Task(page, "#e1").ready()


def can_type(task: Task) -> bool:
    """Return whether a key acts at once, so that no gesture is believed to be in progress."""
    before = len(instances(task))
    task.key("b")
    done = len(instances(task)) == before + 1
    task.key("Control+z")
    return done


# interrupted gestures ------------------------------------------------------------------------------------------------
def test_a_drag_ends_with_its_own_button(open_task: TaskPage) -> None:
    """A press and a release while another button is down are movements for the browser."""
    task = open_task(initialValues=PERSONS)
    x, y = wrist(task)
    grab(task)
    mouse = task.page.mouse
    mouse.down(button="right")
    mouse.move(*task.screen(x + 60, y), steps=3)
    mouse.up(button="left")
    released = instances(task)
    assert wrist(task)[0] == pytest.approx(x + 60, abs=1)
    mouse.move(*task.screen(x + 120, y + 60), steps=3)
    mouse.up(button="right")
    assert instances(task) == released
    assert can_type(task)
    task.key("Control+z")
    assert wrist(task) == (x, y)


@pytest.mark.parametrize(("first", "second", "visibility"), [("right", "left", 1), ("left", "right", 2)])
def test_a_second_button_places_nothing(task: Task, first: Any, second: Any, visibility: int) -> None:
    mouse = task.page.mouse
    mouse.move(*task.screen(200, 200))
    mouse.down(button=first)
    mouse.down(button=second)
    mouse.up(button=first)
    mouse.move(*task.screen(400, 300))
    mouse.up(button=second)
    (x, y, v) = task.points()["nose"]
    assert (x, y, v) == (pytest.approx(200, abs=1), pytest.approx(200, abs=1), visibility)
    assert list(task.points()) == ["nose"]


BLUR = "dispatchEvent(new Event('blur'))"
RELEASE = "element => element.app.stage.root.releasePointerCapture(1)"


@pytest.mark.parametrize("way", ["blur", "lost capture"])
def test_a_drag_that_the_system_interrupts_is_undone(open_task: TaskPage, way: str) -> None:
    """Alt+Tab in mid-drag: the button is released over another window, and the page never learns of it."""
    task = open_task(initialValues=PERSONS)
    before = instances(task)
    grab(task)
    if way == "blur":
        task.page.evaluate(BLUR)
    else:
        task.evaluate(RELEASE)
        task.page.mouse.move(500, 500)
    assert instances(task) == before
    assert can_type(task)
    task.page.mouse.move(700, 500)
    task.page.mouse.up()
    assert instances(task) == before


def test_a_window_that_loses_the_focus_keeps_a_move_by_two_clicks(open_task: TaskPage) -> None:
    task = open_task(initialValues=PERSONS)
    task.key(*["s"] * (WRIST + 1), "Shift+m")
    task.page.evaluate(BLUR)
    task.click(200, 300)
    assert wrist(task) == (pytest.approx(200, abs=1), pytest.approx(300, abs=1))


def test_a_cancelled_touch_leaves_nothing_behind(browser: Any, bundle: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    task = TaskPage(context, bundle)(initialValues=PERSONS)
    before = instances(task)
    cdp = task.page.context.new_cdp_session(task.page)

    def touch(kind: str, *spots: tuple[float, float]) -> None:
        points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(spots)]
        cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    x, y = task.screen(*wrist(task))
    touch("touchStart", (x, y))
    touch("touchMove", (x + 40, y + 10))
    touch("touchCancel")
    assert instances(task) == before
    assert can_type(task)
    view = task.state["view"]
    # Three fingers, lifted one after the other: the last one neither places nor moves anything.
    touch("touchStart", (x, y), (x + 60, y), (x + 90, y))
    touch("touchEnd", (x + 60, y), (x + 90, y))
    touch("touchEnd", (x + 90, y))
    touch("touchEnd")
    assert instances(task) == before
    assert task.state["view"]["scale"] == pytest.approx(view["scale"], rel=0.01)
    assert can_type(task)
    context.close()


def test_a_pen_and_a_mouse_at_once_change_nothing(open_task: TaskPage) -> None:
    task = open_task(initialValues=PERSONS)
    before = instances(task)
    cdp = task.page.context.new_cdp_session(task.page)
    x, y = task.screen(*wrist(task))

    def pen(kind: str, x: float, y: float, buttons: int = 1) -> None:
        event = {"type": kind, "x": x, "y": y, "button": "left", "buttons": buttons, "pointerType": "pen"}
        cdp.send("Input.dispatchMouseEvent", {**event, "clickCount": 1})

    pen("mousePressed", x, y)
    pen("mouseMoved", x + 30, y)
    task.page.mouse.click(x + 200, y + 100)
    pen("mouseMoved", x + 60, y)
    pen("mouseReleased", x + 60, y, 0)
    assert instances(task)[1] == before[1]
    changed = [n for n, point in enumerate(instances(task)[0]["points"]) if point != before[0]["points"][n]]
    assert changed in ([], [WRIST])
    task.page.mouse.move(500, 500)
    assert can_type(task)


@pytest.mark.parametrize("is_palm_first", [True, False])
def test_the_palm_of_the_hand_that_holds_a_pen_does_nothing(browser: Any, bundle: str, is_palm_first: bool) -> None:
    context = browser.new_context(viewport={"width": 1024, "height": 768}, has_touch=True)
    task = TaskPage(context, bundle)(initialValues=PERSONS)
    view, (x, y) = task.state["view"], wrist(task)
    sx, sy = task.screen(x, y)
    cdp = task.page.context.new_cdp_session(task.page)

    def pen(kind: str, by: float, buttons: int = 1) -> None:
        event = {"type": kind, "x": sx + by, "y": sy, "button": "left", "buttons": buttons, "pointerType": "pen"}
        cdp.send("Input.dispatchMouseEvent", {**event, "clickCount": 1})

    def palm(kind: str, *spots: tuple[float, float]) -> None:
        points = [{"x": sx + dx, "y": sy + dy, "id": 0} for dx, dy in spots]
        cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    if is_palm_first:
        palm("touchStart", (80, 90))
    pen("mousePressed", 0)
    pen("mouseMoved", 20)
    if not is_palm_first:
        palm("touchStart", (80, 90))
    palm("touchMove", (95, 120))
    pen("mouseMoved", 40)
    palm("touchEnd")
    pen("mouseReleased", 40, 0)
    assert wrist(task) == (pytest.approx(x + 40 / view["scale"], abs=1), pytest.approx(y, abs=1))
    assert task.state["view"] == view
    task.key("Control+z")
    assert wrist(task) == (x, y)
    assert can_type(task)
    context.close()


def test_the_context_menu_stays_closed_and_the_drag_goes_on(open_task: TaskPage) -> None:
    task = open_task(initialValues=PERSONS)
    x, y = wrist(task)
    grab(task)
    prevented = task.evaluate(
        "({app}) => !app.stage.root.dispatchEvent(new MouseEvent('contextmenu', { bubbles: true, cancelable: true }))"
    )
    assert prevented
    task.page.mouse.move(*task.screen(x + 60, y))
    task.page.mouse.up()
    assert wrist(task)[0] == pytest.approx(x + 60, abs=1)


def test_a_drag_out_of_the_window_ends_at_the_edge_of_the_image(open_task: TaskPage) -> None:
    task = open_task(initialValues=PERSONS)
    start = instances(task)
    grab(task)
    task.page.mouse.move(-300, -200, steps=4)
    task.page.mouse.up()
    assert wrist(task) == (0, 0)
    task.key("Control+z")
    assert instances(task) == start


def test_a_dialog_in_mid_drag_ends_it(open_task: TaskPage) -> None:
    """A second finger presses a button."""
    task = open_task(initialValues=PERSONS)
    x, _ = wrist(task)
    grab(task)
    task.evaluate("({shadowRoot}) => shadowRoot.querySelector('.head > [title^=Shortcuts]').click()")
    task.element.locator("dialog.help[open]").wait_for()
    task.page.mouse.move(700, 500)
    task.page.mouse.up()
    assert wrist(task)[0] == pytest.approx(x + 30, abs=1)
    task.key("Escape")
    assert can_type(task)


@pytest.mark.parametrize(
    "change",
    [
        "element.lang = 'de'",
        "element.maxAnswerBytes = 9e6",
        "document.body.append(element.closest('form'))",
        "const form = element.closest('form'); form.remove(); setTimeout(() => document.body.append(form), 50)",
    ],
    ids=["language", "attribute", "moved", "removed"],
)
def test_a_host_that_changes_the_page_in_mid_drag_loses_nothing(open_task: TaskPage, change: str) -> None:
    task = open_task(initialValues=PERSONS)
    before = instances(task)
    x, y = wrist(task)
    grab(task)
    task.evaluate(f"element => {{ {change} }}")
    task.page.wait_for_timeout(200)
    task.ready()
    task.page.mouse.move(*task.screen(x + 30, y + 2))
    task.page.mouse.up()
    assert instances(task)[1] == before[1]
    # An element that moves within the page loses the pointer, which undoes the drag.
    is_undone = instances(task) == before
    assert is_undone or wrist(task)[0] == pytest.approx(x + 30, abs=1)
    assert can_type(task)
    if not is_undone:
        task.key("Control+z")
    assert instances(task) == before


def test_a_move_by_two_clicks_is_over_when_something_else_is_selected(open_task: TaskPage) -> None:
    task = open_task(initialValues=PERSONS)
    before = instances(task)
    for key in ("]", "s", "2"):
        task.key("1", "Shift+m", key)
        task.click(600, 400)
        assert instances(task) == before, key
        task.key("[") if key == "]" else None
    # The box of one person never becomes that of another.
    task.key("g")
    task.click(10, 10)
    task.key("]")
    task.click(200, 300)
    task.key("q")
    assert [one["box"] for one in instances(task)] == [None, None]


# keyboard ------------------------------------------------------------------------------------------------------------
def press(task: Task, key: str, code: str, **more: Any) -> None:
    """Make a keystroke as another layout makes it."""
    task.page.evaluate(
        "([key, code, more]) => document.body.dispatchEvent(new KeyboardEvent('keydown',"
        " { key, code, bubbles: true, cancelable: true, composed: true, ...more }))",
        [key, code, more],
    )


def test_altgr_types_characters_and_no_shortcuts_of_its_keys(open_task: TaskPage) -> None:
    """Linux reports AltGr only as a modifier state: AltGr+Z is ż in Poland, AltGr+7 is { in Germany."""
    task = open_task(initialValues=PERSONS)
    task.key("c", "c", "1")
    before = task.state
    for key, code in (("ż", "KeyZ"), ("ó", "KeyO"), ("{", "Digit7"), ("þ", "KeyP"), ("Dead", "KeyN"), ("€", "KeyE")):
        press(task, key, code, modifierAltGraph=True)
        assert task.state == before, key
        assert len(instances(task)) == 2
    active = task.evaluate("element => element.app.session.active")
    for more in ({"modifierAltGraph": True}, {"ctrlKey": True, "altKey": True}, {"altKey": True}):
        press(task, "]", "Digit9", **more)
        now = task.evaluate("element => element.app.session.active")
        assert now != active, more
        active = now


def test_keypad_caps_lock_and_command_key(task: Task) -> None:
    press(task, "Enter", "NumpadEnter")
    press(task, "B", "KeyB")  # Caps Lock
    assert len(instances(task)) == 2
    press(task, "3", "Numpad3")
    assert task.state["selected"] == 2
    press(task, "z", "KeyZ", metaKey=True)
    assert len(instances(task)) == 1
    press(task, "Enter", "NumpadEnter", metaKey=True)
    expect(task.element.locator("dialog.review[open]")).to_be_visible()


@pytest.mark.parametrize("part", ["h2", "dl dd"])
def test_keys_reach_nothing_behind_a_dialog(open_task: TaskPage, part: str) -> None:
    """A click on a text in the dialog may move the focus out of it."""
    task = open_task(initialValues=PERSONS)
    before = task.doc
    task.key("?")
    task.element.locator(f"dialog.help[open] {part}").first.click()
    task.key("b", "Shift+Delete", "t", "1", "ArrowLeft", "Delete", "Control+Enter")
    assert task.doc == before
    assert task.page.evaluate("window.sent") == []
    task.key("Escape")
    assert can_type(task)


def test_a_note_is_composed_with_an_input_method(task: Task) -> None:
    task.click(100, 100)
    note = task.element.locator("input[placeholder='Note on nose']")
    note.focus()
    cdp = task.page.context.new_cdp_session(task.page)
    for text in ("に", "にほ", "日本"):
        cdp.send("Input.imeSetComposition", {"text": text, "selectionStart": len(text), "selectionEnd": len(text)})
        assert note.input_value() == text
    for key, code in (("Process", "KeyB"), ("Enter", "Enter"), ("Escape", "Escape")):
        note.evaluate(
            "(node, [key, code]) => node.dispatchEvent(new KeyboardEvent('keydown',"
            " { key, code, ctrlKey: key === 'Enter', isComposing: true, bubbles: true, composed: true }))",
            [key, code],
        )
    assert note.evaluate("node => node.getRootNode().activeElement === node")
    assert task.page.evaluate("window.sent") == []
    cdp.send("Input.insertText", {"text": "日本"})
    task.page.wait_for_timeout(100)
    (one,) = task.answer()["updated_annotations"]
    assert one["annotations"][0]["comment"] == "日本"
    assert len(instances(task)) == 1


# storage -------------------------------------------------------------------------------------------------------------
def stored(task: Task) -> list[Any]:
    drafts: list[Any] = task.page.evaluate(
        """() => new Promise((done) => {
          const request = indexedDB.open("truepoint", 1);
          request.onsuccess = () => {
            const all = request.result.transaction("drafts").objectStore("drafts").getAll();
            all.onsuccess = () => { request.result.close(); done(all.result) };
          };
        })"""
    )
    return drafts


def kept(task: Task) -> None:
    """Wait until a draft is in the store."""
    for _ in range(100):
        if stored(task):
            return
        task.page.wait_for_timeout(50)
    raise AssertionError("expected a draft within 5 s, got none")


def rewrite(task: Task, change: str) -> None:
    """Apply a change to the one draft in the store."""
    task.page.evaluate(
        f"""() => new Promise((done) => {{
          const request = indexedDB.open("truepoint", 1);
          request.onsuccess = () => {{
            const transaction = request.result.transaction("drafts", "readwrite");
            const store = transaction.objectStore("drafts");
            store.getAll().onsuccess = ({{ target }}) => {{
              const [draft] = target.result;
              const one = JSON.parse(draft.doc.instances[0]);
              {change};
              draft.doc.instances[0] = JSON.stringify(one);
              store.put(draft);
            }};
            transaction.oncomplete = () => {{ request.result.close(); done() }};
          }};
        }})"""
    )


@pytest.mark.parametrize(("written", "is_kept"), [("'2001-01-01'", False), ("'2999-01-01'", True), ("Date()", True)])
def test_a_draft_of_a_wrong_clock_is_offered_and_stays(open_task: TaskPage, written: str, is_kept: bool) -> None:
    """The clock of a device with an empty battery starts years ago, and is set right later. Another one is ahead."""
    task = open_task(worker="one")
    task.click(100, 100)
    kept(task)
    rewrite(task, f"draft.at = Date.parse({written})")
    rewrite(task, "draft.copy = store.put({ ...draft, key: 'truepoint-draft:other:1' }), delete draft.copy")
    for day in (30, 0, 2):
        open_task.context.clock.set_fixed_time(time.time() + day * 86_400)
        again = open_task(worker="one")
        expect(again.element.locator(".toast")).to_contain_text("is back")
        assert list(again.points()) == NAMES[:1]
        again.page.wait_for_timeout(600)
    others = [draft for draft in stored(again) if draft["key"] == "truepoint-draft:other:1"]
    assert len(others) == is_kept


@pytest.mark.parametrize(
    "damage",
    [
        "draft.doc = null",
        "draft.doc.instances[1] = '{'",
        "one.points = 5",
        "one.points[0] = { x: 'a', y: 1, v: 2 }",
        "one.points.pop()",
        "one.id = null",
        "draft.at = 'yesterday'",
        "draft.clock = { total: 'x' }",
    ],
)
def test_a_damaged_draft_breaks_nothing(open_task: TaskPage, damage: str) -> None:
    task = open_task(worker="one")
    task.click(100, 100)
    kept(task)
    rewrite(
        task, damage if damage != "draft.doc = null" else "draft.doc.instances[0] = null; draft.doc.instances.push(1)"
    )
    again = open_task(worker="one")
    again.page.wait_for_timeout(300)
    if not instances(again):
        again.click(300, 200)
    assert parse_answer("one", again.evaluate("element => element.app.answer()")).instances
    again.page.wait_for_timeout(600)
    assert len(stored(again)) >= 1


@pytest.mark.parametrize(
    "prefs",
    ["5", '{"keys": null}', '{"keys": 5}', '{"keys": {"undo": "x"}}', '{"keys": {"undo": [7]}}', "{"],
)
def test_damaged_preferences_break_nothing(open_task: TaskPage, prefs: str) -> None:
    open_task.context.add_init_script(f"localStorage.setItem('truepoint-preferences', {json.dumps(prefs)})")
    task = open_task()
    task.key("b")
    assert len(instances(task)) == 1
    task.key("Control+z", "y")
    assert instances(task) == []
    task.key("?")
    expect(task.element.locator("dialog.help")).to_be_visible()


@pytest.mark.parametrize("previous", ["{}", '[null, 5, {"task": 1}]'])
def test_damaged_labels_of_the_previous_image_break_nothing(open_task: TaskPage, previous: str) -> None:
    open_task.context.add_init_script(f"sessionStorage.setItem('truepoint-previous', {json.dumps(previous)})")
    task = open_task()
    task.key("Shift+p")
    task.click(100, 100)
    assert len(task.submit()["updated_annotations"]) == 1


def test_the_database_deleted_under_the_page_is_replaced(open_task: TaskPage) -> None:
    """Another tab clears the site's data."""
    task = open_task(worker="one")
    task.click(100, 100)
    task.page.wait_for_timeout(600)
    other = open_task(worker="two")
    other.page.evaluate("indexedDB.deleteDatabase('truepoint')")
    task.click(140, 100)
    task.page.wait_for_timeout(3200)
    task.page.close(run_before_unload=False)
    other.page.close(run_before_unload=False)
    again = open_task(worker="one")
    expect(again.element.locator(".toast")).to_contain_text("is back")
    assert list(again.points()) == NAMES[:2]


def test_all_storage_blocked_still_labels_and_warns(open_task: TaskPage) -> None:
    open_task.context.add_init_script(
        "for (const name of ['indexedDB', 'localStorage', 'sessionStorage'])"
        " Object.defineProperty(window, name, { get() { throw new DOMException('no', 'SecurityError') } })"
    )
    task = open_task()
    task.place_person()
    task.page.wait_for_timeout(600)
    assert task.page.evaluate(LEAVE)
    assert len(task.submit()["updated_annotations"]) == 1


# hosts ---------------------------------------------------------------------------------------------------------------
def test_an_attribute_beside_the_task_keeps_the_work_on_the_screen(open_task: TaskPage) -> None:
    task = open_task(checkBelow="0.2")
    task.place_person()
    task.key("c")
    before = task.doc
    for change in (
        "element.taskError = 'Careful'",
        "element.skipReasons = { blurred: 'Blurred' }",
        "element.maxAnswerBytes = 6e6",
        "element.checkBelow = 0.5",
        "element.removeAttribute('checkBelow')",
        "element.taskError = null; element.maxAnswerBytes = 1e6; element.checkBelow = 0.1",
    ):
        task.evaluate(f"element => {{ {change} }}")
        task.page.wait_for_timeout(100)
        task.ready()
        assert task.doc == before, change
        assert task.element.locator("dialog.review[open]").count() == 0, change
        task.key("Control+z")
        assert len(task.points()) == len(NAMES) - 1, change
        task.key("Control+y")
        assert task.doc == before, change


def test_another_task_for_a_removed_element_starts_afresh(open_task: TaskPage) -> None:
    """The host changes the task and takes the element away in one go, as a framework's router does."""
    task = open_task(worker="one")
    task.place_person()
    task.evaluate(
        """async (element) => {
          const form = element.parentNode;
          element.imageS3Uri = "s3://bucket/other.png";
          element.remove();
          await new Promise((done) => setTimeout(done, 100));
          form.append(element);
        }"""
    )
    task.ready()
    task.page.wait_for_timeout(300)
    assert instances(task) == []


def test_an_inert_element_takes_no_keys(open_task: TaskPage) -> None:
    """The portal makes the form inert while an answer is on its way: what is on the screen is what is sent."""
    task = open_task(initialValues=PERSONS)
    task.key("1")
    before = task.doc
    task.page.evaluate("() => { document.querySelector('form').inert = true }")
    task.key("b", "ArrowLeft", "Delete", "Shift+Delete", "Control+z", "Control+Enter")
    assert task.doc == before
    assert task.page.evaluate("window.sent") == []
    task.page.evaluate("() => { document.querySelector('form').inert = false }")
    assert can_type(task)


def test_an_answer_that_arrives_late_leaves_the_draft_of_later_work(open_task: TaskPage) -> None:
    task = open_task(worker="one")
    task.place_person()
    task.submit()
    task.key("ArrowLeft")
    after = task.doc
    task.page.evaluate("document.dispatchEvent(new Event('answer-accepted'))")
    task.page.wait_for_timeout(600)
    assert task.page.evaluate(LEAVE)
    again = open_task(worker="one")
    expect(again.element.locator(".toast")).to_contain_text("is back")
    assert again.doc == after


@pytest.mark.parametrize("late", ["banner", "shown"])
def test_the_element_fills_the_window_whatever_the_page_does_later(open_task: TaskPage, late: str) -> None:
    hidden = "display: none" if late == "shown" else ""
    form = f'<h1 id=banner style="height: 60px; margin: 0" hidden></h1><form id=any style="{hidden}">'
    task = open_task(form=form, wait=late != "shown")
    task.page.evaluate(
        "() => { document.querySelector('#banner').hidden = false; document.querySelector('form').style.display = '' }"
    )
    task.ready()
    task.page.wait_for_timeout(200)
    assert task.page.evaluate("document.documentElement.scrollHeight <= innerHeight")
    box = task.element.bounding_box()
    assert box
    assert box["height"] > 700
    task.click(320, 240)
    assert task.points()["nose"][:2] == (pytest.approx(320, abs=1), pytest.approx(240, abs=1))


def test_an_answer_that_cannot_be_made_is_not_sent(open_task: TaskPage) -> None:
    """A native submission would otherwise go on without the fields."""
    task = open_task()
    task.place_person()
    task.page.evaluate(
        "() => { window.real = JSON.stringify; JSON.stringify = () => { throw new RangeError('length') } }"
    )
    task.page.evaluate("document.querySelector('form').requestSubmit()")
    sent = task.page.evaluate("() => { JSON.stringify = window.real; return window.sent.length }")
    assert sent == 0
    expect(task.element.locator(".toast")).to_contain_text("could not be sent")
    assert open_task.errors == ["length"]
    open_task.errors.clear()
    assert len(task.submit()["updated_annotations"]) == 1


def test_enter_in_a_field_of_the_host_asks_before_it_sends(open_task: TaskPage) -> None:
    task = open_task(form="<form id=any><input id=own name=own>")
    task.click(100, 100)
    task.page.locator("#own").focus()
    task.key("b", "Enter")
    expect(task.element.locator("dialog.review[open]")).to_be_visible()
    assert task.page.evaluate("window.sent") == []
    task.override()
    (sent,) = task.page.evaluate("window.sent")
    assert sent["own"] == "b"
    assert len(json.loads(sent["updated_annotations"])) == 1


def test_two_elements_interrupt_each_other_nowhere(open_task: TaskPage) -> None:
    first, second = two_elements(open_task, initialValues=PERSONS)
    page = first.page
    before = [instances(first), instances(second)]
    grab(first)
    second.evaluate("({app}) => app.session.select('p1', 0)")
    page.keyboard.press("ArrowLeft")
    second.evaluate("element => element.closest('form').remove()")
    page.wait_for_timeout(50)
    page.mouse.up()
    assert instances(first)[1] == before[0][1]
    assert [n for n, point in enumerate(instances(first)[0]["points"]) if point != before[0][0]["points"][n]] == [WRIST]
    assert can_type(first)


@pytest.mark.parametrize(
    ("lang", "submit"), [("de-CH", "Absenden"), ("DE", "Absenden"), ("xx", "Submit"), ("", "Submit")]
)
def test_a_language_of_a_region_or_of_nobody(open_task: TaskPage, lang: str, submit: str) -> None:
    task = open_task(lang=lang)
    expect(task.element.locator("footer .primary")).to_have_text(submit)


# images --------------------------------------------------------------------------------------------------------------
def image_of(kind: str, mode: str = "RGB", size: tuple[int, int] = (60, 40), **more: Any) -> bytes:
    out = io.BytesIO()
    Image.new(mode, size, 0 if mode in ("L", "P", "I;16", "1") else None).save(out, kind, **more)
    return out.getvalue()


def turned(orientation: int) -> bytes:
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = orientation
    return image_of("JPEG", exif=exif)


IMAGES: dict[str, tuple[str, bytes, tuple[int, int]]] = {
    **{f"exif {n}": ("image/jpeg", turned(n), (60, 40) if n < 5 else (40, 60)) for n in (2, 3, 5, 6, 8)},
    "cmyk": ("image/jpeg", image_of("JPEG", "CMYK"), (60, 40)),
    "16 bit": ("image/png", image_of("PNG", "I;16"), (60, 40)),
    "1 bit": ("image/png", image_of("PNG", "1"), (60, 40)),
    "transparent": ("image/png", image_of("PNG", "RGBA"), (60, 40)),
    "animated": (
        "image/gif",
        image_of("GIF", "P", save_all=True, append_images=[Image.new("P", (60, 40), 3)], loop=0, duration=20),
        (60, 40),
    ),
    "webp": ("image/webp", image_of("WEBP"), (60, 40)),
    "one pixel": ("image/png", image_of("PNG", size=(1, 1)), (1, 1)),
    "a line": ("image/png", image_of("PNG", size=(3000, 1)), (3000, 1)),
    "svg": (
        "image/svg+xml",
        b'<svg xmlns="http://www.w3.org/2000/svg" width="60" height="40"><rect width="9" height="9"/></svg>',
        (60, 40),
    ),
    "wrong type": ("text/plain", image_of("PNG"), (60, 40)),
    "cut off": ("image/jpeg", image_of("JPEG")[:-20], (60, 40)),
    "huge": ("image/png", image_of("PNG", "1", (16000, 16000)), (16000, 16000)),
}


@pytest.mark.parametrize("name", IMAGES)
def test_an_image_of_any_kind_has_the_pixels_of_its_file(open_task: TaskPage, name: str) -> None:
    kind, body, (width, height) = IMAGES[name]
    open_task.files["/image"] = (kind, body)
    task = open_task(photo="/image")
    box = task.element.locator(".stage img").first.bounding_box()
    assert box
    task.page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + 0.5 * box["height"])
    details = task.answer()["answer_details"]
    assert (details["image_width"], details["image_height"]) == (width, height)
    notices = task.element.locator(".notices").text_content() or ""
    assert ("file is not complete" in notices) == (name == "cut off")
    near = max(1, width / 100), max(1, height / 100)
    assert task.points()["nose"][0] == pytest.approx(0.75 * width, abs=near[0])
    assert task.points()["nose"][1] == pytest.approx(0.5 * height, abs=near[1])


def test_what_is_no_image_is_said_and_can_be_tried_again(open_task: TaskPage) -> None:
    first, *others = (b"", b"<html>Sign in</html>", picture(640, 480, "JPEG")[:300], b"\x89PNG\r\n\x1a\n")
    open_task.files["/image"] = ("image/jpeg", first)
    task = open_task(photo="/image", wait=False)
    note = task.element.locator(".note")
    note.wait_for()
    for other in others:
        open_task.files["/image"] = ("image/jpeg", other)
        with task.page.expect_response("**/image*"):
            note.locator(".primary").click()
        note.wait_for()
    task.page.mouse.click(400, 400)
    task.key("v", "Enter", "b")
    assert instances(task) == []
    open_task.files["/image"] = ("image/png", picture(640, 480))
    note.locator(".primary").click()
    task.ready()
    task.click(100, 100)
    assert list(task.points()) == ["nose"]


def test_a_link_that_expires_while_labels_are_on_the_screen_loses_none(open_task: TaskPage) -> None:
    task = open_task()
    task.place_person()
    before = task.doc
    task.evaluate("element => { element.imgSrc = '/expired.png' }")
    task.element.locator(".note").wait_for()
    task.key("Shift+Delete", "b", "Control+z", "t", "ArrowLeft")
    task.evaluate("element => { element.imgSrc = '/photo.png?new' }")
    task.ready()
    assert task.doc == before


# pre-labels ----------------------------------------------------------------------------------------------------------
def point(label: Any, x: Any = 10, y: Any = 20, **more: Any) -> dict[str, Any]:
    return {"label": label, "x": x, "y": y, **more}


WRONG: dict[str, list[Any]] = {
    "far away": [{"annotations": [point("nose", 1e9), point("left_eye", 5, -2e6), point("right_eye")]}],
    "far box": [{"annotations": [point("nose")], "box": [0, 0, 1e9, 5]}],
    "long id": [{"id": "x" * 300, "annotations": [point("nose")]}],
    "equal ids": [{"id": "a", "annotations": [point("nose")]} for _ in range(3)],
    "unknown names": [{"annotations": [point("tail"), point(""), point(None), point(7), point("nose")]}],
    "twice": [{"annotations": [point("nose", n) for n in range(5)]}],
    "no numbers": [
        {"annotations": [point("nose", None), point("left_eye", "5"), point("right_eye", [1]), point("left_ear")]}
    ],
    "visibility": [{"annotations": [point("nose", visibility=v) for v in (7, -1, None, "2", True, 0.5)]}],
    "not lists": [{"annotations": "x"}, {"annotations": None}, {}, 5, None, [], {"annotations": [None, 5, []]}],
}


@pytest.mark.parametrize("name", WRONG)
def test_wrong_pre_labels_never_spoil_the_answer(open_task: TaskPage, name: str) -> None:
    """Readers get exactly the instances on the screen, and accept the whole answer."""
    task = open_task(initialValues=WRONG[name])
    placed = [point for one in instances(task) for point in one["points"] if point]
    task.key("b")
    task.click(300, 200)
    fields = task.evaluate("element => element.app.answer()")
    read = parse_answer("one", fields)
    assert len(read.instances[-1].annotations) == 1
    usable = [found for one in read.instances[:-1] for found in one.annotations if found.label in NAMES]
    assert len(usable) == len(placed)


def test_infinite_numbers_are_no_positions(open_task: TaskPage) -> None:
    text = '[{"annotations": [{"label": "nose", "x": 1e999, "y": 5}, {"label": "left_eye", "x": 5, "y": 6}]}]'
    task = open_task(initialValues=text)
    assert list(task.points()) == ["left_eye"]
    assert len(parse_answer("one", task.evaluate("element => element.app.answer()")).instances) == 1


def test_an_id_with_a_slash_and_a_number_is_the_name_of_no_keypoint(open_task: TaskPage) -> None:
    task = open_task(initialValues=[{**person(40, 40, 0.7), "id": "a"}, {**person(300, 40, 0.7), "id": "a/3"}])
    task.key("]", "h")
    expect(task.element.locator(".toast")).to_have_text("Hidden: Instance 2")
    task.key("[")
    assert task.element.locator(".points li.off").count() == 0


def test_a_thousand_small_pre_labels_are_labelled(open_task: TaskPage) -> None:
    labels = [person(6 * (n % 100), 40 * (n // 100), 0.04) for n in range(1000)]
    open_task.files["/many.json"] = ("application/json", json.dumps({"annotations": labels}))
    task = open_task(initialValues="[]", initialValuesSrc="/many.json")
    task.key("]", "t", "Delete")
    assert len(parse_answer("one", task.evaluate("element => element.app.answer()")).instances) == 1000
