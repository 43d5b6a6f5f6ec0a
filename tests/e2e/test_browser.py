"""Answers that a person makes: the real portal, the real element through the distribution, real Chromium."""

from __future__ import annotations

import io
import json
import re
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from loop import Loop, draw, face
from PIL import Image
from playwright.sync_api import Page, expect

import demo
from truepoint.emulator.emulator import free_port
from truepoint.portal.runner import JobRunner
from truepoint.portal.upkeep import wait_for_results
from truepoint.pose.skeleton import parse_skeleton

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


def start(page: Page, address: str, name: str) -> None:
    """Say who is labelling and wait for the first image."""
    page.goto(address)
    page.get_by_label("Your name").fill(name)
    page.get_by_role("button", name="Start labelling").click()
    ready(page)


def ready(page: Page) -> None:
    """Wait until the image can be labelled."""
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("button", name="Submit", exact=True)).to_be_visible()
    # Not wait_for_function: what it evaluates again and again, the portal's content policy forbids.
    expect(frame.locator("crowd-2d-skeleton img").first).to_be_attached()


def submit(page: Page, *, empty: bool = False) -> None:
    """Press Submit, and confirm an answer that labels nothing."""
    frame = page.frame_locator("iframe")
    frame.get_by_role("button", name="Submit", exact=True).click()
    if empty:
        frame.get_by_role("button", name="Nothing to label: submit").click()


def test_clicked_places_arrive_in_the_results(loop: Loop, serve: Callable[[JobRunner], str], page: Page) -> None:
    runner = loop.job("clicked", images=2, marks=MARKS)
    start(page, serve(runner), "Ada Lovelace")
    for done in range(2):
        expect(page.locator("header")).to_contain_text(f"{done} done, {2 - done} left")
        ready(page)
        places = discs(page)
        assert len(places) == len(MARKS)
        for x, y in places:
            page.mouse.click(x, y)
        with page.expect_navigation():
            submit(page)
    assert wait_for_results(runner)

    for line in loop.output("clicked"):
        (instance,) = line["keypoints"]["updated_annotations"]
        assert [point["label"] for point in instance["annotations"]] == ["nose", "left_eye", "right_eye"]
        for point, (x, y) in zip(instance["annotations"], sorted(MARKS), strict=True):
            # A mouse click falls on a whole screen pixel; the picture is not shown smaller than it is.
            assert (point["x"], point["y"]) == (pytest.approx(x, abs=0.75), pytest.approx(y, abs=0.75))
        assert "lovelace" not in json.dumps(line).lower()
    page.goto(page.url)
    expect(page.get_by_role("heading", name="Results")).to_be_visible()
    page.get_by_role("link", name="results.json").click()
    assert json.loads(page.inner_text("pre"))["written"] == 2


def test_a_job_in_german_keeps_its_names_and_the_note_on_the_image(
    loop: Loop, serve: Callable[[JobRunner], str], page: Page
) -> None:
    """The language comes through the distribution, beside the element."""
    runner = loop.job("german", images=1, marks=MARKS, language="de")
    page.goto(serve(runner))
    page.get_by_label("Your name").fill("Ada")
    page.get_by_role("button", name="Start labelling").click()
    frame = page.frame_locator("iframe")
    expect(frame.get_by_role("button", name="Absenden", exact=True)).to_be_visible()
    places = discs(page)
    assert len(places) == len(MARKS)
    for x, y in places:
        page.mouse.click(x, y)
    frame.get_by_placeholder("Bildnotiz").fill("Nebel")
    page.locator("header a").focus()
    with page.expect_navigation():
        page.keyboard.press("Control+Enter")
    assert wait_for_results(runner)
    [line] = loop.output("german")
    [instance] = line["keypoints"]["updated_annotations"]
    assert [point["label"] for point in instance["annotations"]] == ["nose", "left_eye", "right_eye"]
    [comment] = [json.loads(text) for text in loop.read("results/german/comments.jsonl").splitlines()]
    assert (comment["instance"], comment["text"]) == (None, "Nebel")


def test_prelabels_of_any_size_reach_the_page_and_the_results(
    loop: Loop, serve: Callable[[JobRunner], str], page: Page
) -> None:
    """More than an attribute of Ground Truth's may have: they come from an object of their own."""
    people = tuple(face(20 + 4 * n, 30 + 2 * n, id=f"p{n}") for n in range(150))
    runner = loop.job("large-prelabels", images=1, prelabels={"0.png": people})
    [line] = [json.loads(text) for text in loop.read("jobs/large-prelabels/input.manifest").splitlines()]
    assert "annotations" not in line
    assert len(loop.read(line["annotations_ref"].split("/", 3)[3])) > 20_000
    start(page, serve(runner), "Ada")
    frame = page.frame_locator("iframe")
    expect(frame.get_by_text("150").first).to_be_visible()
    frame.get_by_label("No changes needed").check()
    with page.expect_navigation():
        submit(page)
    assert wait_for_results(runner)
    [annotation] = [key for key in loop.keys("results/large-prelabels/annotations/") if key.endswith(".json")]
    written = json.loads(loop.read(annotation))
    assert written["was_modified"] is False
    assert [i["annotations"] for i in written["updated_annotations"]] == [i["annotations"] for i in people]
    assert "X-Amz-" not in loop.read(annotation).decode()


def test_sending_twice_and_going_back_count_once(loop: Loop, serve: Callable[[JobRunner], str], page: Page) -> None:
    runner = loop.job("twice", images=3, workers=2)
    address = serve(runner)
    start(page, address, "ada")
    first = page.frames[1].url
    for x in (300, 340, 380):
        page.mouse.click(x, 300)
    send = "() => { const form = document.querySelector('crowd-form');  form.submit(); form.submit(); }"
    with page.expect_navigation():
        page.frames[1].evaluate(send)
    ready(page)
    content = {"updated_annotations": json.dumps([face(9, 9)])}
    resend = (
        "async ([url, content]) => {"
        "  const answer = await fetch(url + '/answer', { method: 'POST', body: JSON.stringify(content) });"
        "  return answer.json(); }"
    )
    again = page.frames[1].evaluate(resend, [first, content])
    assert again == {"next": "/task"}
    page.go_back()
    page.reload()
    assert runner.progress().started == 1
    assert len(loop.keys("output/twice/annotations/worker-response/")) == 1


def test_the_next_image_comes_while_this_one_is_labelled(
    loop: Loop, serve: Callable[[JobRunner], str], page: Page
) -> None:
    """It is fetched once the present image is there, and its own task takes it from the cache."""
    network = page.context.new_cdp_session(page)
    names: dict[str, str] = {}
    events: list[str] = []

    def asked(event: dict[str, Any]) -> None:
        if image := re.search(r"/images/(.*)\?", event["request"]["url"]):
            names[event["requestId"]] = image[1]
            events.append(f"{image[1]} asked for")

    def loaded(event: dict[str, Any]) -> None:
        if name := names.get(event["requestId"]):
            events.append(f"{name} {'fetched' if event['encodedDataLength'] else 'cached'}")

    network.on("Network.requestWillBeSent", asked)
    network.on("Network.loadingFinished", loaded)
    network.send("Network.enable")
    address = serve(loop.job("preload", images=2, marks=MARKS))
    with page.expect_event("requestfinished", lambda request: "/1.png?" in request.url):
        start(page, address, "ada")
    with page.expect_navigation():
        submit(page, empty=True)
    ready(page)
    assert len(discs(page)) == len(MARKS)
    first, second = ["0.png asked for", "0.png fetched"], ["1.png asked for", "1.png fetched"]
    assert events == [*first, *second, "1.png asked for", "1.png cached"]


def test_finishing_early_asks_first(loop: Loop, serve: Callable[[JobRunner], str], page: Page) -> None:
    runner = loop.job("early", images=2)
    page.goto(serve(runner))
    page.get_by_text("Finish the job now").click()
    page.get_by_role("button", name="Finish the job").click()
    assert not runner.job.ended  # the box is required
    page.get_by_label("Yes, finish").check()
    page.get_by_role("button", name="Finish the job").click()
    expect(page.get_by_role("heading", name="Results")).to_be_visible(timeout=20_000)
    assert runner.job.status == "Stopped"
    assert loop.output("early") == [json.loads(line) for line in loop.read("jobs/early/input.manifest").splitlines()]


def test_the_portal_is_usable_on_a_phone_and_in_the_dark(
    loop: Loop, serve: Callable[[JobRunner], str], page: Page
) -> None:
    page.set_viewport_size({"width": 390, "height": 844})
    page.emulate_media(color_scheme="dark")
    page.goto(serve(loop.job("phone", images=1)))
    assert page.evaluate("document.documentElement.scrollWidth") <= 390
    ground = page.evaluate("getComputedStyle(document.body).backgroundColor")
    assert max(int(part) for part in ground.removeprefix("rgb(").removesuffix(")").split(",")) < 64
    start(page, page.url, "ada")
    assert page.evaluate("document.documentElement.scrollWidth") <= 390


def test_the_guide_is_linked_from_the_portal_and_from_the_elements_help(
    loop: Loop, serve: Callable[[JobRunner], str], page: Page
) -> None:
    """With the distribution's headers: whatever they forbid is an error on the console, which fails the test."""
    page.goto(serve(loop.job("guide", images=1)))
    portal = page.url
    page.get_by_role("link", name="Labeller's guide").click()
    expect(page.get_by_role("heading", name="Labelling keypoints")).to_be_visible()
    assert page.locator("img").evaluate_all("(all) => all.every((image) => image.naturalWidth > 300)")
    address = page.url
    start(page, portal, "ada")
    frame = page.frame_locator("iframe")
    frame.get_by_role("button", name="Help").click()
    link = frame.get_by_role("link", name="Labeller's guide")
    with page.context.expect_page() as opened:
        link.click()
    opened.value.wait_for_url(address)
    assert page.url != address


def test_a_skeleton_is_drawn_in_the_creator_that_the_portal_leads_to(
    loop: Loop, serve: Callable[[JobRunner], str], page: Page, tmp_path: Path
) -> None:
    """With the distribution's headers: whatever they forbid is an error on the console, which fails the test."""
    page.goto(serve(loop.job("creator", images=1)))
    page.get_by_role("link", name="Draw your own skeleton").click()
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
