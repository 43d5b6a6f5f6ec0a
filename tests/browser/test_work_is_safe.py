"""No lost work and no wrong data: cases of other tools' bug reports, tried with real input in Chromium."""

from __future__ import annotations

import json
import random
import time
from typing import Any

import pytest
from driver import LEAVE, NAMES, ORIGIN, PERSONS, Task, TaskPage, person
from playwright.sync_api import expect


def instances(task: Task) -> list[dict[str, Any]]:
    return list(task.doc["instances"])


def ask(task: Task) -> Any:
    return task.element.locator("dialog.review[open]")


def hold(task: Task, key: str, repeats: int = 20) -> None:
    """Hold a key so long that it repeats."""
    *modifiers, key = key.split("+")
    keyboard = task.page.keyboard
    for modifier in modifiers:
        keyboard.down(modifier)
    for _ in range(1 + repeats):
        keyboard.down(key)
    for name in (key, *modifiers):
        keyboard.up(name)


# one gesture at a time -----------------------------------------------------------------------------------------------
def test_p1_a_key_waits_until_the_drag_is_over(open_task: TaskPage) -> None:
    task = open_task(initialValues=PERSONS)
    before = instances(task)
    x, y, _ = task.points()["left_wrist"]
    mouse = task.page.mouse
    for key in ("]", "b", "Shift+Delete", "t", "c", "Control+z", "2", "v", "p", "ArrowLeft"):
        task.key("Escape", "z")
        task.evaluate("({app: {session}}, id) => { session.tool = 'place'; session.select(id, 0) }", before[0]["id"])
        mouse.move(*task.screen(x, y))
        mouse.down()
        mouse.move(*task.screen(x + 30, y + 10), steps=3)
        task.key(key)
        mouse.move(*task.screen(x + 60, y + 20), steps=3)
        during = instances(task)
        assert during[1] == before[1], key
        moved = [i for i in range(len(NAMES)) if during[0]["points"][i] != before[0]["points"][i]]
        assert moved == [NAMES.index("left_wrist")], key
        wrist = during[0]["points"][moved[0]]
        assert (wrist["x"], wrist["y"]) == (pytest.approx(x + 60, abs=1), pytest.approx(y + 20, abs=1)), key
        mouse.up()
        task.key(*["Control+z"] * 4)
        assert instances(task) == before, key


COMMANDS = [*"][bvngpftroucxze15qhmjws"]
COMMANDS += ["Delete", "Shift+Delete", "Control+z", "Control+y", "ArrowLeft", "Control+ArrowUp", "Enter"]
COMMANDS += ["wheel", "imgSrc"]


@pytest.mark.parametrize("seed", range(3))
def test_gestures_mixed_with_every_command(open_task: TaskPage, seed: int) -> None:
    """Only the instance in hand changes, the marker stays under the pointer, and undoing all restores the start."""
    roll = random.Random(seed)
    task = open_task(initialValues=PERSONS)
    start = task.doc
    mouse = task.page.mouse
    for _ in range(12):
        task.key("Escape", "z")
        task.evaluate("({app: {session}}) => { session.hidden.clear(); session.tool = 'place' }")
        found = [(i, n) for i, one in enumerate(instances(task)) for n, p in enumerate(one["points"]) if p and p["v"]]
        if not found:
            task.key("Control+z", "Control+z", "Control+z")
            continue
        number, index = roll.choice(found)
        before = instances(task)
        task.evaluate("({app: {session}}, [id, n]) => session.select(id, n)", [before[number]["id"], index])
        point = before[number]["points"][index]
        mouse.move(*task.screen(point["x"], point["y"]))
        mouse.down()
        end = task.screen(roll.uniform(60, 600), roll.uniform(60, 440))
        mouse.move(*end, steps=2)
        for command in roll.sample(COMMANDS, 4):
            if command == "wheel":
                mouse.wheel(0, roll.choice([-200, 200]))
            elif command == "imgSrc":
                task.evaluate("(element, n) => { element.imgSrc = `/photo.png?${n}` }", roll.random())
            else:
                task.key(command)
            now = instances(task)
            assert [one for one in now if one["id"] != before[number]["id"]] == [
                one for one in before if one["id"] != before[number]["id"]
            ], command
        end = task.screen(roll.uniform(60, 600), roll.uniform(60, 440))
        mouse.move(*end, steps=2)
        now = next(one for one in instances(task) if one["id"] == before[number]["id"])
        if task.evaluate("({app: {session}}) => session.doc !== session.kept"):  # not taken back by Escape or Q
            at = task.screen(now["points"][index]["x"], now["points"][index]["y"])
            assert at == (pytest.approx(end[0], abs=1), pytest.approx(end[1], abs=1))
        mouse.up()
        if ask(task).count():
            task.key("Escape")
    for _ in range(200):
        if not task.evaluate("({app: {session}}) => session.canTravel(-1)"):
            break
        task.key("Control+z")
    assert task.doc == start


def test_another_finger_on_the_panel_ends_the_gesture(open_task: TaskPage) -> None:
    task = open_task(initialValues=PERSONS)
    before = instances(task)
    x, y, _ = task.points()["left_wrist"]
    mouse = task.page.mouse
    mouse.move(*task.screen(x, y))
    mouse.down()
    mouse.move(*task.screen(x + 30, y), steps=3)
    task.evaluate("({shadowRoot}) => shadowRoot.querySelectorAll('.instances .pick')[1].click()")
    mouse.move(*task.screen(x + 90, y), steps=3)
    mouse.up()
    first, second = instances(task)
    assert second == before[1]
    assert first["points"][NAMES.index("left_wrist")]["x"] == pytest.approx(x + 30, abs=1)


# nothing before the image --------------------------------------------------------------------------------------------
def test_p2_nothing_is_placed_before_the_image(open_task: TaskPage) -> None:
    held: list[Any] = []

    def keep(route: Any) -> None:
        held.append(route)

    open_task.context.route(f"{ORIGIN}/slow.png*", keep)
    task = open_task(imageS3Uri=None)
    task.evaluate("element => element.setAttribute('imgSrc', '/slow.png')")
    task.element.locator(".waiting").wait_for()
    task.key("v", "Enter", "b", "Enter", "p", "f", "g", "Shift+u", "Control+Enter")
    task.page.mouse.click(300, 300)
    for selector in (".panel header button", ".points .pick", ".choice button", "footer input", "footer .primary"):
        task.element.locator(selector).first.evaluate("button => button.click()")
    assert instances(task) == []
    assert task.page.evaluate("window.sent") == []
    held[0].fulfill(body=open_task.files["/photo.png"][1], content_type="image/png")
    task.ready()
    assert instances(task) == []
    task.click(100, 100)
    assert len(instances(task)) == 1


def test_nothing_is_placed_while_a_renewed_address_loads(open_task: TaskPage) -> None:
    held: list[Any] = []

    def keep(route: Any) -> None:
        held.append(route)

    open_task.context.route(f"{ORIGIN}/renewed.png*", keep)
    task = open_task()
    task.click(100, 100)
    before = task.doc
    at = task.screen(300, 200)
    task.evaluate("element => { element.imgSrc = '/renewed.png' }")
    expect(task.element.locator(".waiting")).to_be_visible()
    task.page.mouse.click(*at)
    task.key("b", "Enter", "ArrowLeft", "Control+Enter")
    assert task.doc == before
    assert task.page.evaluate("window.sent") == []
    held[0].fulfill(body=open_task.files["/photo.png"][1], content_type="image/png")
    task.ready()
    task.page.mouse.click(*at)
    assert list(task.points()) == NAMES[:2]


def test_pre_labels_by_reference_are_fetched_once(open_task: TaskPage) -> None:
    """A renewed address of the image asks for the image again, not for labels that are under way or there."""
    held: list[Any] = []

    def keep(route: Any) -> None:
        held.append(route)

    open_task.context.route(f"{ORIGIN}/labels.json*", keep)
    task = open_task(initialValues="[]", initialValuesSrc="/labels.json?X-Amz-Signature=a", wait=False)
    for number in range(3):
        task.evaluate("(element, n) => { element.imgSrc = `/photo.png?${n}` }", number)
        task.page.wait_for_timeout(100)
    held[0].fulfill(json={"annotations": PERSONS})
    task.ready()
    task.evaluate("element => { element.imgSrc = '/photo.png?again' }")
    task.evaluate("element => { element.initialValuesSrc = '/labels.json?X-Amz-Signature=b' }")
    task.page.wait_for_timeout(300)
    assert len(held) == 1
    assert len(instances(task)) == len(PERSONS)


def test_without_its_image_no_label_is_sent_as_checked(open_task: TaskPage) -> None:
    task = open_task(photo="/gone.png", wait=False, initialValues=PERSONS)
    task.element.locator(".note").wait_for()
    task.element.get_by_text("Submit without labels").click()
    sent = task.page.evaluate("window.sent.at(-1)")
    assert sent["updated_annotations"] == "[]"
    assert json.loads(sent["answer_details"])["problem"]


# drafts --------------------------------------------------------------------------------------------------------------
def test_p3_work_stays_until_the_answer_arrived(open_task: TaskPage) -> None:
    task = open_task()
    task.place_person()
    before = instances(task)
    task.page.wait_for_timeout(600)
    open_task.context.set_offline(True)
    task.submit()
    assert task.page.evaluate(LEAVE), "leaving an answer that was not sent is asked about"
    open_task.context.set_offline(False)
    task.page.reload()
    task.resume()
    assert instances(task) == before
    task.page.evaluate("document.dispatchEvent(new Event('answer-accepted'))")
    assert not task.page.evaluate(LEAVE)


def test_p4_the_answer_sent_again_is_the_one_shown(task: Task) -> None:
    task.place_person()
    task.submit()
    task.page.evaluate("document.dispatchEvent(new Event('answer-failed'))")
    task.drag(task.points()["nose"][:2], (400, 300))
    again = task.submit()
    nose = again["updated_annotations"][0]["annotations"][0]
    assert (nose["x"], nose["y"]) == task.points()["nose"][:2]
    assert nose["x"] == pytest.approx(400, abs=1)


FAILED = "document.dispatchEvent(new Event('answer-failed'))"


def test_only_one_submission_is_in_flight_until_the_host_confirms_it(open_task: TaskPage) -> None:
    """However long it takes: the worker alone decides to send again."""
    open_task.context.clock.install()
    task = open_task()
    button = task.element.locator("footer button.primary")
    task.place_person()
    task.submit()
    expect(button).to_have_text("Sending…")
    button.click()
    task.page.evaluate("document.querySelector('form').requestSubmit()")
    expect(task.element.locator(".toast")).to_contain_text("on its way")
    task.page.clock.fast_forward(4300)
    expect(button).to_have_text("Submit")
    for send in (button.click, lambda: task.page.evaluate("document.querySelector('form').requestSubmit()")):
        send()
        expect(ask(task)).to_contain_text("not known whether your answer arrived")
        ask(task).get_by_role("button", name="Wait").click()
        assert task.page.evaluate("window.sent.length") == 1
    button.click()
    ask(task).get_by_role("button", name="Send again").click()
    assert task.page.evaluate("window.sent.length") == 2
    task.page.evaluate(FAILED)
    button.click()
    assert task.page.evaluate("window.sent.length") == 3, "what is known to have failed needs no question"


def test_work_that_changed_after_it_was_sent_is_sent_again_only_when_the_worker_says_so(task: Task) -> None:
    task.place_person()
    task.submit()
    task.key("ArrowLeft")
    task.element.locator("footer button.primary").click()
    expect(ask(task)).to_contain_text("not known whether your answer arrived")
    assert task.page.evaluate(LEAVE), "what is shown is not what was sent"
    ask(task).get_by_role("button", name="Send again").click()
    first, second = task.page.evaluate("window.sent")
    assert first["updated_annotations"] != second["updated_annotations"]


def test_p5_a_draft_belongs_to_worker_job_and_task(open_task: TaskPage) -> None:
    own = {"worker": "one", "labelingJob": "people"}
    task = open_task(**own)
    task.place_person()
    task.page.wait_for_timeout(600)
    for other in ({"worker": "two"}, {"labelingJob": "other"}, {"imageS3Uri": "s3://bucket/other.png"}):
        foreign = open_task(**{**own, **other})
        assert instances(foreign) == [], other
        assert ask(foreign).count() == 0, other
    again = open_task(**own)
    expect(again.element.locator(".toast")).to_contain_text("is back")
    assert len(again.points()) == len(NAMES)


def test_p5_without_a_worker_the_page_asks_whose_draft_it_is(open_task: TaskPage) -> None:
    task = open_task(labelingJob="people")
    task.place_person()
    task.page.wait_for_timeout(600)
    second = open_task(labelingJob="people")
    expect(ask(second)).to_contain_text("Is this your work?")
    expect(ask(second)).to_contain_text("17 keypoints")
    assert instances(second) == []
    second.resume("No, start without it")
    assert instances(second) == []
    second.click(10, 10)
    second.page.wait_for_timeout(600)
    third = open_task(labelingJob="people")
    assert ask(third).locator(".row button").count() == 3, "both drafts are there, and the choice to take none"


def test_p6_two_tabs_keep_two_drafts(open_task: TaskPage) -> None:
    tabs = [open_task(worker="one"), open_task(worker="one")]
    tabs[0].place_person()
    tabs[1].click(50, 50)
    for tab in tabs:
        tab.page.wait_for_timeout(600)
    tabs[0].page.reload()
    tabs[0].ready()
    assert "17 keypoints" in ask(tabs[0]).locator(".primary").inner_text(), "the most complete one is proposed"
    ask(tabs[0]).locator(".primary").click()
    assert len(tabs[0].points()) == len(NAMES)


def test_a_draft_that_its_tab_went_on_with_stays(open_task: TaskPage) -> None:
    """Another tab continues with an older version of it. The browser may be killed before the first tab's next edit."""
    first = open_task()
    first.click(100, 100)
    first.page.wait_for_timeout(600)
    second = open_task()
    first.click(140, 100)
    first.page.wait_for_timeout(600)
    second.resume()
    assert list(second.points()) == NAMES[:1]
    second.page.wait_for_timeout(600)
    third = open_task()
    expect(ask(third).locator(".primary")).to_contain_text("2 keypoints")


def test_leaving_right_after_a_submission_keeps_the_draft_as_submitted(open_task: TaskPage) -> None:
    """Nobody said whether the answer arrived, so even a known worker is asked."""
    task = open_task(worker="one")
    task.place_person()
    task.submit()
    task.page.reload()
    task.ready()
    expect(ask(task)).to_contain_text("submitted, but maybe not received")
    assert instances(task) == []
    ask(task).get_by_role("button", name="Continue").click()
    assert len(task.points()) == len(NAMES)


def test_a_draft_that_cannot_be_stored_again_stays(open_task: TaskPage) -> None:
    """Going on with a draft makes it this page's own: the old one goes only once the new one is there."""
    task = open_task(worker="one")
    task.place_person()
    task.page.wait_for_timeout(600)
    task.page.close()
    full = """() => {
      IDBObjectStore.prototype.put = () => { throw new DOMException("full", "QuotaExceededError") };
      Storage.prototype.setItem = () => { throw new DOMException("full", "QuotaExceededError") };
    }"""
    second = open_task(worker="one", wait=False)
    second.page.evaluate(full)
    expect(second.element.locator(".toast")).to_contain_text("is back")
    second.page.wait_for_timeout(300)
    second.page.close(run_before_unload=False)
    third = open_task(worker="one")
    expect(third.element.locator(".toast")).to_contain_text("is back")
    assert len(third.points()) == len(NAMES)


def test_a_draft_is_offered_again_if_the_image_goes_away_meanwhile(open_task: TaskPage) -> None:
    task = open_task()
    task.place_person()
    task.page.wait_for_timeout(600)
    second = open_task()
    expect(ask(second)).to_contain_text("17 keypoints")
    second.evaluate("element => { element.imgSrc = '/gone.png' }")
    second.element.locator(".note").wait_for()
    ask(second).get_by_role("button", name="Yes, continue").click()
    assert instances(second) == []
    second.evaluate("element => { element.imgSrc = '/photo.png?back' }")
    second.resume()
    assert len(second.points()) == len(NAMES)


def kept_keypoints(task: Task) -> list[int]:
    """Return the number of placed keypoints of each draft in localStorage."""
    drafts = task.page.evaluate(
        "Object.keys(localStorage).filter((key) => key.startsWith('truepoint-draft:')).map((key) => localStorage[key])"
    )
    instances = [json.loads(draft)["doc"]["instances"] for draft in drafts]
    return [sum(point is not None for one in group for point in json.loads(one)["points"]) for group in instances]


def test_the_element_works_if_the_storage_never_answers(open_task: TaskPage) -> None:
    """Browsers are known to leave a request for IndexedDB open for ever."""
    clock = open_task.context.clock
    clock.install()
    open_task.context.add_init_script("IDBFactory.prototype.open = () => new EventTarget()")
    task = open_task()
    clock.fast_forward(2600)
    task.click(100, 40)
    clock.run_for(400)
    task.click(100, 60)
    # No write waits again for what did not respond before,
    clock.run_for(400)
    assert kept_keypoints(task) == [2]
    # and the earlier write, which times out now, does not replace the later one.
    clock.run_for(2050)
    assert kept_keypoints(task) == [2]
    again = open_task(wait=False)
    clock.fast_forward(2600)
    again.ready().resume()
    assert len(again.points()) == 2


def test_a_draft_that_is_stored_twice_is_offered_once(open_task: TaskPage) -> None:
    """IndexedDB was full for a while: the older copy in localStorage is not a second draft."""
    task = open_task(worker="one")
    task.page.evaluate(
        """() => {
  window.put = IDBObjectStore.prototype.put;
  IDBObjectStore.prototype.put = () => { throw new Error("full") };
}"""
    )
    task.click(100, 100)
    task.page.wait_for_timeout(600)
    task.page.evaluate("() => { IDBObjectStore.prototype.put = window.put }")
    task.click(140, 100)
    task.page.wait_for_timeout(600)
    again = open_task(worker="one")
    expect(again.element.locator(".toast")).to_contain_text("is back")
    assert list(again.points()) == NAMES[:2]


def test_an_element_added_again_continues_with_its_own_draft(open_task: TaskPage) -> None:
    task = open_task(worker="one")
    task.click(100, 100)
    task.page.wait_for_timeout(600)
    task.page.evaluate(
        """async () => {
          const element = document.querySelector("crowd-2d-skeleton"), form = element.parentNode;
          element.remove();
          await new Promise((done) => setTimeout(done, 100));
          form.append(element);
        }"""
    )
    task.ready()
    task.click(140, 100)
    task.page.wait_for_timeout(600)
    again = open_task(worker="one")
    expect(again.element.locator(".toast")).to_contain_text("is back")
    assert ask(again).count() == 0, "there is one draft, not one for each time on the page"
    assert list(again.points()) == NAMES[:2]


def test_a_draft_has_the_end_of_an_unfinished_note(task: Task) -> None:
    task.click(100, 100)
    task.element.locator("input[placeholder='Note on nose']").press_sequentially("hidden by ")
    task.page.wait_for_timeout(700)
    task.page.reload()
    task.resume()
    assert task.answer()["updated_annotations"][0]["annotations"][0]["comment"] == "hidden by "


def test_a_press_on_the_image_right_after_a_note_places(task: Task) -> None:
    """The field that loses the focus says "change" in the middle of the press."""
    task.click(100, 100)
    task.element.locator("input[placeholder='Note on nose']").press_sequentially("hidden")
    task.click(160, 120)
    points = instances(task)[0]["points"]
    assert [point is not None for point in points[:3]] == [True, True, False]


def test_p15_times_add_up_over_reloads(task: Task) -> None:
    for number in range(3):
        task.click(100 + 40 * number, 100)
        task.page.wait_for_timeout(1200)
        task.key("ArrowLeft")
        task.page.wait_for_timeout(600)
        task.page.reload()
        task.resume()
    answer = task.answer()
    assert set(answer["answer_details"]["time_per_keypoint"]) == set(NAMES[:3])
    assert int(answer["total_time_in_seconds"]) >= 5
    assert answer["answer_details"]["active_time_in_seconds"] >= 3
    assert answer["answer_details"]["actions"]["click"] == 3


# no accidental answers -----------------------------------------------------------------------------------------------
def test_p7_an_untouched_image_is_asked_about_once(task: Task) -> None:
    task.key("Control+Enter")
    expect(ask(task)).to_contain_text("Nothing is labelled in this image.")
    ask(task).get_by_role("button", name="Keep labelling").click()
    assert task.page.evaluate("window.sent") == []
    task.key("Control+Enter")
    ask(task).get_by_role("button", name="Nothing to label: submit").click()
    (sent,) = task.page.evaluate("window.sent")
    assert (sent["updated_annotations"], sent["no_changes_needed"]) == ("[]", "true")


def test_p7_nothing_to_label_beside_labels_is_asked_about(task: Task) -> None:
    task.place_person()
    before = task.doc
    box = task.element.locator("footer input")
    box.click()
    expect(ask(task)).to_contain_text("There are labels in this image.")
    ask(task).get_by_role("button", name="Keep the labels").click()
    assert task.doc == before
    assert not box.is_checked()
    box.click()
    ask(task).get_by_role("button", name="Delete the labels").click()
    assert box.is_checked()
    assert instances(task) == []
    task.key("Control+z")
    assert task.doc == before
    task.key("Control+y")
    assert task.submit()["no_changes_needed"] == "true"


def test_p7_deleted_pre_labels_are_asked_about(open_task: TaskPage) -> None:
    task = open_task(initialValues=PERSONS)
    task.key("Shift+Delete", "Shift+Delete", "Control+Enter")
    expect(ask(task)).to_contain_text("Nothing is labelled")
    ask(task).locator(".primary").click()
    assert task.page.evaluate("window.sent.at(-1)")["updated_annotations"] == "[]"


def test_p7_no_changes_needed_beside_changes_is_refused(open_task: TaskPage) -> None:
    task = open_task(initialValues=PERSONS)
    box = task.element.locator("footer input")
    for change in (("1", "ArrowLeft"), ("Shift+Delete",), ("b",)):
        task.key(*change)
        box.click()
        expect(task.element.locator(".toast")).to_contain_text("changes were needed")
        assert not box.is_checked()
        assert task.answer()["no_changes_needed"] == "false"
        task.key("Control+z")
        box.click()
        assert task.answer()["no_changes_needed"] == "true"
        task.key("Control+z")


# keys ----------------------------------------------------------------------------------------------------------------
def test_p8_a_held_key_acts_once(open_task: TaskPage) -> None:
    task = open_task(initialValues=[person(20 + 90 * n, 20, 0.5) for n in range(6)])
    for key, left in (("b", 7), ("p", 7), ("Shift+Delete", 5)):
        hold(task, key)
        assert len(instances(task)) == left, key
        task.key("Control+z")
        assert len(instances(task)) == 6, key


def test_p8_a_key_held_on_a_button_presses_it_once(open_task: TaskPage) -> None:
    task = open_task(initialValues=[person(20 + 90 * n, 20, 0.5) for n in range(6)])
    for button, left in ((".instances .pick", 6), (".panel header button", 7), ("button[title^='Delete']", 6)):
        task.element.locator(button).first.focus()
        hold(task, "Enter")
        assert len(instances(task)) == left, button


def test_p8_a_key_held_on_submit_answers_no_question(task: Task) -> None:
    task.click(100, 100)
    task.element.locator("footer button.primary").focus()
    hold(task, "Enter")
    expect(ask(task)).to_be_visible()
    hold(task, "Enter")
    assert task.page.evaluate("window.sent") == []


def test_p8_holding_submit_sends_once(task: Task) -> None:
    task.place_person()
    hold(task, "Control+Enter")
    task.override()
    task.key("Control+Enter", "Control+Enter")
    assert task.page.evaluate("window.sent.length") == 1


def test_p8_holding_an_arrow_keeps_moving(task: Task) -> None:
    task.click(200, 200)
    x = task.points()["nose"][0]
    hold(task, "ArrowRight", 9)
    # Every step is rounded to a hundredth of a pixel.
    assert task.points()["nose"][0] == pytest.approx(x + 10 / task.state["view"]["scale"], abs=0.1)


def test_p12_keys_work_wherever_the_focus_is(open_task: TaskPage) -> None:
    task = open_task(form="<a href='#' id=link>Overview</a><form id=any>", initialValues=[person(), person(200)])
    task.page.locator("#link").focus()
    task.key("b")
    assert len(instances(task)) == 3
    task.element.locator("button[title^='Delete Instance 3']").focus()
    task.key("Enter", "b")
    assert len(instances(task)) == 3
    task.element.locator("button[title^='Brightness and contrast']").click()
    task.element.locator("input[type=range]").first.focus()
    task.key("b")
    assert len(instances(task)) == 4
    task.key("Escape")
    assert task.element.locator("dialog[open]").count() == 0
    note = task.element.locator("input[placeholder^='Note on']")
    note.fill("see")
    task.key("Escape", "b")
    assert len(instances(task)) == 5
    assert note.input_value() == ""
    task.key("[")
    note.fill("again")
    task.key("Control+Enter")
    task.override()
    assert "again" in task.page.evaluate("window.sent.at(-1).updated_annotations")


# pointer -------------------------------------------------------------------------------------------------------------
def test_p10_the_selected_keypoint_is_dragged(open_task: TaskPage) -> None:
    given = person(100, 40)
    given["annotations"][2] |= {key: given["annotations"][1][key] for key in "xy"}
    task = open_task(initialValues=[given])
    x, y, _ = task.points()["left_eye"]
    for name in ("right_eye", "left_eye"):
        task.element.locator(".points .pick").nth(NAMES.index(name)).click()
        before = task.points()
        task.drag((x, y), (x + 50, y + 30))
        assert [label for label in NAMES if task.points()[label] != before[label]] == [name]
        task.key("Control+z")


@pytest.mark.parametrize("button", [3, 4])
def test_p13_thumb_buttons_do_nothing(task: Task, button: int) -> None:
    cdp = task.page.context.new_cdp_session(task.page)
    x, y = task.screen(200, 200)
    name = {3: "back", 4: "forward"}[button]
    for kind in ("mousePressed", "mouseReleased"):
        cdp.send("Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y, "button": name, "clickCount": 1})
    prevented = task.evaluate(
        """({shadowRoot}, button) => {
          const options = { button, bubbles: true, composed: true, cancelable: true };
          const stage = shadowRoot.querySelector(".stage");
          return ["mousedown", "mouseup"].every((type) => !stage.dispatchEvent(new MouseEvent(type, options)));
        }""",
        button,
    )
    assert prevented, "the browser would go back"
    assert instances(task) == []


def test_p14_a_dialog_closes_only_for_a_press_and_release_outside(task: Task) -> None:
    mouse = task.page.mouse
    task.key("?")
    dialog = task.element.locator("dialog.help")
    box = dialog.bounding_box()
    inside, outside = (box["x"] + 60, box["y"] + 60), (20, 300)
    for start, end, stays in ((inside, outside, True), (outside, inside, True), (outside, outside, False)):
        mouse.move(*start)
        mouse.down()
        mouse.move(*end, steps=3)
        mouse.up()
        assert dialog.evaluate("dialog => dialog.open") is stays


def test_p14_a_press_outside_counts_for_that_press_only(task: Task) -> None:
    """A button pressed by key is a click too, long after a press outside closed the dialog."""
    dialog = task.element.locator("dialog.help")
    task.key("?")
    task.page.mouse.click(20, 300)
    assert not dialog.evaluate("dialog => dialog.open")
    task.key("?")
    task.page.mouse.move(20, 300)
    task.page.mouse.down()
    task.key("Escape")
    task.page.mouse.up()
    task.key("?")
    dialog.locator("button[data-shortcut=new]").focus()
    task.key(" ")
    assert dialog.evaluate("dialog => dialog.open")


def test_a_small_corrective_drag_is_no_click(task: Task) -> None:
    task.click(200, 200)
    x, y, _ = task.points()["nose"]
    at = task.screen(x, y)
    task.page.mouse.move(*at)
    task.page.mouse.down()
    task.page.mouse.move(at[0] + 3, at[1], steps=3)
    task.page.mouse.up()
    assert list(task.points()) == ["nose"]
    assert task.points()["nose"][0] == pytest.approx(x + 3 / task.state["view"]["scale"], abs=0.05)


def test_a_double_click_on_submit_is_one_click(task: Task) -> None:
    """It neither sends twice nor answers the question that the first click opened."""
    task.click(100, 100)
    task.element.locator("footer button.primary").dblclick()
    expect(ask(task)).to_be_visible()
    assert task.page.evaluate("window.sent") == []
    task.override()
    task.page.wait_for_timeout(200)
    task.element.locator("footer button.primary").dblclick()
    assert task.page.evaluate("window.sent.length") == 1


def test_a_renewed_signature_keeps_view_and_time(task: Task) -> None:
    task.click(100, 100)
    task.key("c", "c")
    view = task.state["view"]
    task.page.wait_for_timeout(300)
    seconds = task.evaluate("element => element.app.answer()")["total_time_in_seconds"]
    task.evaluate("element => element.setAttribute('imgSrc', '/photo.png?X-Amz-Signature=new')")
    task.page.wait_for_timeout(300)
    assert task.state["view"] == view
    assert int(task.answer()["total_time_in_seconds"]) >= int(seconds)


def test_a_hidden_page_counts_no_time(task: Task) -> None:
    task.click(100, 100)
    hide = (
        "hidden => { Object.defineProperty(document, 'hidden', { value: hidden, configurable: true });"
        " document.dispatchEvent(new Event('visibilitychange')) }"
    )
    task.page.evaluate(hide, True)
    before = task.evaluate("element => element.app.answer().total_time_in_seconds")
    started = time.monotonic()
    task.page.wait_for_timeout(2500)
    assert time.monotonic() - started > 2
    assert int(task.answer()["total_time_in_seconds"]) - int(before) <= 1
    task.page.evaluate(hide, False)


def test_the_sleep_of_a_computer_is_no_time(open_task: TaskPage) -> None:
    """The page stays visible, and no timer runs until the computer is awake again."""
    clock = open_task.context.clock
    clock.install()
    task = open_task()
    for x in (100, 140):
        task.click(x, 100)
        clock.fast_forward(8 * 3_600_000)
    task.click(180, 100)
    answer = task.answer()
    assert int(answer["total_time_in_seconds"]) < 60
    assert sum(answer["answer_details"]["time_per_keypoint"].values()) < 60
