"""The element in another language: its texts come from a script beside it, and what is stored stays as it is."""

from __future__ import annotations

import json
import subprocess
from typing import Any

import pytest
from driver import NAMES, ORIGIN, ROOT, Task, TaskPage, classes, person
from playwright.sync_api import expect

GERMAN = "/crowd-2d-skeleton.de.js"
SEEN = """element => {
  const found = [];
  const walk = (node) => {
    for (const child of node.childNodes) {
      if (child.nodeType === 3) found.push(child.data.trim());
      if (child.nodeType !== 1) continue;
      for (const name of ["title", "aria-label", "placeholder"]) found.push(child.getAttribute(name) ?? "");
      walk(child);
    }
  };
  walk(element.shadowRoot);
  return found.filter(Boolean);
}"""


def seen(task: Task) -> set[str]:
    """Every text, tooltip, label and placeholder of the element, in dialogs as well."""
    return set(task.evaluate(SEEN))


@pytest.fixture
def english() -> set[str]:
    """The English texts that have no parameters and that a German page must not show."""
    script = (
        "import { english } from './src/ui/lib/texts.js'; import german from './src/ui/lib/languages/de.js';"
        "const all = (value) => typeof value === 'string' ? [value] : Object.values(value ?? {}).flatMap(all);"
        "const same = new Set(all(german)); console.log(JSON.stringify(all(english).filter((text) => !same.has(text))))"
    )
    found = subprocess.run(
        ["node", "--input-type=module", "-e", script], cwd=ROOT, check=True, capture_output=True, text=True
    )
    return set(json.loads(found.stdout))


def crowded(open_task: TaskPage, **more: Any) -> Task:
    """A page that shows many texts: findings, notices, strays, a reason to skip; and the help, opened once."""
    stray = person(300)
    stray["annotations"].append({"label": "tail", "x": 1, "y": 1})
    task = open_task(initialValues=[person(), stray], skipReasons={"dark": "Zu dunkel"}, **more)
    task.key("1", "t", "b")
    task.page.wait_for_timeout(400)
    task.key("?", "Escape")
    return task


def test_every_text_is_in_the_pages_language(open_task: TaskPage, english: set[str]) -> None:
    assert len(english) > 150
    shown = seen(crowded(open_task))
    assert len(shown & english) > 90, "the same page in English shows these texts"
    task = crowded(open_task, lang="de", imageS3Uri="s3://bucket/german.png")
    german = seen(task)
    assert german & english == set()
    assert {"Punkte", "Absenden", "Rückgängig (Strg + Z)", "linkes Handgelenk", "Entf oder Rücktaste"} <= german
    assert task.element.locator(".app").get_attribute("lang") == "de"
    task.element.locator("footer button.primary").click()
    expect(task.element.locator("dialog.review[open]")).to_contain_text("Vor dem Absenden")


def test_display_names_are_shown_and_never_stored(open_task: TaskPage) -> None:
    task = open_task(lang="de-AT")
    expect(task.element.locator(".chip strong")).to_have_text("Nase")
    task.place_person()
    rows = task.element.locator(".points .name").all_inner_texts()
    assert rows[NAMES.index("left_wrist")] == "linkes Handgelenk"
    assert list(task.points()) == NAMES
    assert set(task.answer()["answer_details"]["time_per_keypoint"]) == set(NAMES)


def test_names_without_a_language_of_the_page_are_those_that_are_stored(open_task: TaskPage) -> None:
    own = [{**entry, "display_names": {"fr": f"point {n}", "de": 7}} for n, entry in enumerate(classes())]
    task = open_task(keypointClasses=own, lang="de")
    assert task.element.locator(".points .name").first.inner_text() == "nose"
    task = open_task(keypointClasses=own, lang="fr")
    assert task.element.locator(".points .name").first.inner_text() == "point 0", "though its texts are English"
    assert task.text("footer button.primary") == "Submit"
    assert task.element.locator(".app").get_attribute("lang") == "en"


@pytest.mark.parametrize("fault", ["gone", "changed", "hangs"])
def test_a_language_that_does_not_load_falls_back_to_english(open_task: TaskPage, fault: str) -> None:
    """Only the script that the element was built with is run."""
    if fault == "gone":
        del open_task.files[GERMAN]
    elif fault == "changed":
        open_task.files[GERMAN] = ("text/javascript", f"{open_task.files[GERMAN][1]};window.hacked = 1")
    else:
        open_task.context.route(f"{ORIGIN}{GERMAN}", lambda _route: None)
    if fault == "hangs":
        # The page's own `load` event waits for the script, too; the worker does not.
        task = open_task()
        task.evaluate("element => { element.lang = 'de' }")
    else:
        task = open_task(lang="de", wait=False)
    task.element.locator("footer button.primary").wait_for(timeout=8000)
    assert task.page.evaluate("window.hacked") is None
    assert task.text("footer button.primary") == "Submit"
    task.ready()
    task.click(100, 100)
    assert list(task.points()) == ["nose"]


@pytest.mark.parametrize("lang", ["", "xx_YY", "constructor", "q"])
def test_an_invalid_language_falls_back_to_english(open_task: TaskPage, lang: str) -> None:
    task = open_task(lang=lang)
    assert task.text("footer button.primary") == "Submit"
    task.click(100, 100)
    task.page.wait_for_timeout(600)
    again = open_task(lang=lang)
    expect(again.element.locator("dialog.review[open]")).to_contain_text("1 keypoint,")


def test_another_language_keeps_the_work(open_task: TaskPage) -> None:
    task = open_task()
    task.place_person()
    before = task.doc
    for language, word in (("de", "Absenden"), ("en", "Submit"), ("de", "Absenden")):
        task.evaluate("(element, lang) => { element.lang = lang }", language)
        expect(task.element.locator("footer button.primary")).to_have_text(word)
        task.ready()
        assert task.doc == before
    assert task.element.locator(".points .name").first.inner_text() == "Nase"
    task.key("Control+z")
    expect(task.element.locator(".toast")).to_have_text("Rückgängig gemacht: place right ankle")


def test_the_problem_in_an_answer_is_english_in_every_language(open_task: TaskPage) -> None:
    task = open_task(photo="/gone.png", lang="de", wait=False)
    task.element.locator(".note h2").wait_for()
    assert task.text(".note h2") == "Das Bild konnte nicht geladen werden."
    assert task.answer()["answer_details"]["problem"] == "The image could not be loaded."


def test_a_translating_browser_leaves_names_and_keys_alone(open_task: TaskPage) -> None:
    """A translated name would be no name of the skeleton; a translated key would be no key."""
    task = open_task(initialValues=[person(name="Ada")], lang="en")
    task.key("t")
    task.page.wait_for_timeout(400)
    left = task.evaluate(
        """({shadowRoot}, names) => [...shadowRoot.querySelectorAll("*")]
          .filter((node) => !node.children.length && names.includes(node.textContent) && node.translate)
          .map((node) => node.outerHTML)""",
        [*(name.replace("_", " ") for name in NAMES), "Ada", "Ctrl + Z or ,"],
    )
    assert left == []
