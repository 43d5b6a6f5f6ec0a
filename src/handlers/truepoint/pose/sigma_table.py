"""The sigma table of a skeleton: sigmas with their sources, and left/right pairs, for comparing instances.

A keypoint's sigma is the first available of: the skeleton's own, the one measured from this job's redundant labels,
the published one for a keypoint of that name, a default. `sources` says which one was used. The skeleton's own sigma
takes precedence over the measured one, because careless workers scatter more, and a sigma measured from them would hide
it. measures.sigma reports the measured sigmas beside the ones in use.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Literal

import msgspec

from truepoint.pose.skeleton import DEFAULT_SIGMA, Skeleton

SigmaSource = Literal["skeleton", "measured", "preset", "default"]

_BOTH_SIDES = {
    "eye": 0.025, "ear": 0.035, "shoulder": 0.079, "elbow": 0.072, "wrist": 0.062, "hip": 0.107, "knee": 0.087,
    "ankle": 0.089,  # COCO, cocodataset.org/#keypoints-eval
    "big_toe": 0.068, "small_toe": 0.066, "heel": 0.066,  # COCO-WholeBody
    "front_paw": 0.062, "back_paw": 0.089,  # AP-10K
}  # fmt: skip
PRESETS: dict[str, float] = {
    "nose": 0.026,  # COCO
    "top_head": 0.079, "neck": 0.079,  # CrowdPose
    "root_of_tail": 0.035,  # AP-10K
} | {f"{side}_{name}": sigma for name, sigma in _BOTH_SIDES.items() for side in ("left", "right")}  # fmt: skip
"""Published sigmas by name, as MMPose's dataset configurations give them."""


class SigmaTable(msgspec.Struct, frozen=True, kw_only=True):
    """Sigmas and their sources by keypoint name, and left/right pairs in both directions.

    `lone_area` is used as the area, in square pixels, of an instance that consists of one keypoint without a box. It is
    the median area of the job's instances, or None before it was computed.
    """

    sigmas: dict[str, float] = {}
    sources: dict[str, SigmaSource] = {}
    pairs: dict[str, str] = {}
    lone_area: float | None = None

    def sigma(self, label: str) -> float:
        """Return a keypoint's sigma as COCO defines it, also for a keypoint that the skeleton lacks."""
        return self.sigmas.get(label) or preset(label) or DEFAULT_SIGMA


def preset(label: str) -> float | None:
    """Return the published sigma for a keypoint name, None if there is none.

    Case is ignored; hyphens and spaces count as underscores.
    """
    return PRESETS.get(label.lower().replace("-", "_").replace(" ", "_"))


def sigma_table(
    skeleton: Skeleton | None, measured: Mapping[str, float] | None = None, lone_area: float | None = None
) -> SigmaTable:
    """Return the sigma table of a skeleton.

    Without a skeleton the table is empty, and `SigmaTable.sigma` falls back to published sigmas by name.

    Args:
        skeleton: the job's skeleton.
        measured: sigmas measured from the job's labels, by keypoint name.
        lone_area: median area of the job's instances, in square pixels.
    """
    sigmas: dict[str, float] = {}
    sources: dict[str, SigmaSource] = {}
    for keypoint in skeleton.keypoints if skeleton else ():
        name = keypoint.name
        for value, source in _candidates(keypoint.sigma, (measured or {}).get(name), name):
            if value:
                sigmas[name], sources[name] = value, source
                break
    pairs = {k.name: k.pair for k in skeleton.keypoints if k.pair} if skeleton else {}
    return SigmaTable(sigmas=sigmas, sources=sources, pairs=pairs, lone_area=lone_area)


def _candidates(own: float | None, measured: float | None, name: str) -> tuple[tuple[float | None, SigmaSource], ...]:
    return (own, "skeleton"), (measured, "measured"), (preset(name), "preset"), (DEFAULT_SIGMA, "default")
