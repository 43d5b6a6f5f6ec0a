"""Predictions as one more rater: what they say against labels, and how a file of them is read."""

from __future__ import annotations

import json
import math
from pathlib import Path
from random import Random
from typing import Any

import msgspec
import pytest
from crowd import PERSON, crowd, exchanged, moved
from hypothesis import given, settings
from hypothesis import strategies as st

from truepoint.analysis.local_run import Request, analyze
from truepoint.analysis.predictions import (
    CURVES,
    LEAST_MATCHED,
    Matcher,
    PredictedKeypoint,
    Prediction,
    PredictionNorms,
    PredictionReader,
    PredictionSurvey,
    prediction_of,
    reasons,
)
from truepoint.analysis.result_lists import open_results
from truepoint.commands.main import main
from truepoint.errors.checks import Fix
from truepoint.errors.norms import measure
from truepoint.errors.signals import Signal, SignalReader
from truepoint.pose.instance import Instance, Keypoint

HONEST = crowd(21, 300)
MATCHER = Matcher(PERSON)


def predicted(instance: Instance, random: Random, score: float = 0.9) -> Prediction:
    """What a good model says of a person: near the labels, and low scores for what is not labelled."""
    points = []
    middle = instance.annotations[0]
    for k in PERSON.points(instance):
        x, y = (k.x, k.y) if k else (middle.x, middle.y)
        at = x + random.gauss(0, 1.5), y + random.gauss(0, 1.5)
        points.append(PredictedKeypoint(*at, min(max(random.gauss(score if k else 0.15, 0.05), 0.01), 1.0)))
    return Prediction(tuple(points))


def survey(instances: list[Instance], seed: int = 1) -> PredictionSurvey:
    random = Random(seed)
    found = PredictionSurvey.of(len(PERSON.names))
    for instance in instances:
        found.add(MATCHER, [instance], [predicted(instance, random)])
    return found


def reliability() -> PredictionNorms:
    norms = survey(HONEST).norms()
    assert norms
    return norms


NORMS = measure(PERSON, HONEST)
ALONE = SignalReader(PERSON, NORMS)
READER = PredictionReader(PERSON, NORMS, reliability())
[FRONT] = crowd(22, 1, yaw=0)
[BACK] = crowd(23, 1, yaw=180)


def signals(
    labels: list[Instance],
    predictions: list[Prediction],
    size: tuple[int, int] | None = None,
    reader: PredictionReader = READER,
) -> list[list[Signal]]:
    return reader.signals(labels, predictions, ALONE.signals(labels, [size] * len(labels)), size)


def by_check(label: Instance, truth: Instance, size: tuple[int, int] | None = None) -> dict[str, Signal]:
    """The signals against a label, if the model saw the truth."""
    found = signals([label], [predicted(truth, Random(5))], size)[0]
    return {signal.check: signal for signal in found}


def without(instance: Instance, *labels: str) -> Instance:
    return Instance(annotations=tuple(k for k in instance.annotations if k.label not in labels))


WRONG = {
    "moved": ("prediction_distance", moved(FRONT, "left_wrist", 60, 40), FRONT, Fix("move", ("left_wrist",))),
    "pair": ("prediction_swap", exchanged(FRONT, "left_knee"), FRONT, Fix("swap", ("left_knee",))),
    "limb": (
        "prediction_swap",
        exchanged(FRONT, "left_elbow", "left_wrist"),
        FRONT,
        Fix("swap", ("left_elbow", "left_wrist")),
    ),
    "flip": ("prediction_flip", exchanged(BACK), BACK, Fix("swap", PERSON.label(left for left, _ in PERSON.pairs))),
    "missing": ("prediction_missing", without(FRONT, "right_hip"), FRONT, Fix("place", ("right_hip",))),
    "extra": (
        "prediction_extra",
        Instance(annotations=(Keypoint("nose", BACK.annotations[0].x, BACK.annotations[0].y), *BACK.annotations)),
        BACK,
        Fix("look", ("nose",)),
    ),
}


@pytest.mark.parametrize("name", WRONG)
def test_a_wrong_label_is_found_named_and_its_repair_suggested(name: str) -> None:
    check, label, truth, fix = WRONG[name]
    found, honest = by_check(label, truth)[check], by_check(truth, truth)
    assert found.fix == fix
    assert check not in honest or found.strength > honest[check].strength + 2
    [reason] = reasons([found])
    assert reason.probability == CURVES[check].probability(found.strength)


@pytest.mark.parametrize("kept", [FRONT, BACK])
def test_right_labels_are_hardly_suspected(kept: Instance) -> None:
    [found] = signals([kept], [predicted(kept, Random(5))])
    assert {r.check for r in reasons(found) if r.probability > 0.05} == set()


def test_a_keypoint_predicted_outside_the_image_is_not_missed() -> None:
    label = without(FRONT, "right_ankle", "left_ankle")
    low = max(k.y for k in label.annotations)
    assert "prediction_missing" in by_check(label, FRONT, (10_000, 10_000))
    inside = by_check(label, FRONT, (10_000, int(low) + 1))
    assert inside.get("prediction_missing", by_check(FRONT, FRONT).get("prediction_missing")) is None


def test_noise_and_rates_are_measured() -> None:
    norms = reliability()
    assert norms.matched == len(HONEST)
    high = [noise[2] for noise in norms.noise]
    sigmas = dict(zip(PERSON.names, high, strict=True))
    assert sigmas["nose"] > sigmas["left_hip"]  # the same pixels are more of nose's sigmas
    assert max(norms.gross) < 0.1
    assert norms.pair_rate < 0.01
    assert norms.body_rate < 0.01
    assert norms.visible == sorted(norms.visible)
    assert norms.visible[0] < -2
    assert norms.visible[-1] > 2


def test_a_model_that_exchanges_sides_is_believed_less() -> None:
    random, found = Random(3), PredictionSurvey.of(len(PERSON.names))
    for n, instance in enumerate(HONEST):
        turned = exchanged(instance) if n % 4 == 0 else instance
        found.add(MATCHER, [instance], [predicted(turned, random)])
    norms = found.norms()
    assert norms
    assert 0.15 < norms.body_rate < 0.35
    reader = PredictionReader(PERSON, NORMS, norms)
    [against] = signals([exchanged(BACK)], [predicted(BACK, Random(5))], reader=reader)
    [flip] = [s for s in against if s.check == "prediction_flip"]
    assert 0 < flip.strength <= math.log((1 - norms.body_rate) / norms.body_rate) + 1e-9
    assert flip.strength < by_check(exchanged(BACK), BACK)["prediction_flip"].strength


def test_with_too_few_instances_predictions_are_not_used() -> None:
    assert survey(HONEST[: LEAST_MATCHED - 1]).norms() is None
    assert survey(HONEST[:LEAST_MATCHED]).norms() is not None


def test_an_instance_without_a_prediction_is_unaffected() -> None:
    far = Instance(annotations=tuple(Keypoint(k.label, k.x + 5000, k.y) for k in FRONT.annotations))
    nothing = Prediction((None,) * len(PERSON.names), (0.0, 0.0, 10.0, 10.0))
    assert signals([FRONT, far], []) == [[], []]
    assert signals([FRONT], [nothing]) == [[]]
    assert signals([], [predicted(FRONT, Random(1))]) == []
    first, second = signals([FRONT, far], [predicted(FRONT, Random(1))])
    assert first
    assert second == []


def test_each_of_two_people_is_matched_to_their_own_prediction() -> None:
    beside = Instance(annotations=tuple(Keypoint(k.label, k.x + 25, k.y + 10) for k in FRONT.annotations))
    given_of = [predicted(beside, Random(1)), predicted(FRONT, Random(2))]
    pairs = MATCHER.pairs([FRONT, beside], given_of)
    assert [pairs[0].predicted, pairs[1].predicted] == [given_of[1].points, given_of[0].points]


def test_a_crowd_has_a_bound() -> None:
    many = [FRONT] * 400
    assert len(MATCHER.pairs(many, [predicted(FRONT, Random(n)) for n in range(400)])) <= 400


@settings(max_examples=25, deadline=None)
@given(seed=st.integers(0, 1000), people=st.integers(1, 6), parts=st.integers(1, 4))
def test_neither_the_order_of_predictions_nor_of_images_matters(seed: int, people: int, parts: int) -> None:
    random = Random(seed)
    images = [(crowd(seed + n, people), n) for n in range(8)]
    given_of = [([predicted(i, random) for i in instances if random.random() < 0.8], n) for instances, n in images]
    straight = PredictionSurvey.of(len(PERSON.names))
    for (instances, _), (predictions, _) in zip(images, given_of, strict=True):
        straight.add(MATCHER, instances, predictions)
    order = list(range(len(images)))
    random.shuffle(order)
    merged = PredictionSurvey.of(len(PERSON.names))
    for start in range(parts):
        part = PredictionSurvey.of(len(PERSON.names))
        for n in order[start::parts]:
            shuffled = list(given_of[n][0])
            random.shuffle(shuffled)
            part.add(MATCHER, images[n][0], shuffled)
            assert signals(images[n][0], shuffled) == signals(images[n][0], given_of[n][0])
        merged.merge(msgspec.json.decode(msgspec.json.encode(part), type=PredictionSurvey))
    assert merged == straight
    assert merged.norms() == straight.norms()


@settings(max_examples=60, deadline=None)
@given(
    points=st.lists(
        st.none()
        | st.tuples(st.floats(-1e6, 1e6), st.floats(-1e6, 1e6), st.floats(0, 1)).map(lambda t: PredictedKeypoint(*t)),
        min_size=len(PERSON.names),
        max_size=len(PERSON.names),
    )
)
def test_any_prediction_gives_finite_weights(points: list[PredictedKeypoint | None]) -> None:
    for found in signals([FRONT, BACK], [Prediction(tuple(points), (0.0, 0.0, 900.0, 900.0))]):
        assert all(math.isfinite(s.strength) for s in found)


# ------------------------------------------------------------------------------------------------------- files


def labels_file(folder: Path, instances: list[Instance]) -> Path:
    annotations = [
        {
            "id": n + 1,
            "image_id": n + 1,
            "category_id": 1,
            "keypoints": [v for k in PERSON.points(i) for v in ((k.x, k.y, k.visibility) if k else (0, 0, 0))],
        }
        for n, i in enumerate(instances)
    ]
    skeleton = {"id": 1, "name": "person", "keypoints": list(PERSON.names), "skeleton": []}
    images = [
        {"id": n + 1, "file_name": f"photos/{n + 1:03}.jpg", "width": 3000, "height": 3000}
        for n in range(len(instances))
    ]
    path = folder / "labels.json"
    path.write_text(json.dumps({"images": images, "annotations": annotations, "categories": [skeleton]}))
    return path


def results_entries(instances: list[Instance]) -> list[dict[str, Any]]:
    random = Random(9)
    return [
        {
            "image_id": n + 1,
            "category_id": 1,
            "keypoints": [v for p in predicted(i, random).points if p for v in (p.x, p.y, p.score)],
            "score": 0.9,
        }
        for n, i in enumerate(instances)
    ]


def own_lines(instances: list[Instance], names: list[str]) -> str:
    random = Random(9)
    lines = []
    for name, i in zip(names, instances, strict=True):
        points = zip(PERSON.names, predicted(i, random).points, strict=True)
        annotations = [{"label": label, "x": p.x, "y": p.y, "score": p.score} for label, p in points if p]
        lines.append(json.dumps({name: [{"annotations": annotations}]}))
    return "\n".join(lines) + "\n"


def contents(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in sorted(folder.rglob("*")) if p.is_file()}


def suspicions(out: Path) -> dict[int, list[dict[str, Any]]]:
    lines = [json.loads(line) for line in (out / "suspicious.jsonl").read_text().splitlines()]
    return {line["line"]: line["instances"][0]["reasons"] for line in lines}


TRUTH = crowd(31, 60)
FLIPPED = 7
LABELED = [exchanged(i) if n == FLIPPED else i for n, i in enumerate(TRUTH)]


@pytest.mark.parametrize("shape", ["results", "own"])
def test_analyze_takes_predictions_as_one_more_rater(
    shape: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels, file = labels_file(tmp_path, LABELED), tmp_path / f"{shape}.jsonl"
    names = [f"{n + 1:03}.jpg" for n in range(len(TRUTH))]  # without the labels' folder
    file.write_text(json.dumps(results_entries(TRUTH)) if shape == "results" else own_lines(TRUTH, names))
    given_to = ["analyze", str(labels), "--out", str(tmp_path / "out"), "--json"]
    assert main([*given_to, "--predictions", str(file)]) == 0
    found = json.loads(capsys.readouterr().out)
    assert found["predicted_instances"] == len(TRUTH)
    assert found["raters"] == ["labels"]  # a model is no rater of the consensus
    reasons_of = suspicions(tmp_path / "out")[FLIPPED]
    assert "prediction_flip" in {reason["check"] for reason in reasons_of}


def test_without_predictions_everything_is_as_it_was(tmp_path: Path) -> None:
    labels = labels_file(tmp_path, LABELED)
    empty = tmp_path / "predictions.json"
    analyze(Request(paths=[labels], out=tmp_path / "without"))
    before = contents(tmp_path / "without")
    assert not any("prediction" in name for name in before)
    # Predictions of fewer instances than tell of the model change nothing either.
    empty.write_text(json.dumps(results_entries(TRUTH[: LEAST_MATCHED - 1])))
    few = analyze(Request(paths=[labels], out=tmp_path / "few", predictions=empty))
    assert contents(tmp_path / "few") == before
    assert any(f"expected at least {LEAST_MATCHED}" in note for note in few.notes)


def test_predictions_leave_all_but_the_suspicion_as_it_was(tmp_path: Path) -> None:
    labels, file = labels_file(tmp_path, LABELED), tmp_path / "predictions.json"
    entries = results_entries(TRUTH)
    file.write_text(json.dumps(entries))
    analyze(Request(paths=[labels], out=tmp_path / "without"))
    analyze(Request(paths=[labels], out=tmp_path / "with", predictions=file))
    before, after = contents(tmp_path / "without"), contents(tmp_path / "with")
    changed = {name for name in before if before[name] != after[name]}
    assert before.keys() == after.keys()
    assert changed == {"suspicious.jsonl", "report.html"}
    # Nor does the order of the file, or the number of processes, change anything.
    Random(1).shuffle(entries)
    file.write_text(json.dumps(entries))
    analyze(Request(paths=[labels], out=tmp_path / "again", predictions=file, processes=2))
    assert contents(tmp_path / "again") == after


WRONG_FILES: dict[str, tuple[Any, str]] = {
    "unknown images": ([e | {"image_id": e["image_id"] + 5000} for e in results_entries(TRUTH)], "expected"),
    "keypoint count": ([e | {"keypoints": e["keypoints"][:48]} for e in results_entries(TRUTH)], "got"),
    "no instances": ([], "expected"),
    "other names": ({"photos/001.jpg": [{"annotations": [{"label": "tail", "x": 1, "y": 1, "score": 1}]}]}, "tail"),
    "no such image": ({"other.jpg": [{"annotations": [{"label": "nose", "x": 1, "y": 1}]}]}, "other.jpg"),
    "not JSON": ("{", "got"),
}


@pytest.mark.parametrize("name", WRONG_FILES)
def test_an_unusable_file_gives_a_one_line_error_and_no_output(
    name: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    document, reason = WRONG_FILES[name]
    labels, file = labels_file(tmp_path, TRUTH[:3]), tmp_path / "predictions.json"
    file.write_text(document if isinstance(document, str) else json.dumps(document))
    assert main(["analyze", str(labels), "--out", str(tmp_path / "out"), "--predictions", str(file)]) == 1
    said = capsys.readouterr()
    [line] = said.err.splitlines()
    assert line.startswith("error: ")
    assert "predictions.json" in line
    assert "expected" in line
    assert "got" in line
    assert reason in line
    assert not (tmp_path / "out").exists()


def test_a_file_that_is_not_there(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    labels = labels_file(tmp_path, TRUTH[:3])
    given_to = ["analyze", str(labels), "--out", str(tmp_path / "out"), "--predictions", str(tmp_path / "none.json")]
    assert main(given_to) == 1
    assert "none.json: expected a file of predictions, got no such file" in capsys.readouterr().err


def test_invalid_numbers_and_foreign_images_are_left_out_and_named(
    tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    labels, file = labels_file(tmp_path, LABELED), tmp_path / "predictions.json"
    entries = results_entries(TRUTH)
    entries[0]["keypoints"][0] = math.nan
    entries[1]["keypoints"][2] = math.nan
    entries.append(entries[2] | {"image_id": 9999})
    file.write_text(json.dumps(entries))
    given_to = ["analyze", str(labels), "--out", str(tmp_path / "out"), "--predictions", str(file), "--json"]
    assert main(given_to) == 0
    said = capsys.readouterr()
    assert json.loads(said.out)["predicted_instances"] == len(TRUTH)
    assert "9999" in said.err
    assert "left out" in said.err
    assert "nan" not in (tmp_path / "out/suspicious.jsonl").read_text().lower()


def test_scores_beyond_one_count_as_one_and_none_as_certain() -> None:
    found = prediction_of(
        PERSON,
        {"annotations": [{"label": "nose", "x": 1, "y": 2, "score": 7.5}, {"label": "left_eye", "x": 1, "y": 2}]},
    )
    assert [p.score for p in found.points if p] == [1.0, 1.0]
    assert found.points[2] is None


def test_results_beside_a_file_of_several_raters_are_read_an_image_at_a_time(tmp_path: Path) -> None:
    """The ids of a results list are those of a file whose images name raters: they are no raters of the results."""
    labels, file = labels_file(tmp_path, LABELED), tmp_path / "predictions.json"
    document = json.loads(labels.read_text())
    second = [a | {"id": a["id"] + 10_000, "rater_id": "bob"} for a in document["annotations"]]
    document["annotations"] = [a | {"rater_id": "ann"} for a in document["annotations"]] + second
    document["images"] = [image | {"rater_list": ["ann", "bob"]} for image in document["images"]]
    labels.write_text(json.dumps(document))
    entries = results_entries(TRUTH)
    entries[0]["keypoints"][2] = "0.75"
    entries.append(entries[2] | {"image_id": 9999})
    for name, encoding in (("parts", "utf-8"), ("whole", "utf-16")):  # the other encoding is read as a whole
        file.write_text(json.dumps(entries), encoding=encoding)
        opened = open_results(file, labels)
        assert (opened is None) == (name == "whole")
        made = analyze(Request(paths=[labels], out=tmp_path / name, predictions=file))
        assert made.predicted == len(TRUTH)
        assert [note for note in made.notes if "9999" in note]
        notes = [note.replace(str(tmp_path), "") for note in made.notes]
        (tmp_path / f"{name}.notes").write_text("\n".join(notes))
    assert contents(tmp_path / "parts") == contents(tmp_path / "whole")
    assert (tmp_path / "parts.notes").read_text() == (tmp_path / "whole.notes").read_text()


@pytest.mark.parametrize(
    "text", ["", "{}", "[1]", "[]", "[{}]", "[", '[{"image_id": NaN}]', '[{"image_id": 1, "rater_id": "a"}]']
)
def test_what_is_no_results_list_is_left_to_the_other_readers(text: str, tmp_path: Path) -> None:
    labels, file = labels_file(tmp_path, LABELED), tmp_path / "predictions.json"
    file.write_text(text)
    assert open_results(file, labels) is None
    file.write_text(json.dumps(results_entries(TRUTH)))
    assert open_results(file, labels) is not None
    assert open_results(file, file) is None
    assert open_results(tmp_path, labels) is None
