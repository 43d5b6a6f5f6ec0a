"""Images in a folder: found by content, upright, in a stable order; unusable ones are reported, never fatal."""

import io
import os
import struct
from pathlib import Path

import pytest
from PIL import Image, PngImagePlugin

from truepoint.jobs import images as module
from truepoint.jobs.images import images_in_folder, smaller_copy, upright, upright_rgb, upright_size


def picture(image_format: str, size: tuple[int, int] = (40, 30), orientation: int | None = None) -> bytes:
    exif = Image.Exif()
    if orientation is not None:
        exif[0x0112] = orientation
    file = io.BytesIO()
    Image.linear_gradient("L").resize(size).convert("RGB").save(file, image_format, exif=exif)
    return file.getvalue()


@pytest.mark.parametrize(
    ("name", "image_format", "content_type"),
    [
        ("a.jpg", "JPEG", "image/jpeg"),
        ("a.JPEG", "JPEG", "image/jpeg"),
        ("a.png", "PNG", "image/png"),
        ("a.webp", "WEBP", "image/webp"),
        ("wrong-suffix.png", "JPEG", "image/jpeg"),
        ("no-suffix", "PNG", "image/png"),
    ],
)
def test_formats_go_by_content(tmp_path: Path, name: str, image_format: str, content_type: str) -> None:
    (tmp_path / name).write_bytes(picture(image_format))
    found = images_in_folder(tmp_path)
    assert found.refused == ()
    assert [(i.name, i.width, i.height, i.content_type) for i in found.images] == [(name, 40, 30, content_type)]


@pytest.mark.parametrize("orientation", range(1, 9))
def test_sizes_are_upright(tmp_path: Path, orientation: int) -> None:
    (tmp_path / "a.jpg").write_bytes(picture("JPEG", orientation=orientation))
    (image,) = images_in_folder(tmp_path).images
    assert (image.width, image.height) == ((30, 40) if orientation >= 5 else (40, 30))


def exif(kind: int, count: int, value: bytes) -> bytes:
    """A JPEG whose EXIF data hold the orientation with this TIFF type, count and value."""
    entry = struct.pack(">HHI4s", 0x0112, kind, count, value)
    data = b"Exif\0\0MM\0*" + struct.pack(">IH", 8, 1) + entry + bytes(4)
    plain = picture("JPEG")
    return plain[:2] + b"\xff\xe1" + struct.pack(">H", 2 + len(data)) + data + plain[2:]


@pytest.mark.parametrize(
    ("kind", "count", "value", "turned"),
    [
        (3, 1, b"\0\6\0\0", True),
        (3, 2, b"\0\6\0\6", False),
        (4, 1, b"\0\0\0\6", False),
        (2, 2, b"6\0\0\0", False),
        (3, 1, b"\0\x09\0\0", False),
        (3, 1, b"\0\0\0\0", False),
    ],
)
def test_a_size_is_turned_as_browsers_turn_it(
    tmp_path: Path, kind: int, count: int, value: bytes, turned: bool
) -> None:
    """test_browsers.py asks three browsers; Pillow would turn the second and third as well."""
    body = exif(kind, count, value)
    (tmp_path / "a.jpg").write_bytes(body)
    (image,) = images_in_folder(tmp_path).images
    assert (image.width, image.height) == ((30, 40) if turned else (40, 30))
    assert upright_size(tmp_path / "a.jpg") == (image.width, image.height)
    with Image.open(tmp_path / "a.jpg") as whole:
        assert upright(whole).size == (image.width, image.height)
    with Image.open(io.BytesIO(smaller_copy(body, (image.width // 2, image.height // 2)))) as copy:
        # The test picture is dark above and bright below; turned by a quarter, it is dark on the right.
        dark, bright = ((13, 10), (1, 10)) if turned else ((10, 1), (10, 13))
        assert copy.convert("L").getpixel(dark) + 100 < copy.convert("L").getpixel(bright)


def test_xmp_turns_no_picture(tmp_path: Path) -> None:
    """Pillow's own `exif_transpose` would turn it."""
    xmp = b'<x:xmpmeta xmlns:x="adobe:ns:meta/"><rdf:Description tiff:Orientation="6"/></x:xmpmeta>'
    Image.new("RGB", (40, 30)).save(tmp_path / "a.jpg", xmp=xmp)
    with Image.open(tmp_path / "a.jpg") as image:
        assert upright(image).size == upright_size(tmp_path / "a.jpg") == (40, 30)


def test_a_copy_holds_no_metadata_of_the_original() -> None:
    data, original = Image.Exif(), io.BytesIO()
    data[0x010E] = "secret"
    Image.new("RGB", (40, 30)).save(original, "JPEG", exif=data, comment=b"secret", xmp=b"secret")
    assert original.getvalue().count(b"secret") == 3
    assert b"secret" not in smaller_copy(original.getvalue(), (20, 15))


@pytest.mark.parametrize("transparent", [None, 1000])
def test_grey_values_of_16_bits_are_shown_as_browsers_show_them(transparent: int | None) -> None:
    """As their higher byte. Pillow would show all values above 255, nearly the whole picture, as white."""
    values = [256 * step for step in range(256)]
    picture, file = Image.new("I;16", (256, 8)), io.BytesIO()
    for x, value in enumerate(values):
        for y in range(8):
            picture.putpixel((x, y), value)
    picture.save(file, "PNG", **({} if transparent is None else {"transparency": transparent}))
    with Image.open(file) as image:
        assert image.mode == "I;16"
        shown = upright_rgb(image)
    assert [shown.getpixel((x, 4)) for x in range(256)] == [(x, x, x) for x in range(256)]
    with Image.open(io.BytesIO(smaller_copy(file.getvalue(), (128, 4)))) as copy:
        row = [copy.convert("L").getpixel((x, 2)) for x in range(128)]
    assert all(abs(value - 2 * x) <= 4 for x, value in enumerate(row))


@pytest.mark.parametrize("image_format", ["PNG", "WEBP"])
def test_a_picture_that_browsers_turn_differently_is_left_out(tmp_path: Path, image_format: str) -> None:
    (tmp_path / "upright").write_bytes(picture(image_format, orientation=1))
    (tmp_path / "turned").write_bytes(picture(image_format, orientation=6))
    found = images_in_folder(tmp_path)
    assert [image.name for image in found.images] == ["upright"]
    assert [(image.name, image.reason.partition(";")[0]) for image in found.refused] == [
        (
            "turned",
            f"expected an upright {image_format}, got one with an EXIF orientation, which not every browser applies",
        )
    ]


def test_subfolders_order_and_ignored_files(tmp_path: Path) -> None:
    for name in ("b/2.jpg", "b/1.jpg", "a.jpg", ".hidden/x.jpg", "b/.DS_Store", "truth.json", "ATTRIBUTION.txt"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_bytes(picture("JPEG") if path.suffix == ".jpg" else b"{}")
    seen: list[int] = []
    found = images_in_folder(tmp_path, lambda: seen.append(1))
    assert [image.name for image in found.images] == ["a.jpg", "b/1.jpg", "b/2.jpg"]
    assert found.refused == ()
    assert len(seen) == 5


# The file type box that begins an iPhone's picture (ISO/IEC 14496-12 and 23008-12), and the start of the next box.
HEIC = bytes.fromhex("00000024667479706865696300000000") + b"mif1MiHEMiPrmiafheic" + bytes(200)


@pytest.mark.parametrize(
    ("name", "content", "reason"),
    [
        ("a.jpg", b"", "which every browser shows, got a file that is not an image; replace it"),
        ("a.png", b"hello", "which every browser shows, got a file that is not an image; replace it"),
        ("a.jpg", picture("JPEG", (400, 300))[:-3000], "cannot be read: image file is truncated"),
        ("a.png", picture("PNG", (400, 300))[:200], "image file is truncated"),
        ("a.png", picture("PNG")[:30], ""),
        (
            "a.gif",
            picture("GIF"),
            "expected JPEG, PNG or WebP, which every browser shows, got GIF; convert it to JPEG",
        ),
        ("a.tiff", picture("TIFF"), "got TIFF; convert it"),
        ("a.heic", HEIC, "got HEIC; convert it to JPEG first"),
        ("a.jpg", HEIC, "got HEIC; convert it to JPEG first"),  # as phones name them when they send one
        ("a.avif", picture("AVIF"), "got AVIF; convert it"),
    ],
)
def test_unusable_images_are_refused_with_a_reason(tmp_path: Path, name: str, content: bytes, reason: str) -> None:
    (tmp_path / name).write_bytes(content)
    (tmp_path / "good.jpg").write_bytes(picture("JPEG"))
    found = images_in_folder(tmp_path)
    assert [image.name for image in found.images] == ["good.jpg"]
    ((refused_name, actual),) = [(r.name, r.reason) for r in found.refused]
    assert refused_name == name
    assert reason in actual


@pytest.mark.parametrize(
    ("limit", "reason"),
    [("MAX_IMAGE_BYTES", "expected at most 1,199 bytes, got"), ("MAX_IMAGE_PIXELS", "1,199 pixels, got 1,200")],
)
def test_too_large(tmp_path: Path, monkeypatch: pytest.MonkeyPatch, limit: str, reason: str) -> None:
    content = picture("PNG")
    (tmp_path / "a.png").write_bytes(content + b"\0" * (1200 - len(content)))
    monkeypatch.setattr(module, limit, 1200)
    assert len(images_in_folder(tmp_path).images) == 1
    monkeypatch.setattr(module, limit, 1199)
    (refused,) = images_in_folder(tmp_path).refused
    assert reason in refused.reason


@pytest.mark.parametrize(("side", "reason"), [(10_001, "got 100,020,001"), (20_000, "expected at most 100,000,000")])
def test_more_pixels_than_allowed(tmp_path: Path, side: int, reason: str) -> None:
    Image.new("1", (side, side)).save(tmp_path / "a.png")
    (refused,) = images_in_folder(tmp_path).refused
    assert reason in refused.reason


def test_no_such_folder(tmp_path: Path) -> None:
    with pytest.raises(NotADirectoryError, match="expected a folder of images"):
        images_in_folder(tmp_path / "gone")


def test_unusual_images_are_accepted_or_left_out_and_named(tmp_path: Path) -> None:
    for width, height in ((1, 1), (3, 7), (7, 100), (100, 5)):
        Image.new("RGB", (width, height)).save(tmp_path / f"{width}x{height}.jpg")
    text = PngImagePlugin.PngInfo()
    text.add_text("t", "x" * 2_000_000, zip=True)
    Image.new("RGB", (5, 5)).save(tmp_path / "text.png", pnginfo=text)
    frames = [Image.new("RGB", (20, 20), color) for color in ("red", "blue")]
    for ending in ("webp", "png"):
        frames[0].save(tmp_path / f"moving.{ending}", save_all=True, append_images=frames[1:])
    (tmp_path / "phone.heic").write_bytes(b"\0\0\0\x18ftypheic\0\0\0\0mif1heic" + b"\0" * 100)
    for kind in ("JPEG", "PNG", "WEBP"):
        whole = io.BytesIO()
        Image.new("RGB", (50, 50)).save(whole, kind)
        for length in (*range(1, 60), len(whole.getvalue()) // 2):
            (tmp_path / f"cut-{length}.{kind.lower()}").write_bytes(whole.getvalue()[:length])
    found = images_in_folder(tmp_path)
    assert [image.name for image in found.images] == ["100x5.jpg", "1x1.jpg", "3x7.jpg", "7x100.jpg"]
    reasons = {refused.name: refused.reason for refused in found.refused}
    assert len(reasons) == 4 + len(list(tmp_path.glob("cut-*")))
    assert reasons["moving.webp"] == reasons["moving.png"] == "expected a single image, got an animation of 2 frames"
    assert "got HEIC" in reasons["phone.heic"]
    assert "damaged: " in reasons["text.png"]
    assert all(reasons.values())


def test_unreadable_files_are_left_out_and_named(tmp_path: Path) -> None:
    Image.new("RGB", (9, 9)).save(tmp_path / "a.png")
    (tmp_path / "folder.png").mkdir()
    (tmp_path / "nowhere.png").symlink_to("/nonexistent")
    (tmp_path / "loop.png").symlink_to(tmp_path / "loop.png")
    os.mkfifo(tmp_path / "pipe.png")
    Path(os.fsdecode(os.fsencode(tmp_path) + b"/\xff.png")).write_bytes((tmp_path / "a.png").read_bytes())
    found = images_in_folder(tmp_path)
    assert [image.name for image in found.images] == ["a.png"]
    reasons = {image.name: image.reason for image in found.refused}
    assert sorted(reasons) == ["\\xff.png", "loop.png", "nowhere.png", "pipe.png"]
    assert reasons["nowhere.png"] == "cannot be read: No such file or directory"
    assert reasons["loop.png"] == "cannot be read: Too many levels of symbolic links"
    assert reasons["\\xff.png"] == "expected a name in UTF-8, got other bytes; rename the file"
    assert "not an image" in reasons["pipe.png"]


@pytest.mark.parametrize("target", ["disk", "photos"])
def test_a_link_to_a_folder_is_refused(target: str, tmp_path: Path) -> None:
    """It is not followed: one to a folder above it has no end. Without a word, its images would be missing."""
    for name in ("disk", "photos"):
        (tmp_path / name).mkdir()
        Image.new("RGB", (9, 9)).save(tmp_path / name / "a.png")
    (tmp_path / "photos" / "more").symlink_to(tmp_path / target)
    found = images_in_folder(tmp_path / "photos")
    assert [image.name for image in found.images] == ["a.png"]
    [refused] = found.refused
    assert (refused.name, refused.reason.partition(",")[0]) == ("more", "expected a folder")
