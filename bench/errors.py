#!/usr/bin/env python3
"""How well wrong labels are found: errors injected into labels of people seen from all sides and at several sizes.

Each job of the bench is labelled by honest workers; one instance in twenty gets an error of some kind, and the norms
are measured on that, errors included. Then each kind is judged by itself: AUROC of the suspicion of instances with
such an error against that of all honest instances, and precision at k with k errors among 19 k honest ones. Curves are
calibrated (--calibrate) on seeds of their own; the seeds of the report are never calibrated on.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable
from pathlib import Path

import numpy as np
from injected import ERRORS, Labels
from people import NAMES, SIGMAS, Person, Vector, labelled, person

from truepoint.errors.norms import Norms, measure
from truepoint.errors.signals import Signal, SignalReader
from truepoint.errors.suspicion import probability, suspicion
from truepoint.pose.anatomy import Anatomy
from truepoint.pose.instance import Instance, Keypoint
from truepoint.pose.skeleton import parse_skeleton

SKELETON = Path(__file__).parents[1] / "skeletons" / "coco-person.json"
REPORT_SEEDS = (11, 12, 13)
CALIBRATION_SEEDS = (901, 902, 903)
PEOPLE = 1500
"""A job."""
SHARE_WRONG = 0.05
SHARES = {
    "pair swap": 0.010,
    "limb swap": 0.010,
    "whole flip, face visible": 0.005,
    "whole flip, no face": 0.005,
    "gross miss": 0.008,
    "wrong keypoint": 0.004,
    "missing": 0.002,
    "duplicate": 0.004,
}
"""Of all instances: how often a kind is expected, which is what probabilities are calibrated to. Chosen: sides are what
labelers confuse most; a keypoint left out is most often one that could not be seen."""
AIMS = {"pair swap": 0.95, "whole flip, face visible": 0.80, "gross miss": 0.90}
LOOKED_FOR = {
    "swapped_sides": ("pair swap", "limb swap"),
    "flipped_body": ("whole flip, face visible", "whole flip, no face"),
    "long_limb": ("gross miss", "wrong keypoint"),
    "misplaced_keypoint": ("gross miss", "wrong keypoint"),
    "missing_keypoint": ("missing",),
    "duplicate_instance": ("duplicate",),
}
"""The errors that each curve's check is there for."""
Scene = list[Instance]


def instance(labels: Labels) -> Instance:
    """As a page submits it."""
    places, visibility = labels
    return Instance(
        annotations=tuple(
            Keypoint(name, float(x), float(y), int(v))
            for name, (x, y), v in zip(NAMES, places, visibility, strict=True)
            if v
        )
    )


class Job:
    """Honest labels, the same people with an error of each kind, and the norms of a mixture of both."""

    def __init__(self, seed: int, anatomy: Anatomy, people: list[Person] | None = None) -> None:
        rng = np.random.default_rng(seed)
        self.people = people or [person(rng) for _ in range(PEOPLE)]
        places = [labelled(rng, p) for p in self.people]
        self.honest: list[Scene] = [[instance((at, p.visibility))] for p, at in zip(self.people, places, strict=True)]
        self.wrong: dict[str, dict[int, Scene]] = {kind: {} for kind in (*ERRORS, "duplicate")}
        for i, (p, at) in enumerate(zip(self.people, places, strict=True)):
            if p.visibility.any():
                for kind, inject in ERRORS.items():
                    if (labels := inject(rng, p, at, SIGMAS)) is not None:
                        self.wrong[kind][i] = [instance(labels)]
                again: Vector = labelled(rng, p)
                self.wrong["duplicate"][i] = [*self.honest[i], instance((again, p.visibility))]
        self.crowds = [
            [a, instance((_beside(rng, p, q), q.visibility))]
            for ([a], p, q) in zip(self.honest, self.people, self.people[1:], strict=False)
        ]
        mixed = [
            self.wrong[kind].get(i, honest)[-1] if rng.random() < SHARE_WRONG else honest[0]
            for i, honest in enumerate(self.honest)
            for kind in [str(rng.choice(list(self.wrong)))]
        ]
        self.norms: Norms = measure(anatomy, mixed)
        self.reader = SignalReader(anatomy, self.norms)
        self.rng = rng

    def read(self, scene: Scene) -> list[Signal]:
        """The signals of the scene's last instance."""
        alike = self.reader.between(scene).get(len(scene) - 1)
        return self.reader.signals(scene[-1]) + ([alike] if alike else [])


def _beside(rng: np.random.Generator, subject: Person, other: Person) -> Vector:
    """The other person at the size of the subject and half behind it: two people, not one of them twice."""
    centre = subject.places.mean(axis=0) + rng.normal(0, 0.5 * subject.s, 2)
    return (other.places - other.places.mean(axis=0)) * subject.s / other.s + centre


def score(signals: list[Signal]) -> float:
    """The suspicion that these signals add up to."""
    return suspicion(map(probability, signals))


OWN = {kind: check for check, kinds in LOOKED_FOR.items() for kind in kinds} | {"gross miss": "misplaced_keypoint"}
"""The check that finds a kind best."""
NOTHING = -100.0
"""Stands for no signal of a check: below every strength."""


def strength(signals: list[Signal], check: str) -> float:
    """Of one check's signal."""
    return next((s.strength for s in signals if s.check == check), NOTHING)


def auroc(bad: Vector, good: Vector) -> float:
    """The chance that an instance with an error is more suspicious than an honest one; ties count half."""
    ordered = np.sort(good)
    below, upto = np.searchsorted(ordered, bad, "left"), np.searchsorted(ordered, bad, "right")
    return float((below + upto).mean() / 2 / len(good))


def precision_at_k(rng: np.random.Generator, bad: Vector, good: Vector) -> float:
    """Of k instances most suspected, the share with an error, if k of 20 k have one."""
    k = len(good) // 19
    found = []
    for _ in range(50):
        drawn = rng.choice(bad, k)
        mixed = np.concatenate([drawn, good]) + rng.uniform(0, 1e-12, k + len(good))  # ties at random
        found.append((np.argsort(-mixed)[:k] < k).mean())
    return float(np.mean(found))


def calibrate(anatomy: Anatomy) -> None:
    """Print curves: logistic regression of 'has an error the check is for' on its strength, with the intercept moved
    to the kinds' `SHARES`."""
    jobs = [Job(seed, anatomy) for seed in CALIBRATION_SEEDS]
    good = [job.read(scene) for job in jobs for scene in job.honest]
    for check, kinds in LOOKED_FOR.items():
        bad = [job.read(s) for job in jobs for kind in kinds for s in job.wrong[kind].values()]
        x_bad, x_good = (np.array([s.strength for f in found for s in f if s.check == check]) for found in (bad, good))
        if check == "duplicate_instance":  # honest instances by themselves have no neighbour at all
            x_good = np.array([s.strength for j in jobs for c in j.crowds for s in j.read(c) if s.check == check])
        share = sum(SHARES[kind] for kind in kinds)
        weights = np.concatenate(
            [np.full(len(x_bad), share / len(x_bad)), np.full(len(x_good), (1 - share) / len(x_good))]
        )
        b = fit(np.concatenate([x_bad, x_good]), np.repeat([1.0, 0.0], [len(x_bad), len(x_good)]), weights)
        print(f'    "{check}": Curve({b[0]:.2f}, {b[1]:.2f}),')


def fit(x: Vector, y: Vector, weights: Vector) -> Vector:
    """Weighted logistic regression by Newton's method: intercept and slope."""
    design = np.stack([np.ones_like(x), x], axis=1)
    b = np.zeros(2)
    for _ in range(60):
        p = 1 / (1 + np.exp(-np.clip(design @ b, -60, 60)))
        gradient = design.T @ (weights * (y - p))
        hessian = (design * (weights * p * (1 - p))[:, None]).T @ design + 1e-9 * np.eye(2)
        b += np.clip(np.linalg.solve(hessian, gradient), -2, 2)
    return b


def report(jobs: list[Job]) -> None:
    """Print the table."""
    start = time.perf_counter()
    honest = [[job.read(scene) for scene in job.honest] for job in jobs]
    spent = (time.perf_counter() - start) / sum(map(len, honest))
    print(f"{'':26}{'':6}{'own check':>11}{'ranked list':>15}{'':6}   ranked list, AUROC by view and size")
    print(
        f"{'error':26}{'n':>6}{'AUROC':>11}{'AUROC':>8}{'P@k':>7}{'aim':>6}   {'front':>6}{'side':>6}{'back':>6}"
        f"  {'<100px':>7}{'>300px':>7}"
    )
    for kind in jobs[0].wrong:
        rows = [_Row(job, kind, found) for job, found in zip(jobs, honest, strict=True)]
        own, ranked, at_k = (np.mean([getattr(row, name)() for row in rows]) for name in ("own", "ranked", "at_k"))
        aim = f"{AIMS[kind]:.2f}" if kind in AIMS else ""
        parts = [_part(rows, lambda p, view=view: p.view == view) for view in ("front", "side", "back")]
        parts += ["  ", _part(rows, lambda p: _extent(p) < 100), " ", _part(rows, lambda p: _extent(p) > 300)]
        n = sum(len(row.bad) for row in rows)
        print(f"{kind:26}{n:6}{own:11.3f}{ranked:8.3f}{at_k:7.2f}{aim:>6}   {''.join(parts)}")
    print(f"\n{1e6 * spent:.0f} microseconds an instance; {len(jobs)} jobs of {len(jobs[0].people)} people")


class _Row:
    """One kind of error in one job: signals of instances with it and of honest ones, and whose they are."""

    def __init__(self, job: Job, kind: str, honest: list[list[Signal]]) -> None:
        self.rng = job.rng
        self.check = OWN.get(kind)
        self.bad = [job.read(scene) for scene in job.wrong[kind].values()]
        self.of_bad = [job.people[i] for i in job.wrong[kind]]
        self.good, self.of_good = honest, job.people
        if kind == "duplicate":  # against people of whom one half hides another
            self.good, self.of_good = [job.read(scene) for scene in job.crowds], job.people[1:]
        self.scores = [np.array([score(signals) for signals in found]) for found in (self.bad, self.good)]

    def own(self) -> float:
        """AUROC of the one check that is there for it."""
        if self.check is None:
            return float("nan")
        return auroc(*(np.array([strength(signals, self.check) for signals in f]) for f in (self.bad, self.good)))

    def ranked(self) -> float:
        """AUROC of the suspicion."""
        return auroc(*self.scores)

    def at_k(self) -> float:
        """Precision at k."""
        return precision_at_k(self.rng, *self.scores)


def _part(rows: list[_Row], wanted: Callable[[Person], bool]) -> str:
    """AUROC of the suspicion among wanted people."""
    found = []
    for row in rows:
        bad, good = (
            scores[[wanted(p) for p in people]]
            for scores, people in zip(row.scores, (row.of_bad, row.of_good), strict=True)
        )
        if len(bad) and len(good):
            found.append(auroc(bad, good))
    return f"{np.mean(found):6.2f}" if found else f"{'-':>6}"


def _extent(subject: Person) -> float:
    return float(np.ptp(subject.places, axis=0).max())


def coco_people(path: Path) -> list[Person]:
    """The people of a COCO keypoints file with at least five keypoints, taken for true."""
    found = []
    for entry in json.loads(path.read_text())["annotations"]:
        k = np.array(entry.get("keypoints", []), dtype=float).reshape(-1, 3)
        if len(k) == len(NAMES) and (k[:, 2] > 0).sum() >= 5 and not entry.get("iscrowd"):
            found.append(Person(k[:, :2], k[:, 2].astype(int), float(np.sqrt(max(entry["area"], 1))), "coco", "coco"))
    return found


def main() -> int:
    """Run the bench."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calibrate", action="store_true", help="print curves for errors/suspicion.py instead")
    parser.add_argument("--coco", type=Path, metavar="FILE", help="people of a COCO keypoints file instead")
    options = parser.parse_args()
    anatomy = Anatomy(parse_skeleton(SKELETON.read_bytes()))
    if options.calibrate:
        calibrate(anatomy)
        return 0
    people = coco_people(options.coco) if options.coco else None
    report([Job(seed, anatomy, people) for seed in REPORT_SEEDS])
    return 0


if __name__ == "__main__":
    sys.exit(main())
