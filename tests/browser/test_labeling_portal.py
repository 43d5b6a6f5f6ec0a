"""The portal's page for workers, in Chromium, over the application's own code."""

from __future__ import annotations

import json
import re
import time
from collections.abc import Callable, Iterator
from contextlib import suppress
from typing import Any

import pytest
from driver import NAMES, ROOT, Task, until
from labeling_site import PEOPLE, PortalSite
from playwright.sync_api import Browser, BrowserContext, Error, Page, Route, expect

AXE = (ROOT / "node_modules/axe-core/axe.min.js").read_text()
IMAGES = sorted((ROOT / "examples/person").glob("person-*"))
JOB = "People-1"
expect.set_options(timeout=15_000)


@pytest.fixture
def site(make_site: Callable[[], PortalSite]) -> Iterator[PortalSite]:
    """A portal with one job of four images, each of which needs two workers."""
    site = make_site()
    site.add_job(JOB, IMAGES[:4], workers=2)
    yield site
    assert site.reports == []


class Person:
    """Somebody in front of a window, signed in or not. Every page must end without an error on its console."""

    def __init__(self, context: BrowserContext, site: PortalSite, who: str) -> None:
        self.context, self.site = context, site
        self.faults: list[str] = []
        context.on("console", lambda message: self.note(message.type, message.text))
        context.on("weberror", lambda error: self.faults.append(str(error.error)))
        if who:
            self.sign_in(who)
        self.page = context.new_page()

    def note(self, kind: str, text: str) -> None:
        # Refused and failed requests are part of most tests.
        if kind == "error" and "Failed to load resource" not in text:
            self.faults.append(text)

    def sign_in(self, who: str, seconds: float = 3600) -> None:
        name = self.site.cookies.name("session")
        cookie: Any = {"name": name, "value": self.site.cookie(who, seconds), "url": self.site.origin, "httpOnly": True}
        self.context.add_cookies([cookie])

    def open(self, fragment: str = "", page: Page | None = None) -> Task:
        page = page or self.page
        page.goto(f"{self.site.origin}/portal/index.html{fragment}")
        return Task(page)

    def label(self, page: Page | None = None) -> Task:
        """Open the job's labelling view, until its image is there."""
        return self.open(f"#/jobs/{JOB}", page).ready()

    def shown(self, page: Page | None = None) -> str:
        """Return the image that is shown, as the number in its name."""
        uri = (page or self.page).locator("crowd-2d-skeleton").get_attribute("images3uri")
        return str(uri).rpartition("/")[2].partition(".")[0]

    def cut(self, pattern: str, *, after: bool = False) -> None:
        """Break the connection of the next such request: before it arrives, or after, so that its answer is lost.

        A server that closes the connection does not do: browsers send such requests again themselves.
        """

        def handle(route: Route) -> None:
            if after:
                route.fetch()
            route.abort()

        self.context.route(re.compile(pattern), handle, times=1)

    def next_image(self, before: str, page: Page | None = None) -> Task:
        page = page or self.page
        page.wait_for_function(
            "before => { const shown = document.querySelector('crowd-2d-skeleton');"
            " return shown && !shown.getAttribute('images3uri').includes(`/${before}.`); }",
            arg=before,
        )
        return Task(page).ready()


@pytest.fixture
def person(context: BrowserContext, site: PortalSite) -> Iterator[Person]:
    somebody = Person(context, site, "Ada")
    yield somebody
    assert somebody.faults == []


def submit(task: Task) -> None:
    """Press the button, and override what is asked, until the element is gone or on its way."""
    task.element.locator("footer button.primary").click()
    with suppress(Error):
        task.override()


def heading(page: Page) -> Any:
    """Return the first heading of what is shown."""
    return page.locator("main h1, main h2").first


def button(page: Page, name: str) -> Any:
    return page.get_by_role("button", name=name, exact=True)


# -- signing in, and the list of jobs


def test_somebody_who_is_not_signed_in_sees_one_button(context: BrowserContext, site: PortalSite) -> None:
    somebody = Person(context, site, "")
    somebody.open(f"#/jobs/{JOB}")
    page = somebody.page
    expect(heading(page)).to_have_text("Label images with your team")
    assert page.locator("main a, main button").count() == 1
    page.get_by_role("link", name="Sign in").click()
    page.get_by_role("link", name="Ada").click()
    Task(page).ready()
    assert page.url.endswith(f"#/jobs/{JOB}"), "back where the person wanted to go"
    assert page.evaluate("document.cookie") == ""
    assert somebody.faults == []


def test_a_sign_in_that_failed_says_so(context: BrowserContext, site: PortalSite) -> None:
    somebody = Person(context, site, "")
    somebody.open("?signed-in=no")
    expect(somebody.page.locator("main")).to_contain_text("You are not signed in")


def test_a_worker_sees_their_jobs_and_their_own_progress(person: Person) -> None:
    person.site.change_worker(JOB, "Ada", answers=3, seconds=400.0, skips=1)
    person.site.add_job("Done-1", IMAGES[:1])
    person.site.change_job("Done-1", status="Completed", title="Old <b>job</b>")
    person.site.add_job("Secret-1", IMAGES[:1])
    person.site.change_job("Secret-1", everyone=False, title="Secret")
    person.open()
    card = person.page.locator("li.card").first
    expect(card).to_contain_text("Label people")
    expect(card).to_contain_text("1 of 4 images complete (25%)")
    expect(card).to_contain_text("3 answers of yours")
    expect(card).to_contain_text("7 min of labelling")
    expect(card).to_contain_text("1 skipped")
    assert "Secret" not in person.page.content()
    person.page.get_by_text("Finished jobs (1)").click()
    expect(person.page.get_by_text("Old <b>job</b>")).to_be_visible()
    assert person.page.get_by_role("navigation").count() == 0, "a worker has no lead's pages"
    card.get_by_role("link", name="Go on").click()
    Task(person.page).ready()


def test_signing_out_ends_the_session(person: Person) -> None:
    person.open()
    person.page.locator(".account summary").click()
    button(person.page, "Sign out").click()
    expect(person.page.get_by_role("link", name="Sign in")).to_be_visible()
    assert person.context.cookies() == []


# -- labelling


@pytest.mark.parametrize("width", [320, 390, 600, 1280])
def test_the_whole_of_saved_can_be_read_in_german(browser: Browser, site: PortalSite, width: int) -> None:
    """A phone showed "Ges…", and a long title made the page wider than the phone."""
    site.change_job(JOB, title="T" * 80)
    context = browser.new_context(locale="de-DE", viewport={"width": width, "height": 844})
    somebody = Person(context, site, "Ada")
    submit(somebody.label())
    saved = somebody.page.locator(".saved")
    expect(saved).to_have_text("Gespeichert. 1 Antwort")
    left, right = saved.evaluate(
        """(node) => {
          const range = document.createRange();
          range.selectNodeContents(node);
          const text = range.getBoundingClientRect(), box = node.getBoundingClientRect();
          return [Math.max(box.left, 0) - text.left, text.right - Math.min(box.right, innerWidth)];
        }"""
    )
    assert (left <= 1, right <= 1) == (True, True)
    assert somebody.page.evaluate("document.documentElement.scrollWidth") <= width
    assert somebody.faults == []
    context.close()


def test_a_worker_labels_a_whole_job(person: Person) -> None:
    task = person.label()
    told = []
    for number in range(4):
        assert person.shown() == str(number)
        task.place_person(60, 30, 0.6)
        told.append(task.points())
        submit(task)
        if number < 3:
            task = person.next_image(str(number))
            expect(person.page.locator(".saved")).to_have_text(f"Saved. {number + 1} answer{'s' * (number > 0)}")
            assert task.doc["instances"] == []
    expect(heading(person.page)).to_have_text("You have done all of it")
    answers = person.site.answers(JOB)
    assert sorted(answers) == [(number, "Ada") for number in range(4)]
    for number, points in enumerate(told):
        content = answers[number, "Ada"]
        assert all(isinstance(value, str) for value in content.values()), "as crowd-form would send them"
        (instance,) = json.loads(content["updated_annotations"])
        sent = {a["label"]: (a["x"], a["y"], a["visibility"]) for a in instance["annotations"]}
        assert sent == points
        assert list(sent) == NAMES
    assert len(person.site.sent("POST .*/answers/")) == 4
    drafts = "new Promise(done => { indexedDB.open('truepoint', 1).onsuccess = ({target: {result}}) =>"
    drafts += (
        " result.transaction('drafts').objectStore('drafts').getAllKeys().onsuccess = e => done(e.target.result) })"
    )
    assert person.page.evaluate(drafts) == [], "no draft of what is safe"


def test_a_job_without_an_image_left_offers_no_labelling(person: Person) -> None:
    person.site.add_job("Small-1", IMAGES[:1])
    task = person.open("#/jobs/Small-1").ready()
    task.place_person(60, 30, 0.6)
    submit(task)
    expect(heading(person.page)).to_have_text("You have done all of it")
    card = person.page.locator("li.card", has_text="1 of 1 image complete")
    person.open("#/")
    expect(card.get_by_role("link")).to_have_text("Your answers")
    person.sign_in("Bea")
    person.open("#/jobs/Small-1")
    person.page.reload()
    expect(heading(person.page)).to_have_text("No image is left")
    person.open("#/")
    expect(card).to_be_visible()
    assert card.get_by_role("link").count() == 0


def test_the_next_image_is_there_before_it_is_wanted_and_visible_one_frame_after_the_acknowledgement(
    person: Person,
) -> None:
    images: list[str] = []
    person.page.on("request", lambda request: images.append(request.url) if "/images/" in request.url else None)
    task = person.label()
    person.page.wait_for_function(
        "performance.getEntriesByType('resource').filter(({ name }) => name.includes('/images/1.')).length === 1"
    )
    assert [re.search(r"/images/(\d)", url)[1] for url in images] == ["0", "1"]  # type: ignore[index]
    person.page.evaluate(
        """() => {
          const sent = window.fetch;
          window.fetch = async (...request) => {
            const response = await sent(...request);
            if (!String(request[0]).includes("/answers/")) return response;
            const json = response.json.bind(response);
            response.json = async () => {
              const value = await json();
              window.acknowledged = performance.now();
              let frames = 0;
              const isNext = (img) =>
                img?.complete && img.naturalWidth && img.src.includes("/images/1.") && img.checkVisibility();
              const look = () => {
                frames += 1;
                const { app } = document.querySelector("crowd-2d-skeleton") ?? {};
                const at = { frames, after: performance.now() - window.acknowledged };
                if (isNext(document.querySelector(".picture img"))) window.shown ??= at;
                if (isNext(app?.stage.img) && app.session.size.width) window.usable ??= at;
                if (!window.usable) requestAnimationFrame(look);
              };
              requestAnimationFrame(look);
              return value;
            };
            return response;
          };
        }"""
    )
    task.place_person(60, 30, 0.6)
    submit(task)
    person.next_image("0")
    until(person.page, "window.usable")
    shown, usable = person.page.evaluate("[window.shown ?? window.usable, window.usable]")
    print(
        f"next image: visible in frame {shown['frames']}, {shown['after']:.1f} ms after the acknowledgement; ", end=""
    )
    print(f"usable in frame {usable['frames']}, {usable['after']:.1f} ms")
    assert shown["frames"] == 1
    expect(person.page.locator(".picture")).to_be_hidden()
    assert len([url for url in images if "/images/1." in url]) == 1, "loaded once"


def test_two_clicks_on_submit_are_one_answer(person: Person) -> None:
    task = person.label()
    person.site.slow = 0.3
    task.place_person(60, 30, 0.6)
    person.page.evaluate(
        """() => {
          const { shadowRoot } = document.querySelector("crowd-2d-skeleton");
          const press = shadowRoot.querySelector("footer button.primary");
          press.click();
          press.click();
          shadowRoot.querySelector("dialog[open] .row .primary")?.click();
          press.click();
          document.querySelector("form").requestSubmit();
        }"""
    )
    person.next_image("0")
    person.page.wait_for_timeout(500)
    assert len(person.site.sent("POST .*/answers/0")) == 1
    assert person.site.sent("POST .*/answers/1") == []
    assert list(person.site.answers(JOB)) == [(0, "Ada")]


@pytest.mark.parametrize("failure", [200, 429, 502])  # 200: a page of a hotel's network
def test_a_failed_submission_is_sent_again_and_the_work_stays(person: Person, failure: int) -> None:
    task = person.label()
    task.place_person(60, 30, 0.6)
    points = task.points()
    person.site.fail("POST .*/answers/0", failure, 2)
    submit(task)
    expect(person.page.get_by_role("alert")).to_contain_text("Not saved yet")
    assert task.points() == points
    button(person.page, "Try now").click()
    person.next_image("0")
    expect(person.page.get_by_role("alert")).to_be_hidden()
    assert [one.status for one in person.site.sent("POST .*/answers/0")] == [failure, failure, 200]


def test_a_lost_connection_is_told_and_the_answer_is_sent_again(person: Person) -> None:
    task = person.label()
    task.place_person(60, 30, 0.6)
    person.cut("/answers/0")
    submit(task)
    expect(person.page.get_by_role("alert")).to_contain_text("The server did not answer.")
    person.next_image("0")
    assert list(person.site.answers(JOB)) == [(0, "Ada")]


def test_a_worker_can_go_on_editing_instead_of_waiting(person: Person) -> None:
    task = person.label()
    task.place_person(60, 30, 0.6)
    person.site.fail("POST .*/answers/0", 503, 1)
    submit(task)
    button(person.page, "Keep editing").click()
    task.element.locator(".stage").focus()
    task.key("1", "Shift+ArrowRight")
    points = task.points()
    submit(task)
    person.next_image("0")
    (instance,) = json.loads(person.site.answers(JOB)[0, "Ada"]["updated_annotations"])
    assert {a["label"]: a["x"] for a in instance["annotations"]}["nose"] == points["nose"][0]


def test_an_acknowledgement_that_is_lost_counts_once_and_later_changes_are_not_lost(person: Person) -> None:
    task = person.label()
    task.place_person(60, 30, 0.6)
    person.cut("/answers/0", after=True)
    submit(task)
    button(person.page, "Keep editing").click()
    task.element.locator(".stage").focus()
    task.key("1", "Shift+ArrowRight")
    points = task.points()
    submit(task)
    task = person.next_image("0")
    (instance,) = json.loads(person.site.answers(JOB)[0, "Ada"]["updated_annotations"])
    assert {a["label"]: a["x"] for a in instance["annotations"]}["nose"] == points["nose"][0]
    task.place_person(60, 30, 0.6)
    person.cut("/answers/1", after=True)
    submit(task)
    person.next_image("1")
    assert [one.method for one in person.site.sent(".*/answers/1$")] == ["POST", "POST"], "the same is not corrected"


def test_work_survives_the_end_of_the_browser(person: Person) -> None:
    task = person.label()
    task.place_person(60, 30, 0.6)
    points = task.points()
    person.page.wait_for_timeout(700)
    person.page.close(run_before_unload=False)
    person.page = person.context.new_page()
    task = person.label()
    person.page.wait_for_function("document.querySelector('crowd-2d-skeleton').app.session.doc.instances.length")
    assert task.points() == points


def test_another_persons_draft_is_never_shown(person: Person, site: PortalSite) -> None:
    site.add_job("People-2", IMAGES[:1], workers=2)  # of several images, the queue may offer Bea any that Ada holds
    task = person.open("#/jobs/People-2").ready()
    task.place_person(60, 30, 0.6)
    person.page.wait_for_timeout(700)
    person.sign_in("Bea")
    person.page.close(run_before_unload=False)
    person.page = person.context.new_page()
    task = person.open("#/jobs/People-2").ready()
    person.page.wait_for_timeout(300)
    assert person.shown() == "0", "each image needs two workers"
    assert task.doc["instances"] == []


# -- skips


def test_a_skip_needs_a_reason_and_the_image_does_not_come_back(person: Person) -> None:
    task = person.label()
    task.element.get_by_placeholder(re.compile("note", re.IGNORECASE)).last.fill("too dark")
    task.element.get_by_role("button", name="Skip").click()
    task.element.get_by_role("button", name=re.compile("unusable")).click()
    person.next_image("0")
    expect(person.page.locator(".saved")).to_have_text("Skipped")
    (skip,) = person.site.sent("POST .*/skips/0")
    assert skip.body == {"reason": "unusable", "note": "too dark", "person": PEOPLE["Ada"]}
    task = person.label()
    assert person.shown() == "1"


def test_after_a_skip_the_previous_image_is_the_last_one_with_labels(person: Person) -> None:
    task = person.label()
    task.place_person(60, 30, 0.6)
    submit(task)
    task = person.next_image("0")
    task.element.get_by_role("button", name="Skip").click()
    task.element.get_by_role("button", name=re.compile("unusable")).click()
    task = person.next_image("1")
    task.key("Shift+p")
    assert [len(one["points"]) for one in task.doc["instances"]] == [17]


def test_gold_cannot_be_skipped(person: Person) -> None:
    person.site.change_job(JOB, gold=[0])
    task = person.label()
    task.element.get_by_role("button", name="Skip").click()
    task.element.get_by_role("button", name=re.compile("Too hard")).click()
    expect(task.element.locator(".toast")).to_have_text("This image cannot be skipped. Please label it.")
    task.place_person(60, 30, 0.6)
    submit(task)
    person.next_image("0")


# -- the page around the element


def test_a_double_click_on_submit_selects_no_text_beside_the_image(person: Person) -> None:
    task = person.label()
    task.place_person(60, 30, 0.6)
    person.site.slow = 0.3
    task.element.locator("footer button.primary").dblclick()
    assert person.page.evaluate("String(getSelection())") == ""
    person.next_image("0")


def test_the_elements_words_stay_whole_at_a_zoom_of_200_percent(person: Person) -> None:
    """The page breaks long names anywhere. The element inherited that, and showed "Sub" and "mit" in two lines."""
    person.page.set_viewport_size({"width": 640, "height": 400})
    task = person.label()
    for name in ("Submit", "Help"):
        box = task.element.get_by_role("button", name=name).bounding_box()
        assert box, name
        assert box["height"] < 40, name


# -- corrections


def test_a_worker_corrects_an_own_answer_until_it_has_its_label(person: Person) -> None:
    task = person.label()
    task.place_person(60, 30, 0.6)
    task.key("1", "o")
    submit(task)
    task = person.next_image("0")
    task.click(200, 150)
    unfinished = task.points()
    button(person.page, "Your answers").click()
    person.page.get_by_role("link", name="Correct: Image 1").click()
    task = Task(person.page).ready()
    person.page.wait_for_function("document.querySelector('crowd-2d-skeleton').app.session.doc.instances.length")
    assert person.shown() == "0"
    expect(person.page.locator(".quiet")).to_contain_text("Correcting image 1")
    assert task.points()["nose"][2] == 1, "as it was submitted"
    assert task.element.get_by_role("button", name="Skip").count() == 0
    task.key("2", "o")
    submit(task)
    task = person.next_image("0")
    expect(person.page.locator(".saved")).to_have_text("Corrected")
    person.page.wait_for_function("document.querySelector('crowd-2d-skeleton').app.session.doc.instances.length")
    assert task.points() == unfinished, "the image that was open is as it was"
    content = person.site.answers(JOB)[0, "Ada"]
    (instance,) = json.loads(content["updated_annotations"])
    assert {a["label"]: a["visibility"] for a in instance["annotations"]}["left_eye"] == 1
    assert content["original_annotations"] == "[]"
    person.site.close_image(JOB, 0)
    person.open(f"#/jobs/{JOB}/answers/0")
    expect(heading(person.page)).to_contain_text("can no longer be corrected")
    person.page.get_by_role("link", name="Go on").click()
    button(person.page, "Your answers").click()
    expect(person.page.get_by_role("dialog")).to_contain_text("Final")
    assert person.page.get_by_role("link", name=re.compile("^Correct")).count() == 0


def test_a_correction_that_comes_too_late_says_so(person: Person) -> None:
    task = person.label()
    task.place_person(60, 30, 0.6)
    submit(task)
    person.next_image("0")
    task = person.open(f"#/jobs/{JOB}/answers/0").ready()
    person.page.wait_for_function("document.querySelector('crowd-2d-skeleton').app.session.doc.instances.length")
    person.site.close_image(JOB, 0)
    task.key("1", "o")
    submit(task)
    expect(person.page.get_by_role("alert")).to_contain_text("can no longer be corrected")
    button(person.page, "Next image").click()
    person.next_image("0")


@pytest.mark.parametrize("choice", ["Leave it as it was", "Replace it"])
def test_two_windows_do_not_replace_each_others_correction_silently(
    person: Person, site: PortalSite, choice: str
) -> None:
    task = person.label()
    task.place_person(60, 30, 0.6)
    submit(task)
    person.next_image("0")
    windows = [person, Person(person.page.context, site, "Ada")]
    for number, window in enumerate(windows):
        task = window.open(f"#/jobs/{JOB}/answers/0").ready()
        window.page.wait_for_function("document.querySelector('crowd-2d-skeleton').app.session.doc.instances.length")
        task.key(str(number + 1), "o")
    for window in windows:
        window.page.bring_to_front()
        submit(Task(window.page))
        if window is person:
            window.next_image("0")
    alert = windows[1].page.get_by_role("alert")
    expect(alert).to_contain_text("corrected this answer meanwhile")
    alert.get_by_role("button", name=choice).click()
    windows[1].page.wait_for_url(lambda url: "answers" not in url)
    (instance,) = json.loads(person.site.answers(JOB)[0, "Ada"]["updated_annotations"])
    occluded = {a["label"] for a in instance["annotations"] if a["visibility"] == 1}
    # The second window began with the draft of the first.
    assert occluded == ({"nose", "left_eye"} if choice == "Replace it" else {"nose"})


def test_a_draft_of_a_correction_is_not_shown_as_a_later_answer(
    person: Person, browser: Browser, site: PortalSite
) -> None:
    """The worker has corrected the answer on another computer in between."""
    task = person.label()
    task.place_person(60, 30, 0.6)
    submit(task)
    person.next_image("0")
    shown = "document.querySelector('crowd-2d-skeleton').app.session.doc.instances.length"
    person.open(f"#/jobs/{JOB}/answers/0").ready()
    person.page.wait_for_function(shown)
    person.page.wait_for_timeout(600)
    other_context = browser.new_context(viewport={"width": 1440, "height": 900})
    other = Person(other_context, site, "Ada")
    task = other.open(f"#/jobs/{JOB}/answers/0").ready()
    other.page.wait_for_function(shown)
    task.key("1", "o")
    submit(task)
    other.next_image("0")
    other_context.close()
    person.page.goto("about:blank")
    task = person.open(f"#/jobs/{JOB}/answers/0").ready()
    person.page.wait_for_function(shown)
    assert task.points()["nose"][2] == 1


def test_leaving_while_an_answer_is_on_its_way_keeps_the_work(person: Person) -> None:
    task = person.label()
    task.place_person(60, 30, 0.6)
    points = task.points()
    person.cut("/answers/0")
    submit(task)
    expect(person.page.get_by_role("alert")).to_contain_text("Not saved yet")
    person.page.evaluate("location.hash = '#/'")
    heading(person.page).wait_for()
    assert person.site.answers(JOB) == {}
    person.page.go_back()
    task = Task(person.page).ready()
    dialog = task.element.locator("dialog.review[open]")
    expect(dialog).to_contain_text("submitted, but maybe not received")
    dialog.locator(".primary").click()
    assert task.points() == points
    submit(task)
    person.next_image("0")
    assert list(person.site.answers(JOB)) == [(0, "Ada")]


# -- sessions


def test_a_session_that_ends_while_an_image_is_open_loses_nothing(person: Person) -> None:
    task = person.label()
    task.place_person(60, 30, 0.6)
    points = task.points()
    person.site.end_sessions()
    submit(task)
    dialog = person.page.get_by_role("dialog")
    expect(dialog).to_contain_text("Your session has ended")
    assert task.points() == points
    with person.context.expect_page() as opened:
        dialog.get_by_role("link", name="Sign in").click()
    window = opened.value
    window.get_by_role("link", name="Ada").click()
    person.next_image("0")
    assert dialog.count() == 0
    assert list(person.site.answers(JOB)) == [(0, "Ada")]


def test_work_is_not_submitted_as_somebody_elses(person: Person) -> None:
    task = person.label()
    task.place_person(60, 30, 0.6)
    person.sign_in("Bea")
    submit(task)
    dialog = person.page.get_by_role("dialog")
    expect(dialog).to_contain_text("You are now signed in as Bea")
    with person.page.expect_navigation():
        dialog.get_by_role("button", name="Go on as Bea").click()
    task = Task(person.page).ready()
    assert task.doc["instances"] == []
    assert person.site.answers(JOB) == {}


def test_the_end_of_a_session_is_announced(person: Person) -> None:
    person.page.clock.install()
    person.sign_in("Ada", 300)
    person.label()
    notice = person.page.locator(".quiet")
    expect(notice).to_contain_text("Your session ends at")
    person.site.signs_in = "Ada"
    with person.page.expect_response("**/api/me"), person.context.expect_page():
        notice.get_by_role("link", name="Sign in again").click()
    for _ in range(10):  # the page looks every half minute, and may not have read the response yet
        person.page.clock.fast_forward(31_000)
        if notice.is_hidden():
            break
        person.page.wait_for_timeout(200)
    expect(notice).to_be_hidden()


# -- several windows


def test_one_window_labels_at_a_time(person: Person) -> None:
    task = person.label()
    task.place_person(60, 30, 0.6)
    points = task.points()
    person.page.wait_for_timeout(700)
    second = person.context.new_page()
    person.open(f"#/jobs/{JOB}", second)
    expect(heading(second)).to_have_text("You label this job in another window")
    button(second, "Label here instead").click()
    task = Task(second).ready()
    expect(heading(person.page)).to_have_text("You label this job in another window")
    second.wait_for_function("document.querySelector('crowd-2d-skeleton').app.session.doc.instances.length")
    assert task.points() == points, "the work moves too"
    submit(task)
    person.next_image("0", second)
    button(person.page, "Label here instead").click()
    Task(person.page).ready()
    assert person.shown() == "1"


# -- when there is nothing to do


@pytest.mark.parametrize(
    ("job", "worker", "said"),
    [
        ({"paused": True}, {}, "This job is paused"),
        ({"status": "Completed"}, {}, "This job is finished"),
        ({}, {"paused": True}, "You are paused in this job"),
    ],
)
def test_a_job_without_work_says_why(person: Person, job: Any, worker: Any, said: str) -> None:
    person.site.change_job(JOB, **job)
    person.site.change_worker(JOB, "Ada", **worker)
    person.open(f"#/jobs/{JOB}")
    expect(heading(person.page)).to_have_text(said)
    person.page.get_by_role("link", name="Back to your jobs").click()
    expect(heading(person.page)).to_have_text("Your jobs")


def test_a_paused_job_goes_on_by_itself(person: Person) -> None:
    person.site.change_job(JOB, paused=True)
    person.page.clock.install()
    person.open(f"#/jobs/{JOB}")
    expect(heading(person.page)).to_have_text("This job is paused")
    person.site.change_job(JOB, paused=False)
    person.page.clock.fast_forward(31_000)
    Task(person.page).ready()


def test_a_job_that_is_paused_while_an_image_is_open_keeps_the_work(person: Person) -> None:
    task = person.label()
    task.place_person(60, 30, 0.6)
    points = task.points()
    person.site.change_job(JOB, paused=True)
    submit(task)
    expect(person.page.get_by_role("alert")).to_contain_text("takes no answers at present")
    assert task.points() == points
    person.site.change_job(JOB, paused=False)
    button(person.page, "Try again").click()
    person.next_image("0")


def test_an_image_that_went_to_somebody_else_says_so(person: Person) -> None:
    task = person.label()
    task.place_person(60, 30, 0.6)
    person.site.change_worker(JOB, "Ada", leases=[])
    submit(task)
    expect(person.page.get_by_role("alert")).to_contain_text("has gone to somebody else")
    button(person.page, "Next image").click()
    person.next_image("0")


def test_nobody_learns_of_jobs_that_are_not_theirs(person: Person) -> None:
    person.site.change_job(JOB, everyone=False)
    person.open(f"#/jobs/{JOB}")
    expect(person.page.locator("main")).to_contain_text("There is no such job, or you may not work on it.")


def test_a_page_that_cannot_be_loaded_can_be_tried_again(person: Person) -> None:
    person.site.fail("GET /api/me", 503, 1)
    person.open()
    expect(heading(person.page)).to_have_text("This page could not be loaded")
    button(person.page, "Try again").click()
    expect(heading(person.page)).to_have_text("Your jobs")


# -- leases and links


def test_leases_are_renewed_for_somebody_who_works_and_not_for_somebody_who_left(person: Person) -> None:
    person.page.clock.install()
    task = person.label()
    asked = len(person.site.sent("POST .*/tasks"))

    def pass_time(seconds: int) -> None:
        person.site.ahead += seconds
        person.page.clock.fast_forward(seconds * 1000)
        person.page.wait_for_timeout(300)

    pass_time(600)
    task.click(200, 150)
    pass_time(320)
    assert len(person.site.sent("POST .*/tasks")) == asked + 1
    points = task.points()
    assert list(points) == ["nose"], "the work is untouched"
    pass_time(1000)
    pass_time(1000)
    assert len(person.site.sent("POST .*/tasks")) == asked + 1
    task.click(220, 150)
    pass_time(10)
    assert len(person.site.sent("POST .*/tasks")) == asked + 2
    assert list(task.points()) == NAMES[:2]


def fail_once(person: Person) -> list[str]:
    """Let the first request for the first image fail, and return a list to which each request adds its link."""
    links: list[str] = []

    def answer(route: Route) -> None:
        links.append(route.request.url)
        if len(links) == 1:
            route.abort()
        else:
            route.continue_()

    person.context.route(re.compile("/images/0"), answer)
    return links


def test_an_image_that_does_not_load_gets_a_new_link(person: Person) -> None:
    person.page.clock.install()
    links = fail_once(person)
    task = person.open(f"#/jobs/{JOB}")
    expect(task.element.locator(".note")).to_be_visible()
    person.page.wait_for_timeout(1100)  # links that are signed in one second are the same
    person.page.clock.fast_forward(11_000)
    task.ready()
    assert len(set(links)) == 2


def test_an_image_that_loads_slowly_is_not_requested_again_and_again(person: Person) -> None:
    """A large image over a slow line: a new link would start the download anew, for ever."""
    person.page.clock.install()
    held: list[Route] = []

    def keep(route: Route) -> None:
        held.append(route)

    person.context.route(re.compile("/images/0"), keep)
    task = person.open(f"#/jobs/{JOB}")
    task.element.locator(".waiting").wait_for()
    for _ in range(3):
        person.page.wait_for_timeout(1100)  # links that are signed in one second are the same
        person.page.clock.fast_forward(11_000)
    assert len(held) == 1
    held[0].continue_()
    task.ready()


def test_an_image_of_an_answer_that_does_not_load_gets_a_new_link(person: Person) -> None:
    task = person.label()
    task.place_person(60, 30, 0.6)
    submit(task)
    person.next_image("0")
    person.page.clock.install()
    links = fail_once(person)
    task = person.open(f"#/jobs/{JOB}/answers/0")
    expect(task.element.locator(".note")).to_be_visible()
    person.page.wait_for_timeout(1100)
    person.page.clock.fast_forward(11_000)
    task.ready()
    assert len(set(links)) == 2


# -- instructions, languages, looks


def test_instructions_are_shown_and_nothing_in_them_runs(context: BrowserContext, make_site: Any) -> None:
    site = make_site()
    hostile = (
        "<p>Mark <b>everybody</b>.</p><script>window.ran = 1</script><img src=x onerror='window.ran = 2'>"
        "<a href='javascript:window.ran = 3'>click</a><a href='https://example.com/guide'>our guide</a>"
        "<iframe src='https://example.com'></iframe><style>body { display: none }</style>"
        "<form><input name=updated_annotations></form>"
    )
    site.add_job(JOB, IMAGES[:2], instructions=hostile)
    somebody = Person(context, site, "Ada")
    task = somebody.label()
    button(somebody.page, "Instructions").click()
    dialog = somebody.page.get_by_role("dialog")
    expect(dialog).to_contain_text("Mark everybody.")
    links = dialog.get_by_role("link")
    assert links.count() == 2
    assert links.first.get_attribute("href") == "https://example.com/guide"
    assert links.first.get_attribute("rel") == "noopener noreferrer"
    assert "labeler-guide" in str(links.last.get_attribute("href"))
    assert dialog.locator("script, iframe, style, input, [onerror]").count() == 0
    assert somebody.page.evaluate("window.ran") is None
    button(somebody.page, "Close").click()
    assert task.element.locator("input").count() > 0
    slot = "document.querySelectorAll('[slot=instructions] :is(input, form, script)').length"
    assert somebody.page.evaluate(slot) == 0
    # The parser that reads them reports what the policy would have blocked, though nothing of it is in the page.
    assert all("Content Security Policy" in fault for fault in somebody.faults), somebody.faults


def test_the_guide_is_linked_once_if_the_jobs_instructions_link_to_it(context: BrowserContext, make_site: Any) -> None:
    site = make_site()
    link = (
        "<p><a href='https://d1.cloudfront.net/ui/guide/6025746682dcbcba/labeler-guide.html'>Labeller's guide</a></p>"
    )
    site.add_job(JOB, IMAGES[:2], instructions=link)
    somebody = Person(context, site, "Ada")
    somebody.label()
    button(somebody.page, "Instructions").click()
    expect(somebody.page.get_by_role("dialog").get_by_role("link")).to_have_count(1)


def test_a_job_that_is_ending_offers_no_labelling(person: Person) -> None:
    person.label()
    person.site.change_job(JOB, status="Stopping")
    person.open("#/")
    person.page.reload()
    expect(person.page.locator("li.card", has_text="Ending")).to_be_visible()
    expect(person.page.get_by_role("link", name="Start labelling")).to_have_count(0)


def test_the_page_and_the_element_speak_the_persons_language(browser: Browser, site: PortalSite) -> None:
    context = browser.new_context(locale="de-AT", viewport={"width": 1280, "height": 800})
    context.set_default_timeout(5000)
    somebody = Person(context, site, "Ada")
    somebody.open()
    expect(heading(somebody.page)).to_have_text("Ihre Aufträge")
    assert somebody.page.evaluate("document.documentElement.lang") == "de"
    somebody.page.get_by_role("link", name="Mit dem Labeln beginnen").click()
    task = Task(somebody.page).ready()
    expect(task.element.get_by_role("button", name="Absenden")).to_be_visible()
    somebody.page.get_by_role("link", name="Aufträge").click()
    # Until the list is there, the header may be replaced with its menu.
    expect(heading(somebody.page)).to_have_text("Ihre Aufträge")
    somebody.page.locator(".account summary").click()
    somebody.page.get_by_label("Sprache").select_option("en")
    expect(heading(somebody.page)).to_have_text("Your jobs")
    somebody.page.reload()
    expect(heading(somebody.page)).to_have_text("Your jobs")
    context.close()


def views(person: Person) -> Iterator[str]:
    """Show one view of a worker after the other; yields its name."""
    page, site = person.page, person.site
    person.open()
    expect(heading(page)).to_have_text("Your jobs")
    yield "jobs"
    page.locator(".account summary").click()
    yield "account"
    task = person.label()
    task.place_person(60, 30, 0.6)
    yield "labelling"
    site.fail("POST .*/answers/0", 503, 9)
    submit(task)
    expect(page.get_by_role("alert")).to_contain_text("Next try")
    yield "failed"
    site.failing.clear()
    person.next_image("0")
    button(page, "Your answers").click()
    expect(page.get_by_role("dialog")).to_contain_text("Image 1")
    yield "answers"
    page.get_by_role("link", name="Correct: Image 1").click()
    Task(page).ready()
    yield "correcting"
    button(page, "Instructions").click()
    yield "instructions"
    button(page, "Close").click()
    site.end_sessions()
    Task(page).key("1", "o")
    submit(Task(page))
    expect(page.get_by_role("dialog")).to_contain_text("Your session has ended")
    page.wait_for_timeout(600)
    expect(page.get_by_text("Saving")).to_have_count(0)
    yield "signed out"
    person.sign_in("Ada")
    site.change_job(JOB, paused=True)
    page.once("dialog", lambda asked: asked.accept())
    page.reload()
    person.open(f"#/jobs/{JOB}")
    expect(heading(page)).to_have_text("This job is paused")
    yield "paused"
    person.context.clear_cookies()
    person.open()
    page.reload()
    expect(page.get_by_role("link", name="Sign in")).to_be_visible()
    yield "welcome"


@pytest.mark.parametrize(("scheme", "width"), [("light", 320), ("light", 1280), ("dark", 1280)])
def test_axe_finds_nothing_and_nothing_is_cut_off(browser: Browser, site: PortalSite, scheme: Any, width: int) -> None:
    context = browser.new_context(viewport={"width": width, "height": 720}, color_scheme=scheme, bypass_csp=True)
    context.set_default_timeout(5000)
    person = Person(context, site, "Ada")
    for name in views(person):
        person.page.evaluate(AXE)
        person.page.wait_for_timeout(200)  # what fades in has its colours only then
        result = person.page.evaluate("axe.run()")
        found = [f"{v['id']}: {[n['target'] for n in v['nodes']]}" for v in result["violations"]]
        assert found == [], name
        assert person.page.evaluate("document.documentElement.scrollWidth") <= width, name
        cut = person.page.evaluate(
            """() => [...document.querySelectorAll("button:not(.skip), a, h1, .notice")].filter((node) => {
              const { left, right } = node.getBoundingClientRect();
              return node.checkVisibility() && (left < -1 || right > innerWidth + 1);
            }).map((node) => node.outerHTML.slice(0, 100))"""
        )
        assert cut == [], name
    context.close()


def test_first_keypoint_soon_after_sign_in(person: Person) -> None:
    """From the page's own start: everything is asked for at once, and one request's time is all that is waited for."""
    person.site.slow = 0.2
    start = time.monotonic()
    task = person.label()
    task.click(200, 150)
    assert list(task.points()) == ["nose"]
    print(f"first keypoint {1000 * (time.monotonic() - start):.0f} ms after the address was opened")
    asked = person.page.evaluate(
        "performance.getEntriesByType('resource').filter(({ name }) => name.includes('/api/'))"
        ".map(({ startTime, responseEnd }) => [startTime, responseEnd])"
    )
    first_end = min(end for _, end in asked)
    assert sum(start < first_end for start, _ in asked) == 3
