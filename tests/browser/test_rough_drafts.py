"""Drafts, times, submissions and the portal under rough use: several tabs, damaged stores, late answers of hosts."""

from __future__ import annotations

from typing import Any

import pytest
from driver import LEAVE, NAMES, ORIGIN, PERSONS, Task, TaskPage, classes, picture
from playwright.sync_api import expect
from test_rough_use import instances, press, stored, two_elements

ACCEPTED = "document.dispatchEvent(new Event('answer-accepted'))"


def question(task: Task) -> Any:
    return task.element.locator("dialog.review[open]")


def is_back(task: Task) -> None:
    expect(task.element.locator(".toast")).to_contain_text("is back")


def written(task: Task) -> None:
    """Wait until a pending draft is on the disk."""
    task.page.wait_for_timeout(600)


# whose draft ---------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("one", "two"),
    [("s3://bucket/a😀.png", "s3://bucket/a😁.png"), ("s3://b/1", "s3://b/11")],
)
def test_a_similar_name_is_another_image(open_task: TaskPage, one: str, two: str) -> None:
    task = open_task(worker="one", imageS3Uri=one)
    task.click(100, 100)
    written(task)
    other = open_task(worker="one", imageS3Uri=two)
    other.page.wait_for_timeout(300)
    assert instances(other) == []
    is_back(open_task(worker="one", imageS3Uri=one))


def test_an_image_that_only_the_query_names_is_another_image(open_task: TaskPage) -> None:
    task = open_task(worker="one", imageS3Uri=None, photo="/photo.png?id=1&X-Amz-Signature=a&X-Amz-Date=1")
    task.click(100, 100)
    written(task)
    other = open_task(worker="one", imageS3Uri=None, photo="/photo.png?id=2&X-Amz-Signature=a&X-Amz-Date=1")
    other.page.wait_for_timeout(300)
    assert instances(other) == []
    is_back(open_task(worker="one", imageS3Uri=None, photo="/photo.png?id=1&X-Amz-Signature=b&X-Amz-Date=2"))


def test_a_draft_of_an_image_of_another_size_is_not_shown_on_this_one(open_task: TaskPage) -> None:
    task = open_task(worker="one")
    task.click(600, 400)
    written(task)
    open_task.files["/photo.png"] = ("image/png", picture(320, 240))
    other = open_task(worker="one")
    other.page.wait_for_timeout(300)
    assert instances(other) == []
    open_task.files["/photo.png"] = ("image/png", picture(640, 480))
    is_back(open_task(worker="one"))


@pytest.mark.parametrize("change", ["renamed", "reversed"])
def test_a_draft_of_another_skeleton_is_not_shown(open_task: TaskPage, change: str) -> None:
    task = open_task(worker="one")
    task.click(100, 100)
    written(task)
    keypoints = classes()
    if change == "renamed":
        keypoints[0]["label"] = "snout"
    else:
        keypoints.reverse()
    other = open_task(worker="one", keypointClasses=keypoints)
    other.page.wait_for_timeout(300)
    assert instances(other) == []


# several tabs --------------------------------------------------------------------------------------------------------
def test_one_tab_goes_on_after_another_has_taken_its_draft(open_task: TaskPage) -> None:
    first = open_task(worker="one")
    first.click(100, 100)
    written(first)
    second = open_task(worker="one")
    is_back(second)
    written(second)
    first.page.bring_to_front()
    first.click(140, 100)
    written(first)
    second.page.bring_to_front()
    second.submit()
    second.page.evaluate(ACCEPTED)
    written(second)
    second.page.close()
    first.page.close()
    third = open_task(worker="one")
    is_back(third)
    assert list(third.points()) == NAMES[:2]


def test_undo_to_empty_leaves_no_draft(open_task: TaskPage) -> None:
    task = open_task(worker="one")
    task.click(100, 100)
    task.click(140, 100)
    written(task)
    task.key("Control+z", "Control+z")
    written(task)
    assert stored(task) == []
    assert not task.page.evaluate(LEAVE)


@pytest.mark.parametrize("how", ["reload", "close"])
def test_leaving_right_after_a_click_keeps_it(open_task: TaskPage, how: str) -> None:
    task = open_task(worker="one")
    task.place_person()
    task.key("ArrowLeft")
    before = task.doc
    page = task.page
    page.on("dialog", lambda dialog: dialog.accept())
    if how == "reload":
        page.reload()
        is_back(task.ready())
        assert task.doc == before
        return
    page.close()
    again = open_task(worker="one")
    is_back(again)
    assert again.doc == before


def test_back_from_the_cache_of_pages_goes_on(open_task: TaskPage) -> None:
    task = open_task(worker="one")
    task.click(100, 100)
    page = task.page
    page.on("dialog", lambda dialog: dialog.accept())
    page.goto(ORIGIN + "/photo.png")
    page.go_back()
    is_back(task.ready())
    assert list(task.points()) == NAMES[:1]
    task.click(140, 100)
    written(task)
    again = open_task(worker="one")
    assert question(again).count() == 0
    assert list(again.points()) == NAMES[:2]


# hosts that change the page early or late ----------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("when", "change"),
    [
        ("early", "element.lang = 'de'"),
        ("early", "element.taskError = 'Careful'"),
        ("asked", "element.lang = 'de'"),
        ("asked", "element.taskError = 'Careful'"),
    ],
)
def test_a_draft_is_offered_although_the_host_changes_something(open_task: TaskPage, when: str, change: str) -> None:
    task = open_task()
    task.place_person()
    written(task)
    task.page.close()
    if when == "early":
        open_task.context.add_init_script(
            "document.addEventListener('DOMContentLoaded', () => {"
            f" const element = document.querySelector('crowd-2d-skeleton'); {change} }})"
        )
        again = open_task()
    else:
        again = open_task()
        expect(question(again)).to_be_visible()
        again.evaluate(f"element => {{ {change} }}")
        again.page.wait_for_timeout(200)
        again.ready()
    expect(question(again)).to_contain_text("17")
    question(again).locator(".primary").click()
    assert len(again.points()) == len(NAMES)


def test_a_submission_stays_in_flight_when_the_host_changes_something(open_task: TaskPage) -> None:
    task = open_task(worker="one")
    task.place_person()
    task.submit()
    task.evaluate("element => { element.taskError = 'Saving' }")
    task.page.wait_for_timeout(200)
    task.ready()
    task.element.locator("footer button.primary").click()
    task.override()
    assert task.page.evaluate("window.sent.length") == 1
    task.page.evaluate(ACCEPTED)
    written(task)
    assert stored(task) == []


def test_an_acknowledgement_that_comes_twice_drops_no_later_draft(open_task: TaskPage) -> None:
    task = open_task(worker="one")
    task.place_person()
    task.submit()
    task.page.evaluate(ACCEPTED)
    task.evaluate("element => { element.imageS3Uri = 's3://bucket/next.png' }")
    task.page.wait_for_timeout(100)
    task.ready()
    task.click(100, 100)
    written(task)
    task.page.evaluate(ACCEPTED)
    written(task)
    assert task.page.evaluate(LEAVE)
    again = open_task(worker="one", imageS3Uri="s3://bucket/next.png")
    is_back(again)


def test_an_answer_of_one_element_is_not_that_of_another(open_task: TaskPage) -> None:
    first, second = two_elements(open_task, worker="one")
    page = first.page
    first.key("b", "Enter")
    second.element.locator(".stage").focus()
    second.key("b", "Enter")
    written(first)
    assert len(stored(first)) == 2
    first.evaluate("({app}) => app.submit()")
    first.override()
    first.evaluate("element => element.dispatchEvent(new Event('answer-accepted', { bubbles: true }))")
    written(first)
    assert len(stored(first)) == 1
    assert page.evaluate(LEAVE)


@pytest.mark.parametrize("labelled", [True, False])
def test_an_image_that_was_replaced_by_one_of_another_size(open_task: TaskPage, labelled: bool) -> None:
    """Positions in the old image are not positions in the new one."""
    task = open_task(worker="one", initialValues=PERSONS)
    if labelled:
        task.key("1", "ArrowLeft")
    before = task.doc
    open_task.files["/photo.png"] = ("image/png", picture(320, 240))
    task.evaluate("element => { element.imgSrc = '/photo.png?new' }")
    if labelled:
        expect(task.element.locator(".note")).to_contain_text("proportions")
        assert task.answer()["updated_annotations"] == []
        open_task.files["/photo.png"] = ("image/png", picture(640, 480))
        task.evaluate("element => { element.imgSrc = '/photo.png?old' }")
        task.ready()
    else:
        task.page.wait_for_function(
            "document.querySelector('crowd-2d-skeleton').app.session.size.width === 320", polling=20
        )
    assert task.doc == before


def test_a_form_that_cannot_be_sent_says_so(open_task: TaskPage) -> None:
    """The browser cannot show its message at a field that is hidden."""
    task = open_task(form="<form id=any><input name=own required style='display: none'>")
    task.place_person()
    task.element.locator("footer button.primary").click()
    task.override()
    expect(task.element.locator(".toast")).to_contain_text("could not be sent")
    expect(task.element.locator("footer .primary")).to_have_text("Submit")
    task.page.evaluate("() => { document.querySelector('[name=own]').value = 'x' }")
    assert len(task.submit()["updated_annotations"]) == 1
    open_task.errors.clear()


@pytest.mark.parametrize("mode", ["open", "closed"])
def test_a_field_of_the_host_in_a_shadow_root_takes_its_keys(open_task: TaskPage, mode: str) -> None:
    task = open_task(initialValues=PERSONS)
    before = task.doc
    task.page.evaluate(
        """(mode) => {
          const host = document.createElement("a-chat");
          document.body.prepend(host);
          window.field = document.createElement("input");
          host.attachShadow({ mode }).append(window.field);
          window.field.focus();
        }""",
        mode,
    )
    task.key("b", "t", "Delete", "Shift+Delete")
    assert task.page.evaluate("window.field.value") == "bt"
    assert task.doc == before


@pytest.mark.parametrize("kind", ["dialog open", "div role=dialog aria-modal=true"])
def test_keys_reach_nothing_behind_a_dialog_of_the_host(open_task: TaskPage, kind: str) -> None:
    task = open_task(form=f"<{kind} id=own><button>Wait</button></{kind.split(maxsplit=1)[0]}><form id=any>")
    task.click(100, 100)
    before = task.doc
    task.page.evaluate("() => { window.own.close?.(); window.own.showModal?.() }")
    task.page.locator("#own button").focus()
    task.key("b", "t", "Delete", "Control+z", "Control+Enter")
    assert task.doc == before
    assert task.element.locator("dialog.review[open]").count() == 0
    task.page.evaluate("document.querySelector('#own').remove()")
    task.key("b")
    assert len(instances(task)) == 2


def test_a_turkish_letter_with_caps_lock_is_the_letter(task: Task) -> None:
    task.click(100, 100)
    press(task, "İ", "Quote")
    assert instances(task)[0]["points"][1]["reason"] == "outside_image"


# stores --------------------------------------------------------------------------------------------------------------
SLOW = """() => {
  const { put } = IDBObjectStore.prototype;
  IDBObjectStore.prototype.put = function (value) {
    const request = new EventTarget();
    setTimeout(() => request.onsuccess?.(), MILLISECONDS);
    put.call(this, value);
    return request;
  };
}"""


def test_a_slow_store_brings_no_answered_work_back(open_task: TaskPage) -> None:
    task = open_task(worker="one")
    task.page.evaluate(SLOW.replace("MILLISECONDS", "4000"))
    task.place_person()
    task.page.wait_for_timeout(400)
    task.submit()
    task.page.evaluate(ACCEPTED)
    task.page.wait_for_timeout(3000)
    task.page.close()
    again = open_task(worker="one")
    again.page.wait_for_timeout(300)
    assert instances(again) == []
    assert question(again).count() == 0


def test_a_store_of_a_later_release_is_left_alone(open_task: TaskPage) -> None:
    open_task.files["/later.html"] = ("text/html", "<title>Later</title>")
    page = open_task.html("<title>Later</title>", path="/later.html")
    page.evaluate(
        "() => new Promise((done) => { const request = indexedDB.open('truepoint', 7);"
        " request.onsuccess = () => { request.result.close(); done() } })"
    )
    task = open_task(worker="one")
    task.place_person()
    written(task)
    is_back(open_task(worker="one"))


def test_a_store_that_fails_to_open_once_is_opened_again(open_task: TaskPage) -> None:
    open_task.context.add_init_script(
        """const { open } = IDBFactory.prototype;
        if (!sessionStorage.failed) IDBFactory.prototype.open = function () {
          sessionStorage.failed = 1;
          IDBFactory.prototype.open = open;
          const request = new EventTarget();
          setTimeout(() => request.onerror());
          return request;
        };"""
    )
    task = open_task(worker="one")
    task.page.evaluate("() => { Storage.prototype.setItem = () => { throw new Error('full') } }")
    task.click(100, 100)
    written(task)
    task.page.reload()
    is_back(task.ready())


def test_a_clock_that_is_set_back_does_not_bring_older_work_back(open_task: TaskPage) -> None:
    """The store was full for a while, so that an older version is in the other store."""
    task = open_task(worker="one")
    task.page.evaluate(
        "() => { window.put = IDBObjectStore.prototype.put;"
        " IDBObjectStore.prototype.put = () => { throw new Error('full') } }"
    )
    task.click(100, 100)
    written(task)
    task.page.evaluate(
        "() => { IDBObjectStore.prototype.put = window.put; const { now } = Date; Date.now = () => now() - 7200e3 }"
    )
    task.click(140, 100)
    written(task)
    task.page.close(run_before_unload=False)
    again = open_task(worker="one")
    is_back(again)
    assert list(again.points()) == NAMES[:2]


def test_a_write_that_failed_is_tried_again(open_task: TaskPage) -> None:
    task = open_task(worker="one")
    task.page.evaluate(
        "() => { window.old = [IDBObjectStore.prototype.put, Storage.prototype.setItem];"
        " IDBObjectStore.prototype.put = Storage.prototype.setItem = () => { throw new Error('full') } }"
    )
    task.click(100, 100)
    written(task)
    task.page.evaluate("() => { [IDBObjectStore.prototype.put, Storage.prototype.setItem] = window.old }")
    task.page.reload()
    is_back(task.ready())
