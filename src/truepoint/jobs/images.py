"""The images for a job in a folder or below an S3 prefix: their upright sizes, or why an image cannot be used."""

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

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONTENT_TYPES = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",  # a JPEG with several pictures, as phones write them; browsers show the first
    "PNG": "image/png",
    "WEBP": "image/webp",
}
MAX_IMAGE_BYTES = 40_000_000
"""Maximum size of an image file, in bytes. AWS states it for built-in image tasks and nothing for custom tasks, so it
is applied to custom tasks too."""
MAX_IMAGE_PIXELS = 100_000_000
"""Maximum number of pixels of an image; for its origin see MAX_IMAGE_BYTES."""
EXPECTED_FORMATS = "JPEG, PNG or WebP, which every browser shows"
"""The supported formats, for error messages."""
CONVERT = "convert it to JPEG first, for example with ImageMagick (`magick`) or, on a Mac, with `sips -s format jpeg`"
HEADER_BYTES = 262_144
"""Number of bytes read first from an S3 object to find its size in pixels. They usually suffice, because the EXIF data
of a JPEG have at most 64 kB."""

HEIF_BRANDS = frozenset({b"heic", b"heix", b"hevc", b"heim", b"heis", b"mif1", b"msf1"})
"""Brands in bytes 8 to 12 of HEIF files (ISO/IEC 23008-12), which iPhones write and Pillow cannot read."""

INSPECTIONS_AT_ONCE = 8
"""Number of images that threads inspect at the same time."""

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
"""The transposition that makes a picture upright, by EXIF orientation."""
_EXIF_HEADER = b"Exif\0\0"
"""Prefix of the EXIF data in a JPEG; TIFF data follow."""
_TIFF_SHORT = 3
"""TIFF's type code of an unsigned 16-bit value."""


@dataclass(frozen=True, slots=True)
class SourceImage:
    """An image for a job, as a local file or as an S3 object.

    Attributes:
        name: its path below the folder or prefix, with forward slashes.
        size: in bytes.
        md5: the hexadecimal digest of its bytes, or the S3 object's ETag.
        width: in pixels, after the EXIF orientation is applied.
        height: in pixels, after the EXIF orientation is applied.
        content_type: for the `Content-Type` header.
        path: the local file; None for an S3 object.
        location: bucket and key of the S3 object; None for a local file.
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
    """The name of a file that cannot be used as an image, and the reason."""

    name: str
    reason: str


@dataclass(frozen=True, slots=True)
class FoundImages:
    """The usable and refused images of a folder or prefix, sorted by name."""

    images: tuple[SourceImage, ...]
    refused: tuple[RefusedImage, ...]


LEAST_COPY = 320
"""Minimum length of the longer side of a copy, in pixels. A smaller copy is too coarse to place keypoints."""
COPY_QUALITY = 85
"""JPEG quality of copies, from 1 to 100. A higher quality makes files larger without a visible difference."""


class ImageError(ValueError):
    """An image that cannot be used. The message says what was expected and what the file contains."""


def images_in_folder(folder: Path, progress: Callable[[], None] = lambda: None) -> FoundImages:
    """Return the images below `folder`.

    Hidden files are ignored, and so are files that have neither an image suffix nor image content. Links to folders are
    refused, because their images would be missing silently, and following them may not end.

    Args:
        folder: searched with its subfolders.
        progress: called once for each file.

    Raises:
        NotADirectoryError: `folder` is not a folder.
    """
    if not folder.is_dir():
        raise NotADirectoryError(f"expected a folder of images, got {str(folder)!r}, which is no folder")
    files: list[tuple[str, Callable[[], SourceImage]]] = []
    for path in sorted(folder.rglob("*")):
        name = path.relative_to(folder)
        if not any(part.startswith(".") for part in name.parts) and (path.is_symlink() or not _is_folder(path)):
            files.append((name.as_posix(), partial(_local_image, path, name.as_posix())))
    return _inspect_all(files, progress)


def _is_folder(path: Path) -> bool:
    try:
        return path.is_dir()
    except OSError:  # unreadable: the inspection then reports why
        return False


def images_under_prefix(
    s3: S3Client, bucket: str, prefix: str, progress: Callable[[], None] = lambda: None, *, whole: bool = False
) -> FoundImages:
    """Return the images below `s3://bucket/prefix`.

    Args:
        s3: boto3's client.
        bucket: the bucket's name.
        prefix: a slash is appended if it does not end with one.
        progress: called once for each file.
        whole: whether to read and decode whole images, which also detects damaged ones; needed if smaller copies will
            be made. Otherwise only the first bytes of most images are read.
    """
    start = prefix if not prefix or prefix.endswith("/") else f"{prefix}/"
    listed = sorted((key.removeprefix(start), size, etag) for key, size, etag in list_objects(s3, bucket, start))
    # Other objects are not read: each would cost a request.
    candidates = [item for item in listed if Path(item[0]).suffix.lower() in IMAGE_SUFFIXES]

    def inspect(name: str, size: int, etag: str) -> SourceImage:
        location = (bucket, start + name)
        if whole and size <= MAX_IMAGE_BYTES:
            measures = _measure(io.BytesIO(_head(s3, *location, size)), size, whole=True)
            return SourceImage(name, size, etag, *measures, location=location)
        try:
            measures = _measure(io.BytesIO(_head(s3, *location, min(size, HEADER_BYTES))), size, whole=False)
        except OSError:
            if size <= HEADER_BYTES:
                raise
            # The first bytes were not enough: EXIF data may be last in a PNG, and after other data in a JPEG.
            measures = _measure(io.BytesIO(_head(s3, *location, size)), size, whole=False)
        return SourceImage(name, size, etag, *measures, location=location)

    return _inspect_all([(name, partial(inspect, name, size, etag)) for name, size, etag in candidates], progress)


def copy_size(image: SourceImage, longer_side: int) -> tuple[int, int] | None:
    """Return width and height in pixels of a copy with this longer side; None if the image is not larger."""
    longer = max(image.width, image.height)
    if longer <= longer_side:
        return None
    return tuple(max(1, round(side * longer_side / longer)) for side in (image.width, image.height))  # type: ignore[return-value]


def smaller_copy(body: bytes, size: tuple[int, int]) -> bytes:
    """Return the bytes of an upright JPEG copy without metadata.

    Args:
        body: the bytes of an image.
        size: width and height of the copy, in pixels.
    """
    with warnings.catch_warnings(), Image.open(io.BytesIO(body)) as image:
        warnings.simplefilter("ignore")  # as in `_inspect_all`
        profile = image.info.get("icc_profile")
        _check_upright(image)
        image.draft("RGB", (max(size), max(size)))
        turned = _in_8_bits(upright(image))
        if turned.has_transparency_data:
            turned = turned.convert("RGBA")
            turned = Image.alpha_composite(Image.new("RGBA", turned.size, "white"), turned)
        resized = turned.convert("RGB").resize(size, Image.Resampling.LANCZOS, reducing_gap=3)
    return jpeg(resized, COPY_QUALITY, profile if turned.mode == "RGB" else None)


def jpeg(image: Image.Image, quality: int, profile: bytes | None = None, *, optimize: bool = False) -> bytes:
    """Encode an RGB image as a JPEG without metadata other than a colour profile.

    Args:
        image: the image.
        quality: JPEG quality, from 1 to 100.
        profile: the ICC colour profile.
        optimize: whether to make the file smaller at the cost of time.
    """
    out = io.BytesIO()
    # Without this argument Pillow would copy the original's comment.
    image.save(out, "JPEG", quality=quality, icc_profile=profile, comment=b"", optimize=optimize)
    return out.getvalue()


def upright(image: Image.Image) -> Image.Image:
    """Return an opened image with its EXIF orientation applied, as browsers show it."""
    turn = _UPRIGHT.get(_orientation(image))
    return image if turn is None else image.transpose(turn)


def upright_rgb(image: Image.Image) -> Image.Image:
    """Return an opened image with its EXIF orientation applied, as browsers show it, in RGB with 8 bits per channel."""
    return _in_8_bits(upright(image)).convert("RGB")


def _in_8_bits(image: Image.Image) -> Image.Image:
    """Return the image with grey values of more than 8 bits scaled to 8, which Pillow's `convert` would clip."""
    if not image.mode.startswith("I"):
        return image
    grey = image.point(lambda value: value * (1 / 256)).convert("L")
    grey.info.pop("transparency", None)  # refers to the 16-bit values
    return grey


def upright_size(path: Path) -> tuple[int, int] | None:
    """Return width and height in pixels of an image file as browsers show it; None if it is not a readable image."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # as in `_inspect_all`
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


def _inspect_all(files: list[tuple[str, Callable[[], SourceImage]]], progress: Callable[[], None]) -> FoundImages:
    """Inspect files concurrently, and return the results in the order of `files`.

    Args:
        files: the name of each file, and a function that inspects it.
        progress: called once for each file.
    """
    images: list[SourceImage] = []
    refused: list[RefusedImage] = []
    with warnings.catch_warnings(), ThreadPoolExecutor(INSPECTIONS_AT_ONCE, thread_name_prefix="image") as pool:
        # Pillow warns about damaged EXIF data without the file's name, and about images with very many pixels, which
        # `_check_format` checks.
        warnings.simplefilter("ignore")
        for outcome in pool.map(lambda file: _outcome(*file), files):
            progress()
            if isinstance(outcome, SourceImage):
                images.append(outcome)
            elif outcome is not None:
                refused.append(outcome)
    return FoundImages(tuple(images), tuple(refused))


def _outcome(name: str, inspect: Callable[[], SourceImage]) -> SourceImage | RefusedImage | None:
    try:
        return inspect()
    except UnidentifiedImageError:
        has_image_suffix = Path(name).suffix.lower() in IMAGE_SUFFIXES
        actual = "a file that is not an image; replace it, or remove it from the folder"
        reason = f"expected {EXPECTED_FORMATS}, got {actual}"
        return RefusedImage(printable(name), reason) if has_image_suffix else None
    except ImageError as error:
        return RefusedImage(printable(name), str(error))
    except OSError as error:
        return RefusedImage(printable(name), f"cannot be read: {error.strerror or error}")


def printable(name: str) -> str:
    """Return a file name in which escape sequences replace bytes that are not UTF-8."""
    return name.encode(errors="surrogateescape").decode(errors="backslashreplace")


def _head(s3: S3Client, bucket: str, key: str, count: int) -> bytes:
    if count == 0:  # a range cannot be empty
        return b""
    return s3.get_object(Bucket=bucket, Key=key, Range=f"bytes=0-{count - 1}")["Body"].read()


def _local_image(path: Path, name: str) -> SourceImage:
    if _is_folder(path):
        raise ImageError("expected a folder, got a symbolic link to one, which is not followed; put the folder here")
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
    """Return the upright width and height in pixels, and the content type.

    Args:
        file: the image, or its first bytes.
        size: of the whole image, in bytes.
        whole: whether to decode the pixels too, which detects damage.

    Raises:
        ImageError: the image cannot be used.
        OSError: the file cannot be read, or Pillow does not recognise an image.
    """
    if size > MAX_IMAGE_BYTES:
        raise ImageError(f"expected at most {MAX_IMAGE_BYTES:,} bytes, got {size:,}")
    first_bytes = file.read(12)
    file.seek(0)
    if first_bytes[4:8] == b"ftyp":
        brand = first_bytes[8:]
        kind = "HEIC" if brand in HEIF_BRANDS else brand.decode("ascii", "replace").strip().upper()
        raise ImageError(f"expected {EXPECTED_FORMATS}, got {kind}; {CONVERT}")
    try:
        with Image.open(file) as image:
            _check_format(image)
            content_type = CONTENT_TYPES[str(image.format)]
            _check_upright(image)
            width, height = _upright_size(image)
            if whole:
                # Decodes a JPEG at an eighth of its size: faster, but still reads the whole file.
                image.draft("RGB", (max(image.width // 8, 1), max(image.height // 8, 1)))
                image.load()
    except (ImageError, OSError):  # OSError includes UnidentifiedImageError
        raise
    except Image.DecompressionBombError as error:
        raise ImageError(f"expected at most {MAX_IMAGE_PIXELS:,} pixels: {error}") from error
    except Exception as error:  # Pillow raises many exception types for damaged files; none may end the command
        raise ImageError(f"damaged: {error or type(error).__name__}") from error
    return width, height, content_type


def _orientation(image: Image.Image) -> int:
    """Return the EXIF orientation, from 1 to 8, as browsers read it: 1 unless it is a single unsigned 16-bit value.

    Pillow also reads other types and counts, and the orientation in XMP data. Its size would then differ from the size
    of the image in the worker's browser.
    """
    image.getexif()  # makes Pillow read EXIF data at the end of a PNG
    return _orientation_of(image.info.get("exif", b""))


def _check_upright(image: Image.Image) -> None:
    """Check that all browsers show the image in the same orientation.

    Browsers differ: all apply the EXIF orientation of a JPEG, none applies that of a WebP, and Chromium and Firefox
    apply that of a PNG but WebKit does not (tests/browser/test_browsers.py).

    Raises:
        ImageError: the image has an EXIF orientation and is not a JPEG.
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
                    return value if (kind, values) == (_TIFF_SHORT, 1) and value in _UPRIGHT else 1
    except struct.error:  # truncated data
        pass
    return 1


def _check_format(image: Image.Image) -> None:
    width, height = image.size
    if image.format not in CONTENT_TYPES:
        raise ImageError(f"expected {EXPECTED_FORMATS}, got {image.format}; {CONVERT}")
    if width * height > MAX_IMAGE_PIXELS:
        raise ImageError(f"expected at most {MAX_IMAGE_PIXELS:,} pixels, got {width * height:,}")
    frames = getattr(image, "n_frames", 1)
    if frames > 1 and image.format != "MPO":
        raise ImageError(f"expected a single image, got an animation of {frames} frames")
