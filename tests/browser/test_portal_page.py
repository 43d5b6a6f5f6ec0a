"""The portal's task page around the element: its header is outside the frame that has the task."""

from __future__ import annotations

import pytest
from driver import ORIGIN, ROOT, TaskPage
from liquid import Environment, FileSystemLoader
from playwright.sync_api import Page

PORTAL = ROOT / "src/truepoint/portal"
ELEMENT = "document.querySelector('iframe').contentDocument.querySelector('crowd-2d-skeleton').app"


@pytest.fixture
def portal(open_task: TaskPage) -> Page:
    """The portal's own page and scripts; the frame has an empty task."""
    open_task().page.close()
    pages = Environment(extra=True, autoescape=True, loader=FileSystemLoader(PORTAL / "pages"))
    html = pages.get_template("task.liquid.html").render(
        object_id="1",
        image="photo.png",
        job={"title": "People", "workers": 1},
        yours={"answered": 0, "left": 2},
        progress={"full": 0, "lines": 2},
    )
    for name, kind in (("task.js", "text/javascript"), ("portal.css", "text/css"), ("icon.svg", "image/svg+xml")):
        open_task.files[f"/static/{name}"] = (kind, (PORTAL / "static" / name).read_text())
    open_task.files["/"] = ("text/html", "<title>Overview</title>")
    open_task.files["/task/1"] = open_task.files["/task.html"]
    page = open_task.html(html, path="/task")
    page.wait_for_function(f"{ELEMENT}?.session.size.width")
    return page


def test_p12_keys_pressed_in_the_header_reach_the_task(portal: Page) -> None:
    link = portal.get_by_role("link", name="Overview")
    link.focus()
    portal.keyboard.press("b")
    portal.keyboard.press("Control+z")
    portal.keyboard.press("b")
    assert portal.evaluate(f"{ELEMENT}.session.doc.instances.length") == 1
    portal.keyboard.down("b")
    portal.keyboard.down("b")
    portal.keyboard.up("b")
    assert portal.evaluate(f"{ELEMENT}.session.doc.instances.length") == 2, "a held key still acts once"
    portal.keyboard.press("?")
    portal.frame_locator("iframe").locator("dialog.help[open]").wait_for()
    portal.keyboard.press("Escape")
    assert portal.frame_locator("iframe").locator("dialog.help[open]").count() == 0
    link.focus()
    portal.keyboard.press("Control+Enter")
    portal.frame_locator("iframe").locator("dialog.review[open]").wait_for()


def test_the_headers_link_keeps_its_own_keys(portal: Page) -> None:
    portal.get_by_role("link", name="Overview").focus()
    portal.keyboard.press("Enter")
    portal.wait_for_url(f"{ORIGIN}/")


@pytest.mark.parametrize("width", [320, 1280])
def test_long_names_stay_within_the_overview(open_task: TaskPage, width: int) -> None:
    long = "\u05e9\u05dc\u05d5\u05dd <b>& " + "x" * 200
    pages = Environment(extra=True, autoescape=True, loader=FileSystemLoader(PORTAL / "pages"))
    open_task.files["/static/portal.css"] = ("text/css", (PORTAL / "static/portal.css").read_text())
    open_task.files["/static/icon.svg"] = ("image/svg+xml", (PORTAL / "static/icon.svg").read_text())
    html = pages.get_template("home.liquid.html").render(
        worker=long,
        job={"title": long, "description": long, "workers": 2, "ended": True, "open": 0, "problem": long},
        progress={"full": 2, "lines": 2, "failed": 0},
        yours={"answered": 2, "left": 0},
        message=long,
        results={"written": 2, "rejected": 0, "failed": 0, "unlabeled": 0},
        files=[{"path": long, "what": long}],
        results_uri=f"s3://bucket/{long}",
        guide="",
    )
    page = open_task.html(html, path="/")
    page.set_viewport_size({"width": width, "height": 400})
    assert page.evaluate("document.documentElement.scrollWidth") <= width
    assert page.locator("main b").count() == 0
