"""The double of crowd-form against what is recorded of the real one, and the element inside it."""

from __future__ import annotations

import json
from pathlib import Path

import pytest
from driver import NAMES, ORIGIN, ROOT, TaskPage
from playwright.sync_api import Page

DOUBLE = Path(__file__).parent / "crowd_form.js"
RECORDED = ROOT / "tests/recorded/crowd-form"
HEAD = "<!doctype html><html lang=en><title>Task</title><meta name=viewport content='width=device-width'>"
UPGRADED = "document.querySelector('crowd-form > form')"
IN_CROWD_FORM = {"form": "<script src=/crowd.js></script><crowd-form>", "after": "</crowd-form>"}

SHAPE = """form => {
  const shape = (node) => [
    node.localName,
    [...node.attributes].map(({ name, value }) => `${name}=${value}`)
      .filter((text) => !/^(role|tabindex|style)=/.test(text)).sort(),
    [...node.childNodes].filter((child) => child.nodeType === 1).map(shape),
  ];
  return shape(form);
}"""


@pytest.fixture
def crowd(open_task: TaskPage) -> TaskPage:
    open_task.files["/crowd.js"] = ("text/javascript", DOUBLE.read_text())
    return open_task


@pytest.fixture
def in_crowd_form(open_task: TaskPage) -> TaskPage:
    """Pages whose crowd-form is the double."""
    open_task.files["/crowd.js"] = ("text/javascript", DOUBLE.read_text())
    return open_task


def authored(crowd: TaskPage, html: str) -> Page:
    page = crowd.html(f"{HEAD}<script src=/crowd.js></script><body>{html}<script>window.early = {UPGRADED}</script>")
    page.wait_for_function(UPGRADED)
    return page


def test_the_double_builds_the_recorded_dom(crowd: TaskPage) -> None:
    page = authored(crowd, (RECORDED / "authored.html").read_text())
    assert page.evaluate("window.early") is None, "crowd-form is upgraded after the page was parsed"
    built = page.eval_on_selector("crowd-form", SHAPE)
    recorded = page.evaluate(
        f"""html => ({SHAPE})(new DOMParser().parseFromString(html, "text/html").querySelector("crowd-form"))""",
        (RECORDED / "upgraded.html").read_text(),
    )
    assert built == recorded


def test_the_double_adds_no_button_to_one_that_is_there(crowd: TaskPage) -> None:
    page = authored(crowd, "<crowd-form><div><crowd-button form-action=submit>Go</crowd-button></div></crowd-form>")
    assert page.locator("crowd-button").count() == 1


def test_the_double_has_only_documented_members(crowd: TaskPage) -> None:
    page = authored(crowd, "<crowd-form></crowd-form>")
    own = page.evaluate(
        """() => {
          const form = document.querySelector("crowd-form");
          return [Object.getPrototypeOf(form), form].flatMap((one) => Object.getOwnPropertyNames(one)).sort();
        }"""
    )
    assert own == ["connectedCallback", "constructor", "reset", "submit"]


def test_the_double_fires_submit_and_sends_named_fields(crowd: TaskPage) -> None:
    """`onsubmit` fills in a field; false stops a submission."""
    page = authored(
        crowd, (RECORDED / "authored.html").read_text().replace("</crowd-form>", "<i name=x></i></crowd-form>")
    )
    sent = page.evaluate(
        """() => {
          window.sent = [];
          const form = document.querySelector("crowd-form");
          form.onsubmit = () => false;
          form.submit();
          form.onsubmit = () => {
            const field = document.createElement("input");
            form.querySelector("h1").append(Object.assign(field, { type: "hidden", name: "filled", value: "in" }));
          };
          document.querySelector("crowd-button").click();
          return window.sent;
        }"""
    )
    assert sent == [{"candidate1": "2", "filled": "in"}]


@pytest.mark.parametrize("silent", ["", "silent"])
@pytest.mark.parametrize("button", ["", "<crowd-button form-action=submit style='display:none'></crowd-button>"])
def test_the_element_submits_through_crowd_form(in_crowd_form: TaskPage, silent: str, button: str) -> None:
    """By its own button and by key, after the real loader has moved it; no native submission happens."""
    form = {**IN_CROWD_FORM, "form": f"<script src=/crowd.js></script><crowd-form {silent}>{button}"}
    task = in_crowd_form(**form)
    task.page.wait_for_function(UPGRADED)
    task.place_person()
    sent = task.submit()
    assert len(sent["updated_annotations"][0]["annotations"]) == len(NAMES)
    task.key("ArrowLeft", "Control+Enter")
    task.override()
    assert task.page.evaluate("window.sent.length") == 2
    assert task.page.evaluate("location.search") == ""


def test_the_move_into_the_inner_form_keeps_the_work(in_crowd_form: TaskPage) -> None:
    in_crowd_form.context.add_init_script("window.crowdWaits = true")
    task = in_crowd_form(**IN_CROWD_FORM)
    task.click(100, 100)
    task.click(140, 100)
    task.evaluate("element => { window.app = element.app }")
    task.key("Control+Enter")
    task.override()
    assert "loading" in task.text(".toast"), "crowd-form cannot submit yet"
    task.page.evaluate("crowdUpgrade()")
    assert task.page.evaluate(f"{UPGRADED} !== null")
    assert task.evaluate("element => element.app === window.app && element.parentNode.localName === 'form'")
    assert list(task.points()) == NAMES[:2]
    task.key("Control+z")
    assert list(task.points()) == NAMES[:1]
    sent = task.submit()
    assert [point["label"] for point in sent["updated_annotations"][0]["annotations"]] == NAMES[:1]


@pytest.mark.parametrize("delay", [0, 200])
def test_work_survives_a_removal_even_without_storage(open_task: TaskPage, delay: int) -> None:
    """Undo included: a host may take the element out and put it in again later."""
    open_task.context.add_init_script(
        "for (const name of ['localStorage', 'indexedDB'])"
        " Object.defineProperty(window, name, { get() { throw new DOMException('no', 'SecurityError') } })"
    )
    task = open_task()
    task.click(100, 100)
    task.click(140, 100)
    task.page.evaluate(
        """async (delay) => {
          const element = document.querySelector("crowd-2d-skeleton"), form = element.parentNode;
          element.remove();
          await new Promise((done) => setTimeout(done, delay));
          form.append(element);
        }""",
        delay,
    )
    task.ready()
    assert list(task.points()) == NAMES[:2]
    task.key("Control+z")
    assert list(task.points()) == NAMES[:1]


def test_the_added_button_submits_and_is_asked_about(in_crowd_form: TaskPage) -> None:
    task = in_crowd_form(**IN_CROWD_FORM)
    task.page.wait_for_function(UPGRADED)
    task.click(100, 100)
    task.page.locator("crowd-button").evaluate("button => button.click()")
    task.override()
    (sent,) = task.page.evaluate("window.sent")
    assert json.loads(sent["updated_annotations"])[0]["annotations"][0]["label"] == "nose"


def test_a_native_submission_of_the_inner_form_sends_the_answer_once_and_not_in_the_url(
    in_crowd_form: TaskPage,
) -> None:
    """A <button> in the job's instructions submits the form around it, as buttons do."""
    task = in_crowd_form(**{**IN_CROWD_FORM, "after": "<button id=own>Send</button></crowd-form>"})
    task.page.wait_for_function(UPGRADED)
    task.place_person()
    task.page.locator("#own").evaluate("button => button.click()")
    assert task.page.url == f"{ORIGIN}/task.html"
    assert task.page.evaluate("window.sent.length") == 1


def test_an_outer_form_is_not_taken_for_the_form(in_crowd_form: TaskPage) -> None:
    """The recorded page has crowd-form inside a form of the host."""
    task = in_crowd_form(form="<form id=host><script src=/crowd.js></script><crowd-form>", after="</crowd-form></form>")
    task.place_person()
    assert len(task.submit()["updated_annotations"][0]["annotations"]) == len(NAMES)
    assert task.page.url == f"{ORIGIN}/task.html"


def test_a_plain_form_gets_the_answer_in_its_body(open_task: TaskPage) -> None:
    """requestSubmit semantics, even where a control hides the form's method; never in the URL."""
    task = open_task(after="<button name=submit hidden></button><button name=requestSubmit hidden></button></form>")
    task.place_person()
    task.page.evaluate("document.querySelector('form').addEventListener('submit', () => { window.heard = true })")
    sent = task.submit()
    assert len(sent["updated_annotations"][0]["annotations"]) == len(NAMES)
    assert task.page.evaluate("[window.heard, document.querySelector('form').getAttribute('method')]") == [True, "post"]


def test_a_form_that_is_not_valid_is_not_taken_for_sent(open_task: TaskPage) -> None:
    """The host's own field is empty: its browser says so, and nothing was submitted."""
    task = open_task(after="<input id=own name=own required></form>")
    task.place_person()
    for _ in range(2):
        task.element.locator("footer button.primary").click()
        task.override()
        assert task.page.evaluate("window.sent") == []
        assert task.text("footer button.primary") == "Submit"
    task.page.locator("#own").fill("x")
    assert len(task.submit()["updated_annotations"][0]["annotations"]) == len(NAMES)


@pytest.mark.parametrize("method", ["get", "", "nonsense", None])
def test_a_button_cannot_put_the_answer_into_the_url(open_task: TaskPage, method: str | None) -> None:
    """A button's own method goes before the form's."""
    own = "" if method is None else f"formmethod='{method}'"
    sent: list[tuple[str, str]] = []
    open_task.context.route(
        f"{ORIGIN}/take*",
        lambda route: (sent.append((route.request.method, route.request.url)), route.fulfill(body="ok")),
    )
    task = open_task(form="<form action=/take>", after=f"<button id=own {own}>Send</button></form>")
    # The driver's own listener would stop the submission.
    task.page.evaluate(
        "document.querySelector('form').addEventListener('submit', (event) => event.stopImmediatePropagation(), true)"
    )
    task.place_person()
    with task.page.expect_navigation():
        task.page.locator("#own").evaluate("button => button.click()")
    assert sent == [("POST", f"{ORIGIN}/take")]
