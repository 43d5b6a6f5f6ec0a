"""Thumbnails for a report, made from a folder of images. They need Pillow."""

from __future__ import annotations

import base64
import importlib.util
import warnings
from collections.abc import Mapping
from pathlib import Path
from typing import BinaryIO, Protocol

import msgspec

from truepoint.formats.labels import FormatError, LabeledImage, shown
from truepoint.formats.names import match_images
from truepoint.jobs.files import image_files
from truepoint.results.report import Report, with_pictures
from truepoint.results.report_page import page

LONGER_SIDE = 640
"""Maximum width and height of a thumbnail, in pixels. The report draws parts of images some 400 CSS pixels wide."""
LARGEST = 80_000
"""Maximum size of a thumbnail, in bytes. Base64 included, 24 thumbnails add less than 3 MB to a report."""
QUALITIES = (75, 60, 45, 30)
"""JPEG qualities, tried in order until a thumbnail is small enough."""
NEEDED = "thumbnails and image sizes need Pillow, which is not installed: pip install 'truepoint[images]'"


class PictureFolder:
    """A folder of images.

    Raises:
        FormatError: the path is not a folder, or Pillow is not installed.
    """

    def __init__(self, folder: Path) -> None:
        if not folder.is_dir():
            raise FormatError(f"{folder}: expected a folder of images, got none")
        if importlib.util.find_spec("PIL") is None:
            raise FormatError(f"{folder}: {NEEDED}")
        self._folder = folder

    def sizes(self) -> dict[str, tuple[int, int]]:
        """Return width and height of each upright image in pixels, by its path in the folder."""
        from truepoint.jobs.images import images_in_folder  # noqa: PLC0415 - needs Pillow

        return {image.name: (image.width, image.height) for image in images_in_folder(self._folder).images}

    def thumbnails(self, names: Mapping[int, str]) -> tuple[dict[int, str], list[str]]:
        """Return thumbnails as data URLs by line, and the names of images without one.

        Args:
            names: the images' names, by line.

        Raises:
            FormatError: several files match one image equally well.
        """
        files = image_files(self._folder)
        images = {line: LabeledImage(name, has_ending=bool(Path(name).suffix)) for line, name in names.items()}
        try:
            matched = match_images(list(images.values()), files).images
        except FormatError as error:
            raise FormatError(f"{self._folder}: {error}") from error
        paths = {id(image): files[name] for name, image in matched.items()}
        pictures = {line: thumbnail(paths[id(image)]) for line, image in images.items() if id(image) in paths}
        drawn = {line: url for line, url in pictures.items() if url}
        return drawn, [name for line, name in names.items() if line not in drawn]


class Pictures(Protocol):
    """Images that thumbnails can be made of."""

    def thumbnails(self, names: Mapping[int, str]) -> tuple[dict[int, str], list[str]]:
        """Return thumbnails as data URLs by line, and the names of images without one."""


def illustrated(report: bytes, pictures: Pictures, where: str) -> tuple[bytes, list[str]]:
    """Return a report's page with thumbnails, and the names of images without one.

    Args:
        report: the page.
        pictures: the images. Their names are those of their URIs without `s3://`.
        where: the page's path, for errors.

    Raises:
        FormatError: the page is not a report of this version, or none of its images can be read.
    """
    begin, end = b'<script type="application/json" id="data">', b"</script>"
    data = report.partition(begin)[2].partition(end)[0]
    if not data:
        raise FormatError(f"{where}: expected a quality report of this version, got another file")
    try:
        figures = msgspec.json.decode(data, type=Report)
    except msgspec.MsgspecError as error:
        raise FormatError(f"{where}: expected a quality report of this version, got: {error}") from error
    names = {image.line: image.drawing.s3_uri.removeprefix("s3://") or image.drawing.name for image in figures.worst}
    drawn, missing = pictures.thumbnails(names)
    if names and not drawn:
        raise FormatError(f"{where}: expected at least one of the report's images ({shown(missing)}), got none of them")
    return page(with_pictures(figures, drawn)), missing


def thumbnail(file: Path | BinaryIO) -> str:
    """Return an upright JPEG of an image without metadata, as a data URL; "" if the file is not an image."""
    from PIL import Image  # noqa: PLC0415

    from truepoint.jobs.images import jpeg, upright_rgb  # noqa: PLC0415

    try:
        with warnings.catch_warnings(), Image.open(file) as image:
            warnings.simplefilter("ignore", Image.DecompressionBombWarning)
            image.draft("RGB", (2 * LONGER_SIDE, 2 * LONGER_SIDE))
            small = upright_rgb(image)
            small.thumbnail((LONGER_SIDE, LONGER_SIDE))
    except (OSError, ValueError, Image.DecompressionBombError):
        return ""
    for quality in QUALITIES:
        content = jpeg(small, quality, optimize=True)
        if len(content) <= LARGEST:
            return f"data:image/jpeg;base64,{base64.b64encode(content).decode()}"
    return ""
