"""The images of a job, from a folder or an S3 prefix, with their upright sizes. Unusable images have a reason."""

from __future__ import annotations

import hashlib
import io
import stat
import struct
import warnings
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from functools import partial
from pathlib import Path
from typing import IO, TYPE_CHECKING

from PIL import ExifTags, Image, UnidentifiedImageError

from truepoint.formats.labels import IMAGE_SUFFIXES
from truepoint.jobs.limits import MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONTENT_TYPES = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",  # a JPEG with several pictures, as phones write them; browsers show the first
    "PNG": "image/png",
    "WEBP": "image/webp",
}
WANTED = "JPEG, PNG or WebP, which every browser shows"
CONVERT = "convert it to JPEG first, for example with ImageMagick (`magick`) or, on a Mac, with `sips -s format jpeg`"
HEADER_BYTES = 262_144
"""Bytes read from an S3 object to find its size in pixels. Mostly enough: EXIF data of a JPEG have at most 64 kB."""

HEIF_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"})
"""Bytes 8 to 12 of a HEIF file, the format of iPhones (ISO/IEC 23008-12), which Pillow cannot read."""

LOOKS_AT_ONCE = 8

_SWAPS_SIDES = (5, 6, 7, 8)
"""EXIF orientations that exchange width and height."""
_UPRIGHT = {
    2: Image.Transpose.FLIP_LEFT_RIGHT,
    3: Image.Transpose.ROTATE_180,
    4: Image.Transpose.FLIP_TOP_BOTTOM,
    5: Image.Transpose.TRANSPOSE,
    6: Image.Transpose.ROTATE_270,
    7: Image.Transpose.TRANSVERSE,
    8: Image.Transpose.ROTATE_90,
}
"""The transposition that makes a picture of each EXIF orientation upright."""
_EXIF_HEADER = b"Exif\0\0"
_SHORT = 3
"""TIFF's number for an unsigned 16-bit value."""


@dataclass(frozen=True, slots=True)
class SourceImage:
    """An image of a job.

    `name` is its path below the folder or prefix, with forward slashes; `width` and `height` are upright pixels (EXIF
    orientation applied); `md5` is the hexadecimal digest of the bytes, or the S3 object's ETag. Exactly one of `path`
    (a local file) and `location` (bucket and key of an S3 object) is given.
    """

    name: str
    size: int
    md5: str
    width: int
    height: int
    content_type: str
    path: Path | None = None
    location: tuple[str, str] | None = None


@dataclass(frozen=True, slots=True)
class RefusedImage:
    """A file that is not usable as an image, and why."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class FoundImages:
    """The usable and refused images of a folder or prefix, sorted by name."""

    images: tuple[SourceImage, ...]
    refused: tuple[RefusedImage, ...]


LEAST_COPY = 320
"""Minimum longer side of a copy, in pixels. On a smaller copy nobody could place a keypoint."""
COPY_QUALITY = 85
"""JPEG quality of copies, of 100. Above it, files grow without a visible gain."""


class ImageError(ValueError):
    """An image that cannot be used. The message says what was expected and what the file contains."""


def images_in_folder(folder: Path, progress: Callable[[], None] = lambda: None) -> FoundImages:
    """Return the images below `folder`. Hidden files and files without an image suffix or image content are ignored.

    Args:
        folder: searched with its subfolders.
        progress: called once for each file.

    Raises:
        NotADirectoryError: there is no such folder.
    """
    if not folder.is_dir():
        raise NotADirectoryError(f"expected a folder of images, got {str(folder)!r}, which is no folder")
    files: list[tuple[str, Callable[[], SourceImage]]] = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if not any(part.startswith(".") for part in name.parts) and not _is_folder(path):
            files.append((name.as_posix(), partial(_local_image, path, name.as_posix())))
    return _look_at_all(files, progress)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # it cannot be read, and is left out for that reason
        return False


def images_under_prefix(
    s3: S3Client, bucket: str, prefix: str, progress: Callable[[], None] = lambda: None, *, whole: bool = False
) -> FoundImages:
    """Return the images below `s3://bucket/prefix`.

    Args:
        s3: boto3's client.
        bucket: the bucket's name.
        prefix: without a final slash it means the folder of that name.
        progress: called once for each file.
        whole: whether to read and decode whole images, so that damage is noticed. Smaller copies can be made of such
            images only. Otherwise mostly the heads are read.
    """
    start = prefix if not prefix or prefix.endswith("/") else f"{prefix}/"
    listed = sorted((key.removeprefix(start), size, etag) for key, size, etag in list_objects(s3, bucket, start))
    # Only names with an image suffix, because reading any other object would cost one call each.
    claims = [item for item in listed if Path(item[0]).suffix.lower() in IMAGE_SUFFIXES]

    def look(name: str, size: int, etag: str) -> SourceImage:
        location = (bucket, start + name)
        if whole and size <= MAX_IMAGE_BYTES:
            measures = _measure(io.BytesIO(_head(s3, *location, size)), size, whole=True)
            return SourceImage(name, size, etag, *measures, location=location)
        try:
            measures = _measure(io.BytesIO(_head(s3, *location, min(size, HEADER_BYTES))), size, whole=False)
        except OSError:
            if size <= HEADER_BYTES:
                raise
            # The head was not enough: EXIF data may come last in a PNG, and behind other data in a JPEG.
            measures = _measure(io.BytesIO(_head(s3, *location, size)), size, whole=False)
        return SourceImage(name, size, etag, *measures, location=location)

    return _look_at_all([(name, partial(look, name, size, etag)) for name, size, etag in claims], progress)


def copy_size(image: SourceImage, longer_side: int) -> tuple[int, int] | None:
    """Return width and height of a copy of the image, or None for an image that is no larger than copies are."""
    longer = max(image.width, image.height)
    if longer <= longer_side:
        return None
    return tuple(max(1, round(side * longer_side / longer)) for side in (image.width, image.height))  # type: ignore[return-value]


def smaller_copy(body: bytes, size: tuple[int, int]) -> bytes:
    """Return a JPEG of an image, upright and without its metadata, of this width and height."""
    with warnings.catch_warnings(), Image.open(io.BytesIO(body)) as image:
        warnings.simplefilter("ignore")  # as in `_look_at_all`
        profile = image.info.get("icc_profile")
        _check_turned(image)
        image.draft("RGB", (max(size), max(size)))
        turned = _in_8_bits(upright(image))
        if turned.has_transparency_data:
            turned = turned.convert("RGBA")
            turned = Image.alpha_composite(Image.new("RGBA", turned.size, "white"), turned)
        resized = turned.convert("RGB").resize(size, Image.Resampling.LANCZOS, reducing_gap=3)
    return jpeg(resized, COPY_QUALITY, profile if turned.mode == "RGB" else None)


def jpeg(image: Image.Image, quality: int, profile: bytes | None = None, *, optimize: bool = False) -> bytes:
    """Return an RGB image as a JPEG with a colour profile and no other metadata."""
    out = io.BytesIO()
    # Pillow writes the original's comment unless another one is given.
    image.save(out, "JPEG", quality=quality, icc_profile=profile, comment=b"", optimize=optimize)
    return out.getvalue()


def upright(image: Image.Image) -> Image.Image:
    """Return an opened image as browsers show it: turned by its EXIF orientation."""
    turn = _UPRIGHT.get(_orientation(image))
    return image if turn is None else image.transpose(turn)


def upright_rgb(image: Image.Image) -> Image.Image:
    """Return an opened image as browsers show it: turned by its EXIF orientation, in RGB of 8 bits."""
    return _in_8_bits(upright(image)).convert("RGB")


def _in_8_bits(image: Image.Image) -> Image.Image:
    """Return an image whose grey values have at most 8 bits: Pillow's `convert` makes all above 255 white."""
    if not image.mode.startswith("I"):
        return image
    grey = image.point(lambda value: value * (1 / 256)).convert("L")
    grey.info.pop("transparency", None)  # a value of 16 bits
    return grey


def upright_size(path: Path) -> tuple[int, int] | None:
    """Return width and height of an image file as browsers show it; None if it is not a readable image."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as in `_look_at_all`
        try:
            with Image.open(path) as image:
                return _upright_size(image)
        except (OSError, ValueError, Image.DecompressionBombError):
            return None


def _upright_size(image: Image.Image) -> tuple[int, int]:
    width, height = image.size
    return (height, width) if _orientation(image) in _SWAPS_SIDES else (width, height)


def list_objects(s3: S3Client, bucket: str, prefix: str) -> Iterator[tuple[str, int, str]]:
    """Yield key, size in bytes and ETag (without quotes) of every object below `prefix`."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", ()):
            yield item["Key"], item["Size"], item["ETag"].strip('"')


def _look_at_all(files: list[tuple[str, Callable[[], SourceImage]]], progress: Callable[[], None]) -> FoundImages:
    """Inspect several files concurrently and keep their order; `files` pairs names with inspecting functions."""
    images: list[SourceImage] = []
    refused: list[RefusedImage] = []
    with warnings.catch_warnings(), ThreadPoolExecutor(LOOKS_AT_ONCE, thread_name_prefix="image") as pool:
        # Pillow warns of damaged EXIF data, without the file's name, and of pictures that may be decompression bombs:
        # our own limit is checked for each of them.
        warnings.simplefilter("ignore")
        for outcome in pool.map(lambda file: _outcome(*file), files):
            progress()
            if isinstance(outcome, SourceImage):
                images.append(outcome)
            elif outcome is not None:
                refused.append(outcome)
    return FoundImages(tuple(images), tuple(refused))


def _outcome(name: str, look: Callable[[], SourceImage]) -> SourceImage | RefusedImage | None:
    try:
        return look()
    except UnidentifiedImageError:
        claims = Path(name).suffix.lower() in IMAGE_SUFFIXES
        reason = f"expected {WANTED}, got a file that is not an image; replace it, or remove it from the folder"
        return RefusedImage(printable(name), reason) if claims else None
    except ImageError as error:
        return RefusedImage(printable(name), str(error))
    except OSError as error:
        return RefusedImage(printable(name), f"cannot be read: {error.strerror or error}")


def printable(name: str) -> str:
    """Return a file's name with bytes that are no UTF-8 as escape sequences."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _head(s3: S3Client, bucket: str, key: str, count: int) -> bytes:
    if count == 0:  # a range cannot be empty
        return b""
    return s3.get_object(Bucket=bucket, Key=key, Range=f"bytes=0-{count - 1}")["Body"].read()


def _local_image(path: Path, name: str) -> SourceImage:
    if not stat.S_ISREG(path.stat().st_mode):  # reading a pipe would block
        raise UnidentifiedImageError
    try:
        name.encode()
    except UnicodeEncodeError as error:
        raise ImageError("expected a name in UTF-8, got other bytes; rename the file") from error
    size = path.stat().st_size
    with path.open("rb") as file:
        width, height, content_type = _measure(file, size, whole=True)
        file.seek(0)
        md5 = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    return SourceImage(name, size, md5, width, height, content_type, path=path)


def _measure(file: IO[bytes], size: int, *, whole: bool) -> tuple[int, int, str]:
    """Return upright width, height and content type. `whole` also decodes the picture, to find damage."""
    if size > MAX_IMAGE_BYTES:
        raise ImageError(f"expected at most {MAX_IMAGE_BYTES:,} bytes, got {size:,}")
    begin = file.read(12)
    file.seek(0)
    if begin[4:8] == b"ftyp":
        kind = "HEIC" if begin[8:12] in HEIF_BRANDS else begin[8:].decode("ascii", "replace").strip().upper()
        raise ImageError(f"expected {WANTED}, got {kind}; {CONVERT}")
    try:
        with Image.open(file) as image:
            _check_kind(image)
            content_type = CONTENT_TYPES[str(image.format)]
            _check_turned(image)
            width, height = _upright_size(image)
            if whole:
                # JPEG: an eighth of the work, but the whole file is still read.
                image.draft("RGB", (max(image.width // 8, 1), max(image.height // 8, 1)))
                image.load()
    except (ImageError, OSError):  # an unidentified image is the latter
        raise
    except Image.DecompressionBombError as error:
        raise ImageError(f"expected at most {MAX_IMAGE_PIXELS:,} pixels: {error}") from error
    except Exception as error:  # Pillow raises a dozen kinds for damaged files; none may end the command
        raise ImageError(f"damaged: {error or type(error).__name__}") from error
    return width, height, content_type


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, from 1 to 8, as browsers read it: 1 where it is not a single unsigned 16-bit value.

    Pillow also takes other types and counts, and XMP's. Its size would then differ from what the worker sees.
    """
    image.getexif()  # looks for the data where a PNG has them last
    return _orientation_of(image.info.get("exif", b""))


def _check_turned(image: Image.Image) -> None:
    """Refuse a picture that not all browsers turn.

    Raises:
        ImageError: the picture is not upright, and browsers differ: all turn a JPEG, none turns a WebP, and Chromium
            and Firefox turn a PNG, which WebKit does not (tests/browser/test_browsers.py).
    """
    if _orientation(image) != 1 and CONTENT_TYPES[str(image.format)] != "image/jpeg":
        raise ImageError(
            f"expected an upright {image.format}, got one with an EXIF orientation, which not every browser applies; "
            "save it upright, for example with `magick mogrify -auto-orient`"
        )


def _orientation_of(data: bytes) -> int:
    data = data.removeprefix(_EXIF_HEADER)
    order = {b"II*\0": "<", b"MM\0*": ">"}.get(data[:4])
    try:
        if order is not None:
            (start,) = struct.unpack_from(f"{order}I", data, 4)
            (count,) = struct.unpack_from(f"{order}H", data, start)
            for entry in range(start + 2, start + 2 + 12 * count, 12):
                tag, kind, values, value = struct.unpack_from(f"{order}HHIH", data, entry)
                if tag == ExifTags.Base.Orientation:
                    return value if (kind, values) == (_SHORT, 1) and value in _UPRIGHT else 1
    except struct.error:  # the data end early
        pass
    return 1


def _check_kind(image: Image.Image) -> None:
    width, height = image.size
    if image.format not in CONTENT_TYPES:
        raise ImageError(f"expected {WANTED}, got {image.format}; {CONVERT}")
    if width * height > MAX_IMAGE_PIXELS:
        raise ImageError(f"expected at most {MAX_IMAGE_PIXELS:,} pixels, got {width * height:,}")
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":
        raise ImageError(f"expected a single image, got an animation of {frames} frames")
