"""What workers ask for: the previous image's pose, a note on the image, a way to skip."""

from __future__ import annotations

import json
from typing import Any

import pytest
from driver import NAMES, ORIGIN, Task, TaskPage, parsed, picture
from playwright.sync_api import expect

ACCEPTED = "document.dispatchEvent(new Event('answer-accepted'))"


def next_image(task: Task, open_task: TaskPage, number: int, **values: Any) -> Task:
    """The following task in the same tab, as a host opens it."""
    other = open_task(imageS3Uri=f"s3://bucket/{number}.png", **values)
    open_task.files[f"/task-{number}.html"] = open_task.files["/task.html"]
    other.page.close()
    task.page.goto(f"{ORIGIN}/task-{number}.html")
    return task.ready()


def test_one_key_copies_the_previous_images_instances(open_task: TaskPage) -> None:
    own = {"worker": "one", "labelingJob": "people"}
    task = open_task(**own, imageS3Uri="s3://bucket/1.png")
    task.key("Shift+p")
    expect(task.element.locator(".toast")).to_contain_text("There is no previous image to copy from")
    task.place_person(100, 40, 0.8)
    task.key("o")
    task.element.locator("input[placeholder^='Note on']").fill("see")
    task.key("Escape", "b")
    task.place_person(300, 40, 0.8)
    task.key("g")
    task.drag((290, 30), (420, 400))
    placed = [task.points(0), task.points(1)]
    box = task.answer()["updated_annotations"][1]["box"]
    task.submit()
    task.page.evaluate(ACCEPTED)
    next_image(task, open_task, 2, **own)
    task.key("Shift+p")
    assert [task.points(0), task.points(1)] == placed
    assert task.answer()["updated_annotations"][1]["box"] == pytest.approx(box, abs=0.02)
    assert "comment" not in json.dumps(task.answer()["updated_annotations"]), "a note is about its own image"
    task.key("Control+z")
    assert task.doc["instances"] == [], "one step"
    task.key("Control+y", "Shift+p")
    assert [one["id"] for one in task.doc["instances"]] == ["n1", "n2", "n3", "n4"]


@pytest.mark.parametrize("other", [{"worker": "two"}, {"labelingJob": "other"}, {"imageS3Uri": "s3://bucket/1.png"}])
def test_the_previous_image_is_another_one_of_the_same_worker_and_job(
    open_task: TaskPage, other: dict[str, str]
) -> None:
    own = {"worker": "one", "labelingJob": "people"}
    task = open_task(**own, imageS3Uri="s3://bucket/1.png")
    task.place_person()
    task.submit()
    task.page.evaluate(ACCEPTED)
    open_task.files["/other.html"] = ("text/html", "")
    values = {"imageS3Uri": "s3://bucket/2.png", **own, **other}
    foreign = open_task(**values)
    html = open_task.files["/task.html"]
    foreign.page.close()
    open_task.files["/other.html"] = html
    task.page.goto(f"{ORIGIN}/other.html")
    task.ready()
    task.key("Shift+p")
    assert task.doc["instances"] == []


def test_an_image_of_another_size_gets_them_at_the_same_share(open_task: TaskPage) -> None:
    task = open_task()
    task.place_person()
    placed = task.points()
    task.submit()
    task.page.evaluate(ACCEPTED)
    open_task.files["/big.png"] = ("image/png", picture(1280, 960))
    next_image(task, open_task, 3, photo="/big.png")
    task.key("Shift+p")
    for name in NAMES:
        assert task.points()[name][:2] == (
            pytest.approx(2 * placed[name][0], abs=0.02),
            pytest.approx(2 * placed[name][1], abs=0.02),
        )


def test_a_note_on_the_image(open_task: TaskPage) -> None:
    task = open_task(worker="one")
    note = task.element.locator("input[placeholder='Image note']")
    note.fill("fog ")
    task.key("Escape")
    task.click(100, 100)
    task.key("b", "Shift+Delete")
    assert note.input_value() == "fog "
    task.page.wait_for_timeout(600)
    again = open_task(worker="one")
    expect(again.element.locator(".toast")).to_contain_text("is back")
    assert again.answer()["answer_details"]["comment"] == "fog "
    again.key("Control+z")
    assert "comment" not in again.answer()["answer_details"]
    again.key("Control+y")
    sent = again.submit()
    assert sent["answer_details"]["comment"] == "fog "


def test_a_note_alone_is_no_label(task: Task) -> None:
    task.element.locator("input[placeholder='Image note']").fill("nobody here")
    task.key("Control+Enter")
    expect(task.element.locator("dialog.review[open]")).to_contain_text("Nothing is labelled")
    task.override()
    (fields,) = task.page.evaluate("window.sent")
    sent = parsed(fields)
    assert (sent["updated_annotations"], sent["answer_details"]["comment"]) == ([], "nobody here")


HOST = """() => {
  window.skipped = [];
  addEventListener("task-skip", (event) => { event.preventDefault(); window.skipped.push(event.detail) });
}"""


def test_a_host_that_can_skip_gets_the_reason(open_task: TaskPage) -> None:
    task = open_task(worker="one", skipReasons={"dark": "Too dark", "other": "Something else"})
    task.page.evaluate(HOST)
    task.click(100, 100)
    task.element.locator("input[placeholder='Image note']").fill("night")
    task.page.wait_for_timeout(500)
    skip = task.element.get_by_role("button", name="Skip", exact=True)
    skip.click()
    dialog = task.element.locator("dialog.review[open]")
    expect(dialog).to_contain_text("Why can this image not be labelled?")
    task.key("Escape")
    assert task.page.evaluate("window.skipped") == []
    skip.click()
    dialog.get_by_role("button", name="Too dark").click()
    (detail,) = task.page.evaluate("window.skipped")
    assert (detail["reason"], detail["comment"]) == ("dark", "night")
    assert detail["total_time_in_seconds"] >= 0
    assert task.page.evaluate("window.sent") == [], "a skip is no answer"
    for press in (skip.click, lambda: task.key("Control+Enter")):
        press()
        expect(task.element.locator(".toast")).to_contain_text("on its way")
    task.page.evaluate(
        "document.dispatchEvent(new CustomEvent('answer-failed', { detail: { problem: 'The portal is full.' } }))"
    )
    expect(task.element.locator(".toast")).to_have_text("The portal is full.")
    skip.click()
    dialog.get_by_role("button", name="Something else").click()
    task.page.evaluate(ACCEPTED)
    again = open_task(worker="one", skipReasons={"dark": "Too dark"})
    assert again.doc["instances"] == [], "the draft is gone with the task"


def test_skip_needs_a_host_that_can_take_images_back(open_task: TaskPage) -> None:
    assert open_task().element.get_by_role("button", name="Skip", exact=True).count() == 0
    task = open_task(skipReasons={"dark": "Too dark"})
    task.element.get_by_role("button", name="Skip", exact=True).click()
    task.element.get_by_role("button", name="Too dark").click()
    expect(task.element.locator(".toast")).to_contain_text("cannot skip")
    task.click(100, 100)
    assert task.submit()["updated_annotations"]
    bad = open_task(skipReasons=["dark"])
    assert "“skipReasons” could not be read" in bad.text(".notices")
