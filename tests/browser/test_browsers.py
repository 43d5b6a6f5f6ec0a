"""The element in Chromium, Firefox and WebKit, on the page as Ground Truth builds it."""

from __future__ import annotations

import io
import json
import struct
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from driver import NAMES, dense_picture, person, picture
from groundtruth_page import Site, serve
from PIL import ExifTags, Image
from webdriver import CONTROL, ENTER, Browser, display
from webdriver import NAMES as BROWSERS

from truepoint.jobs.images import images_in_folder

ELEMENT = "document.querySelector('crowd-2d-skeleton')"
SHADOW = f"{ELEMENT}.shadowRoot"
SENT = "(window.sent ?? [])"
DISCARDED = "document.dispatchEvent(new CustomEvent('answer-accepted', { detail: { isDiscarded: true } }))"
"""Lets a page be left although its work was not sent."""


class Worker:
    """Somebody in front of a browser, with an element on the page."""

    def __init__(self, browser: Browser) -> None:
        self.browser = browser

    def open(self, url: str, *, sandboxed: bool = False, ready: bool = True) -> None:
        browser = self.browser
        browser.frame(None)
        browser.open(url)
        if sandboxed:
            browser.wait("document.querySelector('iframe') !== null")
            browser.frame(0)
        if ready:
            self.ready()

    def ready(self) -> None:
        self.browser.wait(f"{ELEMENT}?.app?.session.size.width && document.querySelector('crowd-form > form') && true")
        self.browser.wait(f"{SHADOW}.querySelector('dialog.light') !== null")  # what the element loads after its start
        before = None
        while before != (now := self.screen(0, 0)):  # the page may still be laid out
            before = now
            time.sleep(0.2)

    def doc(self) -> dict[str, Any]:
        return json.loads(self.browser.run(f"JSON.stringify({ELEMENT}.app.session.doc)"))

    def placed(self) -> list[tuple[float, float]]:
        instances = self.doc()["instances"]
        return [(point["x"], point["y"]) for one in instances for point in one["points"] if point and point["v"]]

    def screen(self, x: float, y: float) -> tuple[float, float]:
        at = self.browser.run(
            f"(({{ stage }}, [x, y]) => {{ const {{ left, top }} = stage.root.getBoundingClientRect();"
            f" const {{ scale, tx, ty }} = stage.view; return [left + x * scale + tx, top + y * scale + ty]; }})"
            f"({ELEMENT}.app, arguments[0])",
            [x, y],
        )
        return at[0], at[1]

    def click(self, x: float, y: float) -> None:
        self.browser.mouse(self.screen(x, y))

    def press(self, selector: str, times: int = 1) -> None:
        box = self.browser.run(f"{SHADOW}.querySelector(arguments[0]).getBoundingClientRect().toJSON()", selector)
        self.browser.mouse((box["x"] + box["width"] / 2, box["y"] + box["height"] / 2), times=times)

    def double_click(self, selector: str) -> None:
        """Double-click, again if the machine was so slow that the browser counted two single clicks."""
        self.browser.run("addEventListener('click', (event) => { window.clicks = event.detail }, true)")
        for _ in range(5):
            self.press(selector, times=2)
            if self.browser.run("window.clicks") == 2:
                return
        pytest.fail("expected the browser to count a double click")

    def override(self, done: str) -> None:
        """Answer what is asked before a submission, until the expression is true."""
        for _ in range(10):
            time.sleep(0.6)  # a second click within the double-click time is no answer
            if self.browser.run(f"{SHADOW}.querySelector('dialog[open] .row .primary') !== null"):
                self.press("dialog[open] .row .primary")
            if self.browser.run(done):
                return

    def send(self, answers: int) -> None:
        """Do the same until there are so many answers."""
        self.override(f"{SENT}.length >= {answers}")

    def answers(self) -> list[dict[str, Any]]:
        return json.loads(self.browser.run(f"JSON.stringify({SENT})"))


@pytest.fixture(scope="module")
def site(bundle: str) -> Iterator[Site]:
    with serve(bundle) as site:
        yield site


@pytest.fixture(scope="module")
def screen() -> Iterator[str]:
    with display() as screen:
        yield screen


@pytest.fixture(scope="module")
def start(screen: str, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Callable[[str], Worker]]:
    """Workers by browser; every browser starts once."""
    running: dict[str, Browser] = {}

    def start(name: str) -> Worker:
        if name not in running:
            running[name] = Browser(name, tmp_path_factory.mktemp(name) / "profile", screen)
        return Worker(running[name])

    yield start
    for browser in running.values():
        browser.kill()


@pytest.fixture(params=BROWSERS)
def worker(request: pytest.FixtureRequest, start: Callable[[str], Worker]) -> Worker:
    return start(request.param)


def test_the_daily_work(worker: Worker, site: Site) -> None:
    """Place, drag, zoom, undo, leave, come back, submit."""
    browser = worker.browser
    worker.open(site.task(imageS3Uri=f"s3://bucket/daily-{browser.name}.png"))
    worker.click(100, 100)
    worker.click(200, 150)
    assert worker.placed() == [
        (pytest.approx(100, abs=1), pytest.approx(100, abs=1)),
        (pytest.approx(200, abs=1), pytest.approx(150, abs=1)),
    ]
    browser.mouse(worker.screen(*worker.placed()[1]), worker.screen(250, 160), worker.screen(300, 200))
    assert worker.placed()[1] == (pytest.approx(300, abs=1.5), pytest.approx(200, abs=1.5))
    scale = browser.run(f"{ELEMENT}.app.stage.view.scale")
    browser.keys("c")
    assert browser.run(f"{ELEMENT}.app.stage.view.scale") > scale
    browser.keys("z")
    worker.click(400, 300)
    browser.keys(CONTROL, "z")
    assert len(worker.placed()) == 2
    before = worker.doc()
    time.sleep(1)
    worker.open(f"{site.page}/task.html")
    assert worker.placed() == []
    worker.press("dialog.review[open] .primary")  # yes, it is mine
    assert worker.doc() == before
    worker.press("footer .primary")
    worker.send(1)
    (answer,) = worker.answers()
    assert len(json.loads(answer["updated_annotations"])[0]["annotations"]) == 2
    browser.run("document.dispatchEvent(new Event('answer-accepted'))")


def test_leaving_right_after_a_click_keeps_it(worker: Worker, site: Site) -> None:
    """Browsers abort a transaction of IndexedDB that a page starts while it is left."""
    worker.open(site.task(imageS3Uri=f"s3://bucket/leaving-{worker.browser.name}.png"))
    for number in range(5):
        worker.click(100 + 20 * number, 100)
    worker.open(f"{site.page}/task.html")
    worker.press("dialog.review[open] .primary")  # yes, it is mine
    assert len(worker.placed()) == 5
    worker.browser.run(DISCARDED)


@pytest.mark.parametrize("module", [False, True])
def test_a_page_loads_the_image_and_what_comes_later_once(worker: Worker, site: Site, module: bool) -> None:
    """The image is requested ahead of its `img`, and a module must find out where it is from."""
    name = f"/once-{worker.browser.name}-{module}.jpg"
    site.files[name] = ("image/jpeg", picture(640, 480, "JPEG"))  # which the server forbids to store
    url = site.task(module=module, imgSrc=site.assets + name, imageS3Uri=f"s3://bucket{name}")
    site.asked.clear()
    worker.open(url)
    asked = [path.split("?")[0] for path in site.asked]
    assert sorted(path for path in asked if path != "/favicon.ico") == sorted(
        ["/task.html", "/crowd.js", "/element.js", name, "/crowd-2d-skeleton.later.js"]
    )


def test_without_what_comes_later_the_worker_labels_and_submits(worker: Worker, site: Site) -> None:
    script = site.files.pop("/crowd-2d-skeleton.later.js")
    try:
        worker.open(site.task(imageS3Uri=f"s3://bucket/without-{worker.browser.name}.png"), ready=False)
        worker.browser.wait(
            f"{ELEMENT}?.app?.session.size.width && document.querySelector('crowd-form > form') && true"
        )
        worker.browser.wait(f"{SHADOW}.querySelector('.notices').textContent.includes('could not be loaded')")
        worker.click(100, 100)
        worker.press("footer .primary")
        worker.send(1)
        (answer,) = worker.answers()
        assert "findings" not in json.loads(answer["answer_details"])
    finally:
        site.files["/crowd-2d-skeleton.later.js"] = script


@pytest.mark.parametrize("sandbox", [None, "allow-scripts allow-forms", "allow-scripts allow-forms allow-same-origin"])
def test_ground_truths_page_sends_each_answer_once(worker: Worker, site: Site, sandbox: str | None) -> None:
    """Late loader, inner form, added button, foreign script with a digest, strict policy, frame without storage."""
    browser = worker.browser
    name = f"s3://bucket/{browser.name}-{sandbox}.png"
    worker.open(site.task(sandbox=sandbox, imageS3Uri=name), sandboxed=sandbox is not None)
    worker.click(100, 100)
    worker.double_click("footer .primary")
    worker.send(1)
    assert len(worker.answers()) == 1, "a double click is one submission"
    worker.click(150, 120)
    browser.keys(CONTROL, ENTER)
    worker.send(2)
    assert [len(json.loads(answer["updated_annotations"])[0]["annotations"]) for answer in worker.answers()] == [1, 2]
    browser.run("void (window.crowdSend = () => { window.crowdSend = null; throw new Error('offline') })")
    worker.click(200, 140)
    worker.press("footer .primary")
    worker.override("window.crowdSend === null")
    assert len(worker.answers()) == 2
    worker.click(250, 160)
    worker.press("footer .primary")
    worker.send(3)
    assert len(json.loads(worker.answers()[-1]["updated_annotations"])[0]["annotations"]) == 4, (
        "what is shown is what is sent"
    )
    browser.run("document.dispatchEvent(new Event('answer-failed'))")
    browser.run("document.querySelector('crowd-button').click()")
    worker.send(4)
    assert len(worker.answers()) == 4
    assert browser.run("location.search") == ""
    assert [path for path in site.asked if "updated_annotations" in path] == []
    browser.run("document.dispatchEvent(new Event('answer-accepted'))")


def test_large_pre_labels_are_fetched_from_a_signed_address(worker: Worker, site: Site) -> None:
    """A failed load is never taken for a task without pre-labels."""
    source = site.labels([person(100, 40, 0.9)])
    site.failing["/labels.json"] = 1
    worker.open(site.task(initialValues="[]", initialValuesSrc=source, imageS3Uri="s3://bucket/large.png"), ready=False)
    worker.browser.wait(f"{SHADOW}.querySelector('.note')?.innerText.includes('could not be loaded')")
    worker.browser.keys("b")
    assert worker.doc()["instances"] == []
    worker.press(".note .primary")
    worker.ready()
    assert len(worker.placed()) == len(NAMES)
    assert "look" in worker.browser.run(f"{SHADOW}.querySelector('.notices').innerText")
    fields = worker.browser.run(f"{ELEMENT}.app.answer()")
    assert json.loads(fields["original_annotations"]) == [person(100, 40, 0.9)]
    assert "Signature" not in json.dumps(fields)


def test_a_language_comes_from_beside_the_element(worker: Worker, site: Site) -> None:
    """From another origin, by its digest, under the page's strict policy; what is stored stays as it is."""
    worker.open(site.task(lang="de", imageS3Uri=f"s3://bucket/german-{worker.browser.name}.png"))
    assert worker.browser.run(f"{SHADOW}.querySelector('footer .primary').innerText") == "Absenden"
    assert worker.browser.run(f"{SHADOW}.querySelector('.points .name').innerText") == "Nase"
    worker.click(100, 100)
    fields = worker.browser.run(f"{ELEMENT}.app.answer()")
    assert json.loads(fields["updated_annotations"])[0]["annotations"][0]["label"] == "nose"
    worker.browser.run(DISCARDED)


def test_p17_a_failed_image_is_requested_again(worker: Worker, site: Site) -> None:
    browser = worker.browser
    path = f"/flaky-{browser.name}.png"
    site.files[path] = site.files["/photo.png"]
    site.failing[path] = 1
    worker.open(
        site.task(imgSrc=f"{site.assets}{path}?X-Amz-Signature=abc", imageS3Uri="s3://bucket/flaky.png"), ready=False
    )
    browser.wait(f"{SHADOW}.querySelector('.note')?.innerText.includes('could not be loaded')")
    worker.press(".note .primary")
    worker.ready()
    assert len([asked for asked in site.asked if asked.startswith(path)]) >= 2


def turned_pictures() -> dict[str, bytes]:
    """Pictures of 40 x 30 pixels that EXIF data turn, in every way that somebody could write."""

    def picture(image_format: str, orientation: int) -> bytes:
        exif = Image.Exif()
        exif[ExifTags.Base.Orientation] = orientation
        file = io.BytesIO()
        Image.new("RGB", (40, 30)).save(file, image_format, exif=exif)
        return file.getvalue()

    pictures = {f"{n}.{name}": picture(name, n) for name in ("jpeg", "png", "webp") for n in (1, 3, 6, 8, 9)}
    short = struct.pack(">HHIHH", ExifTags.Base.Orientation, 3, 1, 6, 0)
    for name, entry in {
        "two": struct.pack(">HHIHH", ExifTags.Base.Orientation, 3, 2, 6, 6),
        "long": struct.pack(">HHII", ExifTags.Base.Orientation, 4, 1, 6),
        "text": struct.pack(">HHI4s", ExifTags.Base.Orientation, 2, 2, b"6"),
    }.items():
        pictures[f"{name}.jpeg"] = pictures["6.jpeg"].replace(short, entry)
        assert pictures[f"{name}.jpeg"] != pictures["6.jpeg"]
    return pictures


def test_a_picture_has_the_size_that_was_measured_or_was_left_out(worker: Worker, site: Site, tmp_path: Path) -> None:
    for name, body in turned_pictures().items():
        (tmp_path / name).write_bytes(body)
        site.files[f"/{name}"] = (f"image/{name.partition('.')[2]}", body)
    measured = {image.name: [image.width, image.height] for image in images_in_folder(tmp_path).images}
    assert len(measured) == 12
    worker.open(site.task())
    worker.browser.run(
        "(([names, assets]) => { window.sizes = {}; for (const name of names) { const image = new Image();"
        " image.onload = () => (sizes[name] = [image.naturalWidth, image.naturalHeight]);"
        " image.src = `${assets}/${name}`; } })(arguments[0])",
        [sorted(measured), site.assets],
    )
    worker.browser.wait(f"Object.keys(sizes).length === {len(measured)}")
    assert worker.browser.run("sizes") == measured


def test_an_image_with_a_density_is_labelled_in_the_pixels_of_the_file(worker: Worker, site: Site) -> None:
    """Firefox 153 divides a bitmap's size by the density too, so the size must come from the job."""
    site.files["/dense.jpg"] = ("image/jpeg", dense_picture(640, 480, 144))
    uri = f"s3://bucket/dense-{worker.browser.name}.jpg"
    worker.open(
        site.task(imgSrc=f"{site.assets}/dense.jpg", imageS3Uri=uri, expectedSize={"width": 640, "height": 480})
    )
    worker.click(600, 400)
    assert worker.placed() == [pytest.approx((600, 400), abs=1.5)]
    worker.browser.run("document.dispatchEvent(new Event('answer-accepted'))")


LAYOUTS = [
    ("и", "KeyB", {}, "new"),
    ("β", "KeyB", {}, "new"),
    ("נ", "KeyB", {}, "new"),
    ("я", "KeyZ", {"ctrlKey": True}, "undo"),
    ("[", "Digit8", {"modifierAltGraph": True}, "previousInstance"),
    ("ü", "BracketLeft", {}, "previousInstance"),
]


def test_p11_shortcuts_of_other_layouts(worker: Worker, site: Site) -> None:
    """WebDriver types on a Latin layout only, so the events are made as those layouts make them."""
    browser = worker.browser
    worker.open(site.task(imageS3Uri=f"s3://bucket/layouts-{browser.name}.png"))
    browser.keys("b")
    for key, code, more, command in LAYOUTS:
        before = worker.doc()["instances"]
        active = browser.run(f"{ELEMENT}.app.session.active")
        browser.run(
            "document.body.dispatchEvent(new KeyboardEvent('keydown', "
            "{ key: arguments[0], code: arguments[1], bubbles: true, cancelable: true, ...arguments[2] }))",
            key,
            code,
            more,
        )
        after = worker.doc()["instances"]
        if command == "new":
            assert len(after) == len(before) + 1, key
        elif command == "undo":
            assert len(after) == len(before) - 1, key
        else:
            assert browser.run(f"{ELEMENT}.app.session.active") != active, key
    browser.run(DISCARDED)


@pytest.mark.parametrize("name", ["chromium", "firefox"])
def test_p16_work_survives_a_killed_browser(name: str, site: Site, screen: str, tmp_path: Path) -> None:
    url = site.task(imageS3Uri="s3://bucket/killed.png")
    worker = Worker(Browser(name, tmp_path / "profile", screen))
    try:
        worker.open(url)
        worker.click(100, 100)
        worker.click(150, 120)
        before = worker.doc()
        time.sleep(1)
    finally:
        worker.browser.kill()
    for lock in tmp_path.glob("profile/Singleton*"):
        lock.unlink()
    worker = Worker(Browser(name, tmp_path / "profile", screen))
    try:
        worker.open(url)
        worker.press("dialog.review[open] .primary")
        assert worker.doc() == before
    finally:
        worker.browser.kill()
