"""A worker's path through the portal in Chromium, Firefox and WebKit: take, label, submit, skip, correct."""

from __future__ import annotations

import json
import time
from collections.abc import Iterator
from typing import Any

import pytest
from driver import ROOT
from webdriver import NAMES as BROWSERS
from webdriver import Browser, display

IMAGES = sorted((ROOT / "examples/person").glob("person-*"))
JOB = "People-1"
ELEMENT = "document.querySelector('crowd-2d-skeleton')"
SHADOW = f"{ELEMENT}.shadowRoot"


class Worker:
    """Somebody in front of a browser."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser

    def ready(self, image: int) -> None:
        """Wait until an image is shown, and laid out."""
        self.browser.wait(
            f"{ELEMENT}?.getAttribute('images3uri').includes('/{image}.') && {ELEMENT}.app?.session.size.width && true"
        )
        before = None
        while before != (now := self.place(0, 0)):
            before = now
            time.sleep(0.2)

    def place(self, x: float, y: float) -> tuple[float, float]:
        at = self.browser.run(
            f"(({{ stage }}, [x, y]) => {{ const {{ left, top }} = stage.root.getBoundingClientRect();"
            f" const {{ scale, tx, ty }} = stage.view; return [left + x * scale + tx, top + y * scale + ty]; }})"
            f"({ELEMENT}.app, arguments[0])",
            [x, y],
        )
        return at[0], at[1]

    def press(self, node: str, times: int = 1) -> None:
        """Click what a JavaScript expression names."""
        self.browser.wait(f"{node} && true")
        box = self.browser.run(f"{node}.getBoundingClientRect().toJSON()")
        self.browser.mouse((box["x"] + box["width"] / 2, box["y"] + box["height"] / 2), times=times)

    def press_text(self, text: str, within: str = "document") -> None:
        self.press(f"[...{within}.querySelectorAll('a, button')].find(({{ textContent }}) => textContent === '{text}')")

    def submit(self, times: int = 1) -> None:
        """Press the button, and override what is asked."""
        self.press(f"{SHADOW}.querySelector('footer button.primary')", times)
        end = time.monotonic() + 10
        override = f"{SHADOW}?.querySelector('dialog[open] .row .primary')"
        while time.monotonic() < end:
            time.sleep(0.6)  # a second click within the double-click time is no answer
            if not self.browser.run(f"{ELEMENT} !== null && ({override} ?? null) !== null"):
                return
            self.press(override)

    def placed(self) -> list[tuple[float, float]]:
        doc = json.loads(self.browser.run(f"JSON.stringify({ELEMENT}.app.session.doc)"))
        return [(p["x"], p["y"]) for one in doc["instances"] for p in one["points"] if p and p["v"]]


@pytest.fixture(scope="module")
def screen() -> Iterator[str]:
    with display() as screen:
        yield screen


@pytest.mark.parametrize("name", BROWSERS)
def test_a_workers_path(name: str, make_site: Any, screen: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    site = make_site()
    site.add_job(JOB, IMAGES[:4])
    browser = Browser(name, tmp_path_factory.mktemp(name) / "profile", screen)
    try:
        worker = Worker(browser)
        browser.open(f"{site.origin}/portal/index.html")
        worker.press_text("Sign in")
        worker.press_text("Ada")
        worker.press_text("Start labelling")
        worker.ready(0)
        browser.mouse(worker.place(200, 150))
        browser.mouse(worker.place(260, 150))
        browser.wait(f"{ELEMENT}.app.session.doc.instances.length === 1")
        first = worker.placed()
        site.fail("POST .*/answers/0", 503, 1)
        worker.submit(times=2)
        worker.ready(1)
        worker.press_text("Skip", SHADOW)
        dialog = f"{SHADOW}.querySelectorAll('dialog[open] button')"
        worker.press(f"[...{dialog}].find(({{ textContent }}) => textContent.includes('unusable'))")
        worker.ready(2)
        worker.press_text("Your answers")
        worker.press_text("Correct")
        worker.ready(0)
        browser.wait(f"{ELEMENT}.app.session.doc.instances.length === 1")
        assert worker.placed() == first
        browser.mouse(worker.place(320, 150))
        browser.wait(f"{ELEMENT}.app.session.doc.instances[0].points.filter(Boolean).length === 3")
        corrected = worker.placed()
        worker.submit()
        worker.ready(2)
        site.end_sessions()
        site.signs_in = "Ada"
        browser.mouse(worker.place(200, 150))
        worker.submit()
        browser.wait("document.querySelector('dialog[open]') !== null")
        browser.run("fetch('/api/sign-in?as=Ada&return=/portal/index.html').then(() => 1)")
        worker.ready(3)
        answers = site.answers(JOB)
        assert sorted(answers) == [(0, "Ada"), (2, "Ada")]
        (instance,) = json.loads(answers[0, "Ada"]["updated_annotations"])
        assert [(a["x"], a["y"]) for a in instance["annotations"]] == corrected
        assert [one.body["reason"] for one in site.sent("POST .*/skips/1")] == ["unusable"]
        assert site.reports == []
        print(browser.version)
    finally:
        browser.kill()
