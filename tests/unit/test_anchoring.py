"""The anchoring experiment: which images are treated and how, and what becomes of the workers' answers."""

from __future__ import annotations

import json
import math
from collections import Counter
from typing import Any

import anchoring as bench
import msgspec
import numpy as np
import pytest
from builders import SOURCE, keypoint, label, outcome, record
from hypothesis import given
from hypothesis import strategies as st

from truepoint.groundtruth.anchoring import (
    HALF,
    Anchoring,
    AnchoringError,
    ImageRecord,
    ImageTreatment,
    SeededError,
    Settings,
    drawn,
    of_answer,
    parse_record,
    parse_settings,
    record_name,
)
from truepoint.groundtruth.annotation import annotate, annotate_all
from truepoint.groundtruth.answer import Answer, parse_answer
from truepoint.jobs.anchoring import MOVED_SIGMAS, Shares, treat
from truepoint.keys import job_keys
from truepoint.measures.anchoring import AnchoringMeter
from truepoint.measures.changes import ChangeMeter
from truepoint.pose.instance import parse_instances
from truepoint.pose.sigma_table import sigma_table
from truepoint.pose.similarity import area, symmetric_oks
from truepoint.pose.skeleton import Skeleton, SkeletonKeypoint, parse_skeleton
from truepoint.statistics.rates import ClusteredCount, rate

PERSON = parse_skeleton(bench.SKELETON.read_bytes())
FACE = Skeleton(
    "face",
    (SkeletonKeypoint("nose"), SkeletonKeypoint("left_eye", "right_eye"), SkeletonKeypoint("right_eye", "left_eye")),
)
TABLE = sigma_table(FACE)
NOSE, LEFT, RIGHT = keypoint("nose", 100, 100), keypoint("left_eye", 150, 50, 1), keypoint("right_eye", 50, 50)
GIVEN: dict[str, Any] = {"annotations": [NOSE, LEFT, RIGHT]}
WRONG = keypoint("nose", 140, 120)
SEED = "0123456789abcdef" * 4


def instance(*keypoints: dict[str, Any], at: str = "p0", **more: Any) -> dict[str, Any]:
    return {"id": at, "name": "", "annotations": list(keypoints)} | more


def answer(*instances: dict[str, Any], original: Any = (), **more: Any) -> Answer:
    details = {"version": "1.0", "image_width": 640, "image_height": 480} | more
    fields = {"updated_annotations": list(instances), "original_annotations": list(original), "answer_details": details}
    return parse_answer("w", {name: json.dumps(value) for name, value in fields.items()})


def seeded(kind: Any, *labels: str, shown: Any, at: int = 0) -> ImageRecord:
    error = SeededError(kind=kind, instance=at, labels=labels)
    record = ImageRecord(version="1.0", treatment="seeded", given=[GIVEN], shown=shown, error=error)
    assert parse_record(msgspec.json.encode(record)) == record
    return record


MOVED = seeded("moved", "nose", shown=[{"annotations": [WRONG, LEFT, RIGHT]}])
SWAPPED_LEFT, SWAPPED_RIGHT = keypoint("left_eye", 50, 50), keypoint("right_eye", 150, 50, 1)
SWAPPED = seeded("swap", "left_eye", "right_eye", shown=[{"annotations": [NOSE, SWAPPED_LEFT, SWAPPED_RIGHT]}])
MISSING = seeded("missing", "nose", shown=[{"annotations": [LEFT, RIGHT]}])
GHOST = [k | {"x": k["x"] + 200} for k in (NOSE, LEFT, RIGHT)]
EXTRA = seeded("extra", shown=[{"annotations": GHOST}, GIVEN], at=0)


def by_label(made: Answer, index: int = 0) -> dict[str, Any]:
    return {k["label"]: k for k in made.updated[index]["annotations"]}


# ------------------------------------------------------------------------------------ what a worker left is corrected


@pytest.mark.parametrize(
    ("record", "left"),
    [
        (MOVED, [instance(WRONG, LEFT, RIGHT)]),
        (MOVED, [instance(WRONG | {"x": 138.0, "y": 121.0}, LEFT, RIGHT)]),  # nudged, but still wrong
        (MOVED, [instance(WRONG, LEFT, RIGHT, at="n1")]),  # drawn again at the same places
        (SWAPPED, [instance(NOSE, SWAPPED_LEFT, SWAPPED_RIGHT)]),
        (MISSING, [instance(LEFT, RIGHT)]),
        (EXTRA, [instance(*GHOST), instance(NOSE, LEFT, RIGHT, at="p1")]),
        (EXTRA, [instance(*GHOST[:2]), instance(NOSE, LEFT, RIGHT, at="p1")]),
    ],
)
def test_an_error_that_stayed_is_counted_and_the_label_is_that_of_the_given_pre_label(
    record: ImageRecord, left: list[Any]
) -> None:
    corrected, result = of_answer(answer(*left), record, TABLE)
    assert record.error
    assert (result.kind, result.stayed) == (record.error.kind, True)
    assert (result.shown, result.withheld) == (0, 0)
    [only] = corrected.updated
    assert {k["label"]: k for k in only["annotations"]} == {"nose": NOSE, "left_eye": LEFT, "right_eye": RIGHT}
    assert corrected.instances == parse_instances(corrected.updated)


@pytest.mark.parametrize(
    ("record", "put_right"),
    [
        (MOVED, [instance(NOSE, LEFT, RIGHT)]),
        (MOVED, [instance(keypoint("nose", 97, 103), LEFT, RIGHT)]),  # where the worker thinks it is
        (MOVED, [instance(keypoint("nose", 300, 300), LEFT, RIGHT)]),  # the model may have been wrong too
        (MOVED, [instance(LEFT, RIGHT)]),
        (MOVED, []),
        (SWAPPED, [instance(NOSE, LEFT, RIGHT)]),
        (SWAPPED, [instance(NOSE)]),
        (MISSING, [instance(keypoint("nose", 90, 90), LEFT, RIGHT)]),
        (MISSING, []),
        (EXTRA, [instance(NOSE, LEFT, RIGHT, at="p1")]),
        (EXTRA, []),
        # The extra instance became somebody who was not pre-labelled.
        (EXTRA, [instance(*[k | {"y": k["y"] + 90} for k in GHOST]), instance(NOSE, LEFT, RIGHT, at="p1")]),
    ],
)
def test_an_error_that_was_put_right_is_counted_and_the_answer_stays(record: ImageRecord, put_right: list[Any]) -> None:
    given = answer(*put_right)
    corrected, result = of_answer(given, record, TABLE)
    assert record.error
    assert (result.kind, result.stayed) == (record.error.kind, False)
    assert corrected.updated == given.updated


def test_a_keypoint_that_the_worker_said_is_not_there_was_not_overlooked() -> None:
    said = {"id": "p0", "label": "nose", "reason": "not_visible"}
    given = answer(instance(LEFT, RIGHT), not_labeled=[said])
    assert of_answer(given, MISSING, TABLE)[1].stayed is False
    other = answer(instance(LEFT, RIGHT), not_labeled=[said | {"label": "left_eye"}])
    assert of_answer(other, MISSING, TABLE)[1].stayed is True


def test_one_eye_of_a_swap_that_stayed_is_corrected_alone() -> None:
    moved = keypoint("right_eye", 48, 52)
    corrected, result = of_answer(answer(instance(NOSE, SWAPPED_LEFT, moved)), SWAPPED, TABLE)
    assert result.stayed is True
    assert by_label(corrected) == {"nose": NOSE, "left_eye": LEFT, "right_eye": moved}


def test_what_is_left_of_an_extra_instance_that_became_another_is_removed() -> None:
    box = [250.0, 50.0, 100.0, 50.0]
    record = seeded("extra", shown=[{"annotations": GHOST, "box": box}, GIVEN], at=0)
    new = [k | {"y": k["y"] + 90} for k in GHOST[1:]]
    corrected, result = of_answer(answer(instance(GHOST[0], *new, box=box)), record, TABLE)
    assert result.stayed is False
    assert corrected.updated == [instance(*new)]


def test_an_empty_remainder_of_an_extra_instance_is_no_label() -> None:
    corrected, result = of_answer(answer(instance(), instance(NOSE, LEFT, RIGHT, at="p1")), EXTRA, TABLE)
    assert result.stayed is False
    assert [item["id"] for item in corrected.updated] == ["p1"]


def test_members_of_a_corrected_keypoint_stay_and_other_instances_too() -> None:
    scored, other = WRONG | {"score": 0.7, "comment": "?"}, instance(keypoint("nose", 500, 400), at="n1", name="second")
    corrected, _ = of_answer(answer(instance(scored, LEFT, RIGHT, note=1), other), MOVED, TABLE)
    assert by_label(corrected)["nose"] == NOSE | {"score": 0.7, "comment": "?"}
    assert corrected.updated[0]["note"] == 1
    assert corrected.updated[1] == other


# ---------------------------------------------------------------------------------------- right and withheld pre-labels


def test_keypoints_that_were_right_and_moved_far_or_removed_are_counted() -> None:
    far = HALF * TABLE.sigma("nose") * math.sqrt(area(parse_instances([GIVEN])[0])[0])
    for off, moved in ((0.0, 0), (0.99 * far, 0), (1.01 * far, 1)):
        given = answer(instance(NOSE | {"x": 100 + off}, LEFT, RIGHT), original=[GIVEN])
        corrected, result = of_answer(given, None, TABLE)
        assert corrected is given
        assert (result.kind, result.shown, result.moved, result.withheld) == (None, 3, moved, 0)
    assert of_answer(answer(instance(NOSE), original=[GIVEN]), None, TABLE)[1].moved == 2
    assert of_answer(answer(original=[GIVEN]), None, TABLE)[1].moved == 3
    assert of_answer(answer(instance(NOSE)), None, TABLE)[1].shown == 0
    assert of_answer(answer(instance(NOSE), original=["no instance"]), None, TABLE)[1].shown == 0


def test_keypoints_that_were_only_offered_are_not_among_the_right_ones() -> None:
    given = answer(instance(NOSE, RIGHT), original=[GIVEN], prelabels=[{"id": "p0", "offered": ["left_eye"]}])
    assert of_answer(given, None, TABLE)[1] == Anchoring(shown=2)
    other = answer(instance(NOSE, RIGHT), original=[GIVEN], prelabels=[{"id": "p1", "offered": ["left_eye"]}])
    assert of_answer(other, None, TABLE)[1] == Anchoring(shown=3, moved=1)


def test_withheld_pre_labels_are_compared_by_place_and_nothing_is_corrected() -> None:
    record = ImageRecord(
        version="1.0", treatment="withheld", given=[GIVEN | {"id": "n1"}, GIVEN | {"annotations": GHOST}]
    )
    given = answer(instance(*GHOST[:2], at="n1"), instance(NOSE, LEFT, keypoint("right_eye", 10, 90), at="n2"))
    corrected, result = of_answer(given, record, TABLE)
    assert corrected is given
    assert (result.withheld, result.elsewhere, result.shown, result.kind) == (6, 2, 0, None)
    assert of_answer(answer(), record, TABLE)[1].elsewhere == 6


# ------------------------------------------------------------------------------------------------- the documents


@pytest.mark.parametrize(
    "changed",
    [
        {"error": None},
        {"error": {"kind": "moved", "instance": 1, "labels": ["nose"]}},
        {"error": {"kind": "moved", "instance": -1, "labels": ["nose"]}},
        {"error": {"kind": "moved", "instance": 0, "labels": ["tail"]}},
        {"error": {"kind": "moved", "instance": 0}},
        {"error": {"kind": "swap", "instance": 0, "labels": ["nose"]}, "shown": [{"annotations": [LEFT]}]},
        {"error": {"kind": "extra", "instance": 7}},
        {"error": {"kind": "other", "instance": 0}},
        {"treatment": "other"},
        {"given": "text"},
        {"shown": [{"annotations": [keypoint("nose", 1e9, 0)]}]},
    ],
)
def test_a_record_that_contradicts_itself_is_refused(changed: dict[str, Any]) -> None:
    sound = msgspec.to_builtins(MOVED)
    assert parse_record(json.dumps(sound).encode()) == MOVED
    with pytest.raises(AnchoringError):
        parse_record(json.dumps(sound | changed).encode())


@pytest.mark.parametrize(
    "changed",
    [
        {"seed": "short"},
        {"seed": 7},
        {"withheld": 1.5},
        {"seeded": -0.1},
        {"withheld": 0.6, "seeded": 0.6},
        {"seeded": None},
    ],
)
def test_damaged_settings_are_refused(changed: dict[str, Any]) -> None:
    sound = {"version": "1.0", "seed": SEED, "withheld": 0.1, "seeded": 0.2}
    assert parse_settings(json.dumps(sound).encode()).seeded == 0.2
    for text in (json.dumps(sound | changed).encode(), b"", b"[]", b"\xff", b"{"):
        with pytest.raises(AnchoringError):
            parse_settings(text)


def test_shares_are_drawn_and_depend_on_the_seed_and_the_job() -> None:
    settings = Settings(version="1.0", seed=SEED, withheld=0.1, seeded=0.2)
    names = [f"folder/{n}.jpg" for n in range(20_000)]
    treatments = [drawn(settings, "people", name) for name in names]
    counts = Counter(treatments)
    assert abs(counts["withheld"] / len(names) - 0.1) < 0.01
    assert abs(counts["seeded"] / len(names) - 0.2) < 0.01
    assert treatments == [drawn(settings, "People", name) for name in names]
    for other in (msgspec.structs.replace(settings, seed=SEED[::-1]), settings):
        job = "people" if other is not settings else "people-2"
        same = np.mean([a == drawn(other, job, name) for a, name in zip(treatments, names, strict=True)])
        assert same == pytest.approx(0.1**2 + 0.2**2 + 0.7**2, abs=0.02)


# ------------------------------------------------------------------------------------ pre-labels as workers see them

JOB = bench.treated_job(600, 5, PERSON)


def test_every_error_is_recorded_known_to_be_wrong_and_alone() -> None:
    kinds = Counter()
    for name, treated in JOB.records.items():
        shown = JOB.shown.get(name, ())
        if treated.treatment == "withheld":
            assert not shown
            assert treated.given == list(JOB.given[name])
            kinds["withheld"] += 1
            continue
        assert treated.error
        assert treated.shown == list(shown) != treated.given
        assert treated.given == list(JOB.given[name])
        kinds[treated.error.kind] += 1
        before, after = parse_instances(treated.given), parse_instances(treated.shown)
        if treated.error.kind == "extra":
            [ghost] = [i for n, i in enumerate(after) if n == treated.error.instance]
            assert len(after) == len(before) + 1
            assert symmetric_oks(ghost, before[0], JOB.table.sigmas) < 0.1
            continue
        old, new = before[0].by_label, after[0].by_label
        assert {k for k in old if k not in new or old[k] != new[k]} == set(treated.error.labels)
        size = math.sqrt(area(before[0])[0])
        if treated.error.kind == "moved":
            [label] = treated.error.labels
            distance = math.dist((old[label].x, old[label].y), (new[label].x, new[label].y))
            assert distance == pytest.approx(MOVED_SIGMAS * JOB.table.sigma(label) * size)
            assert treated.error.sigmas == MOVED_SIGMAS
        if treated.error.kind == "swap":
            a, b = treated.error.labels
            assert (old[a].x, old[a].y, old[a].visibility) == (new[b].x, new[b].y, new[b].visibility)
            assert JOB.table.pairs[a] == b
    assert set(kinds) == {"withheld", "swap", "moved", "missing", "extra"}
    assert all(count > 25 for count in kinds.values()), kinds
    assert set(JOB.given) - set(JOB.records) == {n for n in JOB.shown if JOB.shown[n] is JOB.given[n]}


def test_the_same_seed_gives_the_same_and_another_seed_something_else() -> None:
    sizes = dict.fromkeys(JOB.given, (bench.SIDE, bench.SIDE))
    first, again, other = (
        treat(JOB.given, sizes, PERSON, "j", Shares(0.2, 0.3), seed=s) for s in (SEED, SEED, SEED[::-1])
    )
    assert first == again
    assert first.prelabels != other.prelabels
    assert SEED in first.documents[0].body.decode()


def test_nothing_tells_a_wrong_pre_label_from_others() -> None:
    people = [
        {"id": f"person-{n}", "name": f"Person {n}", "score": 0.9, "box": [200.0 * n, 100.0, 90.0, 200.0],
         "annotations": [
             {"label": label, "x": 200.0 * n + 20 + 9 * (i % 3), "y": 110.0 + 10 * i, "score": 0.5, "visibility": 2}
             for i, label in enumerate(PERSON.keypoint_names)]}
        for n in (1, 2)
    ]  # fmt: skip
    given = {f"{n}.png": tuple(people) for n in range(300)}
    treated = treat(given, dict.fromkeys(given, (900, 400)), PERSON, "j", Shares(0, 0.5), seed=SEED)
    ids = set()
    for instances in treated.prelabels.values():
        ids.add(tuple(sorted(i["id"] for i in instances)))
        for shown in instances:
            assert shown.keys() == people[0].keys()
            assert [tuple(k) for k in shown["annotations"]] == [tuple(people[0]["annotations"][0])] * len(
                shown["annotations"]
            )
            assert {k["score"] for k in shown["annotations"]} == {0.5}
            assert all(0 <= k["x"] < 900 and 0 <= k["y"] < 400 for k in shown["annotations"])
    assert ids == {("person-1", "person-2"), ("person-1", "person-2", "person-3")}
    places = {tuple(i["id"] for i in v).index("person-3") for v in treated.prelabels.values() if len(v) == 3}
    assert places == {0, 1, 2}


def test_images_that_no_error_fits_and_images_without_pre_labels_have_a_record_too() -> None:
    lone = ({"annotations": [{"label": "nose", "x": 1.0, "y": 1.0}]},)
    given = {"a.png": lone, "b.png": (), "c.png": ({"annotations": [], "box": [1, 1, 5, 5]},)}
    sizes = dict.fromkeys([*given, "d.png"], (3, 3))
    treated = treat(given, sizes, FACE, "j", Shares(0.0, 1.0), seed=SEED)
    assert treated.prelabels == {"a.png": lone, "c.png": given["c.png"]}
    folder = job_keys("j").anchoring_records
    records = {d.key.removeprefix(folder): parse_record(d.body) for d in treated.documents[1:]}
    assert records.keys() == {record_name(name) for name in sizes}
    assert {r.treatment for r in records.values()} == {"none"}
    assert of_answer(answer(instance(NOSE), original=list(lone)), records[record_name("a.png")], TABLE)[1].shown == 1


# ------------------------------------------------------------------------------------------------ labels and figures


def test_the_consensus_of_workers_who_left_an_error_has_none() -> None:
    content = {"updated_annotations": json.dumps([instance(WRONG, LEFT, RIGHT)])}
    result = annotate("0", SOURCE, [(w, content) for w in "abc"], TABLE)
    assert result.updated_annotations[0]["annotations"][0]["x"] == pytest.approx(WRONG["x"])
    [result] = annotate_all([("0", SOURCE, [(w, content) for w in "abc"])], TABLE, lambda _uri: ImageTreatment(MOVED))
    assert result.updated_annotations[0]["annotations"][0]["x"] == pytest.approx(NOSE["x"])
    assert [w.anchoring.stayed for w in result.workers if w.anchoring] == [True] * 3
    assert all(w.annotations[0]["annotations"][0]["x"] == NOSE["x"] for w in result.workers)
    assert result.original_annotations == []


def test_seeded_images_say_nothing_of_the_model() -> None:
    meter = ChangeMeter.of(FACE)
    worker = {"worker_id": "w1", "usable": True}
    original = [instance(WRONG, LEFT, RIGHT)]
    for anchoring in ({"kind": "moved"}, {"shown": 3}):
        labeled = outcome(
            record(label(original, original_annotations=original, workers=[worker | {"anchoring": anchoring}]))
        )
        meter.add(labeled, TABLE)  # type: ignore[arg-type]
    result = meter.quality()
    assert result
    assert result.images == 1


def test_a_job_without_an_experiment_has_no_figures() -> None:
    meter = AnchoringMeter()
    meter.add(annotate("0", SOURCE, [("w", {"updated_annotations": "[]"})], TABLE))
    assert meter.quality() is None


def test_parts_of_a_job_merge_to_the_same_figures() -> None:
    labels = list(bench.answers(JOB, bench.WORKERS, np.random.default_rng(3)))
    whole, first, second = AnchoringMeter(), AnchoringMeter(), AnchoringMeter()
    for n, made in enumerate(labels):
        whole.add(made)
        (first if n < 222 else second).add(made)
    sent = msgspec.json.decode(msgspec.json.encode(second), type=AnchoringMeter)
    first.merge(sent)
    result = whole.quality()
    assert first.quality() == result
    assert result
    assert result.images_shown + result.images_withheld + result.images_seeded == len(JOB.given)
    assert sum(kind.wrong_stayed.n for kind in result.kinds) == result.wrong_stayed.n == result.images_seeded


def test_the_reports_intervals_cover_what_simulated_workers_do() -> None:
    hits: dict[str, list[bool]] = {}
    for repeat in range(40):
        for report in bench.quality(JOB, bench.WORKERS, np.random.default_rng(repeat)).workers:
            for name, hit in bench.covered(report, bench.WORKERS[report.worker_id]).items():
                hits.setdefault(name, []).append(hit)
    assert hits.keys() == {"wrong_stayed", "right_moved", "withheld_elsewhere"}
    assert all(len(result) == 160 and np.mean(result) > 0.9 for result in hits.values()), hits
    # The intervals are no wider than they need be: they tell careful workers from those who stamp.
    result = {w.worker_id: w for w in bench.quality(JOB, bench.WORKERS, np.random.default_rng(99)).workers}
    careful, stamp = result["careful"].wrong_stayed, result["rubber stamp"].wrong_stayed
    assert careful.high is not None
    assert stamp.low is not None
    assert careful.high < 0.3
    assert stamp.low > 0.7


@given(st.lists(st.integers(0, 1), min_size=2, max_size=40))
def test_cases_that_stand_alone_have_wilsons_interval_or_a_little_more(cases: list[int]) -> None:
    counted = ClusteredCount()
    for case in cases:
        counted.add(case, 1)
    plain, result = rate(sum(cases), len(cases)), counted.rate
    assert (result.count, result.n, result.share) == (plain.count, plain.n, plain.share)
    assert result.low is not None
    assert plain.low is not None
    assert plain.low >= result.low - 1e-12
    assert result.low == pytest.approx(plain.low, abs=0.1)


def test_cases_that_come_together_widen_the_interval() -> None:
    together, apart = ClusteredCount(), ClusteredCount()
    for n in range(40):
        together.add(17 * (n % 4 == 0), 17)
        for k in range(17):
            apart.add(int(k % 4 == 0), 1)
    wide, narrow = together.rate, apart.rate
    assert wide.high is not None
    assert wide.low is not None
    assert narrow.high is not None
    assert narrow.low is not None
    assert wide.high - wide.low > 3 * (narrow.high - narrow.low)
    assert ClusteredCount().rate == rate(0, 0)
