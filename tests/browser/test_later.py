"""The script that the element loads after its start, for checks, help and light. Labelling works without it."""

from __future__ import annotations

import json
import time
from typing import Any

import pytest
from driver import ORIGIN, Task, TaskPage, person
from groundtruth_page import Site, serve
from playwright.sync_api import Browser, Page, Route, expect

LATER = "/crowd-2d-skeleton.later.js"
SENTENCE = "Checks and help could not be loaded"
PATIENCE = 5
"""Seconds after which the element does without, as src/ui/lib/scripts.js says."""


class Gate:
    """Holds the script back until it is let through."""

    def __init__(self, opener: TaskPage) -> None:
        self.waiting: list[Route] = []
        self.opener = opener
        opener.context.route(f"{ORIGIN}{LATER}", self.hold)

    def hold(self, route: Route) -> None:
        self.waiting.append(route)

    def open(self, task: Task) -> None:
        while not self.waiting:
            task.page.wait_for_timeout(20)
        for route in self.waiting:
            route.fulfill(body=str(self.opener.files[LATER][1]), content_type="text/javascript")
        self.waiting.clear()
        self.opener.context.unroute(f"{ORIGIN}{LATER}")


@pytest.fixture
def gate(open_task: TaskPage) -> Gate:
    return Gate(open_task)


@pytest.fixture
def held(open_task: TaskPage, gate: Gate) -> Task:
    """A task whose checks are on their way."""
    return later_task(open_task)


def later_task(opener: TaskPage, **values: Any) -> Task:
    """A page that its own script opens, so that the page's `load` event does not wait for the script that is held."""
    task = opener(wait=False, form="<form id=any><template>", after="</template></form>", **values)
    task.page.evaluate("() => { const t = document.querySelector('template'); t.replaceWith(t.content) }")
    return task.ready(later=False)


def sent(task: Task) -> int:
    count: int = task.page.evaluate("window.sent.length")
    return count


def requests(page: Page) -> int:
    """How often the page asked for the script."""
    names: list[str] = page.evaluate("performance.getEntriesByType('resource').map(({ name }) => name)")
    return names.count(ORIGIN + LATER)


def submit_button(task: Task) -> Any:
    return task.element.locator("footer button.primary")


def notices(task: Task) -> Any:
    return task.element.locator(".notices")


def test_it_is_there_soon_after_the_image(task: Task) -> None:
    assert (
        task.page.evaluate("performance.getEntriesByType('resource').map(({ name }) => name)").count(ORIGIN + LATER)
        == 1
    )
    expect(notices(task)).not_to_contain_text(SENTENCE)
    task.key("Shift+L")
    task.element.locator("dialog.light[open]").get_by_label("Contrast", exact=True).press("ArrowRight")
    assert "contrast(101%)" in str(task.element.locator(".stage img").first.get_attribute("style"))
    task.key("Escape", "?")
    expect(task.element.locator("dialog.help[open]")).to_be_visible()
    assert task.page.get_by_text("Label every person.").is_visible()


def spoil(opener: TaskPage, fault: str) -> None:
    script = str(opener.files[LATER][1])
    if fault == "gone":
        del opener.files[LATER]
    elif fault == "changed":
        opener.files[LATER] = ("text/javascript", f"{script};window.hacked = 1")
    elif fault == "unreachable":
        opener.context.route(f"{ORIGIN}{LATER}", lambda route: route.abort())
    elif fault == "no script":
        opener.files[LATER] = ("text/html", "<!doctype html><title>Sign in</title>")


@pytest.mark.parametrize("why", ["no script", "full storage"])
def test_an_older_image_is_not_taken_for_the_previous_one(open_task: TaskPage, why: str) -> None:
    """The script stores the labels of each image. On the second of three images it cannot."""
    script = open_task.files[LATER]
    task = open_task(worker="one", imageS3Uri="s3://bucket/1.png")
    task.place_person()
    task.submit()
    html = open_task.files["/task.html"][1]
    for number in (2, 3):
        open_task.files[f"/{number}.html"] = ("text/html", str(html).replace("/1.png", f"/{number}.png"))
    if why == "no script":
        del open_task.files[LATER]
    task.page.evaluate("document.dispatchEvent(new Event('answer-accepted'))")
    task.page.goto(f"{ORIGIN}/2.html")
    task.ready(later=why != "no script")
    if why == "full storage":
        task.page.evaluate("() => { Storage.prototype.setItem = () => { throw new Error('full') } }")
    task.place_person(200, 60, 0.8)
    task.submit()
    open_task.files[LATER] = script
    task.page.evaluate("document.dispatchEvent(new Event('answer-accepted'))")
    task.page.goto(f"{ORIGIN}/3.html")
    task.ready()
    task.key("Shift+p")
    expect(task.element.locator(".toast")).to_contain_text("There is no previous image to copy from")
    assert task.doc["instances"] == []


@pytest.mark.parametrize("fault", ["gone", "changed", "unreachable", "no script"])
def test_without_it_the_worker_labels_and_submits_and_reads_what_is_missing(open_task: TaskPage, fault: str) -> None:
    spoil(open_task, fault)
    task = open_task(initialValues=[person()], wait=False).ready(later=False)
    expect(notices(task)).to_contain_text(f"{SENTENCE}: look over your labels before you submit.")
    task.key("t")  # the sides of a whole body: a warning, if anything checked
    task.key("b")
    task.click(500, 100)
    submit_button(task).click()
    fields = task.page.evaluate("window.sent.at(-1)")
    answer = task.answer()
    assert len(answer["updated_annotations"]) == 2
    assert fields["updated_annotations"].count("label") == 18
    assert "findings" not in answer["answer_details"], "nobody looked for any"
    assert task.page.evaluate("window.hacked") is None


def test_without_it_the_help_shows_the_instructions_and_light_says_why_not(open_task: TaskPage) -> None:
    spoil(open_task, "gone")
    task = open_task(wait=False).ready(later=False)
    expect(notices(task)).to_contain_text(SENTENCE)
    for _ in range(2):
        task.key("?")
        shown = task.element.locator("dialog.help[open]")
        expect(shown).to_have_count(1)
        assert task.page.get_by_text("Label every person.").is_visible()
        task.key("Escape")
        expect(shown).to_have_count(0)
    task.key("Shift+L")
    expect(task.element.locator(".toast")).to_contain_text(SENTENCE)
    task.click(100, 100)
    assert list(task.points()) == ["nose"]


def test_a_copy_that_waits_for_the_script_does_not_disturb_a_drag(open_task: TaskPage) -> None:
    task = open_task(imageS3Uri="s3://bucket/first.png")
    task.click(300, 200)
    task.submit()
    previous = task.page.evaluate("sessionStorage.getItem('truepoint-previous')")
    open_task.context.add_init_script(f"sessionStorage.setItem('truepoint-previous', {json.dumps(previous)})")
    gate = Gate(open_task)
    held = later_task(open_task, imageS3Uri="s3://bucket/second.png")
    held.click(100, 100)
    held.key("Shift+p")
    held.page.mouse.move(*held.screen(100, 100))
    held.page.mouse.down()
    held.page.mouse.move(*held.screen(200, 150))
    gate.open(held)
    held.ready()
    assert len(held.doc["instances"]) == 1
    held.page.mouse.up()
    assert [held.points(n)["nose"][:2] for n in (0, 1)] == [pytest.approx(at, abs=1) for at in ((200, 150), (300, 200))]


def test_the_next_image_tries_again(open_task: TaskPage) -> None:
    script = open_task.files[LATER]
    spoil(open_task, "gone")
    task = open_task(wait=False).ready(later=False)
    expect(notices(task)).to_contain_text(SENTENCE)
    task.evaluate("element => { element.imageS3Uri = 's3://bucket/second.png' }")
    task.ready(later=False)
    expect(notices(task)).to_contain_text(SENTENCE)
    open_task.files[LATER] = script
    task.evaluate("element => { element.imageS3Uri = 's3://bucket/third.png' }")
    task.ready()
    expect(notices(task)).not_to_contain_text(SENTENCE)
    task.key("?")
    expect(task.element.locator("dialog.help[open]")).to_contain_text("Swap left and right of this instance")


def test_a_submission_waits_for_the_checks(held: Task, gate: Gate) -> None:
    """No check is left out because the worker was fast."""
    held.click(100, 100)
    submit_button(held).click()
    expect(submit_button(held)).to_have_text("Sending…")
    held.page.wait_for_timeout(500)
    assert sent(held) == 0
    gate.open(held)
    expect(held.element.locator("dialog.review[open]")).to_contain_text("Neither placed nor marked")
    expect(submit_button(held)).to_have_text("Submit")
    assert sent(held) == 0
    held.override()
    assert sent(held) == 1


@pytest.mark.parametrize("way", ["button", "key", "form", "all"])
def test_what_nothing_is_wrong_with_goes_once_the_checks_are_there(open_task: TaskPage, gate: Gate, way: str) -> None:
    task = later_task(open_task, initialValues=[person()])
    task.drag(task.points()["nose"][:2], (170, 70))
    if way in ("button", "all"):
        submit_button(task).click()
    if way in ("key", "all"):
        task.key("Control+Enter")
    if way in ("form", "all"):
        task.page.evaluate("document.querySelector('form').requestSubmit()")
    assert sent(task) == 0
    gate.open(task)
    task.page.wait_for_function("window.sent.length")
    task.page.wait_for_timeout(200)
    assert sent(task) == 1
    assert task.answer()["answer_details"]["findings"] == []


def test_what_is_on_the_screen_when_the_checks_arrive_is_what_is_sent(open_task: TaskPage, gate: Gate) -> None:
    task = later_task(open_task, initialValues=[person()])
    task.drag(task.points()["nose"][:2], (170, 70))
    submit_button(task).click()
    task.drag(task.points()["nose"][:2], (172, 75))
    gate.open(task)
    task.page.wait_for_function("window.sent.length")
    fields = task.page.evaluate("window.sent.at(-1)")
    assert fields["updated_annotations"] == task.evaluate("element => element.app.answer().updated_annotations")


def test_an_image_that_fails_meanwhile_is_not_sent(open_task: TaskPage, gate: Gate) -> None:
    task = later_task(open_task, initialValues=[person()])
    task.drag(task.points()["nose"][:2], (170, 70))
    submit_button(task).click()
    task.evaluate("element => { element.imgSrc = '/gone.png' }")
    task.element.locator(".note h2").wait_for()
    gate.open(task)
    task.page.wait_for_timeout(400)
    assert sent(task) == 0
    task.element.locator(".note").get_by_text("Submit without labels").click()
    assert task.page.evaluate("window.sent.at(-1).updated_annotations") == "[]"


def test_an_element_that_left_the_page_meanwhile_sends_nothing(open_task: TaskPage, gate: Gate) -> None:
    task = later_task(open_task, initialValues=[person()])
    task.drag(task.points()["nose"][:2], (170, 70))
    submit_button(task).click()
    task.evaluate("element => element.remove()")
    task.page.wait_for_timeout(100)
    gate.open(task)
    task.page.wait_for_timeout(400)
    assert sent(task) == 0


def test_a_script_that_hangs_holds_a_submission_back_for_five_seconds_at_most(held: Task, gate: Gate) -> None:
    held.click(100, 100)
    start = time.monotonic()
    submit_button(held).click()
    held.page.wait_for_function("window.sent.length", timeout=8000)
    assert time.monotonic() - start < PATIENCE + 1
    expect(notices(held)).to_contain_text(SENTENCE)
    assert "findings" not in held.answer()["answer_details"]
    assert sent(held) == 1
    gate.open(held)  # late, but of use
    expect(notices(held)).not_to_contain_text(SENTENCE)
    held.key("?")
    expect(held.element.locator("dialog.help[open]")).to_contain_text("Swap left and right of this instance")
    assert sent(held) == 1


def test_help_and_light_that_are_asked_for_early_appear_when_they_are_there(held: Task, gate: Gate) -> None:
    held.key("?")
    assert held.element.locator("dialog[open]").count() == 0
    gate.open(held)
    expect(held.element.locator("dialog.help[open]")).to_contain_text("Swap left and right of this instance")


def test_what_it_paints_appears_on_instances_that_are_painted_already(open_task: TaskPage, gate: Gate) -> None:
    unsure = person(300)
    unsure["annotations"] = [{**one, "score": 0.1} for one in unsure["annotations"]]
    task = later_task(open_task, initialValues=[person(), unsure])
    painted = """({shadowRoot}) => {
      const canvas = shadowRoot.querySelector("canvas");
      const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
      return data.reduce((sum, value, at) => sum + (at % 4 === 3 && value > 0), 0);
    }"""
    task.page.wait_for_timeout(200)
    before = task.evaluate(painted)
    gate.open(task)
    task.ready()
    task.page.wait_for_timeout(200)
    assert task.evaluate(painted) > before + 17 * 20


def test_two_elements_load_it_once(open_task: TaskPage) -> None:
    task = open_task()
    task.evaluate("element => element.after(element.cloneNode(true))")
    second = Task(task.page, "crowd-2d-skeleton >> nth=1").ready()
    assert second.element.locator("dialog.light").count() == 1
    assert requests(task.page) == 1


@pytest.mark.parametrize(("allowed", "there"), [(True, True), (False, False)])
def test_a_page_decides_which_scripts_it_lets_in(browser: Browser, bundle: str, allowed: bool, there: bool) -> None:
    """A page whose content security policy allows the element's folder allows this script; another one goes without."""
    with serve(bundle) as site:
        page = browser.new_page()
        url = site.task()
        if not allowed:
            only_element(site)
        page.goto(url)
        task = Task(page).ready(later=there)
        task.click(100, 100)
        assert list(task.points()) == ["nose"]
        if not there:
            expect(notices(task)).to_contain_text(SENTENCE)
        page.close()


def only_element(site: Site) -> None:
    site.policy = site.policy.replace(
        f"script-src {site.page} {site.assets}", f"script-src {site.page} {site.assets}/element.js"
    )


def test_a_module_finds_it_too(open_task: TaskPage) -> None:
    """As in the original component's example, whose markup works unchanged."""
    skeleton = 'keypointClasses=\'[{"label":"nose"}]\''
    page = open_task.html(
        f"<!doctype html><html lang=de><title>Task</title><body><crowd-2d-skeleton imgSrc=/photo.png {skeleton}>"
        "</crowd-2d-skeleton><script type=module src=/element.js?version=1:2></script>"
    )
    task = Task(page).ready()
    assert task.text("footer button.primary") == "Absenden"
    expect(notices(task)).to_have_text("")


def test_a_page_that_brings_the_element_in_another_way_can_bring_this_script_too(
    open_task: TaskPage, bundle: str
) -> None:
    """An inline script has no address, so there is nothing to load it from."""

    def inline(scripts: str) -> Page:
        return open_task.html(
            f"<!doctype html><html lang=en><title>Task</title><body>"
            f'<crowd-2d-skeleton labelingJob={len(scripts)} imgSrc=/photo.png keypointClasses=\'[{{"label":"nose"}}]\'>'
            f"</crowd-2d-skeleton>{scripts}"
        )

    element = f"<script>{bundle}</script>"
    without = Task(inline(element)).ready(later=False)
    expect(notices(without)).to_contain_text(SENTENCE)
    without.click(100, 100)
    assert list(without.points()) == ["nose"]
    both = Task(inline(f"{element}<script src={LATER}></script>")).ready()
    both.key("Shift+L")
    expect(both.element.locator("dialog.light[open]")).to_contain_text("Contrast")
