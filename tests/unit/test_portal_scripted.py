"""Files of answers, workers' pseudonyms, and what the local deployment is made of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truepoint.emulator.local_stack import parameter_overrides, source_fingerprint
from truepoint.groundtruth.answer import AnswerError, parse_answer
from truepoint.portal.scripted import AnswersError, answer_for, check_names, form_fields, parse_answers
from truepoint.portal.workers import MAX_NAME, WORKER_ID, WorkerNameError, worker_id

INSTANCE: dict[str, Any] = {"id": "n1", "name": "", "annotations": [{"label": "nose", "x": 1.5, "y": 2}]}
TASK = {"image_s3_uri": "s3://b/a.jpg", "image_name": "a.jpg", "initial_values": json.dumps([INSTANCE])}


def test_a_truth_file_is_one_worker() -> None:
    assert parse_answers(json.dumps({"a.jpg": [INSTANCE]})) == {"scripted": {"a.jpg": [INSTANCE]}}


def test_several_workers() -> None:
    workers = {"ada": {"a.jpg": [INSTANCE]}, "bob": {"a.jpg": {"updated_annotations": "[]"}}}
    assert parse_answers(json.dumps({"workers": workers})) == workers


def test_the_documented_example_is_read() -> None:
    formats = (Path(__file__).parents[2] / "docs" / "formats.md").read_text()
    example = formats.split("## Answers file", 1)[1].split("```json\n", 1)[1].split("```", 1)[0]
    assert {worker: list(images) for worker, images in parse_answers(example).items()} == {
        "ada": ["a.jpg", "b.jpg"],
        "bob": ["a.jpg"],
    }


def test_an_image_may_be_called_workers() -> None:
    assert parse_answers('{"workers": []}') == {"scripted": {"workers": []}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "not JSON"),
        ("[]", "got list"),
        ('{"images": [], "annotations": [], "categories": []}', "got a COCO file"),
        ('{"images": [{"id": 1}], "annotations": []}', r"create_labeling_job\.py --coco"),
        ('[{"image_id": 1, "category_id": 1, "keypoints": [], "score": 1}]', "got a COCO file"),
        ('{"workers": {}}', "at least one worker"),
        ('{"workers": {"ada": []}}', "worker 'ada'"),
        ('{"a.jpg": 1}', "'a.jpg': expected a list of instances"),
    ],
)
def test_other_files_are_refused(text: str, expected: str) -> None:
    with pytest.raises(AnswersError, match=expected):
        parse_answers(text)


def test_answers_for_other_images_are_refused_with_names_of_both_sides() -> None:
    answers = parse_answers(
        json.dumps({"workers": {"ada": {"z.jpg": [], "y.jpg": []}, "bob": {"x.jpg": [], "w.jpg": []}}})
    )
    job = [f"s3://b/jobs/j/images/deep/{name}.jpg" for name in "abcde"]
    expected = r"\(a\.jpg, b\.jpg, c\.jpg and 2 more\), got .* \(w\.jpg, x\.jpg, y\.jpg and 1 more\)"
    with pytest.raises(AnswersError, match=expected):
        check_names(answers, job)
    assert check_names({"ada": {"a.jpg": [], "deep/c.jpg": []}, "bob": {"b.jpg": []}}, job) == ["d.jpg", "e.jpg"]


def test_instances_become_the_elements_fields() -> None:
    fields = form_fields([], TASK)
    assert json.loads(fields["updated_annotations"]) == []
    assert json.loads(fields["original_annotations"]) == [INSTANCE]
    assert (fields["image_s3_uri"], fields["image_name"]) == ("s3://b/a.jpg", "a.jpg")
    assert fields["no_changes_needed"] == "false"
    assert form_fields([INSTANCE], TASK)["no_changes_needed"] == "true"
    assert all(isinstance(value, str) for value in fields.values())


def test_an_image_is_known_by_its_path_or_its_name() -> None:
    task = {"image_s3_uri": "s3://b/jobs/j/images/more/a.jpg", "image_name": "a.jpg"}
    assert answer_for({"more/a.jpg": [1], "a.jpg": [2]}, task) == [1]
    assert answer_for({"a.jpg": []}, task) == []
    assert answer_for({"b.jpg": []}, task) is None


def test_pre_labels_by_reference_are_what_the_answer_is_compared_with() -> None:
    task = TASK | {"initial_values": "[]", "initial_values_s3_uri": "s3://b/p.json"}
    stored = {"s3://b/p.json": b'[{"annotations":[]}]'}
    fields = form_fields([{"annotations": []}], task, stored.get)
    assert json.loads(fields["original_annotations"]) == [{"annotations": []}]
    assert fields["no_changes_needed"] == "true"


@pytest.mark.parametrize(("stored", "got"), [(None, "got no object"), (b"[" * 9999, "32 levels"), (b"{}", "array")])
def test_an_image_whose_pre_labels_cannot_be_read_is_not_labelled(stored: bytes | None, got: str) -> None:
    fields = form_fields([{"annotations": []}], TASK | {"initial_values_s3_uri": "s3://b/p.json"}, lambda _: stored)
    with pytest.raises(AnswerError, match=f"expected pre-labels s3://b/p.json.*{got}"):
        parse_answer("w", fields)


def test_raw_fields_are_submitted_as_they_are() -> None:
    assert form_fields({"anything": 1}, TASK) == {"anything": 1}


@given(name=st.text(min_size=1, max_size=MAX_NAME), secret=st.binary(min_size=1, max_size=8))
def test_pseudonyms_are_stable_and_do_not_show_the_name(name: str, secret: bytes) -> None:
    try:
        worker = worker_id(name, secret)
    except WorkerNameError:
        return
    assert WORKER_ID.fullmatch(worker)
    assert worker_id(f"  {name.upper().lower()} ", secret) == worker_id(name.upper().lower(), secret)
    assert worker_id(name, secret + b"x") != worker


@pytest.mark.parametrize("name", ["", "  ", "x" * (MAX_NAME + 1)])
def test_no_name_is_no_worker(name: str) -> None:
    with pytest.raises(WorkerNameError):
        worker_id(name, b"s")


def test_the_same_person_whatever_the_spelling() -> None:
    assert worker_id("Ada  Lovelace", b"s") == worker_id(" ada lovelace", b"s")


def test_overrides_keep_the_other_parameters() -> None:
    config = '[local.deploy.parameters]\nparameter_overrides = ["PythonRuntime=python3.13", "Other=a=b"]\n'
    expected = ["PythonRuntime=python3.11", "Other=a=b", "Architecture=arm64"]
    assert parameter_overrides(config, "python3.11", "arm64") == expected


def test_a_deployment_is_known_by_its_sources(tmp_path: Path) -> None:
    (tmp_path / "src" / "ui" / "dist").mkdir(parents=True)
    (tmp_path / "template.yaml").write_text("a")
    before = source_fingerprint(tmp_path, "python3.11")
    (tmp_path / "src" / "ui" / "dist" / "built.js").write_text("made from the sources")
    assert source_fingerprint(tmp_path, "python3.11") == before
    assert source_fingerprint(tmp_path, "python3.12") != before
    (tmp_path / "src" / "ui" / "index.js").write_text("")
    assert source_fingerprint(tmp_path, "python3.11") != before
