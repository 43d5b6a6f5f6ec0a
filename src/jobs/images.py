"""The images of a job: found in a folder or under an S3 prefix, with upright sizes; unusable ones have a reason."""

from __future__ import annotations

import hashlib
import io
import warnings
from collections.abc import Callable, Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import IO, TYPE_CHECKING

from PIL import ExifTags, Image, UnidentifiedImageError

from jobs.layout import s3_uri
from jobs.limits import MAX_IMAGE_BYTES, MAX_IMAGE_PIXELS

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

CONTENT_TYPES = {
    "JPEG": "image/jpeg",
    "MPO": "image/jpeg",  # a JPEG with more pictures behind it, as phones write them; browsers show the first
    "PNG": "image/png",
    "WEBP": "image/webp",
}
IMAGE_SUFFIXES = frozenset(
    {".jpg", ".jpeg", ".jpe", ".png", ".webp", ".tif", ".tiff", ".gif", ".bmp", ".heic", ".avif"}
)
"""A file with such a name claims to be an image: if it is not a usable one it is refused, not passed over."""

HEADER_BYTES = 262_144
"""Read of an S3 object to learn its size in pixels: EXIF data come before it and hold a thumbnail of at most 64 kB."""

_TURNED = (5, 6, 7, 8)  # EXIF orientations that swap width and height


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
    """What was found, sorted by name."""

    images: tuple[SourceImage, ...]
    refused: tuple[RefusedImage, ...]


class ImageError(ValueError):
    """An image that cannot be used; says expected and actual."""


def images_in_folder(folder: Path, progress: Callable[[], None] = lambda: None) -> FoundImages:
    """Images below `folder`, by content; hidden files and files that do not claim to be images are passed over.

    Args:
        folder: looked through with its subfolders.
        progress: called once a file that was looked at.

    Raises:
        NotADirectoryError: there is no such folder.
    """
    if not folder.is_dir():
        raise NotADirectoryError(f"expected a folder of images, actual {str(folder)!r} is none")
    images: list[SourceImage] = []
    refused: list[RefusedImage] = []
    for path in sorted(p for p in folder.rglob("*") if p.is_file()):
        relative = path.relative_to(folder)
        if any(part.startswith(".") for part in relative.parts):
            continue
        progress()
        try:
            images.append(_local_image(path, relative.as_posix()))
        except UnidentifiedImageError:
            if path.suffix.lower() in IMAGE_SUFFIXES:
                refused.append(RefusedImage(relative.as_posix(), "expected an image, actual content is none"))
        except ImageError as error:
            refused.append(RefusedImage(relative.as_posix(), str(error)))
        except OSError as error:
            refused.append(RefusedImage(relative.as_posix(), f"cannot be read: {error}"))
    return FoundImages(tuple(images), tuple(refused))


def images_under_prefix(
    s3: S3Client, bucket: str, prefix: str, progress: Callable[[], None] = lambda: None
) -> FoundImages:
    """Images below `s3://bucket/prefix`, by name; only the head of each is read, so a damaged tail goes unnoticed.

    A prefix without a final slash stands for the folder of that name.
    """
    start = prefix if not prefix or prefix.endswith("/") else f"{prefix}/"
    images: list[SourceImage] = []
    refused: list[RefusedImage] = []
    for key, size, etag in list_objects(s3, bucket, start):
        name = key.removeprefix(start)
        if Path(name).suffix.lower() not in IMAGE_SUFFIXES:
            continue
        progress()
        try:
            head = _head(s3, bucket, key) if size else b""
            width, height, content_type = _measure(io.BytesIO(head), size, whole=False)
        except UnidentifiedImageError:
            refused.append(RefusedImage(s3_uri(bucket, key), "expected an image, actual content is none"))
        except (ImageError, OSError) as error:
            refused.append(RefusedImage(s3_uri(bucket, key), str(error)))
        else:
            images.append(SourceImage(name, size, etag, width, height, content_type, location=(bucket, key)))
    images.sort(key=lambda image: image.name)
    return FoundImages(tuple(images), tuple(refused))


def list_objects(s3: S3Client, bucket: str, prefix: str) -> Iterator[tuple[str, int, str]]:
    """Key, size in bytes and ETag (without quotes) of every object below `prefix`."""
    for page in s3.get_paginator("list_objects_v2").paginate(Bucket=bucket, Prefix=prefix):
        for item in page.get("Contents", ()):
            yield item["Key"], item["Size"], item["ETag"].strip('"')


def _head(s3: S3Client, bucket: str, key: str) -> bytes:
    return s3.get_object(Bucket=bucket, Key=key, Range=f"bytes=0-{HEADER_BYTES - 1}")["Body"].read()


def _local_image(path: Path, name: str) -> SourceImage:
    size = path.stat().st_size
    with path.open("rb") as file:
        width, height, content_type = _measure(file, size, whole=True)
        file.seek(0)
        md5 = hashlib.file_digest(file, lambda: hashlib.md5(usedforsecurity=False)).hexdigest()
    return SourceImage(name, size, md5, width, height, content_type, path=path)


def _measure(file: IO[bytes], size: int, *, whole: bool) -> tuple[int, int, str]:
    """Upright width and height and the content type; `whole` also decodes the picture, to find damage."""
    if size > MAX_IMAGE_BYTES:
        raise ImageError(f"expected at most {MAX_IMAGE_BYTES:,} bytes, actual {size:,}")
    try:
        with warnings.catch_warnings():
            # Pillow warns of pictures that may be decompression bombs; our own limit is checked just below.
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image = Image.open(file)
        with image:
            width, height = image.size
            if image.format not in CONTENT_TYPES:
                wanted = "JPEG, PNG or WebP, which every browser shows"
                raise ImageError(f"expected {wanted}, actual format {image.format}")
            if width * height > MAX_IMAGE_PIXELS:
                raise ImageError(f"expected at most {MAX_IMAGE_PIXELS:,} pixels, actual {width * height:,}")
            orientation = image.getexif().get(ExifTags.Base.Orientation)
            content_type = CONTENT_TYPES[image.format]
            if whole:
                image.draft("RGB", (width // 8, height // 8))  # JPEG: an eighth of the work, yet the whole file is read
                image.load()
    except Image.DecompressionBombError as error:
        raise ImageError(f"expected at most {MAX_IMAGE_PIXELS:,} pixels: {error}") from error
    except (SyntaxError, EOFError) as error:  # Pillow's words for a damaged PNG chunk and a header cut short
        raise ImageError(f"damaged: {error}") from error
    return (height, width, content_type) if orientation in _TURNED else (width, height, content_type)
