"""Drawings of the most suspicious images, for the report."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

import msgspec

from truepoint.groundtruth.output_line import Labeled
from truepoint.pose.instance import Instance
from truepoint.results.coco import own_instances
from truepoint.results.review import SuspiciousImage

MOST = 24
"""Maximum number of images drawn: six rows of four on a desktop screen, and some hundred kilobytes of the page."""
MOST_INSTANCES = 60
"""Maximum number of instances drawn for each image and for each worker. A denser crowd cannot be read."""
MOST_DRAWN_WORKERS = 9
"""Maximum number of workers whose instances are drawn. Ground Truth has at most nine per image."""
MOST_REASONS = 6
"""Maximum number of reasons shown per image."""
LONGEST_TEXT = 300
"""Maximum length of a name or a message, in characters."""
LONGEST_URI = 1100
"""Maximum length of an S3 URI, in characters. A bucket's name has at most 63 characters and a key 1,024 bytes."""

Point = tuple[int, float, float, int]
"""Index of the keypoint in the skeleton, x and y in pixels, visibility."""


class Drawing(msgspec.Struct, frozen=True, omit_defaults=True):
    """The drawing of one image: the accepted instances and, if several workers answered, those of each worker (`own`).

    `picture` is a thumbnail as a data URL, "" if there is none.
    """

    name: str
    s3_uri: str
    width: int | None
    height: int | None
    instances: list[list[Point]]
    own: list[list[Point]]
    picture: str = ""


class WorstImage(msgspec.Struct, frozen=True):
    """One image of the report. `suspicion` is 0 to 1. `suspects` are indices of the drawing's instances."""

    line: int
    suspicion: float
    reasons: list[str]
    suspects: list[int]
    drawing: Drawing


def worst_image(labeled: Labeled, image: SuspiciousImage, index: Mapping[str, int]) -> WorstImage:
    """Return the data of an image in the report. `index` maps the skeleton's keypoint names to their indices."""
    annotation = labeled.annotation
    several = len(annotation.workers) > 1
    reasons = dict.fromkeys(shortened(r.message) for entry in image.instances for r in entry.reasons)
    suspects = [entry.instance for entry in image.instances if entry.instance is not None]
    own = [instances for _, instances, _ in islice(own_instances(labeled), MOST_DRAWN_WORKERS)] if several else []
    return WorstImage(
        line=image.line,
        suspicion=image.suspicion,
        reasons=list(reasons)[:MOST_REASONS],
        suspects=sorted(n for n in suspects if n < MOST_INSTANCES),
        drawing=Drawing(
            name=shortened(annotation.image_file_name),
            s3_uri=labeled.source_ref[:LONGEST_URI],
            width=annotation.image_width,
            height=annotation.image_height,
            instances=_drawn(labeled.instances, index),
            own=[drawn for instances in own for drawn in _drawn(instances, index)],
        ),
    )


def shortened(text: str, longest: int = LONGEST_TEXT) -> str:
    """Return the text with at most `longest` characters. An ellipsis marks a text that was cut."""
    return text if len(text) <= longest else f"{text[: longest - 1]}\N{HORIZONTAL ELLIPSIS}"


def _drawn(instances: Sequence[Instance], index: Mapping[str, int]) -> list[list[Point]]:
    return [
        [(index[k.label], k.x, k.y, k.visibility) for k in instance.annotations if k.label in index]
        for instance in instances[:MOST_INSTANCES]
    ]
