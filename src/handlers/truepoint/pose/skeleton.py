"""A skeleton: keypoint names in order, edges, left/right pairs, sigmas, template pose."""

from __future__ import annotations

from typing import Annotated, Any

import msgspec

from truepoint.json_text import JsonError, decode
from truepoint.pose.instance import MOST_KEYPOINTS
from truepoint.pose.names import name_key

Name = Annotated[str, msgspec.Meta(min_length=1, max_length=128)]
Number = Annotated[float, msgspec.Meta(ge=-1e6, le=1e6)]
LanguageTag = Annotated[str, msgspec.Meta(pattern="^[a-z]{2,8}(-[a-z0-9]{1,8})*$")]
MOST_EDGES = 5000
"""Maximum number of edges of a skeleton. A triangle mesh of 1,000 keypoints has at most 2,994. The time to build
`Anatomy` is proportional to keypoints times edges."""
Length = Annotated[float, msgspec.Meta(gt=0, le=1e6)]
LEAST_SIGMA = 1e-6
"""Minimum sigma, relative to the subject's size. No keypoint can be placed as precisely, and OKS divides by the square
of sigma."""
Sigma = Annotated[float, msgspec.Meta(ge=LEAST_SIGMA, le=1)]
Edge = Annotated[tuple[Name, ...], msgspec.Meta(min_length=2, max_length=3)]

DEFAULT_SIGMA = 0.07
"""Sigma of a keypoint for which none is given: a value between COCO's wrist (.062) and elbow (.072)."""


class SkeletonError(ValueError):
    """A skeleton definition that is malformed or contradicts itself."""


class SkeletonKeypoint(msgspec.Struct, frozen=True, omit_defaults=True):
    """A keypoint of the skeleton; `template` is its position (x, y) in the template pose, in any unit.

    `display_names` are the names that workers see instead of `name`, by language (BCP 47 tag in lower case). They are
    never stored with labels.
    """

    name: Name
    pair: Name | None = None
    sigma: Sigma | None = None
    color: str | None = None
    template: tuple[Number, Number] | None = None
    display_names: dict[LanguageTag, Name] | None = None


class Skeleton(msgspec.Struct, frozen=True, omit_defaults=True):
    """A skeleton definition file. Edges are (name, name) or (name, name, colour).

    `template_size` is the width and height of the picture over which the template was drawn, in the template's unit.
    """

    name: Name
    keypoints: Annotated[tuple[SkeletonKeypoint, ...], msgspec.Meta(min_length=1, max_length=MOST_KEYPOINTS)]
    edges: Annotated[tuple[Edge, ...], msgspec.Meta(max_length=MOST_EDGES)] = ()
    supercategory: str = ""
    version: str = "1.0"
    template_size: tuple[Length, Length] | None = None

    @property
    def keypoint_names(self) -> tuple[str, ...]:
        """Names in COCO array order."""
        return tuple(k.name for k in self.keypoints)

    @property
    def keypoint_index(self) -> dict[str, int]:
        """Each keypoint's index in `keypoints`, by name."""
        return {k.name: i for i, k in enumerate(self.keypoints)}

    @property
    def sigmas(self) -> tuple[float, ...]:
        """The sigma of each keypoint, in order; `DEFAULT_SIGMA` where the file gives none."""
        return tuple(k.sigma or DEFAULT_SIGMA for k in self.keypoints)

    @property
    def flip_indices(self) -> tuple[int, ...]:
        """For each keypoint the index of its left/right counterpart, or its own index on the midline."""
        index = self.keypoint_index
        return tuple(index[k.pair] if k.pair else i for i, k in enumerate(self.keypoints))

    def element_attributes(self) -> dict[str, str]:
        """Return the labelling element's attributes as JSON text: keypointClasses, skeletonRig, skeletonBoundingBox.

        `pair`, `sigma` and `display_names` are further keys of each class. The original component ignores unknown
        keys.
        """
        classes: list[dict[str, Any]] = []
        for k in self.keypoints:
            x, y = k.template or (0, 0)
            entry: dict[str, Any] = {"id": k.name, "label": k.name, "x": x, "y": y}
            entry |= {key: value for key in ("color", "pair", "sigma", "display_names") if (value := getattr(k, key))}
            classes.append(entry)
        attributes = {"keypointClasses": _text(classes), "skeletonRig": _text(self.edges)}
        points = [k.template for k in self.keypoints if k.template]
        if points:
            xs, ys = zip(*points, strict=True)
            box = {"left": min(xs), "top": min(ys), "right": max(xs), "bottom": max(ys)}
            attributes["skeletonBoundingBox"] = _text(box)
        return attributes


def _text(value: object) -> str:
    return msgspec.json.encode(value).decode()


def parse_skeleton(text: bytes | str, *, stored: bool = False) -> Skeleton:
    """Read a skeleton definition.

    Args:
        text: JSON text of the definition.
        stored: whether the skeleton belongs to an existing job. Its names may look alike, as earlier versions allowed.

    Raises:
        SkeletonError: the JSON or its shape is malformed, a name is given twice, names differ only in case or invisible
            characters, an edge or a pair names an unknown keypoint, or a pair is not mutual.
    """
    try:
        skeleton: Skeleton = decode(text, Skeleton)
    except JsonError as error:
        raise SkeletonError(f"expected a skeleton definition, got something else: {error}") from error
    pairs: dict[str, str | None] = {}
    for keypoint in skeleton.keypoints:
        if keypoint.name in pairs:
            raise SkeletonError(f"expected keypoint names that differ, got {keypoint.name!r} twice")
        pairs[keypoint.name] = keypoint.pair
    if not stored:
        _check_names(skeleton.keypoint_names)
    for name, pair in pairs.items():
        if pair is None:
            continue
        if pair == name or pairs.get(pair) != name:
            actual = f"that of {pair!r} is {pairs[pair]!r}" if pair in pairs else f"there is no {pair!r}"
            raise SkeletonError(f"expected mutual pairs, got {pair!r} as the pair of {name!r}, but {actual}")
    for edge in skeleton.edges:
        unknown = [name for name in edge[:2] if name not in pairs]
        if unknown:
            raise SkeletonError(f"expected edges between keypoints of the skeleton, got one with {unknown[0]!r}")
    return skeleton


def _check_names(names: tuple[str, ...]) -> None:
    alike: dict[str, str] = {}
    for name in names:
        key = name_key(name)
        if not key:
            raise SkeletonError(f"expected a name with visible characters, got {name!a}")
        if key in alike:
            raise SkeletonError(
                "expected names that differ in more than case and invisible characters, "
                f"got {alike[key]!a} and {name!a}"
            )
        alike[key] = name
