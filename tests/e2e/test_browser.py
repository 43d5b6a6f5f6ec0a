"""Answers that a person makes: the deployed portal, the real element through the distribution, real Chromium."""

from __future__ import annotations

import io
import json
import re
from pathlib import Path

import pytest
from loop import Loop, draw, face
from PIL import Image
from playwright.sync_api import Browser, Page, expect

import demo
from truepoint.demo.local_front import FIRST_PAGE
from truepoint.demo.scripted_workers import reload_job
from truepoint.demo.stored_job import StoredJob
from truepoint.emulator.emulator import free_port
from truepoint.pose.skeleton import parse_skeleton

expect.set_options(timeout=20_000)
MARKS = ((120.0, 90.0), (401.0, 310.0), (222.0, 350.0))
"""Where the pictures have discs that can be told from everything else, in image pixels."""


def discs(page: Page) -> list[tuple[float, float]]:
    """Centres of the magenta discs on the screen, in CSS pixels, from left to right."""
    page.wait_for_timeout(100)  # the picture is drawn in the frame after it has loaded
    screen = Image.open(io.BytesIO(page.screenshot())).convert("RGB")
    found: list[list[tuple[int, int]]] = []
    for y in range(screen.height):
        for x in range(screen.width):
            pixel = screen.getpixel((x, y))
            if pixel != (255, 0, 255):
                continue
            near = next((disc for disc in found if abs(disc[0][0] - x) < 30 and abs(disc[0][1] - y) < 30), None)
            if near is None:
                found.append([(x, y)])
            else:
                near.append((x, y))
    centres = [(sum(x for x, _ in disc) / len(disc) + 0.5, sum(y for _, y in disc) / len(disc) + 0.5) for disc in found]
    return sorted(centres)


def sign_in(page: Page, address: str, name: str = "Ada") -> None:
    """Open the address that the demo prints, and sign in by one click."""
    page.goto(address + FIRST_PAGE)
    page.get_by_role("button", name=name, exact=True).click()
    expect(page.get_by_role("heading", name="Your jobs")).to_be_visible()


def start(page: Page, address: str, job: str) -> None:
    """Sign in and wait for the first image of a job."""
    sign_in(page, address)
    page.goto(f"{address}/portal/index.html#/jobs/{job}")
    ready(page)


def ready(page: Page) -> None:
    """Wait until the image can be labelled."""
    expect(page.locator("crowd-2d-skeleton footer button.primary")).to_be_visible()
    expect(page.locator("crowd-2d-skeleton img").first).to_be_attached()


def finish(loop: Loop, job: StoredJob) -> None:
    """End the job now, as a lead may: answers get their labels at once, though they could still be corrected."""
    job.stop()
    reload_job(loop.emulator, job, loop.stack.portal_table, loop.ticks)
    loop.end(job)


def test_clicked_places_arrive_in_the_results(loop: Loop, portal: str, page: Page) -> None:
    job = loop.job("clicked", images=2, marks=MARKS)
    loop.ticks.once()
    start(page, portal, "clicked")
    for done in range(2):
        ready(page)
        places = discs(page)
        assert len(places) == len(MARKS)
        for x, y in places:
            page.mouse.click(x, y)
        page.get_by_role("button", name="Submit", exact=True).click()
        if done == 0:
            expect(page.locator(".saved")).to_contain_text("Saved. 1 answer")
    expect(page.get_by_role("heading", name="You have done all of it")).to_be_visible()
    assert job.progress() == (2, 2, 2)
    finish(loop, job)
    for line in loop.output("clicked"):
        (instance,) = line["keypoints"]["updated_annotations"]
        assert [point["label"] for point in instance["annotations"]] == ["nose", "left_eye", "right_eye"]
        for point, (x, y) in zip(instance["annotations"], sorted(MARKS), strict=True):
            # A mouse click falls on a whole screen pixel; the picture is not shown smaller than it is.
            assert (point["x"], point["y"]) == (pytest.approx(x, abs=0.75), pytest.approx(y, abs=0.75))
        assert "ada" not in json.dumps(line).lower().replace("metadata", "")


def test_a_note_on_the_image_in_german(loop: Loop, portal: str, browser: Browser) -> None:
    """The language comes through the distribution, beside the element; keypoints keep their names."""
    job = loop.job("german", images=1, marks=MARKS, language="de")
    loop.ticks.once()
    context = browser.new_context(locale="de-DE", viewport={"width": 1440, "height": 900})
    page = context.new_page()
    page.goto(portal + FIRST_PAGE)
    page.get_by_role("button", name="Ada", exact=True).click()
    expect(page.get_by_role("heading", name="Ihre Aufträge")).to_be_visible()
    page.goto(f"{portal}/portal/index.html#/jobs/german")
    ready(page)
    expect(page.get_by_role("button", name="Absenden", exact=True)).to_be_visible()
    places = discs(page)
    assert len(places) == len(MARKS)
    for x, y in places:
        page.mouse.click(x, y)
    page.get_by_placeholder("Bildnotiz").fill("Nebel")
    page.keyboard.press("Control+Enter")
    expect(page.locator("crowd-2d-skeleton")).to_have_count(0)
    context.close()
    finish(loop, job)
    [line] = loop.output("german")
    [instance] = line["keypoints"]["updated_annotations"]
    assert [point["label"] for point in instance["annotations"]] == ["nose", "left_eye", "right_eye"]
    [comment] = [json.loads(text) for text in loop.read("results/german/comments.jsonl").splitlines()]
    assert (comment["instance"], comment["text"]) == (None, "Nebel")


def test_prelabels_of_any_size_reach_the_page_and_the_results(loop: Loop, portal: str, page: Page) -> None:
    """More than an attribute of Ground Truth's may have: they come from an object of their own."""
    people = tuple(face(20 + 4 * n, 30 + 2 * n, id=f"p{n}") for n in range(150))
    job = loop.job("large-prelabels", images=1, prelabels={"0.png": people})
    [line] = [json.loads(text) for text in loop.read("jobs/large-prelabels/input.manifest").splitlines()]
    assert "annotations" not in line
    assert len(loop.read(line["annotations_ref"].split("/", 3)[3])) > 20_000
    loop.ticks.once()
    start(page, portal, "large-prelabels")
    expect(page.get_by_text("150").first).to_be_visible()
    page.get_by_label("No changes needed").check()
    page.get_by_role("button", name="Submit", exact=True).click()
    expect(page.get_by_role("heading", name="You have done all of it")).to_be_visible()
    finish(loop, job)
    [annotation] = [key for key in loop.keys("results/large-prelabels/annotations/") if key.endswith(".json")]
    written = json.loads(loop.read(annotation))
    assert written["was_modified"] is False
    assert [i["annotations"] for i in written["updated_annotations"]] == [i["annotations"] for i in people]
    assert "X-Amz-" not in loop.read(annotation).decode()


def test_the_guide_is_linked_from_the_instructions(loop: Loop, portal: str, page: Page) -> None:
    """With the distribution's headers: whatever they forbid is an error on the console, which fails the test."""
    loop.job("guide", images=1)
    loop.ticks.once()
    start(page, portal, "guide")
    page.get_by_role("button", name="Instructions", exact=True).click()
    with page.context.expect_page() as opened:
        # The first link is the one in the job's template, which names the distribution's own domain.
        page.get_by_role("dialog").get_by_role("link", name=re.compile("Labeller.s guide")).first.click()
    guide = opened.value
    expect(guide.get_by_role("heading", name="Labelling keypoints")).to_be_visible()
    assert guide.locator("img").evaluate_all("(all) => all.every((image) => image.naturalWidth > 300)")


def test_a_skeleton_is_drawn_in_the_creator(loop: Loop, portal: str, page: Page, tmp_path: Path) -> None:
    """With the distribution's headers: whatever they forbid is an error on the console, which fails the test."""
    page.goto(f"{portal}/{loop.stack.creator_url.split('/', 3)[3]}")
    draw(tmp_path / "photo.png", MARKS)
    page.get_by_label("Reference image", exact=True).set_input_files(tmp_path / "photo.png")
    expect(page.get_by_role("button", name="Remove the reference image")).to_be_visible()
    for x, y in discs(page):
        page.mouse.click(x, y)
    page.get_by_label("Name of the skeleton").fill("three discs")
    with page.expect_download() as download:
        page.get_by_role("button", name="Download skeleton file").click()
    download.value.save_as(tmp_path / "discs.json")
    skeleton = parse_skeleton((tmp_path / "discs.json").read_bytes())
    places = sorted(k.template for k in skeleton.keypoints if k.template)
    for place, mark in zip(places, sorted(MARKS), strict=True):
        assert place == pytest.approx(mark, abs=1.5)
    assert demo.parse(["--skeleton", str(tmp_path / "discs.json"), "--port", str(free_port())]).skeleton == skeleton
    page.get_by_role("button", name="Try it").click()
    expect(page.get_by_role("button", name="Submit", exact=True)).to_be_visible()
