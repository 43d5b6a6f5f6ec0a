"""What the report draws of the most suspicious images. Which those are is known once all images are: until then what
would be drawn of each waits in a scratch file. Memory: 16 bytes an image.
"""

from __future__ import annotations

import struct
from array import array
from bisect import bisect_left
from collections.abc import Iterable, Sequence
from itertools import islice
from typing import BinaryIO

import msgspec

from keypoints.coco import own_instances
from keypoints.instance import Instance
from keypoints.outcome import Labeled
from keypoints.review import SuspiciousImage
from keypoints.skeleton import Skeleton

MOST = 24
"""Images: six rows of four on a desk, and some hundred kilobytes of the page."""
MOST_INSTANCES = 60
"""Drawn of one image and of each worker; a crowd is no clearer for more."""
MOST_REASONS = 6
LONGEST_TEXT = 300
"""Characters of a name or a reason."""

Place = tuple[int, float, float, int]
"""Number of the keypoint in the skeleton, x, y in pixels, visibility."""
_LENGTH = struct.Struct("<I")


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


class Drawings:
    """Takes a job's images in the order of their lines, and gives those that a ranking names."""

    def __init__(self, skeleton: Skeleton, scratch: BinaryIO) -> None:
        self._index = {name: i for i, name in enumerate(skeleton.keypoint_names)}
        self._scratch = scratch
        self._lines, self._offsets = array("q"), array("q")
        # Not MessagePack: a label may hold integers of any length, and that refuses them.
        self._encoder, self._decoder = msgspec.json.Encoder(), msgspec.json.Decoder(Drawing)

    def add(self, labeled: Labeled) -> None:
        """Keep what would be drawn of one image."""
        annotation = labeled.annotation
        several = len(annotation.workers) > 1
        packed = self._encoder.encode(
            Drawing(
                name=annotation.image_file_name[:LONGEST_TEXT],
                s3_uri=labeled.source_ref[:1024],
                width=annotation.image_width,
                height=annotation.image_height,
                instances=self._places(labeled.instances),
                own=[drawn for _, own in own_instances(labeled) for drawn in self._places(own)] if several else [],
            )
        )
        self._lines.append(labeled.line)
        self._offsets.append(self._scratch.tell())
        self._scratch.write(_LENGTH.pack(len(packed)))
        self._scratch.write(packed)

    def worst(self, ranked: Iterable[SuspiciousImage]) -> list[WorstImage]:
        """The first images of a ranking, in its order; the ranking is of images that were added."""
        found = []
        for image in islice(ranked, MOST):
            reasons = dict.fromkeys(r.message[:LONGEST_TEXT] for entry in image.instances for r in entry.reasons)
            suspects = [entry.instance for entry in image.instances if entry.instance is not None]
            found.append(
                WorstImage(
                    line=image.line,
                    suspicion=image.suspicion,
                    reasons=list(reasons)[:MOST_REASONS],
                    suspects=sorted(place for place in suspects if place < MOST_INSTANCES),
                    drawing=self._read(image.line),
                )
            )
        return found

    def _places(self, instances: Sequence[Instance]) -> list[list[Place]]:
        return [
            [(self._index[k.label], k.x, k.y, k.visibility) for k in instance.annotations if k.label in self._index]
            for instance in instances[:MOST_INSTANCES]
        ]

    def _read(self, line: int) -> Drawing:
        self._scratch.seek(self._offsets[bisect_left(self._lines, line)])
        (length,) = _LENGTH.unpack(self._scratch.read(_LENGTH.size))
        return self._decoder.decode(self._scratch.read(length))
