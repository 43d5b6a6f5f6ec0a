"""Windows of any size, page zoom, scaled pages, contrast, forced colours, large fonts, wheels and trackpads, crowds."""

from __future__ import annotations

import io
import json
import math
from collections.abc import Callable, Iterator
from functools import partial
from pathlib import Path
from typing import Any

import pytest
from driver import NAMES, Task, TaskPage, classes, dense_picture, out_of_reach, person, picture
from groundtruth_page import serve
from PIL import Image
from playwright.sync_api import Browser, Route, expect
from webdriver import Browser as AnyBrowser
from webdriver import display

from chromium import ARGUMENTS, EXECUTABLE

Opener = Callable[..., TaskPage]
"""With the options of a browser context: pages in a window of their own."""


@pytest.fixture
def window(browser: Browser, bundle: str) -> Iterator[Opener]:
    contexts = []

    def window(width: int = 1200, height: int = 800, **options: Any) -> TaskPage:
        context = browser.new_context(viewport={"width": width, "height": height}, **options)
        context.set_default_timeout(20_000)
        contexts.append(TaskPage(context, bundle))
        return contexts[-1]

    yield window
    for pages in contexts:
        assert pages.errors == []
        pages.context.close()


def plain(color: str, width: int = 640, height: int = 480) -> bytes:
    out = io.BytesIO()
    Image.new("RGB", (width, height), color).save(out, "PNG")
    return out.getvalue()


def pixels(task: Task, x: float = 0, y: float = 0, width: float = 0, height: float = 0) -> Image.Image:
    """What the page shows there."""
    clip = {"x": x, "y": y, "width": width, "height": height}
    return Image.open(io.BytesIO(task.page.screenshot(clip=clip))).convert("RGB")  # type: ignore[arg-type]


def color_at(shown: Image.Image, x: int, y: int) -> tuple[int, ...]:
    """The colour of one pixel of an RGB image."""
    color = shown.getpixel((x, y))
    assert isinstance(color, tuple)
    return color


def colors_of(shown: Image.Image) -> list[tuple[int, tuple[int, ...]]]:
    """An RGB image's colours, each with the number of its pixels."""
    counted = shown.getcolors(shown.width * shown.height)
    return [(n, color) for n, color in counted or [] if isinstance(color, tuple)]


def contrast(a: tuple[int, ...], b: tuple[int, ...]) -> float:
    """WCAG 2's contrast ratio of two sRGB colours."""

    def luminance(color: tuple[int, ...]) -> float:
        parts = [v / 255 / 12.92 if v <= 10 else ((v / 255 + 0.055) / 1.055) ** 2.4 for v in color]
        return 0.2126 * parts[0] + 0.7152 * parts[1] + 0.0722 * parts[2]

    lighter, darker = sorted((luminance(a), luminance(b)), reverse=True)
    return (lighter + 0.05) / (darker + 0.05)


# windows -------------------------------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    ("width", "height", "least"),
    [
        (320, 256, (300, 150)),  # WCAG 1.4.10: 1280 x 1024 at 400 %
        (360, 640, (340, 280)),
        (667, 375, (400, 290)),  # a phone on its side
        (720, 450, (440, 360)),  # 1440 x 900 at 200 %
        (1440, 900, (1100, 800)),
    ],
)
def test_p9_the_image_has_room_and_all_controls_can_be_reached(
    window: Opener, width: int, height: int, least: tuple[int, int]
) -> None:
    task = window(width, height)(initialValues=[person(60, 30), person(300, 30)], annotationIssues=[{"reason": "Look"}])
    size = task.state["size"]
    assert (size["width"], size["height"]) >= least
    assert size["height"] >= least[1]
    assert task.page.evaluate("document.documentElement.scrollWidth <= innerWidth")
    task.click(60 + 62, 30 + 30)
    task.key("1")
    fold = task.element.get_by_role("button", name="Labels", exact=True)
    if fold.is_visible():
        fold.click()
    assert out_of_reach(task.element, ".panel :is(button, input, summary)") == []
    task.element.locator(".choice button", has_text="Occluded").click()
    assert task.points()["nose"][2] == 1
    assert len(task.submit()["updated_annotations"]) == 2


@pytest.mark.parametrize("reasons", [None, {"dark": "Too dark"}])
def test_fields_and_states_line_up(window: Opener, reasons: dict[str, str] | None) -> None:
    """A field's and a state's edge is where those above it have theirs."""
    task = window()(initialValues=[person(60, 30)], skipReasons=reasons)
    edges = """({shadowRoot}) => {
      const edge = (node) => node.getBoundingClientRect().right;
      const row = shadowRoot.querySelector(".details.image");
      return {
        notes: [edge(shadowRoot.querySelector(".details > input:not([hidden])")), edge(row.lastElementChild)],
        states: [...shadowRoot.querySelectorAll(".points li .soft")].map(edge),
      };
    }"""
    found = task.evaluate(edges)
    assert found["notes"][0] == pytest.approx(found["notes"][1], abs=0.6)
    assert found["states"] == pytest.approx([found["states"][0]] * len(NAMES), abs=0.6)


def test_in_a_tiny_window_the_panel_can_be_opened_and_closed(window: Opener) -> None:
    task = window(320, 256)()
    fold = task.element.get_by_role("button", name="Labels", exact=True)
    expect(fold).to_have_attribute("aria-expanded", "false")
    expect(task.element.get_by_role("button", name="Submit")).to_be_hidden()
    task.click(320, 240)
    assert list(task.points()) == NAMES[:1]
    fold.click()
    expect(task.element.get_by_role("button", name="Submit")).to_be_visible()
    # What is behind the panel cannot have the focus.
    expect(task.element.locator(".stage")).to_be_hidden()
    task.key("Escape")
    expect(task.element.locator(".stage")).to_be_visible()
    expect(fold).to_have_attribute("aria-expanded", "false")


def test_the_drawing_is_as_sharp_as_the_screen(window: Opener) -> None:
    task = window()(initialValues=[person(), person(300)])
    cdp = task.page.context.new_cdp_session(task.page)
    for ratio, width in ((3, 1190), (1, 1180), (1.5, 1170)):
        # Chromium tells pages of another ratio that it emulates only by the resize of the window.
        cdp.send(
            "Emulation.setDeviceMetricsOverride",
            {"width": width, "height": 800, "deviceScaleFactor": ratio, "mobile": False},
        )
        task.page.wait_for_function(
            "([element, ratio]) => [...element.shadowRoot.querySelectorAll('canvas')]"
            ".every(c => c.width === Math.round(c.clientWidth * ratio))",
            arg=[task.element.element_handle(), ratio],
        )


def test_a_canvas_is_used_once_there_is_something_to_paint(window: Opener) -> None:
    task = window()()
    unused = task.page.evaluate("document.createElement('canvas').width")

    def canvases() -> list[list[int]]:
        """The width and the number of painted pixels of each canvas."""
        task.page.wait_for_timeout(200)
        sizes: list[list[int]] = task.element.evaluate(
            """({ shadowRoot }) => [...shadowRoot.querySelectorAll("canvas")].map((canvas) => {
              const { data } = canvas.getContext("2d").getImageData(0, 0, canvas.width, canvas.height);
              return [canvas.width, data.reduce((sum, value, at) => sum + (at % 4 === 3 && value > 0), 0)];
            })"""
        )
        return sizes

    task.page.mouse.move(*task.screen(300, 200))
    assert canvases() == [[unused, 0], [unused, 0]]
    task.click(320, 240)
    below, (width, painted) = canvases()
    assert below == [unused, 0]
    assert width > unused
    assert painted > 100
    task.key("Control+z")
    assert canvases() == [[unused, 0], [width, 0]]
    task.key("Control+y")
    assert canvases() == [[unused, 0], [width, painted]]
    # The active instance is above, the other below.
    task.key("b")
    task.click(100, 100)
    assert [painted > 20 for _, painted in canvases()] == [True, True]


def test_the_drawing_is_as_sharp_as_another_screen_in_firefox(bundle: str, tmp_path: Path) -> None:
    with display() as screen, serve(bundle) as site:
        firefox = AnyBrowser("firefox", tmp_path / "profile", screen)
        try:
            element = "document.querySelector('crowd-2d-skeleton')"
            firefox.open(site.task(initialValues=[person(), person(300)]))
            firefox.wait(f"{element}?.app?.session.size.width && true")
            for ratio in ("2", "1.5", "1"):
                firefox.setting("layout.css.devPixelsPerPx", ratio)
                firefox.wait(
                    f"devicePixelRatio === {ratio} && [...{element}.shadowRoot.querySelectorAll('canvas')]"
                    f".every(c => Math.abs(c.width - c.clientWidth * {ratio}) <= 1)"
                )
        finally:
            firefox.kill()


@pytest.mark.parametrize(
    "style",
    [
        "transform: scale(1.5); width: 700px",
        "transform: scale(.5)",
        "zoom: 2; width: 600px",
        "zoom: .75",
        "transform: scale(1.2, .8)",
    ],
)
def test_clicks_hit_under_scaled_and_zoomed_parents(window: Opener, style: str) -> None:
    pages = window()
    task = pages(form=f'<form id="any"><div style="transform-origin: 0 0; {style}">', after="</div></form>")
    task.page.wait_for_timeout(100)
    spots = [(100, 120), (500, 300)]
    for x, y in spots:
        # By the browser's own account of where the picture is.
        box = task.element.locator(".stage img").first.bounding_box()
        assert box
        task.page.mouse.click(box["x"] + box["width"] * x / 640, box["y"] + box["height"] * y / 480)
    for (x, y), (left, top, _) in zip(spots, task.points().values(), strict=False):
        assert (left, top) == pytest.approx((x, y), abs=3)
    box = task.element.bounding_box()
    assert box
    assert box["y"] + box["height"] <= 800
    sharp = task.evaluate(
        "({shadowRoot}) => { const [, canvas] = shadowRoot.querySelectorAll('canvas');"
        " return canvas.width / canvas.getBoundingClientRect().width; }"
    )
    assert sharp >= 0.99


@pytest.mark.parametrize("dots_per_inch", [144, 36])
def test_an_image_has_the_pixels_of_its_file_whatever_density_it_states(window: Opener, dots_per_inch: int) -> None:
    pages = window()
    pages.files["/dense.jpg"] = ("image/jpeg", dense_picture(640, 480, dots_per_inch))
    task = pages(photo="/dense.jpg")
    natural = task.evaluate("({shadowRoot}) => shadowRoot.querySelector('img').naturalWidth")
    assert natural == 640 * 72 // dots_per_inch, "this browser does not heed the density"
    box = task.element.locator(".stage img").first.bounding_box()
    assert box
    task.page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + 0.5 * box["height"])
    assert task.points()["nose"][:2] == pytest.approx((480, 240), abs=1)
    details = task.answer()["answer_details"]
    assert (details["image_width"], details["image_height"]) == (640, 480)


BITMAPS = """(() => {
  window.bitmaps = 0;
  const make = window.createImageBitmap;
  window.createImageBitmap = (...given) => (window.bitmaps++, make(...given));
})()"""
"""Counts the bitmaps that a page makes."""


@pytest.mark.parametrize(
    ("expected", "bitmaps", "size"),
    [
        ({"width": 640, "height": 480}, 0, [640, 480]),
        ({"width": 1281, "height": 960}, 0, [1281, 960]),
        ({"width": 480, "height": 640}, 1, [640, 480]),
        ({"width": 650, "height": 480}, 1, [640, 480]),
        ("", 1, [640, 480]),
    ],
)
def test_an_image_is_measured_unless_it_has_the_expected_proportions(
    window: Opener, expected: Any, bitmaps: int, size: list[int]
) -> None:
    pages = window()
    pages.context.add_init_script(BITMAPS)
    task = pages(expectedSize=expected)
    details = task.answer()["answer_details"]
    assert [details["image_width"], details["image_height"]] == size
    assert task.page.evaluate("window.bitmaps") == bitmaps


def test_a_size_that_cannot_be_read_is_reported_and_not_used(window: Opener) -> None:
    task = window()(expectedSize='{"width": 0, "height": 480}')
    expect(task.element).to_contain_text("expectedSize")
    assert task.answer()["answer_details"]["image_width"] == 640


def test_a_smaller_copy_is_labelled_in_the_originals_pixels(window: Opener) -> None:
    pages = window()
    pages.files["/copy.png"] = ("image/png", picture(401, 300))
    task = pages(photo="/copy.png", imageSize={"width": 4000, "height": 2996}, initialValues=[person(1000, 500, 3)])
    box = task.element.locator(".stage img").first.bounding_box()
    assert box
    task.key("b")
    task.page.mouse.click(box["x"] + 0.75 * box["width"], box["y"] + 0.5 * box["height"])
    assert task.points(1)["nose"][:2] == pytest.approx((3000, 1498), abs=8)
    details = task.answer()["answer_details"]
    assert (details["image_width"], details["image_height"]) == (4000, 2996)


def test_a_copy_of_something_else_is_not_labelled(window: Opener) -> None:
    task = window()(photo="/photo.png", imageSize={"width": 3000, "height": 4000}, wait=False)
    expect(task.element.locator(".note h2")).to_contain_text("proportions")


def test_a_page_that_reads_from_right_to_left(window: Opener) -> None:
    drawn = []
    for direction in ("ltr", "rtl"):
        task = window()(form=f'<form id="any" dir="{direction}">', initialValues=[person(60, 30), person(300, 30)])
        task.key("6", "y")
        task.page.wait_for_timeout(200)
        drawn.append(
            task.evaluate("({shadowRoot}) => [...shadowRoot.querySelectorAll('canvas')].map(c => c.toDataURL())")
        )
        panel = task.element.locator(".panel").bounding_box()
        assert panel
        assert (panel["x"] > 600) == (direction == "ltr")
    # The stage has the same size, so names are on the same side of their markers: to the last pixel.
    assert drawn[0] == drawn[1]


def test_names_stay_inside_the_stage(window: Opener) -> None:
    task = window(320, 640)()
    task.click(630, 240)
    task.key("y")
    task.page.wait_for_timeout(200)
    x, y = task.screen(630, 240)
    shown = pixels(task, x - 100, y - 8, 86, 16)
    assert any(contrast(color, (8, 12, 18)) > 15 for _, color in colors_of(shown))


def test_a_file_whose_name_has_a_line_break(window: Opener) -> None:
    pages = window()
    pages.files["/two%0Alines.png"] = ("image/png", picture(640, 480))
    task = pages(photo="/two\nlines.png", imageS3Uri="s3://bucket/jobs/two\nlines.png")
    task.click(100, 100)
    answer = task.submit()
    assert answer["image_s3_uri"] == "s3://bucket/jobs/two\nlines.png"
    assert answer["image_name"] == "two\nlines.png"


def test_a_slow_image_shows_that_it_is_loading(window: Opener) -> None:
    pages = window()
    task = pages(imageS3Uri=None)
    held: list[Route] = []

    def hold(route: Route) -> None:
        held.append(route)

    pages.context.route("**/slow.png", hold)
    task.evaluate("element => element.setAttribute('imgSrc', '/slow.png')")
    expect(task.element.locator("progress")).to_be_visible()
    expect(task.element.get_by_role("status").filter(has_text="Loading the image")).to_be_visible()
    held[0].fulfill(body=picture(640, 480), content_type="image/png")
    task.ready()
    expect(task.element.locator("progress")).to_be_hidden()


# contrast ------------------------------------------------------------------------------------------------------------
BACKGROUNDS = {
    "white": "#ffffff",
    "black": "#000000",
    "dark grey": "#404040",
    "mid grey": "#808080",
    "grass": "#4f7942",
    "skin": "#d8a47f",
}


def ring(task: Task, at: tuple[float, float], background: tuple[int, ...], reach: int) -> float:
    """The least contrast that a line from the marker's middle outwards meets at its best pixel, over 24 directions."""
    x, y = task.screen(*at)
    shown = pixels(task, round(x) - reach - 1, round(y) - reach - 1, 2 * reach + 2, 2 * reach + 2)
    middle = (x - round(x) + reach + 1, y - round(y) + reach + 1)
    least = math.inf
    for n in range(24):
        angle = math.pi * n / 12
        line = [
            (int(middle[0] + r * math.cos(angle) / 2), int(middle[1] + r * math.sin(angle) / 2))
            for r in range(2 * reach)
        ]
        least = min(least, max(contrast(color_at(shown, *spot), background) for spot in line))
    return least


@pytest.mark.parametrize("background", BACKGROUNDS)
def test_every_marker_stands_out_from_any_background(window: Opener, background: str) -> None:
    color = BACKGROUNDS[background]
    rgb = tuple(int(color[n : n + 2], 16) for n in (1, 3, 5))
    pages = window(1000, 700)
    pages.files["/plain.png"] = ("image/png", plain(color))
    # Keypoints in the background's own colour, without edges: the marker must show itself.
    names = ["left_a", "right_a", "middle", "left_b", "right_b", "lower"]
    skeleton = [{"label": name, "x": 0, "y": 0, "color": color} for name in names]
    spots = {name: (80 + 90 * n, 120) for n, name in enumerate(names)}

    def labels(down: float) -> dict[str, Any]:
        return {
            "annotations": [
                {"label": name, "x": x, "y": y + down, "visibility": 2 if n < 3 else 1}
                for n, (name, (x, y)) in enumerate(spots.items())
            ]
        }

    task = pages(
        photo="/plain.png",
        keypointClasses=skeleton,
        skeletonRig=[],
        skeletonBoundingBox=None,
        initialValues=[labels(0), labels(160)],
    )
    task.page.mouse.move(5, 5)
    task.page.wait_for_timeout(200)
    measured = {}
    for name, (x, y) in spots.items():
        measured[f"{name}, in hand"] = ring(task, (x, y), rgb, 9)
        measured[f"{name}, of another instance"] = ring(task, (x, y + 160), rgb, 8)
    task.key("1")
    task.page.wait_for_timeout(200)
    measured["selected"] = ring(task, spots["left_a"], rgb, 14)
    task.page.mouse.move(*task.screen(80, 280))
    task.page.wait_for_timeout(200)
    measured["under the pointer"] = ring(task, (80, 280), rgb, 11)
    assert {state: round(ratio, 1) for state, ratio in measured.items() if ratio < 3} == {}


def test_visible_and_occluded_markers_differ_in_shape(window: Opener) -> None:
    pages = window()
    pages.files["/plain.png"] = ("image/png", plain("#808080"))
    task = pages(photo="/plain.png", skeletonRig=[], initialValues=[person(100, 50)])
    nose, elbow = task.points()["nose"], task.points()["left_elbow"]
    task.key("8", "o", "q")
    task.page.mouse.move(5, 5)
    task.page.wait_for_timeout(200)
    middles = []
    for x, y in (nose[:2], elbow[:2]):
        at = task.screen(x, y)
        middles.append(color_at(pixels(task, round(at[0]), round(at[1]), 1, 1), 0, 0))
    assert max(abs(a - b) for a, b in zip(middles[1], (128, 128, 128), strict=True)) < 60, "hollow: the image shows"
    assert max(abs(a - b) for a, b in zip(middles[0], (128, 128, 128), strict=True)) > 60


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_fields_have_borders_and_placeholders_that_can_be_seen(window: Opener, scheme: str) -> None:
    task = window(color_scheme=scheme)(initialValues=[person()])
    task.key("1")
    for selector in (".details input", ".choice button", "header .small"):
        box = task.element.locator(selector).last.bounding_box()
        assert box
        shown = pixels(task, box["x"] - 2, round(box["y"] + box["height"] / 2), 6, 1)
        row = [shown.getpixel((x, 0)) for x in range(6)]
        assert max(contrast(color, row[0]) for color in row) >= 3, selector  # type: ignore[arg-type]
    field = task.element.locator(".details input").last
    box = field.bounding_box()
    assert box
    colors = pixels(task, box["x"] + 4, box["y"] + 4, 120, box["height"] - 8).getcolors(9999) or []
    field_color = max(colors)[1]
    assert max(contrast(color, field_color) for _, color in colors) >= 4.5  # type: ignore[arg-type]


# forced colours, fonts, spacing --------------------------------------------------------------------------------------
STATES = """({shadowRoot}) => {
  const of = (selector, property) => getComputedStyle(shadowRoot.querySelector(selector))[property];
  return {
    forced: matchMedia("(forced-colors: active)").matches,
    pressed: ["true", "false"].map((is) => of(`.choice [aria-pressed=${is}]`, "backgroundColor")),
    chosen: [of(".points li.on", "borderInlineStartColor"), of(".points li:not(.on)", "borderInlineStartColor")],
    dialog: [of("dialog.light", "borderTopStyle"), "none"],
    markers: [of(".points li:nth-child(1) .marker", "color"), of(".points li:nth-child(2) .marker", "color")],
  };
}"""


def check_states(states: dict[str, Any]) -> None:
    assert states["forced"]
    for what in ("pressed", "chosen", "markers", "dialog"):
        assert states[what][0] != states[what][1], what


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_p18_states_are_marked_in_forced_colours(window: Opener, scheme: str) -> None:
    task = window(forced_colors="active", color_scheme=scheme)(initialValues=[person()])
    task.key("1")
    check_states(task.evaluate(STATES))
    pressed, other = (task.element.locator(f".choice [aria-pressed={value}]").first for value in ("true", "false"))
    shown = []
    for button in (pressed, other):
        box = button.bounding_box()
        assert box
        shown.append(max(colors_of(pixels(task, box["x"] + 3, box["y"] + 3, box["width"] - 6, box["height"] - 6)))[1])
    assert contrast(*shown) >= 3


def test_p18_forced_colours_and_large_fonts_in_firefox(bundle: str, tmp_path: Path) -> None:
    settings = {
        "browser.display.document_color_use": 2,
        "font.minimum-size.x-western": 20,
        "font.minimum-size.x-unicode": 20,
    }
    with display() as screen, serve(bundle) as site:
        firefox = AnyBrowser("firefox", tmp_path / "profile", screen, settings)
        try:
            element = "document.querySelector('crowd-2d-skeleton')"
            firefox.open(site.task(initialValues=[person()]))
            firefox.wait(f"{element}?.app?.session.size.width && true")
            firefox.wait(f"{element}.shadowRoot.querySelector('dialog.light') !== null")
            firefox.keys("1")
            firefox.wait(f"{element}.shadowRoot.querySelector('.points li.on') !== null")
            states = json.loads(firefox.run(f"JSON.stringify(({STATES})({element}))"))
            check_states(states)
            assert firefox.run(f"{element}.app.stage.fontSize") == pytest.approx(20, abs=0.5)
            assert firefox.run(f"({CLIPPED})({element})") == []
        finally:
            firefox.kill()


CLIPPED = """({shadowRoot}) => [...shadowRoot.querySelectorAll("*")].filter((node) => {
  const style = getComputedStyle(node);
  const own = [...node.childNodes].some((child) => child.nodeType === 3 && child.data.trim());
  if (!own || !node.checkVisibility() || node.closest("dialog, .live")) return false;
  // Cut off by itself, or reaching beyond a part that neither scrolls nor shows it.
  const cut = style.overflowX !== "visible" && node.scrollWidth > node.clientWidth + 1;
  const range = document.createRange();
  range.selectNodeContents(node);
  const text = range.getBoundingClientRect();
  let box = node.parentElement;
  while (box && getComputedStyle(box).overflowX === "visible") box = box.parentElement;
  const room = box?.getBoundingClientRect();
  const isCut = room && getComputedStyle(box).overflowX === "hidden";
  const beyond = isCut && (text.right > room.right + 1 || text.left < room.left - 1);
  return cut || beyond;
}).map((node) => node.textContent)"""


@pytest.mark.parametrize(("width", "height"), [(1200, 800), (360, 640)])
def test_p18_a_minimum_font_of_20_pixels(browser: Browser, bundle: str, width: int, height: int) -> None:
    large = browser.browser_type.launch(
        executable_path=EXECUTABLE, args=[*ARGUMENTS, "--blink-settings=minimumFontSize=20"]
    )
    context = large.new_context(viewport={"width": width, "height": height})
    try:
        task = TaskPage(context, bundle)(initialValues=[person(60, 30), person(300, 30)])
        task.key("1", "y")
        assert task.evaluate("element => element.app.stage.fontSize") == pytest.approx(20, abs=0.5)
        assert task.evaluate(CLIPPED) == []
        assert task.state["size"]["height"] >= 200
    finally:
        large.close()


@pytest.mark.parametrize(("width", "height"), [(1200, 800), (360, 640), (720, 450)])
def test_text_spacing(window: Opener, width: int, height: int) -> None:
    """WCAG 1.4.12."""
    task = window(width, height)(initialValues=[person(60, 30), person(300, 30)], annotationIssues=[{"reason": "Look"}])
    task.evaluate(
        """({shadowRoot}) => {
          const sheet = new CSSStyleSheet();
          sheet.replaceSync(`
            * { line-height: 1.5 !important; letter-spacing: .12em !important; word-spacing: .16em !important }
            p { margin-bottom: 2em !important }`);
          shadowRoot.adoptedStyleSheets = [...shadowRoot.adoptedStyleSheets, sheet];
        }"""
    )
    task.key("1")
    assert task.evaluate(CLIPPED) == []
    assert task.state["size"]["height"] >= 200


# wheels and trackpads ------------------------------------------------------------------------------------------------
def test_a_notch_zooms_a_trackpad_scrolls_and_a_pinch_zooms(task: Task) -> None:
    mouse = task.page.mouse
    task.key("c", "c", "c", "c")
    mouse.move(*task.screen(320, 240))

    def change(act: Callable[[], None]) -> tuple[float, float, float]:
        task.page.wait_for_timeout(300)  # another movement
        before = task.state["view"]
        act()
        task.page.wait_for_timeout(50)
        after = task.state["view"]
        return after["scale"] / before["scale"], after["tx"] - before["tx"], after["ty"] - before["ty"]

    for notch in (-120, -100, 53, 400):  # Linux, Windows, Chromium before 112, an accelerated wheel
        factor, _, _ = change(partial(mouse.wheel, 0, notch))
        assert 1.1 < max(factor, 1 / factor) < 1.4
        assert (factor > 1) == (notch < 0)
    assert change(lambda: mouse.wheel(6, -9)) == pytest.approx((1, -6, 9))

    # What begins as scrolling stays scrolling, however fast the fingers become.
    flick = """({shadowRoot}) => {
      for (const deltaY of [2, 10, 60, 150, 40]) {
        const event = new WheelEvent("wheel", { deltaY, clientX: 400, clientY: 400, cancelable: true });
        shadowRoot.querySelector(".stage").dispatchEvent(event);
      }
    }"""
    assert change(lambda: task.evaluate(flick)) == pytest.approx((1, 0, -262), abs=1e-6)

    def pinch(delta: float) -> Callable[[], None]:
        def act() -> None:
            task.page.keyboard.down("Control")
            mouse.wheel(0, delta)
            task.page.keyboard.up("Control")

        return act

    assert change(pinch(-5))[0] == pytest.approx(math.exp(0.05), rel=0.01)
    assert 1.1 < change(pinch(-120))[0] < 1.4  # Ctrl and a wheel
    task.key("z")
    assert task.doc["instances"] == []


def test_lines_of_firefox_and_gestures_of_safari(task: Task) -> None:
    """Events as these browsers make them: a wheel's delta in lines, a pinch with a scale."""
    scale = task.state["view"]["scale"]
    task.evaluate(
        "({shadowRoot}) => shadowRoot.querySelector('.stage').dispatchEvent(new WheelEvent('wheel',"
        " { deltaY: -3, deltaMode: 1, clientX: 400, clientY: 400, cancelable: true }))"
    )
    assert 1.1 < task.state["view"]["scale"] / scale < 1.4
    task.key("z")
    task.evaluate(
        """({shadowRoot}) => {
          for (const [type, scale] of [["gesturestart", 1], ["gesturechange", 1.5], ["gesturechange", 2]]) {
            const event = Object.assign(new Event(type, { cancelable: true }), { scale, clientX: 400, clientY: 400 });
            shadowRoot.querySelector(".stage").dispatchEvent(event);
          }
        }"""
    )
    assert task.state["view"]["scale"] / scale == pytest.approx(2)


# crowds --------------------------------------------------------------------------------------------------------------
COUNTED = """() => {
  window.copies = 0;
  const { drawImage } = CanvasRenderingContext2D.prototype;
  CanvasRenderingContext2D.prototype.drawImage = function (...args) {
    window.copies += 1;
    return drawImage.apply(this, args);
  };
}"""


def test_with_500_instances_only_changes_are_painted(window: Opener) -> None:
    labels = [person(10 + 150 * (n % 25), 5 + 145 * (n // 25), 0.33) for n in range(500)]
    pages = window(1440, 900)
    pages.files["/labels.json"] = ("application/json", json.dumps({"annotations": labels}))
    task = pages(width=4000, height=3000, initialValuesSrc="/labels.json")
    task.page.wait_for_timeout(300)
    task.page.evaluate(COUNTED)

    def copies(act: Callable[[], Any]) -> int:
        task.page.evaluate("window.copies = 0")
        act()
        task.page.wait_for_timeout(100)
        return int(task.page.evaluate("window.copies"))

    nose = task.points(30)["nose"]
    task.page.keyboard.down("Control")
    assert 0 < copies(lambda: task.click(nose[0], nose[1])) < 40 * 17
    task.page.keyboard.up("Control")
    assert copies(lambda: task.drag(nose[:2], (nose[0] + 30, nose[1] + 30))) == 0
    moved = task.points(30)["nose"]
    assert moved[0] == pytest.approx(nose[0] + 30, abs=4)
    whole = copies(lambda: task.key("c"))
    assert whole > 100 * 17 / 4
    task.key("z")
    task.page.wait_for_timeout(200)
    # What was painted piece by piece is what would be painted at once.
    canvas = "({shadowRoot}) => shadowRoot.querySelector('canvas').toDataURL()"
    for name in ("[", "]", "]"):
        task.key(name)
    task.page.wait_for_timeout(200)
    pieces = task.evaluate(canvas)
    task.key("c", "z")
    task.page.wait_for_timeout(200)
    assert task.evaluate(canvas) == pieces


def test_an_answer_too_large_for_its_host_is_announced(window: Opener) -> None:
    labels = [person(10 + 60 * n, 20, 0.3) for n in range(8)]
    size = len(json.dumps(json.dumps([labels[0]])))
    few = window()(initialValues=labels, maxAnswerBytes=str(100 * size))
    expect(few.element.locator(".notices")).to_have_count(1)
    expect(few.element.locator(".notices")).not_to_contain_text("too large")
    task = window()(initialValues=labels, maxAnswerBytes=str(17 * size))
    expect(task.element.locator(".notices")).to_contain_text("Nearly too large")
    for _ in range(4):
        task.key("p")
    expect(task.element.locator(".notices")).to_contain_text("Too large to submit")
    task.submit()
    body = json.dumps(task.page.evaluate("window.sent.at(-1)"), separators=(",", ":"))
    assert len(body) > 17 * size


def test_long_names_fit_a_phone(open_task: TaskPage) -> None:
    """The hidden text for screen readers is one long line. The page does not become wider than the window."""
    long = [{**one, "label": f"{one['label']}_{'m' * 80}"} for one in classes()]
    task = open_task(keypointClasses=long, skeletonRig=[], wait=False)
    for width in (390, 320):
        task.page.set_viewport_size({"width": width, "height": 844})
        task.ready()
        task.page.mouse.click(width / 2, 200)
        expect(task.element.locator(".live")).to_contain_text("Instance 1")
        assert task.page.evaluate("document.documentElement.scrollWidth") == width


@pytest.mark.parametrize("suffix", ["", "m" * 80])
def test_a_narrow_list_breaks_names_and_no_other_word(window: Opener, suffix: str) -> None:
    """The list showed "nex" and "t" in two lines."""
    named = [{**one, "label": one["label"] + suffix} for one in classes()]
    task = window(640, 400)(keypointClasses=named, skeletonRig=[])
    task.click(100, 100)
    heights = task.evaluate(
        "({ shadowRoot }) => Object.fromEntries([...shadowRoot.querySelectorAll('.points .soft')]"
        ".map((state) => [state.innerText, state.offsetHeight]).filter(([words]) => words))"
    )
    assert set(heights) == {"visible", "next"}
    assert max(heights.values()) < 24
    assert out_of_reach(task.element, ".points kbd") == []
