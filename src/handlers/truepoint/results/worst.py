"""What the report draws of the most suspicious images."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from itertools import islice

import msgspec

from truepoint.groundtruth.output_line import Labeled
from truepoint.pose.instance import Instance
from truepoint.results.coco import own_instances
from truepoint.results.review import SuspiciousImage

MOST = 24
"""Images: six rows of four on a desk, and some hundred kilobytes of the page."""
MOST_INSTANCES = 60
"""Drawn of one image and of each worker; a crowd is no clearer for more."""
MOST_DRAWN_WORKERS = 9
"""Ground Truth asks no more."""
MOST_REASONS = 6
LONGEST_TEXT = 300
"""Characters of a name or a reason."""

Place = tuple[int, float, float, int]
"""Number of the keypoint in the skeleton, x, y in pixels, visibility."""


class Drawing(msgspec.Struct, frozen=True):
    """One image: the accepted instances and, where several answered, the workers' `own` ones. Texts are cut short."""

    name: str
    s3_uri: str
    width: int | None
    height: int | None
    instances: list[list[Place]]
    own: list[list[Place]]


class WorstImage(msgspec.Struct, frozen=True):
    """One image of the report. `suspicion` is 0 to 1; `suspects` are places in the drawing's instances."""

    line: int
    suspicion: float
    reasons: list[str]
    suspects: list[int]
    drawing: Drawing


def worst_image(labeled: Labeled, image: SuspiciousImage, places: Mapping[str, int]) -> WorstImage:
    """What is drawn of an image. `places` are the numbers of the skeleton's keypoints, by name."""
    annotation = labeled.annotation
    several = len(annotation.workers) > 1
    reasons = dict.fromkeys(r.message[:LONGEST_TEXT] for entry in image.instances for r in entry.reasons)
    suspects = [entry.instance for entry in image.instances if entry.instance is not None]
    own = [instances for _, instances in islice(own_instances(labeled), MOST_DRAWN_WORKERS)] if several else []
    return WorstImage(
        line=image.line,
        suspicion=image.suspicion,
        reasons=list(reasons)[:MOST_REASONS],
        suspects=sorted(place for place in suspects if place < MOST_INSTANCES),
        drawing=Drawing(
            name=annotation.image_file_name[:LONGEST_TEXT],
            s3_uri=labeled.source_ref[:1024],
            width=annotation.image_width,
            height=annotation.image_height,
            instances=_drawn(labeled.instances, places),
            own=[drawn for instances in own for drawn in _drawn(instances, places)],
        ),
    )


def _drawn(instances: Sequence[Instance], places: Mapping[str, int]) -> list[list[Place]]:
    return [
        [(places[k.label], k.x, k.y, k.visibility) for k in instance.annotations if k.label in places]
        for instance in instances[:MOST_INSTANCES]
    ]
