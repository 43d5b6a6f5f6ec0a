"""How illustrated people stand and what they wear."""

from __future__ import annotations

from dataclasses import dataclass
from typing import NamedTuple

from truepoint.jobs.scenes.canvas import Color


class Limbs(NamedTuple):
    """Angles in degrees from straight down; outward in a front or back view, forward in a side view, is positive."""

    upper_arm: float
    forearm: float
    thigh: float
    shin: float


@dataclass(frozen=True)
class Pose:
    """The limbs of both sides, and the lean of the trunk in degrees (forward, or to the image's right)."""

    left: Limbs
    right: Limbs
    lean: float = 0.0


FRONT_POSES = {
    "standing": Pose(Limbs(14, 6, 4, 2), Limbs(16, 8, 4, 3)),
    "waving": Pose(Limbs(14, 4, 5, 3), Limbs(98, 168, 5, 3)),
    "hands_on_hips": Pose(Limbs(42, -42, 9, 6), Limbs(42, -42, 9, 6)),
    "star_jump": Pose(Limbs(132, 150, 30, 24), Limbs(128, 156, 28, 22)),
    "arms_out": Pose(Limbs(88, 94, 34, 4), Limbs(92, 86, 24, 28), 3),
    "hand_on_chest": Pose(Limbs(18, -98, 4, 2), Limbs(12, 4, 7, 3)),
    "cheering": Pose(Limbs(150, 172, 6, 3), Limbs(146, 176, 8, 4)),
}
SIDE_POSES = {
    "walking": Pose(Limbs(-28, -8, 24, 8), Limbs(26, 48, -16, -34), 2),
    "running": Pose(Limbs(-58, 34, 62, -18), Limbs(38, 118, -22, -84), 9),
    "carrying": Pose(Limbs(18, 82, 14, 4), Limbs(22, 84, -12, -20), -2),
    "stretching": Pose(Limbs(64, 72, 5, 2), Limbs(60, 66, -2, -3), 48),
}


@dataclass(frozen=True)
class Look:
    """Colours and cut of a person's clothes."""

    skin: Color
    hair: Color
    shirt: Color
    trousers: Color
    shoes: Color = "#343a40"
    long_hair: bool = False
    long_sleeves: bool = False
    shorts: bool = False
