"""Drives the element with real input events, in image coordinates."""

from __future__ import annotations

import io
import json
import time
from html import escape
from pathlib import Path
from typing import Any, Literal

from PIL import Image, ImageDraw, TiffImagePlugin
from playwright.sync_api import BrowserContext, Locator, Page, Route

ROOT = Path(__file__).resolve().parents[2]
ORIGIN = "https://task.example"
Button = Literal["left", "middle", "right"]
PERSON = json.loads((ROOT / "skeletons/coco-person.json").read_text())
NAMES = [keypoint["name"] for keypoint in PERSON["keypoints"]]
TEMPLATE = [keypoint["template"] for keypoint in PERSON["keypoints"]]


def classes(skeleton: dict[str, Any] = PERSON) -> list[dict[str, Any]]:
    """keypointClasses as the job's template gets them."""
    return [
        {
            "id": str(number),
            "label": keypoint["name"],
            "color": keypoint["color"],
            "x": keypoint["template"][0],
            "y": keypoint["template"][1],
            "pair": keypoint.get("pair"),
            "sigma": keypoint["sigma"],
            "display_names": keypoint.get("display_names"),
        }
        for number, keypoint in enumerate(skeleton["keypoints"])
    ]


def picture(width: int, height: int, kind: str = "PNG") -> bytes:
    image = Image.new("RGB", (width, height), "#8fa3b5")
    draw = ImageDraw.Draw(image)
    step = max(20, width // 24)
    for x in range(0, width, step):
        draw.line([(x, 0), (width - x, height)], fill="#6c8093", width=max(1, width // 600))
    draw.ellipse([width * 0.3, height * 0.1, width * 0.7, height * 0.9], fill="#d8c3a5")
    out = io.BytesIO()
    image.save(out, kind, **({"quality": 88} if kind == "JPEG" else {}))
    return out.getvalue()


def dense_picture(width: int, height: int, dots_per_inch: int) -> bytes:
    """A JPEG whose EXIF data state a density and the size that follows: browsers then shrink its natural size."""
    exif = Image.Exif()
    exif[0x011A] = exif[0x011B] = TiffImagePlugin.IFDRational(dots_per_inch, 1)
    exif[0x0128] = 2
    stated = exif.get_ifd(0x8769)
    stated[0xA002], stated[0xA003] = width * 72 // dots_per_inch, height * 72 // dots_per_inch
    out = io.BytesIO()
    Image.new("RGB", (width, height), "#8fa3b5").save(out, "JPEG", exif=exif)
    return out.getvalue()


def person(left: float = 100, top: float = 50, scale: float = 1.0, **more: Any) -> dict[str, Any]:
    """A pre-label: the template pose at a place."""
    annotations = [
        {"label": name, "x": left + x * scale, "y": top + y * scale, "visibility": 2}
        for name, (x, y) in zip(NAMES, TEMPLATE, strict=True)
    ]
    return {"name": "", "annotations": annotations, **more}


PERSONS = [person(40, 40, 0.7), person(300, 40, 0.7)]
LEAVE = """() => {
  const leaving = new Event("beforeunload", { cancelable: true });
  dispatchEvent(leaving);
  return leaving.defaultPrevented;
}"""
"""Tells whether the page would warn somebody who leaves it."""


def attributes(values: dict[str, Any]) -> str:
    parts = []
    for name, value in values.items():
        if value is None:
            continue
        text = value if isinstance(value, str) else json.dumps(value)
        parts.append(f'{name}="{escape(text)}"')
    return " ".join(parts)


def until(page: Page, condition: str) -> None:
    """Not wait_for_function: what it evaluates again and again, the page's content policy forbids."""
    end = time.monotonic() + 10
    while not page.evaluate(condition):
        assert time.monotonic() < end, condition
        page.wait_for_timeout(20)


class TaskPage:
    """Makes pages with the element on them."""

    def __init__(self, context: BrowserContext, bundle: str) -> None:
        self.context = context
        self.errors: list[str] = []
        self.files: dict[str, tuple[str, bytes | str]] = {"/element.js": ("text/javascript", bundle)}
        # Languages, and what the element needs only later.
        for file in (ROOT / "src/ui/dist").glob("crowd-2d-skeleton.*.js"):
            self.files[f"/{file.name}"] = ("text/javascript; charset=utf-8", file.read_text())
        self.headers: dict[str, str] = {}
        context.route(f"{ORIGIN}/**", self._serve)

    def _serve(self, route: Route) -> None:
        path = route.request.url.removeprefix(ORIGIN).split("?")[0]
        if path not in self.files:
            route.fulfill(status=404, body="")
            return
        kind, body = self.files[path]
        route.fulfill(body=body, content_type=kind, headers=self.headers)

    def html(self, html: str, *, path: str = "/task.html", width: int = 640, height: int = 480) -> Page:
        """Any page; /photo.png is there."""
        self.files.setdefault("/photo.png", ("image/png", picture(width, height)))
        self.files[path] = ("text/html; charset=utf-8", html)
        page = self.context.new_page()
        page.on("pageerror", lambda error: self.errors.append(str(error)))
        page.on("console", lambda message: self.errors.append(message.text) if self._is_fault(message) else None)
        page.goto(ORIGIN + path)
        return page

    @staticmethod
    def _is_fault(message: Any) -> bool:
        # Missing files are part of some tests, and only tests read pixels back.
        expected = ("Failed to load resource", "willReadFrequently", "Failed to find a valid digest")
        return message.type in ("error", "warning") and not any(text in message.text for text in expected)

    def __call__(
        self,
        *,
        width: int = 640,
        height: int = 480,
        photo: str = "/photo.png?X-Amz-Signature=abc/def",
        form: str = '<form id="any">',
        after: str = "</form>",
        wait: bool = True,
        **values: Any,
    ) -> Task:
        given = {
            "imgSrc": photo,
            "imageS3Uri": "s3://bucket/jobs/people/photo%201.png",
            "keypointClasses": classes(),
            "skeletonRig": PERSON["edges"],
            "skeletonBoundingBox": {"left": 0, "top": 6, "right": 124, "bottom": 384},
            **values,
        }
        page = self.html(
            "<!doctype html><html lang=en><title>Task</title><meta name=viewport content='width=device-width'>"
            f"<body>{form}<crowd-2d-skeleton {attributes(given)}>"
            '<div slot="instructions"><p>Label every person.</p></div></crowd-2d-skeleton>'
            f"{after}<script>{SENT}</script><script src=/element.js></script></body></html>",
            width=width,
            height=height,
        )
        task = Task(page)
        if wait:
            task.ready()
        return task


SENT = """
window.sent = [];
document.querySelector("form")?.addEventListener("submit", (event) => {
  if (!event.defaultPrevented) window.sent.push(Object.fromEntries(new FormData(event.target)));
  event.preventDefault();
});
"""


class Task:
    """One element on a page."""

    def __init__(self, page: Page, selector: str = "crowd-2d-skeleton") -> None:
        self.page = page
        self.selector = selector
        self.element = page.locator(selector)

    def ready(self, *, later: bool = True) -> Task:
        """Wait for the image, and for what the element loads after its start."""
        self.page.wait_for_function(
            "([{ app, shadowRoot }, later]) => app?.session.size.width && app.stage.view.stage.width"
            " && (!later || shadowRoot.querySelector('dialog.light') !== null)",
            arg=[self.element.element_handle(), later],
            polling=5,
        )
        return self

    # looking ---------------------------------------------------------------------------------------------------------
    def evaluate(self, function: str, argument: Any = None) -> Any:
        """Call a JavaScript function with the element and return its result.

        The element must exist, and `selector` must be CSS. A locator's own method would first wait for the element,
        which takes up to twenty times as long.
        """
        # The creator shows the element inside of its own.
        return self.page.evaluate(
            f"""([selector, argument]) => {{
              const roots = [document, document.querySelector("skeleton-creator")?.shadowRoot];
              return ({function})(roots.map((root) => root?.querySelector(selector)).find(Boolean), argument);
            }}""",
            [self.selector, argument],
        )

    @property
    def doc(self) -> Any:
        return self.evaluate("element => element.app.session.doc")

    @property
    def state(self) -> Any:
        """Members that the bundle does not rename (build.js); what is selected is read from the page."""
        return self.evaluate(
            "({shadowRoot, app: {session, stage: {view}}}) => ({"
            " selected: [...shadowRoot.querySelectorAll('.points li')].findIndex(row => row.matches('.on')),"
            " view: {scale: view.scale, tx: view.tx, ty: view.ty}, size: view.stage, hidden: [...session.hidden]})"
        )

    def answer(self) -> dict[str, Any]:
        """The fields as submitted now, parsed."""
        fields = self.evaluate("element => element.app.answer()")
        return parsed(fields)

    def points(self, instance: int = 0) -> dict[str, tuple[float, float, int]]:
        """By name: x, y, visibility."""
        annotations = self.answer()["updated_annotations"][instance]["annotations"]
        return {a["label"]: (a["x"], a["y"], a["visibility"]) for a in annotations}

    def screen(self, x: float, y: float) -> tuple[float, float]:
        """From image pixels to the page."""
        at = self.evaluate(
            """(element, [x, y]) => {
              const { stage } = element.app;
              const rect = stage.root.getBoundingClientRect();
              const { scale, tx, ty } = stage.view;
              return [rect.left + x * scale + tx, rect.top + y * scale + ty];
            }""",
            [x, y],
        )
        return at[0], at[1]

    def text(self, selector: str) -> str:
        return self.element.locator(selector).first.inner_text()

    # doing -----------------------------------------------------------------------------------------------------------
    def click(self, x: float, y: float, **options: Any) -> None:
        self.page.mouse.click(*self.screen(x, y), **options)

    def drag(
        self, start: tuple[float, float], end: tuple[float, float], steps: int = 6, button: Button = "left"
    ) -> None:
        mouse = self.page.mouse
        mouse.move(*self.screen(*start))
        end_on_screen = self.screen(*end)
        mouse.down(button=button)
        mouse.move(*end_on_screen, steps=steps)
        mouse.up(button=button)

    def key(self, *keys: str) -> None:
        for key in keys:
            self.page.keyboard.press(key)

    def place_person(self, left: float = 100, top: float = 40, scale: float = 1.0) -> None:
        for x, y in TEMPLATE:
            self.click(left + x * scale, top + y * scale)

    def submit(self) -> dict[str, Any]:
        """Press the button, override warnings and questions, and return what the page's form got."""
        self.element.locator("footer button.primary").click()
        self.override()
        return parsed(self.page.evaluate("window.sent.at(-1)"))

    def override(self) -> None:
        """Answer a dialog that holds a submission back with its last choice."""
        while (choice := self.element.locator("dialog.review[open] .row button.primary")).count():
            choice.click()

    def resume(self, choice: str = "Yes, continue") -> Task:
        """Answer the question whose draft it is."""
        self.ready()
        self.element.locator("dialog.review[open]").get_by_role("button", name=choice).click()
        return self


def parsed(fields: dict[str, str]) -> dict[str, Any]:
    assert all(isinstance(value, str) for value in fields.values())
    read = dict(fields)
    for name in ("updated_annotations", "original_annotations", "answer_details"):
        try:
            read[name] = json.loads(fields[name])
        except ValueError:
            read[name] = fields[name]
    return read


def out_of_reach(component: Locator, selector: str) -> list[str]:
    """Return the controls that a pointer does not hit after scrolling to them, because something covers them."""
    covered: list[str] = component.evaluate(
        """({shadowRoot}, selector) => [...shadowRoot.querySelectorAll(selector)].filter((node) => {
          if (!node.checkVisibility()) return false;
          node.scrollIntoView({ block: "center", inline: "center" });
          const { left, top, width, height } = node.getBoundingClientRect();
          const hit = shadowRoot.elementFromPoint(left + width / 2, top + height / 2);
          return !(hit && (node.contains(hit) || hit.closest("label")?.contains(node)));
        }).map((node) => node.title || node.textContent || node.placeholder)""",
        selector,
    )
    return covered
