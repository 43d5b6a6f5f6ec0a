"""Taxonomy, gold, survey, refinement and the workers' report, on simulated jobs."""

from __future__ import annotations

import json
from collections import Counter
from typing import Any

import msgspec
import pytest
from builders import outcome, record
from hypothesis import given
from hypothesis import strategies as st
from people import MEASURE, SKELETON, distance, exchanged, person

from truepoint.groundtruth.annotation import annotate
from truepoint.groundtruth.output_line import Labeled
from truepoint.measures import gold as gold_module
from truepoint.measures.gold import GoldError, parse_gold
from truepoint.measures.leave_one_out import honest
from truepoint.measures.workers import WorkerMeter, WorkerReport
from truepoint.pose.instance import Instance, Keypoint
from truepoint.pose.similarity import HONEST_PAIR, HONEST_TO_TRUTH
from truepoint.results.first_pass import JobSurvey, Surveyed, answers_of
from truepoint.results.second_pass import Refiner
from truepoint.results.tally import Tally
from truepoint.statistics.rates import rate

SOURCE = "s3://bucket-name/jobs/people/images/{}.jpg"


def changed(found: Instance, label: str, keypoint: Keypoint | None) -> Instance:
    """With one keypoint replaced or, by None, left out."""
    rest = tuple(k for k in found.annotations if k.label != label)
    return Instance(annotations=(*rest, keypoint) if keypoint else rest)


# ------------------------------------------------------------------------------------------------ taxonomy

TRUE = person()
HIP = TRUE.by_label["left_hip"]
OTHER_HIP = TRUE.by_label["right_hip"]
NEIGHBOUR = person(400)


@pytest.mark.parametrize(
    ("mine", "kinds"),
    [
        (Keypoint("left_hip", HIP.x + 2, HIP.y), {"good"}),
        (Keypoint("left_hip", HIP.x + 25, HIP.y), {"jitter"}),
        (Keypoint("left_hip", OTHER_HIP.x - 12, OTHER_HIP.y), {"inversion"}),
        (Keypoint("left_hip", HIP.x + 400, HIP.y), {"swap"}),
        (Keypoint("left_hip", OTHER_HIP.x + 400, HIP.y), {"swap"}),
        (Keypoint("left_hip", HIP.x, HIP.y + 1000), {"miss"}),
        (Keypoint("left_hip", HIP.x, HIP.y, 1), {"good", "visibility"}),
        (None, {"missing"}),
    ],
)
def test_kinds_of_errors(mine: Keypoint | None, kinds: set[str]) -> None:
    found = kinds_of(changed(TRUE, "left_hip", mine), TRUE)
    assert found - Counter(good=16) == Counter(dict.fromkeys(kinds, 1))


def test_keypoints_missing_in_the_reference_are_extra() -> None:
    assert kinds_of(TRUE, changed(TRUE, "left_hip", None)) == {"good": 16, "extra": 1}


def kinds_of(answer: Instance, reference: Instance) -> Counter[str]:
    """What an answer's keypoints are, in an image with a neighbour whom the answer has right."""
    meter = WorkerMeter()
    gold_module.compare([("w", [reference, NEIGHBOUR], [answer, NEIGHBOUR])], MEASURE, meter)
    return Counter({str(kind): n for kind, n in meter.against_gold("w").kinds.items()}) - Counter(good=17)


# -------------------------------------------------------------------------------------------------- rates


@pytest.mark.parametrize(
    ("count", "n", "low", "high"),
    # Published values of Wilson's interval: Newcombe, Statistics in Medicine 17 (1998), table I.
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilsons_interval(count: int, n: int, low: float, high: float) -> None:
    found = rate(count, n)
    assert (found.low, found.high) == (pytest.approx(low, abs=1e-4), pytest.approx(high, abs=1e-4))


@given(st.integers(1, 500).flatmap(lambda n: st.tuples(st.integers(0, n), st.just(n))))
def test_the_interval_holds_the_share(case: tuple[int, int]) -> None:
    found = rate(*case)
    assert found.low is not None
    assert found.share is not None
    assert found.high is not None
    assert 0 <= found.low <= found.share <= found.high <= 1


def test_a_rate_of_nothing() -> None:
    assert (rate(0, 0).share, rate(0, 0).low) == (None, None)


@pytest.mark.parametrize(("others", "expected"), [(1, HONEST_PAIR), (2, 16 / 19), (10**9, HONEST_TO_TRUTH)])
def test_the_oks_of_a_careful_worker(others: int, expected: float) -> None:
    assert honest(others) == pytest.approx(expected)


# ----------------------------------------------------------------------------------------------- whole jobs


def content(found: list[Instance], original: str = "[]", seconds: float | None = None) -> str:
    details = {"version": "1.0", "image_width": 2000, "image_height": 2000, "active_time_in_seconds": seconds}
    updated = json.dumps(msgspec.to_builtins(found))
    return json.dumps(
        {"updated_annotations": updated, "original_annotations": original, "answer_details": json.dumps(details)}
    )


def line(number: int, answers: dict[str, list[Instance]], **extra: Any) -> Labeled:
    """A line of the manifest as post_annotation leaves it."""
    source = SOURCE.format(number)
    given = [(worker, content(found, **extra.get(worker, {}))) for worker, found in answers.items()]
    label = annotate(str(number), source, given, MEASURE)
    found = outcome(record(msgspec.to_builtins(label), source), number)
    assert isinstance(found, Labeled)
    return found


def job(images: int, louds: dict[str, float], edit: Any = None, **extra: Any) -> list[Labeled]:
    lines = []
    for n in range(images):
        answers = {
            w: [person(300 * p, 0, seed=1000 * n + 10 * i + p, loud=loud) for p in range(2)]
            for i, (w, loud) in enumerate(louds.items())
        }
        lines.append(line(n, edit(n, answers) if edit else answers, **extra))
    return lines


def refined(lines: list[Labeled], gold: Any = None) -> tuple[Tally, Surveyed, list[Labeled]]:
    survey = JobSurvey(SKELETON)
    survey.add_all(lines)
    known = survey.surveyed()
    refiner = Refiner("people", known, gold or {})
    after = refiner.refine(lines)
    return refiner.tally, known, after


def reports(tally: Tally, known: Surveyed) -> dict[str, WorkerReport]:
    return {w.worker_id: w for w in tally.workers_file(known).workers}


def test_a_noisy_worker_is_detected_and_gets_less_weight() -> None:
    lines = job(25, {"a": 3, "b": 1, "c": 1})
    tally, known, after = refined(lines)
    found = reports(tally, known)
    assert found["a"].weight is not None
    assert found["b"].weight is not None
    assert found["a"].weight < found["b"].weight / 2
    assert found["a"].rank == 3
    relative = [found[w].against_others.relative or 0 for w in "abc"]
    assert relative[0] < 0.75
    assert min(relative[1:]) > 0.8
    truth = [person(300 * p) for p in range(2)]
    error = [sum(min(distance(i, t) for t in truth) for one in some for i in one.instances) for some in (lines, after)]
    assert error[1] < error[0] * 0.97


def test_careful_workers_have_a_relative_agreement_of_one() -> None:
    tally, known, after = refined(job(30, {"a": 1, "b": 1, "c": 1, "d": 1}))
    for report in tally.workers_file(known).workers:
        assert report.against_others.relative == pytest.approx(1, abs=0.03)
        assert report.against_others.errors["miss"].share == pytest.approx(0, abs=0.02)
        assert report.variance == pytest.approx(1, abs=0.35)
    agreement = tally.quality_file(known).agreement
    assert agreement
    assert agreement.relative == pytest.approx(1, abs=0.03)
    assert all(one.annotation.agreement and one.annotation.agreement > 0.7 for one in after)


def test_workers_who_swap_sides_shift_or_omit_keypoints_are_detected() -> None:
    def edit(n: int, answers: dict[str, list[Instance]]) -> dict[str, list[Instance]]:
        shifted = [
            Instance(annotations=tuple(msgspec.structs.replace(k, x=k.x + 8) for k in i.annotations))
            for i in answers["shifts"]
        ]
        return answers | {
            "turns": [exchanged(i) for i in answers["turns"]],
            "shifts": shifted,
            "leaves": answers["leaves"][:1],
            "adds": [*answers["adds"], person(5000, seed=n)],
        }

    louds = {"turns": 1.0, "shifts": 1.0, "leaves": 1.0, "adds": 1.0, "e": 1.0}
    tally, known, after = refined(job(12, louds, edit))
    found = reports(tally, known)
    turned = found["turns"].against_others.errors
    assert (turned["inversion"].share or 0) > 0.4
    assert (found["e"].against_others.errors["inversion"].share or 0) < 0.1
    [bias] = [b for b in found["shifts"].against_others.bias if b.name == "left_eye"]
    assert bias.x == pytest.approx(8 / 157, rel=0.3)
    assert abs(bias.y) < 0.02
    assert found["leaves"].against_others.missed.share == 0.5
    assert found["adds"].against_others.added.count == 12
    assert found["e"].against_others.missed.count == found["e"].against_others.added.count == 0
    reasons = [i.get("needs_review") for one in after for i in one.annotation.updated_annotations]
    assert reasons.count(["swap_repaired"]) == 24
    assert all(len(one.annotation.below_quorum) == 1 for one in after)


def test_nobody_is_ranked_on_few_subjects_and_two_workers_are_not_compared_with_each_other() -> None:
    few, known, _ = refined(job(9, {"a": 1, "b": 1, "c": 1}))
    assert [w.rank for w in few.workers_file(known).workers] == [None] * 3
    two, known, after = refined(job(12, {"a": 1, "b": 1}))
    assert [w.against_others.instances for w in two.workers_file(known).workers] == [0, 0]
    assert known.weights == {}
    assert all(one.annotation.agreement for one in after)


def test_one_workers_lines_are_left_to_the_last_digit() -> None:
    lines = job(3, {"a": 1})
    tally, known, after = refined(lines)
    assert after == lines
    assert tally.quality_file(known).agreement is None
    [report] = tally.workers_file(known).workers
    assert (report.tasks, report.instances, report.keypoints) == (3, 6, 102)


def test_a_first_pass_without_information_changes_nothing() -> None:
    """Few images, a skeleton with sigmas: the second pass gives what the first did."""
    lines = job(4, {"a": 1, "b": 1, "c": 1})
    *_, after = refined(lines)
    assert [one.annotation.updated_annotations for one in after] == [
        one.annotation.updated_annotations for one in lines
    ]


def test_labels_without_the_workers_own_instances_are_left_alone() -> None:
    [one] = job(1, {"a": 1, "b": 1})
    bare = [msgspec.structs.replace(w, annotations=[]) for w in one.annotation.workers]
    annotation = msgspec.structs.replace(one.annotation, workers=bare)
    assert answers_of(annotation) == []
    spoiled = [msgspec.structs.replace(w, annotations=[7]) for w in one.annotation.workers]
    assert answers_of(msgspec.structs.replace(annotation, workers=spoiled)) == []
    assert len(answers_of(one.annotation)) == 2


def test_merged_first_passes_equal_a_single_one() -> None:
    lines = job(20, {"a": 2, "b": 1, "c": 1})
    parts = [JobSurvey(SKELETON), JobSurvey(SKELETON), JobSurvey(SKELETON)]
    for part, some in zip(parts, (lines[:8], lines[8:], lines), strict=True):
        part.add_all(some)
    parts[0].merge(parts[1])
    assert parts[0].surveyed() == parts[2].surveyed()


def test_without_a_skeleton_names_come_from_the_labels_and_sigmas_are_measured() -> None:
    def renamed(_n: int, answers: dict[str, list[Instance]]) -> dict[str, list[Instance]]:
        return {
            w: [Instance(annotations=(*i.annotations, Keypoint("bolt", 60 + hash_of(w, _n), 200))) for i in found]
            for w, found in answers.items()
        }

    def hash_of(worker: str, n: int) -> float:
        return ((ord(worker) * 7 + n * 13) % 11) / 2

    survey = JobSurvey(None)
    survey.add_all(job(30, {"a": 1, "b": 1}, renamed))
    assert survey.skeleton.keypoint_names[:1] == ("nose",)
    measure = survey.surveyed().table
    assert measure.sources["bolt"] == "measured"
    assert 0 < measure.sigmas["bolt"] < 0.06
    assert measure.lone_area is not None
    assert JobSurvey(None).skeleton.keypoint_names == ("keypoint",)


def test_rubber_stamps_and_time() -> None:
    original = json.dumps([{"id": "p0", "annotations": [{"label": "nose", "x": 1, "y": 1}]}])
    stamp = [Instance(id="p0", annotations=(Keypoint("nose", 1, 1),))]
    extra = {w: {"original": original, "seconds": s} for w, s in {"a": 1.0, "b": 17.0, "c": 20.0, "d": 24.0}.items()}
    answers = {"a": stamp, "b": [person(seed=1)], "c": [person(seed=2)], "d": [person(seed=3)]}
    tally, known, _ = refined([line(n, answers, **extra) for n in range(3)])
    found = reports(tally, known)
    assert (found["a"].rubber_stamps.count, found["a"].rubber_stamps.n) == (3, 3)
    assert (found["b"].rubber_stamps.count, found["b"].rubber_stamps.n) == (0, 3)
    assert found["b"].active_seconds_per_keypoint == pytest.approx(1, rel=0.05)
    assert found["a"].active_z is not None
    quick = {"a": {"seconds": 0.5}, "b": {"seconds": 17.0}, "c": {"seconds": 20.0}, "d": {"seconds": 24.0}}
    tally, known, _ = refined(job(3, dict.fromkeys("abcd", 1.0), **quick))
    assert (reports(tally, known)["a"].active_z or 0) < -3.5


# ---------------------------------------------------------------------------------------------------- gold


def test_workers_are_compared_with_gold() -> None:
    gold = {"0.jpg": [person(0), person(300)], "1.jpg": [person(0)], "2.jpg": []}
    tally, known, _ = refined(job(5, {"a": 1, "b": 3}), gold)
    for worker, report in reports(tally, known).items():
        assert report.against_gold.instances == 3
        assert (report.against_gold.added.count, report.against_gold.added.n) == (3, 6)
        assert report.against_gold.missed.n == 3
        assert (report.against_gold.relative or 0) > (0.9 if worker == "a" else 0.3)


def test_gold_counts_for_a_lone_worker_too() -> None:
    tally, known, _ = refined(job(2, {"a": 1}), {"0.jpg": [person(0), person(300), person(900)]})
    gold = reports(tally, known)["a"].against_gold
    assert (gold.instances, gold.missed.count, gold.missed.n) == (2, 1, 3)


@pytest.mark.parametrize(
    ("text", "message"),
    [
        (b"{", "expected a gold file"),
        (b"[]", "expected an object"),
        (b'{"a.jpg": 7}', "a.jpg: expected a list of instances"),
        (b'{"a.jpg": [{"annotations": [{"label": "nose", "x": "1", "y": 1}]}]}', "a.jpg: expected a list of instances"),
        (b"\xff", "expected a gold file"),
    ],
)
def test_gold_that_cannot_be_used(text: bytes, message: str) -> None:
    with pytest.raises(GoldError, match=message):
        parse_gold(text)
