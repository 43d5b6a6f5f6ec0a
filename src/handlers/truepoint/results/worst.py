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
"""Ground Truth asks at most nine workers for one image."""
MOST_REASONS = 6
LONGEST_TEXT = 300
"""Maximum length of a name or a message, in characters."""
LONGEST_URI = 1100
"""Characters of an S3 URI: at most 63 of a bucket and 1,024 bytes of a key."""

Point = tuple[int, float, float, int]
"""Index of the keypoint in the skeleton, x and y in pixels, visibility."""


class Drawing(msgspec.Struct, frozen=True, omit_defaults=True):
    """One image: the accepted instances and, if several workers answered, the instances of each (`own`).

    `picture` is a thumbnail as a data URL, "" where none was asked for.
    """

    name: str
    s3_uri: str
    width: int | None
    height: int | None
    instances: list[list[Point]]
    own: list[list[Point]]
    picture: str = ""


class WorstImage(msgspec.Struct, frozen=True):
    """One image of the report. `suspicion` is 0 to 1; `suspects` are indices into the drawing's instances."""

    line: int
    suspicion: float
    reasons: list[str]
    suspects: list[int]
    drawing: Drawing


def worst_image(labeled: Labeled, image: SuspiciousImage, places: Mapping[str, int]) -> WorstImage:
    """Return what the report draws of an image. `places` maps the skeleton's keypoint names to their indices."""
    annotation = labeled.annotation
    several = len(annotation.workers) > 1
    reasons = dict.fromkeys(shortened(r.message) for entry in image.instances for r in entry.reasons)
    suspects = [entry.instance for entry in image.instances if entry.instance is not None]
    own = [instances for _, instances, _ in islice(own_instances(labeled), MOST_DRAWN_WORKERS)] if several else []
    return WorstImage(
        line=image.line,
        suspicion=image.suspicion,
        reasons=list(reasons)[:MOST_REASONS],
        suspects=sorted(index for index in suspects if index < MOST_INSTANCES),
        drawing=Drawing(
            name=shortened(annotation.image_file_name),
            s3_uri=labeled.source_ref[:LONGEST_URI],
            width=annotation.image_width,
            height=annotation.image_height,
            instances=_drawn(labeled.instances, places),
            own=[drawn for instances in own for drawn in _drawn(instances, places)],
        ),
    )


def shortened(text: str, longest: int = LONGEST_TEXT) -> str:
    """Return the text with at most `longest` characters. An ellipsis marks a text that was cut."""
    return text if len(text) <= longest else f"{text[: longest - 1]}\N{HORIZONTAL ELLIPSIS}"


def _drawn(instances: Sequence[Instance], places: Mapping[str, int]) -> list[list[Point]]:
    return [
        [(places[k.label], k.x, k.y, k.visibility) for k in instance.annotations if k.label in places]
        for instance in instances[:MOST_INSTANCES]
    ]
