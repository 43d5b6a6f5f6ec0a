"""Illustrated people whose COCO keypoints are known exactly."""

from __future__ import annotations

import math
from dataclasses import dataclass, field
from typing import Literal

from truepoint.jobs.scenes.canvas import Canvas, Color, Point, disc, mix
from truepoint.jobs.scenes.geometry import across, arc, between, reach, widened
from truepoint.jobs.scenes.poses import Look, Pose

Side = Literal["left", "right"]
Facing = Literal["front", "back", "image_left", "image_right"]
SIDES: tuple[Side, Side] = ("left", "right")

# Lengths as shares of the body's height.
UPPER_ARM, FOREARM, THIGH, SHIN, TRUNK = 0.172, 0.150, 0.240, 0.225, 0.290
SHOULDER, HIP = 0.104, 0.068  # half widths, seen from the front
NECK, SOLE = 0.062, 0.042  # shoulder line to chin; ankle to ground
HEAD_X, HEAD_Y = 0.056, 0.072  # half axes of the head


@dataclass
class Person:
    """A person standing with the lowest sole at `ground`, `height` pixels tall when upright."""

    number: int
    ground: Point
    height: float
    facing: Facing
    pose: Pose
    look: Look
    joints: dict[str, Point] = field(default_factory=dict)

    def __post_init__(self) -> None:
        self._place()

    @property
    def far(self) -> Side | None:
        """The side turned away from the viewer: facing the image's left shows a person's own left side."""
        sides: dict[Facing, Side] = {"image_left": "right", "image_right": "left"}
        return sides.get(self.facing)

    def outward(self, side: Side) -> float:
        """+1 where positive angles go to the image's right, else -1."""
        if self.far:
            return 1.0 if self.facing == "image_right" else -1.0
        return 1.0 if (side == "left") == (self.facing == "front") else -1.0

    def _place(self) -> None:
        h = self.height
        lean = math.radians(self.pose.lean) * (self.outward("left") if self.far else 1)
        up = (math.sin(lean), -math.cos(lean))
        shoulders = (up[0] * TRUNK, up[1] * TRUNK)
        chin = (shoulders[0] + up[0] * NECK, shoulders[1] + up[1] * NECK)
        # A person who bends over still looks ahead: the head leans by half.
        tilt = math.radians(self.pose.lean * 0.5) * (self.outward("left") if self.far else 1)
        axis = (math.sin(tilt), -math.cos(tilt))
        head = (chin[0] + axis[0] * HEAD_Y * 0.86, chin[1] + axis[1] * HEAD_Y * 0.86)
        self.tilt = math.degrees(tilt)
        places: dict[str, Point] = {"neck": shoulders, "head": head, "pelvis": (0.0, 0.0)}
        soles = []
        for side in SIDES:
            limbs, out = getattr(self.pose, side), self.outward(side)
            wide = out if not self.far else 0.16 if side == self.far else -0.16
            level = (-up[1], up[0])
            shoulder = (shoulders[0] + level[0] * SHOULDER * wide, shoulders[1] + level[1] * SHOULDER * wide)
            hip = (level[0] * HIP * wide, level[1] * HIP * wide)
            elbow = reach(shoulder, UPPER_ARM, limbs.upper_arm * out)
            knee = reach(hip, THIGH, limbs.thigh * out)
            places |= {
                f"{side}_shoulder": shoulder,
                f"{side}_elbow": elbow,
                f"{side}_wrist": reach(elbow, FOREARM, limbs.forearm * out),
                f"{side}_hip": hip,
                f"{side}_knee": knee,
                f"{side}_ankle": reach(knee, SHIN, limbs.shin * out),
            }
            soles.append(places[f"{side}_ankle"][1] + SOLE)
        places |= self._face(head)
        low = max(soles)
        self.joints = {k: (self.ground[0] + x * h, self.ground[1] + (y - low) * h) for k, (x, y) in places.items()}

    def _face(self, head: Point) -> dict[str, Point]:
        """Nose, eyes and ears about the centre of the head, in shares of the height."""
        out = self.outward("left")
        if self.far:
            near: Side = "left" if self.far == "right" else "right"
            spots = {
                "nose": (0.061, 0.012),
                f"{near}_eye": (HEAD_X * 0.58, -0.010),
                f"{self.far}_eye": (HEAD_X * 0.80, -0.010),
                f"{near}_ear": (-HEAD_X * 0.22, 0.002),
                f"{self.far}_ear": (-HEAD_X * 0.12, 0.002),
            }
        else:
            spots = {"nose": (0.0, 0.012)}
            for side, sign in (("left", 1), ("right", -1)):
                spots |= {f"{side}_eye": (0.021 * sign, -0.010), f"{side}_ear": (HEAD_X * 1.10 * sign, 0.004)}
        c, s = math.cos(math.radians(self.tilt)), math.sin(math.radians(self.tilt))
        return {k: (head[0] + x * out * c - y * s, head[1] + x * out * s + y * c) for k, (x, y) in spots.items()}

    def draw(self, canvas: Canvas) -> None:
        """Draw the person from back to front."""
        j, h = self.joints, self.height
        canvas.shadow((j["pelvis"][0], self.ground[1] - 0.004 * h), 0.16 * h, 0.022 * h)
        order: list[Side] = [self.far, "left" if self.far == "right" else "right"] if self.far else ["left", "right"]
        if self.look.long_hair and self.facing != "back":
            self._long_hair(canvas)
        if self.far:
            self._arm(canvas, order[0])
            self._leg(canvas, order[0])
            self._leg(canvas, order[1])
        else:
            for side in order:
                self._leg(canvas, side)
            if self.facing == "back":
                for side in order:
                    if getattr(self.pose, side).forearm < 0:
                        self._arm(canvas, side)
        self._trunk(canvas)
        self._head(canvas)
        for side in order:
            drawn = side == self.far or (self.facing == "back" and getattr(self.pose, side).forearm < 0)
            if not drawn:
                self._arm(canvas, side)

    def _part(self, name: str) -> tuple[int, str]:
        return self.number, name

    def _tone(self, color: Color, side: Side) -> Color:
        return mix(color, "#1b2430", 0.22) if side == self.far else color

    def _arm(self, canvas: Canvas, side: Side) -> None:
        j, h, look, part = self.joints, self.height, self.look, self._part(f"{side}_arm")
        shoulder, elbow, wrist = (j[f"{side}_{k}"] for k in ("shoulder", "elbow", "wrist"))
        skin, shirt = self._tone(look.skin, side), self._tone(mix(look.shirt, "#1b2430", 0.07), side)
        dx, dy = (wrist[0] - elbow[0]) / (FOREARM * h), (wrist[1] - elbow[1]) / (FOREARM * h)
        palm = (wrist[0] + dx * 0.032 * h, wrist[1] + dy * 0.032 * h)
        canvas.limb((shoulder, elbow, wrist), (0.030 * h, 0.025 * h, 0.018 * h), skin, part)
        canvas.polygon(disc(palm, 0.034 * h, 0.021 * h, math.degrees(math.atan2(dy, dx))), skin, part)
        thumb = (wrist[0] + dx * 0.022 * h - dy * 0.020 * h * self.outward(side), wrist[1] + dy * 0.022 * h)
        canvas.line((wrist, thumb), 0.014 * h, skin, part)
        if look.long_sleeves:
            canvas.limb((shoulder, elbow, between(elbow, wrist, 0.88)), (0.036 * h, 0.030 * h, 0.025 * h), shirt, part)
        else:
            canvas.limb((shoulder, between(shoulder, elbow, 0.62)), (0.037 * h, 0.035 * h), shirt, part)
        fold = mix(shirt if look.long_sleeves else skin, "#1b2430", 0.25)
        canvas.line(across(shoulder, elbow, wrist, 0.014 * h), 0.005 * h, fold, part)
        canvas.line(across(elbow, wrist, palm, 0.012 * h), 0.004 * h, mix(skin, "#1b2430", 0.25), part)

    def _leg(self, canvas: Canvas, side: Side) -> None:
        j, h, look, part = self.joints, self.height, self.look, self._part(f"{side}_leg")
        hip, knee, ankle = (j[f"{side}_{k}"] for k in ("hip", "knee", "ankle"))
        skin, cloth = self._tone(look.skin, side), self._tone(look.trousers, side)
        shoes = self._tone(look.shoes, side)
        along = math.atan2(ankle[1] - knee[1], ankle[0] - knee[0]) - math.pi / 2
        toe_x = 0.075 * self.outward(side) if self.far else 0.018 * self.outward(side)
        heel_x = -0.018 * self.outward(side) if self.far else -0.006 * self.outward(side)
        sole_y = 0.028 if self.far else 0.026

        def at(x: float, y: float) -> Point:
            c, s = math.cos(along), math.sin(along)
            return ankle[0] + (x * c - y * s) * h, ankle[1] + (x * s + y * c) * h

        canvas.limb((hip, knee, ankle), (0.050 * h, 0.037 * h, 0.022 * h), skin, part)
        canvas.limb((at(heel_x, sole_y), at(toe_x, sole_y + 0.003)), (0.020 * h, 0.015 * h), shoes, part)
        canvas.limb((at(0, 0.012), at(heel_x, sole_y)), (0.020 * h, 0.020 * h), shoes, part)
        if look.shorts:
            canvas.limb((hip, between(hip, knee, 0.72)), (0.056 * h, 0.050 * h), cloth, part)
            canvas.line((at(-0.017, -0.010), at(0.017, -0.010)), 0.020 * h, "#f1f3f5", part)
        else:
            canvas.limb((hip, knee, between(knee, ankle, 0.93)), (0.056 * h, 0.041 * h, 0.031 * h), cloth, part)
        fold = mix(skin if look.shorts else cloth, "#1b2430", 0.28)
        canvas.line(across(hip, knee, ankle, 0.022 * h), 0.005 * h, fold, part)

    def _trunk(self, canvas: Canvas) -> None:
        j, h, look, part = self.joints, self.height, self.look, self._part("trunk")
        neck, pelvis = j["neck"], j["pelvis"]
        canvas.limb((neck, j["head"]), (0.029 * h, 0.027 * h), mix(look.skin, "#1b2430", 0.12), part)
        if self.far:
            canvas.limb((between(neck, pelvis, 0.85), pelvis), (0.062 * h, 0.062 * h), look.trousers, part)
            canvas.limb(
                (
                    between(neck, pelvis, 0.10),
                    between(neck, pelvis, 0.36),
                    between(neck, pelvis, 0.68),
                    between(neck, pelvis, 0.86),
                ),
                (0.046 * h, 0.068 * h, 0.060 * h, 0.064 * h),
                look.shirt,
                part,
            )
            return
        left, right, lhip, rhip = (j[k] for k in ("left_shoulder", "right_shoulder", "left_hip", "right_hip"))
        canvas.limb((lhip, rhip), (0.056 * h, 0.056 * h), look.trousers, part)
        waist = [between(s, p, 0.62) for s, p in ((left, lhip), (right, rhip))]
        hem = [between(s, p, 0.93) for s, p in ((left, lhip), (right, rhip))]
        for end, narrow in zip((left, right), waist, strict=True):
            canvas.limb((end, narrow), (0.036 * h, 0.030 * h), look.shirt, part)
        low = widened(hem, 0.050 / HIP)
        middle = widened(waist, 0.029 / HIP)
        canvas.polygon((left, middle[0], low[0], low[1], middle[1], right), look.shirt, part)
        canvas.line(low, 0.008 * h, mix(look.shirt, "#1b2430", 0.2), part)
        collar = (neck[0], neck[1] - 0.022 * h)
        canvas.limb((left, collar, right), (0.036 * h, 0.030 * h, 0.036 * h), look.shirt, part)
        if self.facing == "front":
            canvas.polygon(disc((neck[0], neck[1] - 0.042 * h), 0.034 * h, 0.028 * h), look.skin, part)
            fly = (pelvis[0], pelvis[1] + 0.045 * h)
            canvas.line((pelvis, fly), 0.004 * h, mix(look.trousers, "#1b2430", 0.3), part)

    def _long_hair(self, canvas: Canvas) -> None:
        head, h = self.joints["head"], self.height
        back = -0.030 * h * self.outward("left") if self.far else 0.0
        low = (head[0] + back, head[1] + 0.075 * h)
        canvas.limb((head, low), (0.064 * h, 0.050 * h), mix(self.look.hair, "#000000", 0.15), self._part("hair"))

    def _head(self, canvas: Canvas) -> None:
        j, h, look, part = self.joints, self.height, self.look, self._part("head")
        head, out, turn = j["head"], self.outward("left"), self.tilt
        ink = "#2b2118"

        def at(x: float, y: float) -> Point:
            """A place about the head's centre: x towards the left side, or forward; both in shares of the height."""
            c, s = math.cos(math.radians(turn)), math.sin(math.radians(turn))
            return head[0] + (x * out * c - y * s) * h, head[1] + (x * out * s + y * c) * h

        def ear(side: Side) -> None:
            canvas.polygon(disc(j[f"{side}_ear"], 0.013 * h, 0.020 * h, turn), look.skin, self._part(f"{side}_ear"))
            inner = mix(look.skin, "#8a3b12", 0.35)
            canvas.polygon(disc(j[f"{side}_ear"], 0.006 * h, 0.011 * h, turn), inner, self._part(f"{side}_ear"))

        def eye(side: Side, width: float) -> None:
            center, name = j[f"{side}_eye"], self._part(f"{side}_eye")
            canvas.polygon(disc(center, width * h, 0.0088 * h, turn), "#ffffff", name)
            canvas.polygon(disc(center, 0.0056 * h, 0.0070 * h, turn), ink, name)

        if not self.far and not look.long_hair:
            for side in SIDES:
                ear(side)
        canvas.polygon(disc(head, HEAD_X * h, HEAD_Y * h, turn), look.skin, part)
        if self.facing == "back":
            canvas.polygon(disc(at(0, -0.008), HEAD_X * 1.01 * h, HEAD_Y * 0.97 * h, turn), look.hair, part)
            if look.long_hair:
                canvas.limb((at(0, 0.0), at(0, 0.085)), (0.058 * h, 0.048 * h), look.hair, part)
            return
        cap = [at(HEAD_X * 1.08 * math.cos(t), -HEAD_Y * 1.10 * math.sin(t)) for t in arc(12, 168)]
        if self.far:
            cap = [at(HEAD_X * 1.08 * math.cos(t), -HEAD_Y * 1.10 * math.sin(t)) for t in arc(38, 205)]
            canvas.polygon([*cap, at(-0.030, 0.018), at(-0.012, -0.022), at(0.018, -0.034)], look.hair, part)
            nose = self._part("nose")
            canvas.polygon((at(0.046, -0.016), at(0.070, 0.013), at(0.060, 0.022), at(0.044, 0.022)), look.skin, nose)
            near: Side = "left" if self.far == "right" else "right"
            eye(near, 0.0085)
            if not look.long_hair:
                ear(near)
            canvas.line((at(0.022, -0.028), at(0.043, -0.026)), 0.005 * h, look.hair, part)
            canvas.line((at(0.030, 0.038), at(0.047, 0.036)), 0.005 * h, "#a33b3b", part)
            return
        canvas.polygon([*cap, at(-0.036, -0.034), at(-0.006, -0.046), at(0.036, -0.036)], look.hair, part)
        for side in SIDES:
            eye(side, 0.0115)
            sign = 1 if side == "left" else -1
            canvas.line((at(sign * 0.011, -0.027), at(sign * 0.031, -0.026)), 0.005 * h, look.hair, part)
        nose_color = mix(look.skin, "#8a3b12", 0.30)
        canvas.limb((at(0, -0.004), j["nose"]), (0.003 * h, 0.0085 * h), nose_color, self._part("nose"))
        smile = [at(0.020 * math.cos(t), 0.030 + 0.010 * math.sin(t)) for t in arc(15, 165)]
        canvas.line(smile, 0.005 * h, "#a33b3b", part)

    def keypoints(self, canvas: Canvas) -> list[tuple[str, Point, int]]:
        """Name, place and visibility of all keypoints inside the image, once everything has been drawn."""
        found = []
        for name, parts in _VISIBLE_ON.items():
            place = self.joints[name]
            side = name.partition("_")[0]
            # In a side view the trunk at a far shoulder or hip is what hides it.
            shown = {(self.number, p) for p in parts if not (p == "trunk" and side == self.far)}
            if canvas.contains(place):
                found.append((name, place, 2 if canvas.on_top(place) in shown else 1))
        return found


_VISIBLE_ON: dict[str, tuple[str, ...]] = {"nose": ("nose",)}
for _kind, _own in (
    ("eye", ("{}_eye",)),
    ("ear", ("{}_ear",)),
    ("shoulder", ("{}_arm", "trunk")),
    ("elbow", ("{}_arm",)),
    ("wrist", ("{}_arm",)),
    ("hip", ("{}_leg", "trunk")),
    ("knee", ("{}_leg",)),
    ("ankle", ("{}_leg",)),
):
    for _side in SIDES:
        _VISIBLE_ON[f"{_side}_{_kind}"] = tuple(part.format(_side) for part in _own)
