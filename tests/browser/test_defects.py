"""The forty defects measured in the original component, numbered as there: none of them may appear here."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from driver import NAMES, ORIGIN, TEMPLATE, Task, TaskPage, classes, person, picture
from playwright.sync_api import expect

CROWD_FORM = (Path(__file__).parent / "crowd_form.js").read_text()
HOSTILE = """<img src=x onerror="window.hacked=1">"'`${1}"""


def painted(task: Task) -> dict[str, float]:
    """What encloses the single marker of the instance in hand, neither selected nor under the pointer, on the page."""
    task.key("q")
    task.page.mouse.move(5, 5)
    return task.evaluate(
        """async ({ shadowRoot }) => {
          await new Promise(requestAnimationFrame);
          const [, top] = shadowRoot.querySelectorAll("canvas");
          const { data } = top.getContext("2d").getImageData(0, 0, top.width, top.height);
          const xs = [], ys = [];
          for (let i = 3; i < data.length; i += 4) if (data[i] > 8) {
            const p = (i - 3) / 4;
            xs.push(p % top.width);
            ys.push(Math.floor(p / top.width));
          }
          const rect = top.getBoundingClientRect(), ratio = rect.width / top.width;
          return {
            left: rect.left + Math.min(...xs) * ratio, right: rect.left + (Math.max(...xs) + 1) * ratio,
            top: rect.top + Math.min(...ys) * ratio, bottom: rect.top + (Math.max(...ys) + 1) * ratio,
          };
        }"""
    )


# wrong data ----------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize("size", [(640, 480), (200, 150), (3000, 2000)])
def test_defect_01_markers_are_at_their_keypoints_position(open_task: TaskPage, size: tuple[int, int]) -> None:
    x, y = size[0] * 0.4, size[1] * 0.3
    task = open_task(
        width=size[0],
        height=size[1],
        photo=f"/photo{size[0]}.png",
        wait=False,
        initialValues=[{"annotations": [{"label": "nose", "x": x, "y": y}]}],
    )
    open_task.files[f"/photo{size[0]}.png"] = ("image/png", picture(*size))
    task.page.reload()
    task.ready()
    drawn = painted(task)
    wanted = task.screen(x, y)
    assert (drawn["left"] + drawn["right"]) / 2 == pytest.approx(wanted[0], abs=0.75)
    assert (drawn["top"] + drawn["bottom"]) / 2 == pytest.approx(wanted[1], abs=0.75)


def test_defect_01_a_click_and_a_drag_store_the_right_place(task: Task) -> None:
    task.click(101.5, 202.25)
    half = 0.5 / task.state["view"]["scale"] + 0.01
    assert task.points()["nose"][:2] == (pytest.approx(101.5, abs=half), pytest.approx(202.25, abs=half))
    task.drag((101.5, 202.25), (301.5, 102.25))
    assert task.points()["nose"][:2] == (pytest.approx(301.5, abs=2 * half), pytest.approx(102.25, abs=2 * half))


def test_defect_02_a_drawn_skeleton_fills_the_box(task: Task) -> None:
    task.key("v")
    task.drag((100, 50), (300, 400))
    xs = [p[0] for p in task.points().values()]
    ys = [p[1] for p in task.points().values()]
    assert (min(xs), max(xs), min(ys), max(ys)) == tuple(pytest.approx(v, abs=1) for v in (100, 300, 50, 400))


def test_defect_03_drawing_from_any_corner_fills_the_same_box(task: Task) -> None:
    task.key("v")
    task.drag((300, 400), (100, 50))
    points = task.points()
    xs = [p[0] for p in points.values()]
    assert (min(xs), max(xs)) == (pytest.approx(100, abs=1), pytest.approx(300, abs=1))
    # From right to left is a subject seen from behind.
    assert points["left_shoulder"][0] < points["right_shoulder"][0]
    assert points["nose"][1] < points["left_ankle"][1]


def test_defect_04_nothing_leaves_the_image(open_task: TaskPage) -> None:
    task = open_task(initialValues=[person(200, 50)])
    x, y, _ = task.points()["left_wrist"]
    task.drag((x, y), (5000, -3000))
    task.key("n")
    task.drag((250, 200), (-4000, 4000))
    task.drag((250, 200), (4000, 200))
    for px, py, _ in task.points().values():
        assert 0 <= px <= 640
        assert 0 <= py <= 480


def test_defect_05_a_plain_click_draws_no_skeleton(task: Task) -> None:
    task.key("v")
    task.click(200, 200)
    assert task.doc["instances"] == []
    assert "Drag" in task.text(".toast")


def test_defect_05_no_template_no_drawing(open_task: TaskPage) -> None:
    flat = [{"label": name, "color": "#fff", "x": 0, "y": 0} for name in NAMES]
    task = open_task(keypointClasses=flat, skeletonBoundingBox=None)
    task.key("v")
    task.drag((100, 100), (300, 300))
    assert task.doc["instances"] == []


def test_defect_06_a_hidden_keypoint_is_never_overwritten(task: Task) -> None:
    task.click(200, 200)
    before = task.points()["nose"]
    task.key("k")
    task.click(300, 300)
    assert task.points()["nose"] == before
    task.key("m")
    task.click(320, 320)
    assert task.points()["nose"] == before
    assert list(task.points()) == NAMES[:3]


def test_defect_07_floats_in_and_out(open_task: TaskPage) -> None:
    given = [person(100.123456789, 40.5), person(300.25, 41.75)]
    task = open_task(initialValues=given)
    answer = task.answer()["updated_annotations"]
    assert [i["annotations"] for i in answer] == [i["annotations"] for i in given]


def test_defect_08_nothing_is_dropped_silently(open_task: TaskPage) -> None:
    given = person(score=0.5)
    given["annotations"] += [{"label": "tail", "x": 1, "y": 2}, {"label": "nose", "x": 3, "y": 4}]
    task = open_task(initialValues=[given])
    assert "tail" in task.text(".notices")
    back = task.answer()["updated_annotations"][0]
    assert back["score"] == 0.5
    assert back["annotations"][-1] == {"label": "tail", "x": 1, "y": 2}
    assert back["unusable_annotations"] == [{"label": "nose", "x": 3, "y": 4}]


def test_defect_09_locked_instances_cannot_be_edited(open_task: TaskPage) -> None:
    task = open_task(initialValues=[person(annotation_options={"editable": False})])
    before = task.points()
    x, y, _ = before["left_wrist"]
    task.drag((x, y), (x + 60, y))
    task.key("n")
    task.drag((x - 40, y), (x + 60, y))
    task.key("q", "1", "Delete", "o", "t", "Shift+Delete")
    assert task.points() == before
    assert task.element.locator("li button[title='Delete Instance 1']").is_disabled()


def test_defect_10_incomplete_work_is_asked_about(task: Task) -> None:
    task.click(200, 200)
    task.key("b")
    task.element.locator("footer button.primary").click()
    review = task.element.locator("dialog.review[open]")
    assert "Neither placed nor marked" in review.inner_text()
    assert "No keypoint placed" in review.inner_text()
    assert task.page.evaluate("window.sent") == []
    review.locator("button.anyway").click()
    assert len(task.page.evaluate("window.sent")) == 1


def test_defect_11_no_changes_needed_follows_the_box(open_task: TaskPage) -> None:
    task = open_task(initialValues=[person()])
    assert task.answer()["no_changes_needed"] == "false"
    task.element.locator("footer input").check()
    assert task.answer()["no_changes_needed"] == "true"
    task.key("Control+z")
    assert task.answer()["no_changes_needed"] == "false"


def test_defect_12_no_signature_in_the_answer(open_task: TaskPage) -> None:
    task = open_task(imageS3Uri=None)
    answer = task.submit()
    assert answer["image_s3_uri"] == "/photo.png"
    assert answer["image_name"] == "photo.png"
    assert "Signature" not in json.dumps(answer)


# lost work -----------------------------------------------------------------------------------------------------------
def test_defect_13_everything_can_be_undone(task: Task) -> None:
    start = task.doc
    task.place_person(50, 40, 0.8)
    steps = [
        lambda: task.key("b"),
        lambda: (task.key("v"), task.drag((300, 50), (400, 300))),
        lambda: task.key("n"),
        lambda: (task.drag((350, 150), (400, 160)), task.key("n")),
        lambda: task.key("t"),
        lambda: task.key("Shift+Delete"),
        task.element.locator(".instances .pick").first.click,
        lambda: task.key("Shift+Delete"),
    ]
    for step in steps:
        step()
    end = task.doc
    for _ in range(40):
        task.key("Control+z")
    assert task.doc == start
    for _ in range(40):
        task.key("Control+Shift+z")
    assert task.doc == end


def test_defect_14_undo_brings_back_exactly_what_was_deleted(task: Task) -> None:
    task.place_person(100, 40)
    before = task.doc
    for number in range(len(NAMES)):
        task.element.locator(".points .pick").nth(number).click()
        task.key("Delete")
    assert task.points() == {}
    for _ in NAMES:
        task.key(",")
    assert task.doc == before
    task.key(".", ",")
    assert task.doc == before


def test_defect_15_ctrl_z_is_undo_and_nothing_else(task: Task) -> None:
    task.key("c", "c")
    view = task.state["view"]
    task.click(200, 200)
    task.key("Control+z")
    assert task.doc["instances"] == []
    assert task.state["view"] == view


def test_defect_16_a_reload_loses_nothing(task: Task) -> None:
    task.place_person()
    before = task.doc
    task.page.wait_for_timeout(600)
    task.page.reload()
    task.resume()
    assert task.doc == before
    assert "is back" in task.text(".toast")
    task.key("Control+z")
    assert task.doc["instances"] == []
    task.key("Control+Shift+z")
    task.submit()
    task.page.evaluate("document.dispatchEvent(new Event('answer-accepted'))")
    task.page.wait_for_timeout(200)
    task.page.reload()
    task.ready()
    assert task.doc["instances"] == []
    assert task.element.locator("dialog[open]").count() == 0


def test_defect_17_a_slow_click_still_places(task: Task) -> None:
    mouse = task.page.mouse
    for number, wait in enumerate((0, 200, 700)):
        mouse.move(*task.screen(100 + 60 * number, 100))
        mouse.down()
        task.page.wait_for_timeout(wait)
        mouse.move(*(v + 2 for v in task.screen(100 + 60 * number, 100)))
        mouse.up()
    assert len(task.points()) == 3


def test_defect_18_a_click_on_another_persons_marker_places(open_task: TaskPage) -> None:
    task = open_task(initialValues=[person()])
    x, y, _ = task.points()["left_hip"]
    task.key("b")
    task.click(x, y)
    assert "Instance 2" in task.text(".instances [aria-current]")
    assert task.doc["instances"][1]["points"][0] is not None


# input, keys, touch, access ------------------------------------------------------------------------------------------
def test_defect_20_typing_in_a_field_triggers_no_shortcut(open_task: TaskPage) -> None:
    task = open_task(after="<input id=outside></form>")
    outside = task.page.locator("#outside")
    outside.click()
    task.page.keyboard.type("a d s w b v")
    assert outside.input_value() == "a d s w b v"
    assert task.doc["instances"] == []
    task.element.locator(".panel button[title='Start a new instance (B)']").click()
    name = task.element.locator("input[placeholder='Instance name']")
    name.click()
    task.page.keyboard.type("bad swan")
    task.key("ArrowLeft", "Backspace", "Enter")
    assert task.doc["instances"][0]["name"] == "bad swn"
    assert len(task.doc["instances"]) == 1


def test_defect_20_modifiers_are_not_ignored(task: Task) -> None:
    view = task.state["view"]
    task.key("Control+c", "Control+b", "Alt+b")
    assert task.state["view"] == view
    assert task.doc["instances"] == []


def test_defect_21_every_key_has_one_meaning_and_caps_lock_no_effect(task: Task) -> None:
    task.click(100, 100)
    task.page.evaluate(
        """() => document.querySelector("crowd-2d-skeleton").app.stage.root.dispatchEvent(
             new KeyboardEvent("keydown", { key: "O", code: "KeyO", bubbles: true, composed: true }))"""
    )
    assert task.points()["nose"][2] == 1
    task.key("Shift+Digit8")
    assert task.state["selected"] == 16


def test_defect_22_next_without_a_place_wraps(task: Task) -> None:
    task.key("b", "2")
    task.click(100, 100)
    for _ in range(len(NAMES) - 1):
        task.key("d")
    assert task.state["selected"] == 0


def test_defect_23_keys_zoom_at_the_centre(task: Task) -> None:
    def centre() -> tuple[float, float]:
        state = task.state
        view, size = state["view"], state["size"]
        return (size["width"] / 2 - view["tx"]) / view["scale"], (size["height"] / 2 - view["ty"]) / view["scale"]

    before = centre()
    for _ in range(8):
        task.key("c")
    assert centre() == (pytest.approx(before[0], abs=0.01), pytest.approx(before[1], abs=0.01))


def test_defect_24_markers_keep_their_size_and_have_names(task: Task) -> None:
    task.click(200, 200)

    def extent() -> float:
        marker = painted(task)
        return marker["right"] - marker["left"]

    small = extent()
    task.page.mouse.move(*task.screen(200, 200))
    for _ in range(12):
        task.page.mouse.wheel(0, -300)
    task.page.wait_for_timeout(100)
    assert task.state["view"]["scale"] > 10
    assert extent() == pytest.approx(small, abs=1)
    assert 8 <= small <= 24
    task.page.mouse.move(*task.screen(210, 210))
    expect(task.element.locator(".tag")).to_have_text("left eye")


def test_defect_25_the_image_cannot_be_pushed_out_of_sight(task: Task) -> None:
    task.key("c", "c")
    for _ in range(4):
        task.drag((150, 130), (330, 260), button="middle")
    state = task.state
    assert state["view"]["tx"] == pytest.approx(state["size"]["width"] / 2, abs=1)
    assert state["view"]["tx"] <= state["size"]["width"] / 2
    task.key("z", "b", "n")
    before = task.state["view"]
    task.drag((500, 400), (480, 380))
    assert task.state["view"] != before


def test_defect_26_fits_again_when_the_window_changes(task: Task) -> None:
    task.page.set_viewport_size({"width": 900, "height": 700})
    task.page.wait_for_timeout(150)
    state = task.state
    width = 640 * state["view"]["scale"]
    assert width <= state["size"]["width"]
    assert state["view"]["tx"] == pytest.approx((state["size"]["width"] - width) / 2, abs=1)
    for size in ((900, 700), (390, 844), (1024, 768)):
        task.page.set_viewport_size({"width": size[0], "height": size[1]})
        task.page.wait_for_timeout(100)
        submit = task.element.locator("footer button.primary").bounding_box()
        assert submit["x"] >= 0
        assert submit["x"] + submit["width"] <= size[0]
        assert submit["y"] + submit["height"] <= size[1]
        overlap = task.evaluate(
            "({shadowRoot: root}) => { const b = root.querySelector('footer button.primary').getBoundingClientRect();"
            " return root.elementFromPoint(b.x + b.width / 2, b.y + b.height / 2).textContent }"
        )
        assert overlap == "Submit"


def test_defect_28_the_page_never_scrolls(open_task: TaskPage) -> None:
    task = open_task()
    for number in range(30):
        task.key("b")
        task.click(20 + 15 * number, 100)
    assert task.page.evaluate("scrollY") == 0
    assert task.page.evaluate("document.documentElement.scrollHeight <= innerHeight")


def test_defect_29_settings_of_one_image_do_not_spoil_the_next(open_task: TaskPage) -> None:
    task = open_task()
    task.element.locator("button[title^='Brightness and contrast']").click()
    task.element.locator("input[type=range]").first.fill("250")
    assert "250" in task.evaluate("element => element.app.stage.img.style.filter")
    task.page.reload()
    task.ready()
    assert task.evaluate("element => element.app.stage.img.style.filter") == ""


def test_defect_30_unique_colours_do_not_repeat_and_apply_to_all(open_task: TaskPage) -> None:
    colors = ["#ff0000", "#00ff00", "#0000ff"]
    task = open_task(uniqueSkeletonColors=colors, initialValues=[person()])
    task.key("b", "b")
    task.element.locator("button[title='Delete Instance 2']").click()
    task.key("b")
    assert sorted(i["color"] for i in task.doc["instances"]) == sorted(colors)


def test_defect_31_a_style_is_honoured(open_task: TaskPage) -> None:
    styled = person(
        annotation_options={"keypoint_style": "SolidSquare", "keypoint_color": "#0000ff", "line_color": "#6a5acd"}
    )
    task = open_task(initialValues=[styled])
    assert task.doc["instances"][0]["options"] == {"line": "#6a5acd", "marker": "#0000ff", "shape": "square"}
    assert "h9v9h-9z" in (task.element.locator(".points svg path").nth(0).get_attribute("d") or "")
    assert task.answer()["updated_annotations"][0]["annotation_options"] == styled["annotation_options"]


# errors, safety, embedding -------------------------------------------------------------------------------------------
def test_defect_32_hostile_text_is_only_text(open_task: TaskPage) -> None:
    hostile = [{"id": "1", "label": HOSTILE, "color": f"red;{HOSTILE}", "x": 1, "y": 2}, {"label": "b", "x": 9, "y": 9}]
    task = open_task(
        keypointClasses=hostile,
        skeletonRig=[[HOSTILE, "b", HOSTILE], [HOSTILE, "x"]],
        initialValues=[
            {
                "name": HOSTILE,
                "annotations": [{"label": HOSTILE, "x": 5, "y": 5}, {"label": HOSTILE + "2", "x": 1, "y": 1}],
            }
        ],
        annotationIssues=[{"reason": HOSTILE}],
        taskError=HOSTILE,
        uniqueSkeletonColors=[HOSTILE],
    )
    task.key("b")
    task.click(100, 100)
    task.click(200, 200)
    task.key("y", "?")
    assert task.page.evaluate("window.hacked") is None
    assert task.evaluate("({shadowRoot}) => shadowRoot.querySelectorAll('[onerror]').length") == 0
    assert HOSTILE in task.text(".notices")


def test_defect_32_hostile_image_address(open_task: TaskPage) -> None:
    task = open_task(photo="data:text/html,<img src=x onerror=window.hacked=1>", wait=False)
    task.element.locator(".note h2").wait_for()
    assert task.page.evaluate("window.hacked") is None


def test_defect_33_quotes_in_a_label(open_task: TaskPage) -> None:
    task = open_task(keypointClasses=[{"label": 'the "big" one', "x": 0, "y": 0}, {"label": "b'c", "x": 5, "y": 5}])
    task.key("b")
    task.click(100, 100)
    assert list(task.points()) == ['the "big" one']


@pytest.mark.parametrize(
    ("values", "words"),
    [
        ({"keypointClasses": "{"}, "could not be read"),
        ({"keypointClasses": []}, "no keypoints"),
        ({"initialValues": "[{"}, "“initialValues” could not be read"),
        ({"skeletonRig": "nonsense"}, "“skeletonRig” could not be read"),
    ],
)
def test_defect_34_the_worker_can_continue_despite_bad_attributes(
    open_task: TaskPage, values: dict, words: str
) -> None:
    task = open_task(**values)
    assert words in task.text(".notices")
    task.click(100, 100)
    assert task.submit()["image_name"] == "photo 1.png"


def test_defect_34_a_broken_image_can_be_retried_or_reported(open_task: TaskPage) -> None:
    task = open_task(photo="/gone.png", wait=False)
    note = task.element.locator(".note")
    note.wait_for()
    assert "could not be loaded" in note.inner_text()
    note.get_by_text("Submit without labels").click()
    sent = task.page.evaluate("window.sent.at(-1)")
    assert json.loads(sent["answer_details"])["problem"] == "The image could not be loaded."
    open_task.files["/gone.png"] = ("image/png", picture(320, 240))
    note.get_by_role("button", name="Try again").click()
    task.ready()
    task.click(100, 100)
    assert len(task.points()) == 1


def test_defect_35_edges_with_null_colours_or_unknown_ends(open_task: TaskPage) -> None:
    task = open_task(skeletonRig=[["nose", "left_eye", None], ["nose", "nobody"]])
    task.key("v")
    task.drag((100, 50), (300, 400))
    assert len(task.points()) == len(NAMES)
    assert "nobody" in task.text(".notices")


@pytest.mark.parametrize("silent", ["", "silent"])
def test_defect_36_any_crowd_form_will_do(open_task: TaskPage, silent: str) -> None:
    task = open_task(
        form=f"<script>{CROWD_FORM}</script><crowd-form {silent}>"
        "<crowd-button form-action=submit style='display:none'></crowd-button>",
        after="</crowd-form>",
    )
    task.place_person()
    sent = task.submit()
    assert len(sent["updated_annotations"][0]["annotations"]) == len(NAMES)
    assert task.page.evaluate("window.sent.length") == 1


def test_defect_36_made_by_script_and_changed_later(open_task: TaskPage) -> None:
    page = open_task.html(
        "<!doctype html><html lang=en><title>t</title><form id=x></form><script src=/element.js></script>"
    )
    page.evaluate(
        """([classes, src]) => {
          const element = document.createElement("crowd-2d-skeleton");
          document.querySelector("form").append(element);
          element.keypointClasses = classes;
          element.imgSrc = src;
        }""",
        [classes(), "/photo.png"],
    )
    task = Task(page).ready()
    task.click(100, 100)
    assert list(task.points()) == ["nose"]
    task.evaluate("(element) => element.setAttribute('keypointClasses', '[{\"label\": \"tip\"}]')")
    task.ready()
    task.click(100, 100)
    assert list(task.points()) == ["tip"]


def test_defect_37_strict_content_policy(open_task: TaskPage) -> None:
    open_task.headers = {
        "content-security-policy": "default-src 'none'; script-src 'self' 'unsafe-inline'; img-src 'self'"
    }
    task = open_task()
    task.place_person()
    assert len(task.points()) == len(NAMES)


def test_defect_37_sandboxed_frame_without_storage(open_task: TaskPage) -> None:
    open_task()
    page = open_task.html(
        f'<iframe sandbox="allow-scripts allow-forms" src="{ORIGIN}/task.html" width=1000 height=700></iframe>',
        path="/outer.html",
    )
    frame = page.frame_locator("iframe")
    frame.locator("crowd-2d-skeleton .points .pick").first.click()
    frame.locator("crowd-2d-skeleton .stage").click(position={"x": 300, "y": 300})
    assert "visible" in frame.locator("crowd-2d-skeleton .points .pick").first.inner_text()


def test_defect_38_removal_cleans_up_completely(task: Task) -> None:
    cdp = task.page.context.new_cdp_session(task.page)
    cdp.send("Performance.enable")

    def metrics() -> dict[str, float]:
        # Before its image is there and its checks are made, an element has fewer words to show.
        task.ready()
        task.element.get_by_text("0 to check").wait_for(state="attached")
        # What the page's own heap lets go of in one round frees nodes in the next.
        for _ in range(4):
            cdp.send("HeapProfiler.collectGarbage")
            task.page.wait_for_timeout(40)
        return {m["name"]: m["value"] for m in cdp.send("Performance.getMetrics")["metrics"]}

    cycle = """async () => {
      const element = document.querySelector("crowd-2d-skeleton"), form = element.parentNode;
      for (let n = 0; n < 10; n++) {
        element.remove();
        await new Promise((done) => setTimeout(done));
        form.append(element);
        await new Promise((done) => setTimeout(done, 30));
      }
    }"""
    task.page.evaluate(cycle)
    before = metrics()
    task.page.evaluate(cycle)
    after = metrics()
    for _ in range(20):  # a message that is still announced takes nodes for some seconds
        if after["Nodes"] <= before["Nodes"]:
            break
        after = metrics()
    assert after["JSEventListeners"] <= before["JSEventListeners"]
    assert after["Nodes"] <= before["Nodes"]
    task.page.evaluate("() => { window.removed = document.querySelector('crowd-2d-skeleton'); removed.remove() }")
    task.key("b")
    assert task.page.evaluate("removed.app") is None


def test_defect_38_a_move_within_the_page_keeps_the_work(task: Task) -> None:
    task.place_person()
    task.page.evaluate(
        """() => {
          const form = document.createElement("form"); form.id = "other"; document.body.append(form);
          form.append(document.querySelector("crowd-2d-skeleton"));
        }"""
    )
    assert len(task.points()) == len(NAMES)
    task.key("Control+z")
    assert len(task.points()) == len(NAMES) - 1
    task.page.evaluate(
        """() => {
          document.querySelector("#other").onsubmit = (event) => {
            event.preventDefault();
            window.moved = new FormData(event.target);
          };
        }"""
    )
    task.key("Control+Enter")
    task.override()
    assert task.page.evaluate("window.moved.get('image_name')") == "photo 1.png"


def test_defect_39_a_second_submit_uses_the_same_fields(task: Task) -> None:
    task.place_person()
    task.submit()
    task.key("b")
    second = task.submit()
    assert task.page.locator("form input[type=hidden]").count() == 7
    assert len(second["updated_annotations"]) == 2


def test_defect_40_ids_cannot_collide(open_task: TaskPage) -> None:
    task = open_task(initialValues=[person(id="n1"), person(id="n1"), person()])
    task.key("b", "b")
    ids = [instance["id"] for instance in task.doc["instances"]]
    assert ids == ["n1", "p1", "p2", "n2", "n3"]


def test_template_of_the_placing_helper_is_the_skeletons(task: Task) -> None:
    assert len(TEMPLATE) == len(NAMES) == len(task.element.locator(".points .pick").all())
