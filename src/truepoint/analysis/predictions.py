"""Predictions of a model, used as a less reliable rater to find errors in labels that look plausible by themselves.

Labels of one rater in a normal pose may still be wrong: a keypoint may be missing, or the sides of a person without a
visible face may be exchanged. This is visible only in the image, which the model has processed. The model's reliability
is measured on all images: its noise by keypoint and score, its rates of gross errors and of exchanged sides, and how
its scores differ between labelled and unlabelled keypoints. All evidence is a log likelihood ratio, bounded by these
rates.
"""

from __future__ import annotations

import math
from collections.abc import Iterable, Mapping, Sequence
from itertools import product
from typing import Any

import msgspec
import numpy as np

from truepoint.errors.checks import Fix
from truepoint.errors.norms import Norms, expected
from truepoint.errors.signals import Signal
from truepoint.errors.suspicion import CURVES as ALONE
from truepoint.errors.suspicion import Curve, Reason
from truepoint.pose.anatomy import Anatomy, Points
from truepoint.pose.instance import VISIBLE, Instance, Keypoint
from truepoint.pose.similarity import area, extent, symmetric_oks
from truepoint.statistics.histogram import Histogram
from truepoint.statistics.statistic import Statistic

LEAST_MATCHED = 30
"""Minimum number of instances with a prediction. With fewer, the model's reliability is unknown and its predictions are
ignored."""
LEAST_OKS = 0.5
"""Minimum OKS of an instance and its prediction, with or without sides exchanged."""
LEAST_OVERLAP = 0.8
"""Intersection over union of both boxes from which a prediction belongs to an instance even if OKS is lower."""
MOST_COMPARED = 20_000
"""Maximum number of compared pairs of an instance and a prediction in one image: 140 people who all overlap."""
SCORE_BINS = 10
"""Number of equal bins of scores from 0 to 1, for the shares of labelled and unlabelled keypoints."""
NOISE_LIMITS = (0.3, 0.6)
"""Scores that divide keypoints into classes of noise. Of MoveNet's keypoints with a score above .3, 86 % are near the
label; of those below, 41 %."""
SHRINKAGE = 20
"""Weight of the noise of all keypoints in each keypoint's estimate, in number of samples."""
RAYLEIGH_MEDIAN = math.sqrt(2 * math.log(2))
"""Ratio of the median distance to the standard deviation of each coordinate (Rayleigh distribution)."""
GROSS = 4.0
"""Distance of a gross error, in multiples of the noise. One in 3,000 normal errors is larger."""
GROSS_RATES = (0.005, 0.5)
"""Limits of the measured rates of gross errors."""
EXCHANGE_RATES = (0.002, 0.4)
"""Limits of the measured rates of exchanged sides. A model without observed errors may still err."""
FARTHEST = 1.5
"""Radius of the disc over which gross errors are assumed to be distributed uniformly, in multiples of the square root
of the area."""
JITTER = 1.27
"""Standard deviation of a wrong label's displacement in each coordinate, in sigmas. Ronchi and Perona call
displacements of 1.14 to 2.35 sigmas jitter."""
CLEARLY_APART = 3.0
"""Minimum distance between both sides of a pair, in sigmas. If they are closer, an exchange cannot be detected."""
CLEAR_PAIRS = 3
"""Minimum number of clearly separated pairs for deciding whether the sides of the whole body are exchanged."""
MOST_RATIO = 6.0
"""Limit of the log ratio of shares of scores: a factor of 400."""
PRIORS = (0.02, 0.98)
"""Limits of the probability that a keypoint is labelled, given the other ones."""
FARTHEST_EVIDENCE = 60.0
"""Limit of evidence before exponentiation, to avoid overflow."""

CLASSES = 2 * (len(NOISE_LIMITS) + 1)
"""Number of classes of noise: by score, and by whether the label is occluded."""

Box = tuple[float, float, float, float]
"""x, y, width and height in pixels."""

CURVES = {
    "prediction_distance": Curve(-2.67, 1.71),
    "prediction_swap": Curve(-7.85, 1.87),
    "prediction_flip": Curve(-3.54, 1.06),
    "prediction_missing": Curve(-6.11, 1.06),
    "prediction_extra": Curve(-6.96, 0.99),
}
"""The curve of each check, calibrated by `make bench-errors` (bench/errors.py)."""
LABELS_ALONE = {
    "prediction_distance": ("misplaced_keypoint", 4.4),
    "prediction_swap": ("swapped_sides", 3.9),
    "prediction_flip": ("flipped_body", 4.6),
}
"""For each check, the check that looks for the same errors in the labels alone, and the negated log odds of these
errors (SHARES in bench/errors.py). If the labels alone look right, an error of the model is more probable."""


class PredictedKeypoint(msgspec.Struct, frozen=True, array_like=True):
    """A predicted keypoint: its position in pixels, and its score from 0 to 1, which is 1 if the file has no scores."""

    x: float
    y: float
    score: float


class Prediction(msgspec.Struct, frozen=True, array_like=True):
    """A predicted instance: its keypoints in the skeleton's order, None for missing ones, and its box, if any."""

    points: tuple[PredictedKeypoint | None, ...]
    box: Box | None = None


def prediction_of(anatomy: Anatomy, instance: dict[str, Any]) -> Prediction:
    """Return an instance, given as in docs/formats.md, as a prediction."""
    points: list[PredictedKeypoint | None] = [None] * len(anatomy.names)
    for k in instance["annotations"]:
        score = min(max(float(k.get("score", 1.0)), 0.0), 1.0)
        points[anatomy.index[k["label"]]] = PredictedKeypoint(float(k["x"]), float(k["y"]), score)
    box = instance.get("box")
    return Prediction(tuple(points), None if box is None else msgspec.convert(box, Box))


class _Pair:
    """A labelled instance and its prediction. `sigmas` are each keypoint's sigma s in pixels."""

    def __init__(self, anatomy: Anatomy, instance: Instance, prediction: Prediction, as_instance: Instance) -> None:
        self.points: Points = anatomy.points(instance)
        self.predicted = prediction.points
        size = area(instance if area(instance)[1] == "box" else as_instance)[0]
        s = math.sqrt(size)
        self.sigmas = [max(sigma * s, 1e-6) for sigma in anatomy.sigmas]

    def distance(self, labeled: int, predicted: int) -> float | None:
        """Return the distance of a label from a prediction, in sigmas; None if either is missing."""
        p, q = self.points[labeled], self.predicted[predicted]
        return math.hypot(p.x - q.x, p.y - q.y) / self.sigmas[labeled] if p and q else None

    def exchanged(self, pair: tuple[int, int]) -> bool | None:
        """Return whether a pair's labels are nearer to the predictions of the other side; None if that is not clear."""
        i, j = pair
        p, q, r, t = self.points[i], self.points[j], self.predicted[i], self.predicted[j]
        if not (p and q and r and t):
            return None
        least = CLEARLY_APART * self.sigmas[i]
        if math.hypot(p.x - q.x, p.y - q.y) < least or math.hypot(r.x - t.x, r.y - t.y) < least:
            return None
        same = math.hypot(p.x - r.x, p.y - r.y) + math.hypot(q.x - t.x, q.y - t.y)
        crossed = math.hypot(p.x - t.x, p.y - t.y) + math.hypot(q.x - r.x, q.y - r.y)
        return crossed < same / 2


class Matcher:
    """A matcher of the instances of an image with their predictions."""

    def __init__(self, anatomy: Anatomy) -> None:
        self.anatomy = anatomy
        self._sigmas = dict(zip(anatomy.names, anatomy.sigmas, strict=True))
        self._mirrored = [anatomy.names[i] for i in anatomy.other_side]

    def pairs(self, instances: Sequence[Instance], predictions: Iterable[Prediction]) -> dict[int, _Pair]:
        """Return the pairs of instances and predictions, by the instances' indices.

        Each prediction belongs to at most one instance. The most similar ones are paired first, by OKS and then by the
        overlap of boxes. The result does not depend on the order of predictions.
        """
        ordered = sorted(predictions, key=msgspec.json.encode)
        there = [(p, self._instance(p, self.anatomy.names)) for p in ordered if any(p.points)]
        boxes = [_box(instance) for instance in instances]
        others = [_box(as_instance) for _, as_instance in there]
        candidates: list[tuple[float, float, int, int]] = []
        compared = 0
        for i, n in product(range(len(instances)), range(len(there))):
            overlap = _overlap(boxes[i], others[n])
            if overlap is None:
                continue
            compared += 1
            if compared > MOST_COMPARED:
                break
            oks = self._similarity(instances[i], *there[n])
            if oks >= LEAST_OKS or overlap >= LEAST_OVERLAP:
                candidates.append((-oks, -overlap, i, n))
        pairs: dict[int, _Pair] = {}
        taken: set[int] = set()
        for _, _, i, n in sorted(candidates):
            if i not in pairs and n not in taken:
                taken.add(n)
                pairs[i] = _Pair(self.anatomy, instances[i], *there[n])
        return pairs

    def _similarity(self, instance: Instance, prediction: Prediction, as_instance: Instance) -> float:
        straight = symmetric_oks(instance, as_instance, self._sigmas)
        if straight >= LEAST_OKS:
            return straight
        return max(straight, symmetric_oks(instance, self._instance(prediction, self._mirrored), self._sigmas))

    def _instance(self, prediction: Prediction, names: Sequence[str]) -> Instance:
        points = zip(names, prediction.points, strict=True)
        return Instance(annotations=tuple(Keypoint(n, p.x, p.y) for n, p in points if p), box=prediction.box)


class PredictionSurvey(Statistic):
    """Statistics of all instances with a prediction, from which the model's reliability is estimated.

    `distances` are the distances of predictions from labels in sigmas, for each keypoint and class of noise. `scores`
    are counts for each visibility of the label (0 for not labelled, 1, 2) and bin. `bodies` counts instances with at
    least `CLEAR_PAIRS` clearly separated pairs. `pairs` counts such pairs, except in bodies exchanged as a whole.
    """

    distances: list[list[Histogram]]
    scores: list[list[int]]
    matched: int = 0
    predicted: int = 0
    pairs: int = 0
    pairs_exchanged: int = 0
    bodies: int = 0
    bodies_exchanged: int = 0

    @classmethod
    def of(cls, keypoints: int) -> PredictionSurvey:
        """Return empty statistics for a number of keypoints."""
        classes = range(CLASSES)
        return cls([[Histogram() for _ in classes] for _ in range(keypoints)], [[0] * SCORE_BINS for _ in range(3)])

    def add(self, matcher: Matcher, instances: Sequence[Instance], predictions: Sequence[Prediction]) -> None:
        """Add one image."""
        self.predicted += len(predictions)
        for pair in matcher.pairs(instances, predictions).values():
            self.matched += 1
            for k, (point, predicted) in enumerate(zip(pair.points, pair.predicted, strict=True)):
                self.scores[point.visibility if point else 0][_bin(predicted)] += 1
                if point and predicted and (distance := pair.distance(k, k)) is not None:
                    self.distances[k][_class(point, predicted)].add(distance)
            told = [crossed for p in matcher.anatomy.pairs if (crossed := pair.exchanged(p)) is not None]
            whole = len(told) >= CLEAR_PAIRS and 4 * sum(told) >= 3 * len(told)
            self.bodies += len(told) >= CLEAR_PAIRS
            self.bodies_exchanged += whole
            if not whole:
                self.pairs += len(told)
                self.pairs_exchanged += sum(told)

    def norms(self) -> PredictionNorms | None:
        """Return the model's reliability; None if fewer than `LEAST_MATCHED` instances have a prediction."""
        if self.matched < LEAST_MATCHED:
            return None
        pooled = _noise(_pooled(of_class for row in self.distances for of_class in row)) or 1.0
        noise: list[list[float]] = []
        far: list[int] = []
        counts: list[int] = []
        for number in range(CLASSES):
            of_class = _pooled(row[number] for row in self.distances)
            usual = _shrunk(of_class, pooled)
            noise.append([_shrunk(row[number], usual) for row in self.distances])
            far.append(sum(_above(row[number], GROSS * r) for row, r in zip(self.distances, noise[-1], strict=True)))
            counts.append(of_class.count)
        rate = (sum(far) + 0.5) / (sum(counts) + 1)
        gross = [(n + SHRINKAGE * rate) / (count + SHRINKAGE) for n, count in zip(far, counts, strict=True)]
        return PredictionNorms(
            matched=self.matched,
            noise=[list(of_keypoint) for of_keypoint in zip(*noise, strict=True)],
            gross=[_limited(share, GROSS_RATES) for share in gross],
            pair_rate=_limited((self.pairs_exchanged + 0.5) / (self.pairs + 1), EXCHANGE_RATES),
            body_rate=_limited((self.bodies_exchanged + 0.5) / (self.bodies + 1), EXCHANGE_RATES),
            visible=_log_ratios(self.scores[2], self.scores[0]),
            occluded=_log_ratios(self.scores[1], self.scores[0]),
        )


class PredictionNorms(msgspec.Struct, frozen=True, kw_only=True):
    """The reliability of a model.

    Attributes:
        matched: number of instances with a prediction.
        noise: standard deviation of each coordinate between label and prediction in sigmas, for each keypoint and
            class.
        gross: rate of gross errors, for each class.
        pair_rate, body_rate: rates of exchanged pairs and bodies.
        visible, occluded: for each bin of scores, the log ratio of its share among visible or occluded labels to its
            share among unlabelled keypoints.
    """

    matched: int
    noise: list[list[float]]
    gross: list[float]
    pair_rate: float
    body_rate: float
    visible: list[float]
    occluded: list[float]


class PredictionReader:
    """A reader of the evidence in a model's predictions against labelled instances.

    Args:
        anatomy: the skeleton.
        norms: the norms of the labels.
        reliability: the model's reliability, measured on all images.
    """

    def __init__(self, anatomy: Anatomy, norms: Norms, reliability: PredictionNorms) -> None:
        self._anatomy = anatomy
        self._matcher = Matcher(anatomy)
        self._norms = norms
        self._of = reliability
        self._even = [2 * (sigma / FARTHEST) ** 2 for sigma in anatomy.sigmas]
        """Density of gross errors per square sigma, for each keypoint."""
        self._turn = Fix("swap", anatomy.label(left for left, _ in anatomy.pairs))

    def signals(
        self,
        instances: Sequence[Instance],
        predictions: Sequence[Prediction],
        alone: Sequence[Sequence[Signal]],
        size: tuple[int, int] | None = None,
    ) -> list[list[Signal]]:
        """Return the signals against each instance; none for an instance without a prediction.

        Args:
            instances: the labels of one image.
            predictions: the predictions for the image, in any order.
            alone: each instance's signals from the labels alone.
            size: width and height of the image in pixels, if known; keypoints predicted outside do not count as
                missing.
        """
        signals: list[list[Signal]] = [[] for _ in instances]
        for i, pair in self._matcher.pairs(instances, predictions).items():
            strengths = {signal.check: signal.strength for signal in alone[i]}
            against = (*self._sides(pair), self._distance(pair), *self._presence(pair, size))
            signals[i] = [_weighed(signal, strengths) for signal in against if signal]
        return signals

    def _density(self, k: int, number: int, distance: float) -> float:
        """Return the density of a correct label at this distance from the prediction."""
        r, gross = self._of.noise[k][number], self._of.gross[number]
        return (1 - gross) * _normal(distance, r) + gross * self._even[k]

    def _distance(self, pair: _Pair) -> Signal | None:
        ratios: list[tuple[float, int]] = []
        for k, (point, predicted) in enumerate(zip(pair.points, pair.predicted, strict=True)):
            distance = pair.distance(k, k)
            if point is None or predicted is None or distance is None:
                continue
            number = _class(point, predicted)
            off = math.hypot(self._of.noise[k][number], JITTER)
            wrong = (_normal(distance, off) + self._even[k]) / 2
            ratios.append((wrong / self._density(k, number, distance), k))
        if not ratios:
            return None
        names = (self._anatomy.names[max(ratios)[1]],)
        strength = math.log(math.fsum(ratio for ratio, _ in ratios) / len(ratios))
        return _signal("prediction_distance", strength, names, f"Far from the model's prediction: {names[0]}", "move")

    def _sides(self, pair: _Pair) -> list[Signal]:
        evidence: dict[tuple[int, int], float] = {}
        for i, j in self._anatomy.pairs:
            p, q = pair.predicted[i], pair.predicted[j]
            if not p or not q:
                continue
            total, there = 0.0, False
            for mine, own, other in ((i, p, q), (j, q, p)):
                at, theirs = (i, j) if mine == i else (j, i)
                point = pair.points[mine]
                straight, crossed = pair.distance(mine, at), pair.distance(mine, theirs)
                if point is not None and straight is not None and crossed is not None:
                    there = True
                    total += math.log(self._density(theirs, _class(point, other), crossed))
                    total -= math.log(self._density(at, _class(point, own), straight))
            if there:
                evidence[i, j] = total
        if not evidence:
            return []
        limbs = [[p for p in limb if p in evidence] for limb in self._anatomy.limbs]
        best = max(((math.fsum(evidence[p] for p in limb), limb) for limb in limbs if limb), key=lambda b: b[0])
        names = self._anatomy.label(left for left, _ in best[1])
        text = f"Left and right are swapped compared with the model's prediction: {', '.join(names)}"
        signals = [_signal("prediction_swap", _bounded(best[0], self._of.pair_rate), names, text, "swap")]
        if len(evidence) > 1:
            strength = _bounded(math.fsum(evidence.values()), self._of.body_rate)
            text = "Left and right are swapped compared with the model's prediction: the whole body"
            signals.append(
                Signal(check="prediction_flip", strength=strength, keypoints=(), message=text, fix=self._turn)
            )
        return signals

    def _presence(self, pair: _Pair, size: tuple[int, int] | None) -> list[Signal]:
        missing: list[tuple[float, int]] = []
        extra: list[tuple[float, int]] = []
        usual = self._usual(pair.points)
        for k, (point, predicted) in enumerate(zip(pair.points, pair.predicted, strict=True)):
            number = _bin(predicted)
            if point is None:
                if predicted and _inside(predicted, size):
                    missing.append((self._of.visible[number] + usual[k], -k))
                continue
            ratios = self._of.visible if point.visibility == VISIBLE else self._of.occluded
            extra.append((-ratios[number] - usual[k], -k))
        signals = []
        if missing:
            strength, k = max(missing)
            names = (self._anatomy.names[-k],)
            signals.append(
                _signal(
                    "prediction_missing",
                    strength,
                    names,
                    f"Predicted by the model, but not labelled: {names[0]}",
                    "place",
                )
            )
        if extra:
            strength, k = max(extra)
            names = (self._anatomy.names[-k],)
            text = f"Labelled, but not predicted by the model: {names[0]}"
            signals.append(_signal("prediction_extra", strength, names, text, "look"))
        return signals

    def _usual(self, points: Points) -> list[float]:
        """Return the log odds that each keypoint is labelled, given the other labelled ones; 0 if unknown."""
        others = np.array([k is not None for k in points]) & ~np.eye(len(points), dtype=bool)
        shares = expected(self._norms, others).diagonal().tolist()
        odds = [_limited(share, PRIORS) for share in shares]
        return [0.0 if math.isnan(share) else math.log(p / (1 - p)) for share, p in zip(shares, odds, strict=True)]


def reasons(signals: Iterable[Signal]) -> list[Reason]:
    """Return signals with their probabilities."""
    return [
        Reason(
            check=s.check,
            probability=CURVES[s.check].probability(s.strength),
            keypoints=s.keypoints,
            message=s.message,
            fix=s.fix,
        )
        for s in signals
    ]


def _signal(check: str, strength: float, names: tuple[str, ...], message: str, action: Any) -> Signal:
    return Signal(check=check, strength=strength, keypoints=names, message=message, fix=Fix(action, names))


def _weighed(signal: Signal, alone: Mapping[str, float]) -> Signal:
    """Return a signal, weakened if the labels alone speak against such an error."""
    check, rarity = LABELS_ALONE.get(signal.check, ("", 0.0))
    if check not in alone:
        return signal
    curve = ALONE[check]
    against = min(0.0, curve.intercept + curve.slope * alone[check] + rarity)
    return msgspec.structs.replace(signal, strength=signal.strength + against)


def _normal(distance: float, deviation: float) -> float:
    """Return the density of a normal error in the plane, times 2 pi."""
    return math.exp(-min((distance / deviation) ** 2 / 2, 700.0)) / deviation**2


def _bounded(evidence: float, rate: float) -> float:
    """Return the log likelihood ratio of an exchange, given that the model exchanges sides at this rate."""
    ratio = math.exp(max(-FARTHEST_EVIDENCE, min(FARTHEST_EVIDENCE, evidence)))
    return math.log(((1 - rate) * ratio + rate) / (1 - rate + rate * ratio))


def _class(point: Keypoint, predicted: PredictedKeypoint) -> int:
    """Return the class of noise of a label and its prediction."""
    by_score = sum(predicted.score >= limit for limit in NOISE_LIMITS)
    return by_score + (0 if point.visibility == VISIBLE else len(NOISE_LIMITS) + 1)


def _bin(predicted: PredictedKeypoint | None) -> int:
    return min(int(predicted.score * SCORE_BINS), SCORE_BINS - 1) if predicted else 0


def _inside(predicted: PredictedKeypoint, size: tuple[int, int] | None) -> bool:
    return size is None or (0 <= predicted.x <= size[0] and 0 <= predicted.y <= size[1])


def _limited(value: float, limits: tuple[float, float]) -> float:
    return max(limits[0], min(limits[1], value))


def _pooled(parts: Iterable[Histogram]) -> Histogram:
    """Return one histogram of the values of all parts. `merge` is not used: it would leave the parts unusable."""
    pooled = Histogram()
    for part in parts:
        for number, count in part.bins.items():
            pooled.add_bin(number, count)
    return pooled


def _noise(distances: Histogram) -> float | None:
    median = distances.quantile(0.5)
    return median / RAYLEIGH_MEDIAN if median else None


def _shrunk(distances: Histogram, usual: float) -> float:
    n, own = distances.count, _noise(distances)
    return usual if own is None else math.sqrt((n * own**2 + SHRINKAGE * usual**2) / (n + SHRINKAGE))


def _above(distances: Histogram, limit: float) -> int:
    least = Histogram()
    least.add(limit)
    [number] = least.bins
    return sum(count for at, count in distances.bins.items() if at > number)


def _log_ratios(labeled: Sequence[int], unlabeled: Sequence[int]) -> list[float]:
    """Return the log ratio of both shares for each bin. The ratios do not decrease with the score.

    One is added to each count. Bins that would decrease are pooled with their neighbours, as in isotonic regression
    (pool adjacent violators).
    """
    blocks: list[tuple[int, int, int]] = []
    for a, b in zip(labeled, unlabeled, strict=True):
        blocks.append((a + 1, b + 1, 1))
        while len(blocks) > 1 and blocks[-2][0] * blocks[-1][1] > blocks[-1][0] * blocks[-2][1]:
            (a1, b1, n1), (a2, b2, n2) = blocks[-2:]
            blocks[-2:] = [(a1 + a2, b1 + b2, n1 + n2)]
    total = (sum(labeled) + len(labeled)) / (sum(unlabeled) + len(unlabeled))
    limits = -MOST_RATIO, MOST_RATIO
    return [_limited(math.log(a / b / total), limits) for a, b, n in blocks for _ in range(n)]


def _box(instance: Instance) -> Box | None:
    rectangle = extent(instance)
    return rectangle and rectangle[0]


def _overlap(a: Box | None, b: Box | None) -> float | None:
    """Return the intersection over union of two boxes; None if they do not touch."""
    if a is None or b is None:
        return None
    wide = min(a[0] + a[2], b[0] + b[2]) - max(a[0], b[0])
    high = min(a[1] + a[3], b[1] + b[3]) - max(a[1], b[1])
    if wide < 0 or high < 0:
        return None
    both = wide * high
    return both / (a[2] * a[3] + b[2] * b[3] - both)
