#!/usr/bin/env python3
"""Measure the detection of labelling errors: errors are injected into labels of people in all views and sizes.

Careful workers label each simulated job. One instance in twenty gets an error, and the norms are measured on these
labels, errors included. Then each type of error is evaluated separately: AUROC of the suspicion of instances with the
error against that of all correct instances, and precision at k with k errors among 19 k correct instances. Curves are
calibrated (--calibrate) on separate seeds, which the report does not use.

A second table compares the same errors with and without predictions of a simulated model (bench/predictor.py). For
jitter it also contains an upper bound: the AUROC of the exact likelihood ratio if the true keypoints are given. The
bound results from the scatter of labels, so no prediction can exceed it.
"""

from __future__ import annotations

import argparse
import json
import sys
import time
from collections.abc import Callable, Iterable, Mapping
from dataclasses import replace
from itertools import islice
from pathlib import Path

import numpy as np
from injected import ERRORS, GOOD, HALF, Labels
from people import NAMES, SIGMAS, Person, Vector, labelled, person, spread
from predictor import MODELS, MOVENET, Model

from truepoint.analysis.predictions import (
    CURVES,
    Matcher,
    PredictedKeypoint,
    Prediction,
    PredictionReader,
    PredictionSurvey,
)
from truepoint.errors.norms import Norms, measure
from truepoint.errors.signals import Signal, SignalReader
from truepoint.errors.suspicion import probability, suspicion
from truepoint.pose.anatomy import Anatomy
from truepoint.pose.instance import Instance, Keypoint
from truepoint.pose.skeleton import parse_skeleton

SKELETON = Path(__file__).parents[1] / "skeletons" / "coco-person.json"
REPORT_SEEDS = (61, 62, 63)
"""Seeds of the jobs in the report. Neither curves nor shares were chosen with them."""
PREDICTED = 600
"""Offset from a job's seed to the seed of its predictions."""
CALIBRATION_SEEDS = (901, 902, 903)
PEOPLE = 1500
"""Number of people in a simulated job."""
SHARE_WRONG = 0.05
"""Share of instances with an error in the labels that the norms are measured on."""
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
"""Assumed shares of the types of errors among all instances, to which probabilities are calibrated. Swapped sides are
assumed to be the most frequent error. A keypoint that is left out is usually one that cannot be seen, so `missing` is
rare."""
AIMS = {"pair swap": 0.95, "whole flip, face visible": 0.80, "gross miss": 0.90}
"""Minimum AUROC to reach, by type of error."""
LOOKED_FOR = {
    "swapped_sides": ("pair swap", "limb swap"),
    "flipped_body": ("whole flip, face visible", "whole flip, no face"),
    "long_limb": ("gross miss", "wrong keypoint"),
    "misplaced_keypoint": ("gross miss", "wrong keypoint"),
    "missing_keypoint": ("missing",),
    "duplicate_instance": ("duplicate",),
}
"""Check to the types of errors that it detects."""
PREDICTION_SHARES = SHARES | {"missing": 0.03, "extra": 0.002}
"""Assumed shares for checks with predictions: `missing` is more frequent, because a keypoint that is predicted and left
out can usually be seen. One in 33 instances is about one in 400 visible keypoints; we know no measurement of it. A
share of 0.015 lowers the AUROC of missing keypoints by 0.02 to 0.03 and raises that of extra ones by as much; all
others change by 0.003 at most."""
PREDICTION_AIMS = {"missing": 0.85, "whole flip, no face": 0.85, "jitter": 0.70}
"""Minimum AUROC to reach with predictions, by type of error."""
LOOKED_FOR_BY_PREDICTION = {
    "prediction_distance": ("gross miss", "wrong keypoint"),
    "prediction_swap": ("pair swap", "limb swap"),
    "prediction_flip": ("whole flip, face visible", "whole flip, no face"),
    "prediction_missing": ("missing",),
    "prediction_extra": ("extra",),
}
"""Check of truepoint.analysis.predictions to the types of errors that it detects."""
Scene = list[Instance]
"""The instances of an image. The last one is evaluated."""


def instance(labels: Labels) -> Instance:
    """Return an instance in the format in which a page submits it."""
    places, visibility = labels
    return Instance(
        annotations=tuple(
            Keypoint(name, float(x), float(y), int(v))
            for name, (x, y), v in zip(NAMES, places, visibility, strict=True)
            if v
        )
    )


class Job:
    """A simulated job: correct labels, the same people with an error of each type, and the norms of a mixture."""

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
        self.anatomy, self.mixed = anatomy, mixed
        self.norms: Norms = measure(anatomy, mixed)
        self.reader = SignalReader(anatomy, self.norms)
        self.rng = rng

    def read(self, scenes: Iterable[Scene]) -> list[list[Signal]]:
        """Return the signals of each scene's last instance."""
        given = list(scenes)
        alike = [self.reader.between(scene).get(len(scene) - 1) for scene in given]
        alone = self.reader.signals([scene[-1] for scene in given])
        return [signals + ([signal] if signal else []) for signals, signal in zip(alone, alike, strict=True)]


class Predicted:
    """A job with the predictions of a model.

    The model's reliability is measured on the mixture of correct and wrong labels.
    """

    def __init__(self, job: Job, model: Model, seed: int) -> None:
        self.job = job
        rng = np.random.default_rng(seed)
        self.predictions = [_predictions(model, rng, subject) for subject in job.people]
        self.behind = [
            _predictions(model, rng, replace(q, places=_beside(rng, p, q), s=p.s))
            for p, q in zip(job.people, job.people[1:], strict=False)
        ]
        # An error that only a prediction reveals: a keypoint that cannot be seen is labelled near its true position.
        self.extra = {
            i: [instance(labels)]
            for i, (subject, [given]) in enumerate(zip(job.people, job.honest, strict=True))
            if (labels := _extra(rng, subject, given)) is not None
        }
        survey, matcher = PredictionSurvey.of(len(NAMES)), Matcher(job.anatomy)
        for label, predictions in zip(job.mixed, self.predictions, strict=True):
            survey.add(matcher, [label], predictions)
        norms = survey.norms()
        if norms is None:
            raise ValueError(f"expected predictions of at least 30 people, got {survey.matched}")
        self.reader = PredictionReader(job.anatomy, job.norms, norms)

    def read(self, scenes: Mapping[int, Scene], *, crowd: bool = False) -> list[list[Signal]]:
        """Return the signals that predictions add for each scene's last instance.

        Args:
            scenes: scenes by the person's index.
            crowd: whether the scenes contain a second person, who also has a prediction.
        """
        alone = iter(self.job.reader.signals([label for scene in scenes.values() for label in scene]))
        last_signals = []
        for i, scene in scenes.items():
            behind = self.behind[i] if crowd else []
            signals = self.reader.signals(scene, [*self.predictions[i], *behind], list(islice(alone, len(scene))))
            last_signals.append(signals[-1])
        return last_signals


def _predictions(model: Model, rng: np.random.Generator, subject: Person) -> list[Prediction]:
    prediction = model.predict(rng, subject)
    if prediction is None:
        return []
    places, scores = prediction
    return [
        Prediction(
            tuple(PredictedKeypoint(float(x), float(y), float(s)) for (x, y), s in zip(places, scores, strict=True))
        )
    ]


def _extra(rng: np.random.Generator, subject: Person, given: Instance) -> Labels | None:
    """Return labels with one more keypoint, which cannot be seen, at about two sigmas from its true position."""
    hidden = np.flatnonzero(subject.visibility == 0)
    if not len(hidden) or not given.annotations:
        return None
    at = int(rng.choice(hidden))
    places, v = subject.places.copy(), subject.visibility.copy()
    for k in given.annotations:
        places[NAMES.index(k.label)] = k.x, k.y
    places[at] += rng.normal(0, 2, 2) * SIGMAS[at] * subject.s
    v[at] = 2
    return places, v


def jitter_limit(jobs: list[Job]) -> float:
    """Return the AUROC of jitter by the exact likelihood ratio, given the true position of every keypoint."""
    aurocs = []
    for job in jobs:
        good = np.array([_jitter_ratio(p, scene[0]) for p, scene in zip(job.people, job.honest, strict=True)])
        bad = np.array([_jitter_ratio(job.people[i], scene[0]) for i, scene in job.wrong["jitter"].items()])
        aurocs.append(auroc(bad, good))
    return float(np.mean(aurocs))


def _jitter_ratio(subject: Person, labels: Instance) -> float:
    """Return the mean likelihood ratio of jitter and correct labels over keypoints, by distance from the truth."""
    ratios = []
    for k in labels.annotations:
        at = NAMES.index(k.label)
        d = float(np.hypot(*(np.array([k.x, k.y]) - subject.places[at])))
        sigma, off = SIGMAS[at] * subject.s, float(spread(subject)[at])
        honest = d / off**2 * np.exp(-((d / off) ** 2) / 2)
        ratios.append((GOOD * sigma <= d <= HALF * sigma) / ((HALF - GOOD) * sigma) / max(honest, 1e-300))
    return float(np.mean(ratios)) if ratios else 0.0


def _beside(rng: np.random.Generator, subject: Person, other: Person) -> Vector:
    """Return the other person's keypoints at the subject's size and partly behind it.

    Such a pair of people must not be taken for a duplicate.
    """
    centre = subject.places.mean(axis=0) + rng.normal(0, 0.5 * subject.s, 2)
    return (other.places - other.places.mean(axis=0)) * subject.s / other.s + centre


def score(signals: list[Signal]) -> float:
    """Return the suspicion for a list of signals."""
    return suspicion(CURVES[s.check].probability(s.strength) if s.check in CURVES else probability(s) for s in signals)


OWN = {kind: check for check, kinds in LOOKED_FOR.items() for kind in kinds} | {"gross miss": "misplaced_keypoint"}
"""Type of error to the check for it."""
NOTHING = -100.0
"""Stands for a missing signal: less than every strength."""


def strength(signals: list[Signal], check: str) -> float:
    """Return the strength of a check's signal, or NOTHING."""
    return next((s.strength for s in signals if s.check == check), NOTHING)


def auroc(bad: Vector, good: Vector) -> float:
    """Return the probability that an instance with an error is more suspicious than a correct one; ties count half."""
    ordered = np.sort(good)
    below, upto = np.searchsorted(ordered, bad, "left"), np.searchsorted(ordered, bad, "right")
    return float((below + upto).mean() / 2 / len(good))


def precision_at_k(rng: np.random.Generator, bad: Vector, good: Vector) -> float:
    """Return the share with an error among the k most suspicious instances, if k of 20 k instances have one."""
    k = len(good) // 19
    precisions = []
    for _ in range(50):
        drawn = rng.choice(bad, k)
        mixed = np.concatenate([drawn, good]) + rng.uniform(0, 1e-12, k + len(good))  # ties at random
        precisions.append((np.argsort(-mixed)[:k] < k).mean())
    return float(np.mean(precisions))


def calibrate(anatomy: Anatomy) -> None:
    """Print the curves: logistic regression of "has an error of the check's types" on the signal's strength.

    Instances are weighted so that the types have the shares `SHARES`.
    """
    jobs = [Job(seed, anatomy) for seed in CALIBRATION_SEEDS]
    good = [signals for job in jobs for signals in job.read(job.honest)]
    for check, kinds in LOOKED_FOR.items():
        bad = [signals for job in jobs for kind in kinds for signals in job.read(job.wrong[kind].values())]
        x_bad, x_good = (
            np.array([s.strength for f in signals for s in f if s.check == check]) for signals in (bad, good)
        )
        if check == "duplicate_instance":  # a single correct instance has no neighbour
            x_good = np.array([s.strength for j in jobs for c in j.read(j.crowds) for s in c if s.check == check])
        share = sum(SHARES[kind] for kind in kinds)
        weights = np.concatenate(
            [np.full(len(x_bad), share / len(x_bad)), np.full(len(x_good), (1 - share) / len(x_good))]
        )
        b = fit(np.concatenate([x_bad, x_good]), np.repeat([1.0, 0.0], [len(x_bad), len(x_good)]), weights)
        print(f'    "{check}": Curve({b[0]:.2f}, {b[1]:.2f}),')


def calibrate_predictions(anatomy: Anatomy) -> None:
    """Print the curves of checks with predictions, for a model of MoveNet's accuracy.

    Probabilities for a better model are then lower than they could be.
    """
    jobs = [Predicted(Job(seed, anatomy), MOVENET, seed + 5000) for seed in CALIBRATION_SEEDS]
    good = [signals for job in jobs for signals in job.read(dict(enumerate(job.job.honest)))]
    for check, kinds in LOOKED_FOR_BY_PREDICTION.items():
        bad = [
            (kind, signals)
            for job in jobs
            for kind in kinds
            for signals in job.read(job.extra if kind == "extra" else job.job.wrong[kind])
        ]
        x_good = np.array([s.strength for signals in good for s in signals if s.check == check])
        of_bad = [(kind, s.strength) for kind, signals in bad for s in signals if s.check == check]
        counts = {kind: sum(k == kind for k, _ in of_bad) for kind in kinds}
        share = sum(PREDICTION_SHARES[kind] for kind in kinds)
        weights = [PREDICTION_SHARES[kind] / counts[kind] for kind, _ in of_bad] + [(1 - share) / len(x_good)] * len(
            x_good
        )
        x = np.concatenate([np.array([strength for _, strength in of_bad]), x_good])
        b = fit(x, np.repeat([1.0, 0.0], [len(of_bad), len(x_good)]), np.array(weights))
        print(f'    "{check}": Curve({b[0]:.2f}, {b[1]:.2f}),')


def report_predictions(jobs: list[Job], seeds: list[int]) -> None:
    """Print AUROC and precision at k without predictions and with each model's; each job has a seed for predictions."""
    limit = jitter_limit(jobs)
    header = "".join(f"{model.name:>22}" for model in MODELS)
    print(f"\n{'with predictions':26}{'without':>15}{header}\n{'error':26}{'AUROC':>8}{'P@k':>7}", end="")
    print(f"{'AUROC':>15}{'P@k':>7}" * len(MODELS) + f"{'aim':>6}")
    sets = {
        model.name: [Predicted(job, model, seed) for job, seed in zip(jobs, seeds, strict=True)] for model in MODELS
    }
    scores: dict[str, dict[str, list[tuple[float, float]]]] = {}
    for number, job in enumerate(jobs):
        alone, crowds = job.read(job.honest), job.read(job.crowds)
        for name, predicted in (("", None), *((m, predicted_jobs[number]) for m, predicted_jobs in sets.items())):
            good = _scores(predicted, alone, dict(enumerate(job.honest)))
            beside = _scores(predicted, crowds, dict(enumerate(job.crowds)), crowd=True)
            extra = sets[MOVENET.name][number].extra
            for kind, wrong in (job.wrong | {"extra": extra}).items():
                bad = _scores(predicted, job.read(wrong.values()), wrong)
                right = beside if kind == "duplicate" else good
                row = auroc(bad, right), precision_at_k(job.rng, bad, right)
                scores.setdefault(kind, {}).setdefault(name, []).append(row)
    for kind, by_model in scores.items():
        cells = "".join(
            f"{a:{8 if not name else 15}.3f}{k:7.2f}"
            for name, rows in by_model.items()
            for a, k in [np.mean(rows, axis=0)]
        )
        aim = f"{PREDICTION_AIMS[kind]:6.2f}" if kind in PREDICTION_AIMS else ""
        print(f"{kind:26}{cells}{aim}" + (f"  limit {limit:.3f}" if kind == "jitter" else ""))


def _scores(
    predicted: Predicted | None, signals_of: list[list[Signal]], scenes: Mapping[int, Scene], *, crowd: bool = False
) -> Vector:
    more = predicted.read(scenes, crowd=crowd) if predicted else [[] for _ in signals_of]
    return np.array([score(signals + added) for signals, added in zip(signals_of, more, strict=True)])


def fit(x: Vector, y: Vector, weights: Vector) -> Vector:
    """Fit a weighted logistic regression by Newton's method; return intercept and slope."""
    design = np.stack([np.ones_like(x), x], axis=1)
    b = np.zeros(2)
    for _ in range(60):
        p = 1 / (1 + np.exp(-np.clip(design @ b, -60, 60)))
        gradient = design.T @ (weights * (y - p))
        hessian = (design * (weights * p * (1 - p))[:, None]).T @ design + 1e-9 * np.eye(2)
        b += np.clip(np.linalg.solve(hessian, gradient), -2, 2)
    return b


def report(jobs: list[Job]) -> None:
    """Print AUROC and precision at k for each type of error."""
    start = time.perf_counter()
    honest = [job.read(job.honest) for job in jobs]
    spent = (time.perf_counter() - start) / sum(map(len, honest))
    print(f"{'':26}{'':6}{'own check':>11}{'ranked list':>15}{'':6}   ranked list, AUROC by view and size")
    print(
        f"{'error':26}{'n':>6}{'AUROC':>11}{'AUROC':>8}{'P@k':>7}{'aim':>6}   {'front':>6}{'side':>6}{'back':>6}"
        f"  {'<100px':>7}{'>300px':>7}"
    )
    for kind in jobs[0].wrong:
        rows = [_Row(job, kind, signals) for job, signals in zip(jobs, honest, strict=True)]
        own, ranked, at_k = (np.mean([getattr(row, name)() for row in rows]) for name in ("own", "ranked", "at_k"))
        aim = f"{AIMS[kind]:.2f}" if kind in AIMS else ""
        parts = [_part(rows, lambda p, view=view: p.view == view) for view in ("front", "side", "back")]
        parts += ["  ", _part(rows, lambda p: _extent(p) < 100), " ", _part(rows, lambda p: _extent(p) > 300)]
        n = sum(len(row.bad) for row in rows)
        print(f"{kind:26}{n:6}{own:11.3f}{ranked:8.3f}{at_k:7.2f}{aim:>6}   {''.join(parts)}")
    print(f"\n{1e6 * spent:.0f} microseconds an instance; {len(jobs)} jobs of {len(jobs[0].people)} people")


class _Row:
    """The signals and people of instances with one type of error, and of correct instances, in one job."""

    def __init__(self, job: Job, kind: str, honest: list[list[Signal]]) -> None:
        self.rng = job.rng
        self.check = OWN.get(kind)
        self.bad = job.read(job.wrong[kind].values())
        self.of_bad = [job.people[i] for i in job.wrong[kind]]
        self.good, self.of_good = honest, job.people
        if kind == "duplicate":  # compared with pairs of people who partly hide each other
            self.good, self.of_good = job.read(job.crowds), job.people[1:]
        self.scores = [np.array([score(signals) for signals in instances]) for instances in (self.bad, self.good)]

    def own(self) -> float:
        """Return the AUROC of the check for this type."""
        if self.check is None:
            return float("nan")
        return auroc(*(np.array([strength(signals, self.check) for signals in f]) for f in (self.bad, self.good)))

    def ranked(self) -> float:
        """Return the AUROC of the suspicion."""
        return auroc(*self.scores)

    def at_k(self) -> float:
        """Return the precision at k of the suspicion."""
        return precision_at_k(self.rng, *self.scores)


def _part(rows: list[_Row], wanted: Callable[[Person], bool]) -> str:
    """Return the AUROC of the suspicion among the people that `wanted` selects, as a table cell."""
    aurocs = []
    for row in rows:
        bad, good = (
            scores[[wanted(p) for p in people]]
            for scores, people in zip(row.scores, (row.of_bad, row.of_good), strict=True)
        )
        if len(bad) and len(good):
            aurocs.append(auroc(bad, good))
    return f"{np.mean(aurocs):6.2f}" if aurocs else f"{'-':>6}"


def _extent(subject: Person) -> float:
    return float(np.ptp(subject.places, axis=0).max())


def coco_people(path: Path) -> list[Person]:
    """Return the people in a COCO keypoints file with at least five keypoints; their labels count as the truth."""
    people = []
    for entry in json.loads(path.read_text())["annotations"]:
        k = np.array(entry.get("keypoints", []), dtype=float).reshape(-1, 3)
        if len(k) == len(NAMES) and (k[:, 2] > 0).sum() >= 5 and not entry.get("iscrowd"):
            people.append(Person(k[:, :2], k[:, 2].astype(int), float(np.sqrt(max(entry["area"], 1))), "coco", "coco"))
    return people


def main() -> int:
    """Run the bench."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--calibrate", action="store_true", help="print curves for errors/suspicion.py instead")
    parser.add_argument("--coco", type=Path, metavar="FILE", help="people of a COCO keypoints file instead")
    parser.add_argument(
        "--seeds", type=int, nargs="+", default=REPORT_SEEDS, metavar="N", help="one job each; default: %(default)s"
    )
    options = parser.parse_args()
    anatomy = Anatomy(parse_skeleton(SKELETON.read_bytes()))
    if options.calibrate:
        calibrate(anatomy)
        calibrate_predictions(anatomy)
        return 0
    people = coco_people(options.coco) if options.coco else None
    jobs = [Job(seed, anatomy, people) for seed in options.seeds]
    report(jobs)
    report_predictions(jobs, [PREDICTED + seed for seed in options.seeds])
    return 0


if __name__ == "__main__":
    sys.exit(main())
