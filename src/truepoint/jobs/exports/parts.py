"""Assignment of each image to a part of the data set (`--split`) and to its picture file (`--images`)."""

from __future__ import annotations

import hashlib
import importlib.util
import re
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

from truepoint.formats.labels import FormatError, LabeledImage, read_text, shown
from truepoint.formats.names import match_images
from truepoint.jobs.exports.finished import RESERVED, DataSet, ExportError, ExportImage
from truepoint.jobs.files import image_files

_PART = re.compile(r"[A-Za-z0-9_-]{1,40}")


def split(data: DataSet, wanted: str, seed: int) -> tuple[dict[str, str], list[str]]:
    """Assign each image to a part of the data set.

    Args:
        data: the set.
        wanted: `train=0.8,val=0.2`, shares of the images, or `train=train.txt,val=val.txt`, files with image names.
        seed: selects which images are drawn. Images are sorted by a digest of the seed and their path, so that only a
            few images change their part when others are added.

    Returns:
        The part of each image by path in the export, and the listed names that belong to no image.

    Raises:
        ExportError: `wanted` has another form, the shares do not sum to 1, a part has no images, or an image is in no
            list or in two lists.
    """
    parts: dict[str, str] = {}
    for text in wanted.split(","):
        name, equals, value = text.strip().partition("=")
        taken = name.casefold() in (part.casefold() for part in parts)  # folders of some file systems ignore case
        if not _PART.fullmatch(name) or RESERVED.match(name) or not equals or not value or taken:
            raise ExportError(f"--split: expected parts such as train=0.8,val=0.2 or train=FILE,val=FILE, got {text!r}")
        parts[name] = value
    images = list(data.images())
    shares = {name: share for name, value in parts.items() if (share := _share(value)) is not None}
    if not shares:
        part_of, unknown = _listed(
            {name: Path(value) for name, value in parts.items()}, images, several=len(data.jobs) > 1
        )
        return _without_empty_parts(part_of, parts, len(images)), unknown
    if len(shares) < len(parts) or abs(sum(shares.values()) - 1) > 1e-9:
        raise ExportError(f"--split: expected shares with the sum 1, got {wanted}")
    return _without_empty_parts(_drawn(shares, [image.path for image in images], seed), parts, len(images)), []


def _without_empty_parts(part_of: dict[str, str], parts: Iterable[str], count: int) -> dict[str, str]:
    """Return `part_of` if every part has an image. A training run with an empty part would fail late.

    Raises:
        ExportError: a part has no image.
    """
    if empty := [part for part in parts if part not in part_of.values()]:
        raise ExportError(f"--split: expected images in every part, got none of {count} in {', '.join(empty)}")
    return part_of


def pictures(data: DataSet, folder: Path) -> dict[str, Path]:
    """Return the file of each image's picture, by the image's path in the export.

    Args:
        data: the set.
        folder: searched with its subfolders for files with the images' names.

    Raises:
        ExportError: the folder does not exist, an image has no picture or more than one in it, or a picture has
            another size than its labels.
    """
    if not folder.is_dir():
        raise ExportError(f"--images: expected a folder of images, got {folder}")
    files = image_files(folder)
    images = list(data.images())
    named = _named(images, several=len(data.jobs) > 1)
    try:
        matched = match_images([LabeledImage(name) for name in named], files)
    except FormatError as error:
        raise ExportError(f"--images {folder}: {error}") from error
    if matched.unmatched:
        raise ExportError(
            f"--images {folder}: expected all {len(images)} images, got no file for "
            f"{len(matched.unmatched)}: {shown(matched.unmatched)}; the folder contains {shown(list(files))}"
        )
    file_of = {path: files[name] for name, image in matched.images.items() for path in named[image.name]}
    _check_sizes(images, file_of, folder)
    return file_of


def _check_sizes(images: Iterable[ExportImage], file_of: Mapping[str, Path], folder: Path) -> None:
    """Check that each picture has the size that its labels refer to.

    Raises:
        ExportError: a picture has another size, for example because it is a smaller copy.
    """
    if importlib.util.find_spec("PIL") is None:
        return  # Pillow is optional for exports
    from truepoint.jobs.images import upright_size  # noqa: PLC0415

    different: list[str] = []
    for image in images:
        size = upright_size(file_of[image.path])
        if size is not None and image.size is not None and size != image.size:
            wanted, actual = ("x".join(map(str, sides)) for sides in (image.size, size))
            different.append(f"{image.file_name} ({wanted} in the labels, {actual} in the folder)")
    if different:
        raise ExportError(
            f"--images {folder}: expected images of the labelled size, got {len(different)} of another "
            f"size: {shown(different)}"
        )


def _share(value: str) -> float | None:
    try:
        share = float(value)
    except ValueError:
        return None
    if not 0 < share <= 1:
        raise ExportError(f"--split: expected shares above 0 and up to 1, got {value}")
    return share


def _drawn(shares: Mapping[str, float], paths: Sequence[str], seed: int) -> dict[str, str]:
    order = sorted(paths, key=lambda path: hashlib.sha256(f"{seed}/{path}".encode()).digest())
    part_of: dict[str, str] = {}
    begin, before = 0, 0.0
    for name, share in shares.items():
        before += share
        end = round(before * len(order))
        part_of |= dict.fromkeys(order[begin:end], name)
        begin = end
    return part_of


def _listed(files: Mapping[str, Path], images: list[ExportImage], *, several: bool) -> tuple[dict[str, str], list[str]]:
    named = _named(images, several=several)
    part_of: dict[str, str] = {}
    unknown: list[str] = []
    for part, file in files.items():
        try:
            lines = [line.strip() for line in read_text(file).splitlines() if line.strip()]
            matched = match_images([LabeledImage(line) for line in dict.fromkeys(lines)], named)
        except (OSError, FormatError) as error:
            raise ExportError(f"--split {part}: {error}") from error
        unknown += matched.unmatched
        for name in matched.images:
            if (other := part_of.get(named[name][0])) is not None:
                raise ExportError(f"--split: expected {name!r} in one list, got it in {other!r} and {part!r}")
            part_of |= dict.fromkeys(named[name], part)
    if left := [name for name, paths in named.items() if paths[0] not in part_of]:
        raise ExportError(f"--split: expected every image in a list, got {len(left)} in none: {shown(left)}")
    return part_of, unknown


def _named(images: list[ExportImage], *, several: bool) -> dict[str, list[str]]:
    """Return the paths in the export by image name.

    If there are several jobs, the name starts with `<job>/`. An image in several lines of a manifest has one path per
    line.
    """
    paths_of: dict[str, list[str]] = {}
    for image in images:
        paths_of.setdefault(f"{image.job}/{image.file_name}" if several else image.file_name, []).append(image.path)
    return paths_of
