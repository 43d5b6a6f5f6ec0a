"""Adjusting pre-labels, notes, checks with their fixes, drafts, several elements, the original's own markup."""

from __future__ import annotations

import io
import json
from typing import Any

import pytest
from driver import NAMES, ORIGIN, PERSON, ROOT, Task, TaskPage, attributes, classes, person, picture
from PIL import Image
from playwright.sync_api import expect


def test_changes_of_pre_labels_are_shown(open_task: TaskPage) -> None:
    task = open_task(initialValues=[person(name="Ann"), person(300)], annotationIssues=[{"reason": "The wrist is off"}])
    assert "The wrist is off" in task.text(".notices")
    x, y, _ = task.points()["left_wrist"]
    task.drag((x, y), (x + 40, y + 10))
    rows = task.element.locator(".instances li")
    assert "changed" in rows.nth(0).inner_text()
    assert "changed" not in rows.nth(1).inner_text()
    expect(task.element.locator(".points li.changed")).to_have_count(1)
    task.key("b")
    assert "new" in rows.nth(2).inner_text()
    task.key("Control+z", "Control+z")
    assert "changed" not in rows.nth(0).inner_text()


def test_a_click_on_a_finished_pre_label_starts_nothing(open_task: TaskPage) -> None:
    task = open_task(initialValues=[person()])
    task.click(500, 400)
    assert len(task.doc["instances"]) == 1


def test_notes_and_names_are_submitted_and_undone(open_task: TaskPage) -> None:
    task = open_task(initialValues=[person()])
    task.element.locator("input[placeholder='Instance name']").fill("Left runner")
    note = task.element.locator("input[placeholder='Note on instance']")
    note.fill("behind a tree")
    note.press("Enter")
    task.element.locator(".points .pick").first.click()
    note = task.element.locator("input[placeholder='Note on nose']")
    note.fill("guessed")
    note.press("Enter")
    sent = task.answer()["updated_annotations"][0]
    assert sent["name"] == "Left runner"
    assert sent["comment"] == "behind a tree"
    assert sent["annotations"][0]["comment"] == "guessed"
    task.element.locator(".stage").focus()
    task.key("Control+z")
    assert "comment" not in task.answer()["updated_annotations"][0]["annotations"][0]


def test_entries_of_another_skeleton_can_be_removed_by_hand(open_task: TaskPage) -> None:
    given = person()
    given["annotations"].append({"label": "tail", "x": 1, "y": 2})
    task = open_task(initialValues=[given])
    assert "tail" in task.text(".details")
    task.element.get_by_text("Remove them").click()
    assert len(task.answer()["updated_annotations"][0]["annotations"]) == len(NAMES)


def test_a_finding_jumps_and_is_fixed_with_one_click(open_task: TaskPage) -> None:
    task = open_task(initialValues=[person()])
    task.key("t")
    summary = task.element.locator("summary")
    summary.wait_for()
    summary.click()
    finding = task.element.locator("li[data-check=swapped_sides]").first
    finding.locator(".pick").click()
    assert task.state["view"]["scale"] > 0
    finding.get_by_role("button", name="Swap", exact=True).click()
    assert task.element.locator("details.checks").is_hidden()


def test_the_row_in_hand_stays_in_sight_when_something_is_to_check(open_task: TaskPage) -> None:
    task = open_task(initialValues=[person()])
    task.page.set_viewport_size({"width": 1024, "height": 640})
    task.key("Shift+Digit8")
    row = task.element.locator(".points .on")
    expect(row).to_be_in_viewport(ratio=0.99)
    list_before = task.element.locator(".points").bounding_box()
    task.key("t")
    task.element.locator("summary").click()
    task.element.locator("li[data-check=swapped_sides]").wait_for()
    assert task.element.locator(".points").bounding_box()["height"] < list_before["height"]
    expect(row).to_be_in_viewport(ratio=0.99)


def test_untouched_pre_labels_ask_for_a_confirmation(open_task: TaskPage) -> None:
    task = open_task(initialValues=[person()])
    task.element.locator("footer button.primary").click()
    review = task.element.locator("dialog.review[open]")
    assert "No changes needed" in review.inner_text()
    review.get_by_role("button", name="Tick it").click()
    assert task.submit()["no_changes_needed"] == "true"


def test_a_forms_own_submit_is_asked_too(open_task: TaskPage) -> None:
    task = open_task(after="<button id=own>Send</button></form>")
    task.click(100, 100)
    task.page.locator("#own").click()
    task.element.locator("dialog.review[open] button.anyway").click()
    assert (
        json.loads(task.page.evaluate("window.sent.at(-1)")["updated_annotations"])[0]["annotations"][0]["label"]
        == "nose"
    )


def test_the_answer_contains_time_and_image_size(open_task: TaskPage) -> None:
    task = open_task(width=800, height=600)
    task.place_person()
    details = task.submit()["answer_details"]
    assert details["version"] == "1.0"
    assert (details["image_width"], details["image_height"]) == (800, 600)
    assert 0 < details["active_time_in_seconds"] < 60
    assert details["actions"]["click"] == len(NAMES)
    assert set(details["time_per_keypoint"]) == set(NAMES)


def test_work_without_storage(open_task: TaskPage) -> None:
    open_task.context.add_init_script(
        "for (const name of ['localStorage', 'indexedDB'])"
        " Object.defineProperty(window, name, { get() { throw new DOMException('no', 'SecurityError') } })"
    )
    task = open_task()
    task.place_person()
    task.key("y")
    task.page.wait_for_timeout(400)
    leave = """() => {
      const leaving = new Event("beforeunload", { cancelable: true });
      dispatchEvent(leaving);
      return leaving.defaultPrevented;
    }"""
    assert task.page.evaluate(leave)
    assert len(task.submit()["updated_annotations"][0]["annotations"]) == len(NAMES)
    assert not task.page.evaluate(leave)


def test_a_draft_of_another_task_or_skeleton_is_not_taken(open_task: TaskPage) -> None:
    task = open_task()
    task.place_person()
    task.page.wait_for_timeout(400)
    other = open_task(imageS3Uri="s3://bucket/other.png")
    assert other.doc["instances"] == []
    spoiled = """
      for (const key of Object.keys(localStorage)) localStorage.setItem(key, '{"doc": {"instances": [7]}}');
    """
    task.page.add_init_script(spoiled)
    task.page.goto(ORIGIN + "/task.html")
    Task(task.page).ready()
    assert Task(task.page).doc["instances"] == []


def test_several_on_one_page(open_task: TaskPage) -> None:
    given: dict[str, Any] = {"imgSrc": "/photo.png", "keypointClasses": classes(), "skeletonRig": PERSON["edges"]}
    page = open_task.html(
        "<!doctype html><html lang=en><title>two</title>"
        f"<form><crowd-2d-skeleton id=a {attributes(given)}></crowd-2d-skeleton></form>"
        f"<form><crowd-2d-skeleton id=b {attributes({**given, 'imgSrc': '/photo.png?2'})}></crowd-2d-skeleton></form>"
        "<script src=/element.js></script><script src=/element.js></script>"
    )
    first, second = Task(page, "#a").ready(), Task(page, "#b").ready()
    assert page.evaluate("document.activeElement.id") == "a"
    page.keyboard.press("b")
    second.element.locator(".stage").focus()
    page.keyboard.press("b")
    page.keyboard.press("b")
    assert (len(first.doc["instances"]), len(second.doc["instances"])) == (1, 2)


def test_a_renewed_signature_keeps_the_work(open_task: TaskPage) -> None:
    task = open_task()
    task.place_person()
    task.evaluate("element => element.setAttribute('imgSrc', '/photo.png?X-Amz-Signature=new')")
    task.page.wait_for_timeout(200)
    assert len(task.points()) == len(NAMES)


def test_the_original_example_markup_works_unchanged(open_task: TaskPage) -> None:
    """Attributes of the original's example template: single quotes, ids, no pairs, no sigmas, JSON in text."""
    rows = [
        {"id": f"b5b2-{n}", "color": c["color"].upper(), "label": c["label"], "x": c["x"], "y": c["y"]}
        for n, c in enumerate(classes())
    ]
    page = open_task.html(
        "<!doctype html><html lang=en><title>t</title><form id='crowd-form'><crowd-2d-skeleton imgSrc='/photo.png'"
        f" keypointClasses='{json.dumps(rows)}' skeletonRig='{json.dumps([e[:2] for e in PERSON['edges']])}'"
        """ skeletonBoundingBox='{"left":0,"top":0,"right":124,"bottom":387}' initialValues="">"""
        "<div slot='instructions'><p>Annotations instructions can go here!</p></div></crowd-2d-skeleton></form>"
        "<script type=module src=/element.js></script>"
    )
    task = Task(page).ready()
    task.place_person()
    assert len(task.points()) == len(NAMES)
    assert task.answer()["original_annotations"] == []
    task.key("?")
    expect(page.get_by_text("Annotations instructions can go here!")).to_be_visible()


@pytest.mark.parametrize("count", [500])
def test_five_hundred_keypoints_in_any_script(open_task: TaskPage, count: int) -> None:
    labels = [f"{word} {n}" for n, word in enumerate(["鼻", "عين", "колено", "👁️", "a" * 120] * (count // 5))]
    task = open_task(keypointClasses=[{"label": label, "x": n % 25, "y": n // 25} for n, label in enumerate(labels)])
    task.key("v")
    task.drag((50, 50), (600, 430))
    assert len(task.points()) == count
    task.element.locator("input[type=search]").fill("колено 12")
    expect(task.element.locator(".points li:visible")).to_have_count(3)


def test_a_turned_photograph_is_labelled_upright(open_task: TaskPage) -> None:
    """A camera's EXIF orientation: coordinates and size are those of the upright image."""
    image = Image.open(io.BytesIO(picture(640, 480)))
    exif = Image.Exif()
    exif[0x0112] = 6  # turned by a quarter
    photo = io.BytesIO()
    image.save(photo, "JPEG", exif=exif)
    open_task.files["/turned.jpg"] = ("image/jpeg", photo.getvalue())
    task = open_task(photo="/turned.jpg")
    task.click(470, 630)
    details = task.answer()["answer_details"]
    assert (details["image_width"], details["image_height"]) == (480, 640)
    assert task.points()["nose"][:2] == (pytest.approx(470, abs=1), pytest.approx(630, abs=1))


def test_axe_finds_no_violation_with_two_elements_on_a_page(open_task: TaskPage) -> None:
    given = {"imgSrc": "/photo.png", "keypointClasses": classes()}
    page = open_task.html(
        "<!doctype html><html lang=en><title>two</title><main><h1>Tasks</h1>"
        f"<form><crowd-2d-skeleton id=a {attributes(given)}></crowd-2d-skeleton></form>"
        f"<form><crowd-2d-skeleton id=b {attributes(given)}></crowd-2d-skeleton></form></main>"
        "<script src=/element.js></script>"
    )
    Task(page, "#b").ready()
    page.evaluate((ROOT / "node_modules/axe-core/axe.min.js").read_text())
    result = page.evaluate("axe.run()")
    assert [v["id"] for v in result["violations"] if v["id"] != "landmark-unique"] == []
