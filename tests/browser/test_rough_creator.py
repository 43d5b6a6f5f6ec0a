"""The skeleton creator: interrupted gestures, other input devices, damaged storage, strange images, files and names."""

from __future__ import annotations

import base64
import io
import json
from typing import Any

import pytest
from driver import ROOT, TaskPage, picture
from PIL import Image
from playwright.sync_api import Browser, Page, expect
from test_creator import (
    PHOTO,
    board,
    creator,
    exported,
    name,
    names,
    open_creator,
    open_file,
    paste,
    rows,
    said,
    show_photo,
    spot,
    templates,
    until,
)
from test_report_page import contrast
from test_rough_use import IMAGES, image_of

__all__ = ["creator", "open_creator"]  # fixtures

PAGE = "document.querySelector('skeleton-creator').page"
FOCUSED = f"{PAGE}.shadow.activeElement"
BLUR = "dispatchEvent(new Event('blur'))"
RECEIVE = """(page, [files, text]) => {
  const data = new DataTransfer();
  for (const [name, type, base64] of files) {
    const bytes = Uint8Array.from(atob(base64), (character) => character.charCodeAt(0));
    data.items.add(new File([bytes], name, { type }));
  }
  if (text) data.setData("text/plain", text);
  const target = page.board.root;
  for (const kind of ["dragover", "drop"])
    target.dispatchEvent(
      new DragEvent(kind, { dataTransfer: data, bubbles: true, composed: true, cancelable: true }),
    );
}"""


def ask(page: Page, function: str, argument: Any = None) -> Any:
    """Call a function with the creator's inner page, once that exists."""
    until(page, PAGE)
    return page.evaluate_handle(PAGE).evaluate(function, argument)


def drop(page: Page, *files: tuple[str, str, bytes], text: str = "") -> None:
    given = [[file, kind, base64.b64encode(body).decode()] for file, kind, body in files]
    ask(page, RECEIVE, [given, text])


def skeleton_file(*labels: str, **more: Any) -> bytes:
    points = [{"name": label, "template": [10.0 * i, 5.0 * i]} for i, label in enumerate(labels)]
    return json.dumps({"name": "x", "keypoints": points, **more}).encode()


# gestures ------------------------------------------------------------------------------------------------------------
def press_in_mid_drag(creator: Page, key: str) -> None:
    """Drag the third row upwards, and press a key before the release."""
    box = creator.locator("skeleton-creator .grip").nth(2).bounding_box()
    assert box
    creator.mouse.move(box["x"] + 8, box["y"] + 8)
    creator.mouse.down()
    creator.mouse.move(box["x"] + 8, box["y"] - 60, steps=3)
    creator.keyboard.press(key)
    creator.mouse.move(box["x"] + 8, box["y"] - 62)
    creator.mouse.up()


def test_a_change_in_mid_drag_of_a_row_ends_the_drag(creator: Page) -> None:
    """An undo in mid-drag removed the dragged keypoint. Its release put a hole into the skeleton."""
    for x in (-100, 0, 100):
        creator.mouse.click(*board(creator, x, 0))
    press_in_mid_drag(creator, "Control+z")
    assert names(creator) == ["keypoint_1", "keypoint_2"]
    creator.mouse.click(*board(creator, 0, 80))
    assert len(names(creator)) == 3


def test_escape_ends_the_drag_of_a_row(creator: Page) -> None:
    paste(creator, "a\nb\nc")
    press_in_mid_drag(creator, "Escape")
    assert names(creator) == ["a", "b", "c"]


def test_thumb_buttons_and_the_eraser_of_a_pen_change_nothing(creator: Page) -> None:
    creator.mouse.click(*board(creator, 0, 0))
    before = exported(creator)
    cdp = creator.context.new_cdp_session(creator)
    x, y = spot(creator, 0)
    for button in ("back", "forward"):
        for kind in ("mousePressed", "mouseReleased"):
            cdp.send("Input.dispatchMouseEvent", {"type": kind, "x": x, "y": y, "button": button, "clickCount": 1})
    assert exported(creator) == before
    prevented = ask(
        creator,
        """({ board: { root } }) => ["mousedown", "mouseup", "auxclick"].map((kind) =>
          !root.dispatchEvent(new MouseEvent(kind, { button: 3, bubbles: true, composed: true, cancelable: true })))""",
    )
    assert prevented == [True, True, True]  # they do not leave the page


@pytest.mark.parametrize("way", ["blur", "cancel", "lost"])
def test_a_drag_that_the_system_interrupts_is_undone(creator: Page, way: str) -> None:
    creator.mouse.click(*board(creator, 0, 0))
    before = exported(creator)
    creator.mouse.move(*spot(creator, 0))
    creator.mouse.down()
    creator.mouse.move(*board(creator, 60, 40), steps=3)
    assert exported(creator) != before
    root = creator.evaluate_handle(f"{PAGE}.board.root")
    if way == "blur":
        creator.evaluate(BLUR)
    elif way == "cancel":
        root.evaluate("(root) => root.dispatchEvent(new PointerEvent('pointercancel', { pointerId: 1 }))")
    else:
        root.evaluate("(root) => root.releasePointerCapture(1)")
        creator.mouse.move(*board(creator, 80, 40))
    creator.mouse.move(*board(creator, 90, 90))
    creator.mouse.up()
    assert exported(creator) == before
    creator.keyboard.press("Enter")
    assert len(names(creator)) == 2


def test_fingers_zoom_and_a_cancelled_touch_leaves_nothing_behind(browser: Browser, bundle: str) -> None:
    context = browser.new_context(viewport={"width": 390, "height": 844}, has_touch=True)
    opener = TaskPage(context, bundle)
    opener.files["/skeleton-creator.js"] = ("text/javascript", (ROOT / "src/ui/dist/skeleton-creator.js").read_text())
    page = opener.html((ROOT / "src/ui/dist/creator.html").read_text(), path="/creator.html")
    page.touchscreen.tap(*board(page, -60, 0))
    before = exported(page)
    cdp = page.context.new_cdp_session(page)

    def touch(kind: str, *spots: tuple[float, float]) -> None:
        points = [{"x": x, "y": y, "id": number} for number, (x, y) in enumerate(spots)]
        cdp.send("Input.dispatchTouchEvent", {"type": kind, "touchPoints": points})

    x, y = spot(page, 0)
    touch("touchStart", (x, y))
    touch("touchMove", (x + 40, y + 10))
    touch("touchCancel")
    assert exported(page) == before
    scale = page.evaluate(f"{PAGE}.board.view.scale")
    touch("touchStart", (x, y), (x + 60, y))
    touch("touchMove", (x - 20, y), (x + 100, y))
    touch("touchEnd", (x + 100, y))
    touch("touchEnd")
    assert page.evaluate(f"{PAGE}.board.view.scale") == pytest.approx(2 * scale, rel=0.1)
    assert exported(page) == before
    touch("touchStart", (x, y), (x + 60, y), (x + 90, y))
    touch("touchEnd", (x + 60, y), (x + 90, y))
    touch("touchEnd", (x + 90, y))
    touch("touchEnd")
    assert exported(page) == before
    assert opener.errors == []
    context.close()


# keys and focus ------------------------------------------------------------------------------------------------------
def test_the_focus_stays_where_keys_reach_something(creator: Page) -> None:
    """Controls disappear when they are used. A key press after that reached nothing."""
    paste(creator, "nose\nleft_eye\nright_eye\nleft_ear")
    creator.get_by_label("Name of keypoint 4", exact=True).click()

    def press(label: str) -> str:
        creator.get_by_role("button", name=label).press("Enter")
        return str(creator.evaluate(f"{FOCUSED}?.localName ?? ''"))

    assert press("Add right_ear") in ("button", "select")
    creator.get_by_label("Join with").select_option("nose")
    assert press("No edge to nose") in ("button", "select")
    for _ in range(4):
        creator.get_by_role("button", name="↑ Earlier").press("Enter", timeout=500)
    assert creator.evaluate(f"{FOCUSED}.disabled") is False
    assert press("Remove") == "svg"
    creator.keyboard.press("Enter")
    assert len(names(creator)) == 5
    show_photo(creator)
    assert press("Remove the reference image") == "svg"
    creator.get_by_label("Name of keypoint 1", exact=True).click()
    creator.get_by_label("Other side").select_option("")
    for _ in range(30):
        if creator.get_by_role("button", name="Undo").is_disabled():
            break
        creator.get_by_role("button", name="Undo").press("Enter")
    assert creator.evaluate(f"{FOCUSED}.localName") == "svg"


def test_shortcuts_work_after_a_press_beside_the_board(creator: Page) -> None:
    for x in (-50, 50):
        creator.mouse.click(*board(creator, x, 0))
    creator.get_by_role("heading", name="Skeleton creator").click()
    creator.keyboard.press("w")
    assert said(creator) == "keypoint_1, 1 of 2."
    edges = creator.get_by_role("button", name="Draw edges")
    edges.click()
    creator.keyboard.press("Escape")
    expect(edges).to_have_attribute("aria-pressed", "false")
    creator.get_by_role("button", name="Zoom in").click()
    creator.keyboard.press("s")
    creator.keyboard.press("Delete")
    assert len(names(creator)) == 1
    creator.get_by_role("heading", name="Skeleton creator").click()
    creator.keyboard.press("Control+z")
    assert len(names(creator)) == 2
    creator.get_by_label("Name of the skeleton").focus()
    creator.keyboard.type("wsj")
    assert exported(creator)["name"].endswith("wsj")


def test_undo_works_in_a_field_in_which_nobody_typed(creator: Page) -> None:
    for x in (-50, 50):
        creator.mouse.click(*board(creator, x, 0))
    name(creator, "a")  # Enter leads to the second name
    expect(creator.get_by_label("Name of keypoint 2", exact=True)).to_be_focused()
    creator.keyboard.press("Control+z")
    assert names(creator) == ["keypoint_1", "keypoint_2"]
    creator.keyboard.type("b")
    creator.keyboard.press("Control+z")
    assert names(creator) == ["keypoint_1", "keypoint_2"]
    expect(creator.get_by_label("Name of keypoint 2", exact=True)).to_have_value("keypoint_2")


def test_every_command_says_what_it_did(creator: Page) -> None:
    creator.mouse.click(*board(creator, 0, 0))
    creator.keyboard.press("Control+z")
    assert said(creator) == "Undone: 0 keypoints."
    creator.keyboard.press("Control+y")
    assert said(creator) == "Done again: 1 keypoint."
    creator.keyboard.press("j")
    assert "choose two keypoints" in said(creator)
    creator.keyboard.press("Escape")
    assert said(creator) == "Edges are no longer drawn."


KEYS: list[tuple[str, str, dict[str, bool], int]] = [
    ("я", "KeyZ", {"ctrlKey": True}, 1),  # undo on a Russian layout
    ("z", "KeyW", {"ctrlKey": True}, 1),  # undo on AZERTY
    ("z", "KeyY", {"ctrlKey": True}, 1),  # undo on QWERTZ
    ("Z", "KeyZ", {"ctrlKey": True}, 1),  # undo with caps lock
    ("z", "KeyZ", {"ctrlKey": True, "altKey": True}, 2),  # AltGr types a character
    ("Enter", "NumpadEnter", {}, 3),
    ("Enter", "Enter", {"isComposing": True}, 2),  # an input method
    ("Process", "KeyN", {}, 2),
    ("Dead", "BracketLeft", {}, 2),
]


def test_keys_of_every_keyboard(creator: Page) -> None:
    for key, code, modifiers, count in KEYS:
        creator.get_by_role("button", name="New", exact=True).click()
        for x in (-50, 50):
            creator.mouse.click(*board(creator, x, 0))
        ask(
            creator,
            "({ board: { root } }, init) => root.dispatchEvent(new KeyboardEvent('keydown', init))",
            {"key": key, "code": code, "bubbles": True, "composed": True, "cancelable": True, **modifiers},
        )
        assert len(names(creator)) == count, (key, code, modifiers)


def test_a_press_in_a_dialog_that_is_released_outside_leaves_it_open(creator: Page) -> None:
    category = {"keypoints": ["nose", "tail"]}
    open_file(creator, {"categories": [{"name": "cat", **category}, {"name": "dog", **category}]})
    dialog = creator.get_by_role("dialog", name="Which skeleton?")
    box = dialog.bounding_box()
    assert box
    creator.mouse.move(box["x"] + 5, box["y"] + 5)
    creator.mouse.down()
    creator.mouse.move(5, 5)
    creator.mouse.up()
    expect(dialog).to_be_visible()
    drop(creator, ("x.json", "", skeleton_file("a", "b", "c")))  # nothing changes behind it
    creator.keyboard.press("Control+z")
    creator.keyboard.press("Escape")
    expect(dialog).to_be_hidden()
    assert rows(creator).count() == 0


# files ---------------------------------------------------------------------------------------------------------------
def test_an_image_of_any_kind_has_the_pixels_of_its_file(creator: Page) -> None:
    for kind, (mime, body, (width, height)) in IMAGES.items():
        if kind in ("wrong type", "animated"):
            continue
        creator.get_by_role("button", name="New", exact=True).click()
        before = creator.evaluate(f"{PAGE}.photo")
        file = {"name": "p", "mimeType": mime, "buffer": body}
        creator.get_by_label("Reference image", exact=True).set_input_files(file)
        until(creator, f"{PAGE}.photo !== {before!r}")
        size = creator.evaluate(f"{PAGE}.drawing.size")
        assert (size["width"], size["height"]) == (width, height), kind
        creator.mouse.click(*board(creator, 0, 0))
        [[x, y]] = templates(creator)
        assert x == pytest.approx(width / 2, abs=max(1, width / 100)), kind
        assert y == pytest.approx(height / 2, abs=max(1, height / 100)), kind


def dense(dpi: int) -> bytes:
    """A JPEG whose EXIF data state a density, as cameras write it. Browsers then show it at another size."""
    exif = Image.Exif()
    exif.update({0x0128: 2, 0x011A: float(dpi), 0x011B: float(dpi)})
    exif.get_ifd(0x8769).update({0xA002: 600 * 72 // dpi, 0xA003: 300 * 72 // dpi})
    out = io.BytesIO()
    Image.new("RGB", (600, 300), "#777").save(out, "JPEG", exif=exif)
    return out.getvalue()


def test_a_density_in_the_file_changes_no_coordinate(creator: Page) -> None:
    file = {"name": "p.jpg", "mimeType": "image/jpeg", "buffer": dense(144)}
    creator.get_by_label("Reference image", exact=True).set_input_files(file)
    until(creator, f"{PAGE}.photo")
    assert creator.evaluate(f"{PAGE}.drawing.size") == {"width": 600, "height": 300}


def test_the_last_image_chosen_is_shown(creator: Page) -> None:
    """A large image takes longer to decode than the small one chosen after it."""
    large = ("a.png", "image/png", image_of("PNG", "1", (9000, 9000)))
    drop(creator, large)
    drop(creator, ("b.png", "image/png", picture(600, 300)))
    until(creator, f"{PAGE}.drawing.size.width === 600")
    creator.wait_for_timeout(600)
    assert creator.evaluate(f"{PAGE}.drawing.size.width") == 600


def test_a_tiny_image_does_not_deform_the_skeleton(creator: Page) -> None:
    show_photo(creator)
    for x, y in ((-100, -50), (80, 0), (13, 47)):
        creator.mouse.click(*board(creator, x, y))
    before = templates(creator)
    dot = {"name": "p.png", "mimeType": "image/png", "buffer": image_of("PNG", size=(2, 1))}
    creator.get_by_label("Reference image", exact=True).set_input_files(dot)
    until(creator, f"{PAGE}.drawing.size.width === 2")
    creator.get_by_label("Reference image", exact=True).set_input_files(PHOTO)
    until(creator, f"{PAGE}.drawing.size.width === 600")
    for (x, y), (left, top) in zip(templates(creator), before, strict=True):
        assert (x, y) == (pytest.approx(left, abs=1), pytest.approx(top, abs=1))


def test_an_image_and_a_skeleton_are_dropped_together(creator: Page) -> None:
    file = skeleton_file("a", "b", template_size=[600, 300])
    drop(
        creator,
        ("b.json", "", file),
        ("a.png", "image/png", picture(600, 300)),
        ("c.png", "image/png", picture(60, 30)),
    )
    until(creator, f"{PAGE}.photo")
    expect(rows(creator)).to_have_count(2)
    assert templates(creator) == [[0, 0], [10, 5]]
    assert said(creator).startswith("1 more file was left out. 2 keypoints")
    drop(creator, text="nose\ntail\near")
    expect(rows(creator)).to_have_count(3)


def test_text_and_images_are_pasted(creator: Page) -> None:
    until(creator, PAGE)
    creator.evaluate(
        """() => {
          const data = new DataTransfer();
          data.setData("text/plain", "nose\\nleft_ear\\nright_ear");
          document.body.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true }));
        }"""
    )
    expect(rows(creator)).to_have_count(3)
    # A paste into a field is the field's.
    field = creator.get_by_label("Name of the skeleton")
    field.focus()
    field.evaluate(
        """(field) => {
          const data = new DataTransfer();
          data.setData("text/plain", "a\\nb\\nc\\nd");
          field.dispatchEvent(new ClipboardEvent("paste", { clipboardData: data, bubbles: true, composed: true }));
        }"""
    )
    assert rows(creator).count() == 3


def test_files_of_windows_are_read(creator: Page) -> None:
    for encoding in ("utf-8-sig", "utf-16"):
        text = json.dumps({"keypoints": [{"name": "näse"}, {"name": encoding}]}, ensure_ascii=False)
        file = {"name": "x.json", "mimeType": "", "buffer": text.replace("}", "}\r\n").encode(encoding)}
        creator.get_by_label("Open JSON").set_input_files(file)
        expect(creator.get_by_label("Name of keypoint 2", exact=True)).to_have_value(encoding)
        assert names(creator) == ["näse", encoding]


def test_a_file_that_cannot_be_read_is_reported(creator: Page) -> None:
    ask(
        creator,
        "(page) => page.exchange.readFile({ name: 'folder', size: 9, arrayBuffer: () => Promise.reject(Error()) })",
    )
    assert "“folder” could not be read" in said(creator)


def test_keypoints_outside_the_picture_of_the_file_are_brought_in(creator: Page) -> None:
    open_file(creator, {
        "name": "x", "template_size": [100, 100],
        "keypoints": [{"name": "a", "template": [-500, 20]}, {"name": "b", "template": [90000, 70]}],
    })  # fmt: skip
    expect(rows(creator)).to_have_count(2)
    assert all(0 <= x <= 400 and 0 <= y <= 400 for x, y in templates(creator))
    assert "outside the picture" in said(creator)


def test_a_download_repeats_the_warning_about_sides(creator: Page) -> None:
    paste(creator, "nose\nlinkes_auge\nrechtes_auge\nohr_links")
    assert [k.get("pair") for k in exported(creator)["keypoints"]] == [None, "rechtes_auge", "linkes_auge", None]
    with creator.expect_download():
        creator.get_by_role("button", name="Download skeleton file").click()
    assert said(creator).startswith("Saved as skeleton.json. Check left and right: ohr_links names a side")
    creator.get_by_label("Name of keypoint 4", exact=True).click()
    creator.get_by_role("button", name="Add ohr_rechts").click()
    assert keypoint_pair(creator, 4) == "ohr_links"


def keypoint_pair(page: Page, index: int) -> str:
    return str(exported(page)["keypoints"][index].get("pair"))


# names and values ----------------------------------------------------------------------------------------------------
STRANGE = [
    "__proto__",
    "constructor",
    "toString",
    "\u05e2\u05d9\u05df",
    "<b>&amp;</b>",
    "e\u0301",
    "🐘" * 60,
    "n" * 128,
]


def test_strange_names_are_names_like_others(creator: Page) -> None:
    for n in range(len(STRANGE)):
        creator.mouse.click(*board(creator, 45 * n - 170, 0))
    name(creator, *STRANGE)
    assert names(creator) == STRANGE
    creator.get_by_label("Name of keypoint 1", exact=True).click()
    for wanted in ("constructor", "e\u0301"):
        creator.get_by_label("Other side").select_option(wanted)
        creator.get_by_label("Join with").select_option(wanted)
    assert keypoint_pair(creator, 0) == "e\u0301"
    assert exported(creator)["edges"] == [["__proto__", "constructor"], ["__proto__", "e\u0301"]]
    creator.get_by_label("Name of keypoint 2", exact=True).fill("\u00e9")  # the same name in another normal form
    creator.keyboard.press("Enter")
    assert names(creator) == STRANGE
    creator.wait_for_timeout(400)
    before = exported(creator)
    creator.reload()
    assert exported(creator) == before
    assert creator.evaluate("document.documentElement.scrollWidth") <= 1440


def test_a_sigma_that_the_project_refuses_is_refused(creator: Page) -> None:
    creator.mouse.click(*board(creator, 0, 0))
    for wanted in ("0.0000001", "0", "-1", "1.5", "1e9"):
        creator.get_by_label("Sigma", exact=True).fill(wanted)
        creator.keyboard.press("Enter")
        assert "sigma" not in exported(creator)["keypoints"][0]
        assert "A sigma is a number" in said(creator)


# storage -------------------------------------------------------------------------------------------------------------
KEYPOINT = {"name": "a", "color": "#123456", "pair": "", "sigma": None, "x": 1, "y": 2}
SOUND = {"name": "n", "supercategory": "", "keypoints": [KEYPOINT], "edges": []}


DAMAGED: list[Any] = [
    5,
    {},
    {"keypoints": []},
    SOUND | {"edges": None},
    SOUND | {"edges": [["a"], 5]},
    SOUND | {"name": None},
    SOUND | {"keypoints": [KEYPOINT | {"x": "9"}]},
    SOUND | {"keypoints": [KEYPOINT | {"color": 7}]},
    SOUND | {"keypoints": [KEYPOINT, None]},
    SOUND | {"keypoints": [KEYPOINT, KEYPOINT]},
]
PUT = """([at, definition]) => new Promise((resolve) => {
  const open = indexedDB.open("truepoint", 1);
  open.onsuccess = () => {
    const store = open.result.transaction("drafts", "readwrite").objectStore("drafts");
    const draft = { key: "truepoint-skeleton:9", at: Date.now() + at, definition, size: { width: 40, height: 40 } };
    store.put(draft).onsuccess = () => (open.result.close(), sessionStorage.clear(), resolve());
  };
})"""


def test_a_damaged_draft_breaks_nothing(creator: Page) -> None:
    for at, definition in enumerate(DAMAGED, 10**9):
        until(creator, PAGE)
        creator.evaluate(PUT, [at, definition])
        creator.reload()
        until(creator, PAGE)
        before = len(names(creator)) if rows(creator).count() else 0
        creator.mouse.click(*board(creator, 0, 0))
        assert len(names(creator)) == before + 1, definition
        assert "a" not in names(creator)
        creator.keyboard.press("Control+z")


@pytest.mark.parametrize("key", ["x", "truepoint-draft:1", "truepoint-skeleton-photo:1"])
def test_a_damaged_key_of_the_tab_is_replaced(creator: Page, key: str) -> None:
    creator.evaluate("(key) => sessionStorage.setItem('truepoint-skeleton', key)", key)
    creator.reload()
    creator.mouse.click(*board(creator, 0, 0))
    show_photo(creator)
    until(creator, "sessionStorage['truepoint-skeleton'].startsWith('truepoint-skeleton:')")
    creator.wait_for_timeout(500)
    before = exported(creator)
    creator.reload()
    assert exported(creator) == before


# looks ---------------------------------------------------------------------------------------------------------------
def test_markers_and_edges_stand_out_from_any_image(creator: Page) -> None:
    """The outline's colours as rendered: one of them has a contrast of 3:1 with what surrounds it."""
    show_photo(creator)
    for x in (-90, 90):
        creator.mouse.click(*board(creator, x, 0))
    creator.get_by_label("Join with").select_option("keypoint_1")
    (left, y), (right, _) = spot(creator, 0), spot(creator, 1)
    for background in ("#ffffff", "#000000", "#808080", "#5f7d3a", "#c8a77e", "#f0e442"):
        before = creator.evaluate(f"{PAGE}.photo")
        out = io.BytesIO()
        Image.new("RGB", (600, 300), background).save(out, "PNG")
        file = {"name": "p.png", "mimeType": "image/png", "buffer": out.getvalue()}
        creator.get_by_label("Reference image", exact=True).set_input_files(file)
        until(creator, f"{PAGE}.photo !== {before!r}")
        around = f"rgb{Image.new('RGB', (1, 1), background).getpixel((0, 0))}"
        corner = round(left), round(y) - 18
        for _ in range(50):  # until the new image is painted
            shot = Image.open(io.BytesIO(creator.screenshot())).convert("RGB")
            if f"rgb{shot.getpixel(corner)}" == around:
                break
        for x in (left, (left + right) / 2):
            colors = [f"rgb{shot.getpixel((round(x), round(y) + row))}" for row in range(-18, 18)]
            assert max(contrast(color, around) for color in colors) >= 3, (background, x)
            assert colors[0] == around


def test_a_page_from_right_to_left_has_names_beside_their_markers(creator: Page) -> None:
    creator.evaluate("document.documentElement.dir = 'rtl'")
    for x in (-90, 90):
        creator.mouse.click(*board(creator, x, 0))
    for index, is_left in ((0, True), (1, False)):
        text = creator.locator("skeleton-creator .drawing text").nth(index).bounding_box()
        assert text
        x, _ = spot(creator, index)
        assert (text["x"] + text["width"] <= x, text["x"] >= x) == (is_left, not is_left)


def test_messages_are_seen_with_large_letters(browser: Browser, creator: Page) -> None:
    """WCAG's text spacing, and a minimum font size of 20 pixels."""
    creator.set_viewport_size({"width": 1280, "height": 720})
    ask(
        creator,
        """({ shadow }) => {
          const sheet = new CSSStyleSheet();
          sheet.replaceSync(`* { line-height: 1.5 !important; letter-spacing: 0.12em !important;
            word-spacing: 0.16em !important; font-size: 20px !important; }`);
          shadow.adoptedStyleSheets = [...shadow.adoptedStyleSheets, sheet];
        }""",
    )
    paste(creator, "a\nb")
    message = creator.locator("skeleton-creator [role=status]").bounding_box()
    foot = creator.locator("skeleton-creator .foot").bounding_box()
    assert message
    assert foot
    assert foot["y"] <= message["y"] < foot["y"] + foot["height"] - 20
    assert creator.evaluate("document.documentElement.scrollWidth") <= 1280
