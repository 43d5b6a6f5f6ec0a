"""Files of answers, workers' pseudonyms, and what the local deployment is made of."""

from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truepoint.demo.answers_file import AnswersError, AnswersFile, answer_for, form_fields, image_name
from truepoint.demo.scripted_workers import MAX_NAME, WorkerNameError, worker_id
from truepoint.emulator.local_stack import parameter_overrides, source_fingerprint
from truepoint.groundtruth.answer import AnswerError, parse_answer
from truepoint.jobs.prelabels import Choices
from truepoint.pose.skeleton import Skeleton, SkeletonKeypoint

INSTANCE: dict[str, Any] = {"id": "n1", "name": "", "annotations": [{"label": "nose", "x": 1.5, "y": 2}]}
TASK = {"image_s3_uri": "s3://b/a.jpg", "image_name": "a.jpg", "initial_values": json.dumps([INSTANCE])}


SKELETON = Skeleton("face", (SkeletonKeypoint("nose"), SkeletonKeypoint("left_eye")))
SIZES = {"a.jpg": (100, 50), "more/b.jpg": (100, 50)}


@pytest.fixture
def answers(tmp_path: Path) -> Any:
    """Reads a text as a file of answers for the images of `SIZES`, or of other names."""

    def read(text: str, names: Any = SIZES) -> Any:
        file = tmp_path / "answers.json"
        file.write_text(text)
        sizes = names if isinstance(names, dict) else dict.fromkeys(names, (9, 9))
        return AnswersFile(file, SKELETON, Choices()).for_images(sizes, SKELETON)[0]

    return read


def test_a_truth_file_holds_one_workers_answers(answers: Any) -> None:
    assert answers(json.dumps({"a.jpg": [INSTANCE]})) == {"scripted": {"a.jpg": [INSTANCE]}}


def test_several_workers_whose_images_are_found_however_they_are_spelled(answers: Any) -> None:
    workers = {"ada": {"A.JPG": [INSTANCE]}, "bob": {"b.jpg": {"updated_annotations": "[]"}, "gone.jpg": []}}
    found = {"ada": {"a.jpg": [INSTANCE]}, "bob": {"more/b.jpg": {"updated_annotations": "[]"}}}
    assert answers(json.dumps({"workers": workers})) == found


def test_the_documented_example_is_read(answers: Any) -> None:
    formats = (Path(__file__).parents[2] / "docs" / "formats.md").read_text()
    example = formats.split("## Answers file", 1)[1].split("```json\n", 1)[1].split("```", 1)[0]
    assert {worker: list(images) for worker, images in answers(example).items()} == {
        "ada": ["a.jpg", "more/b.jpg"],
        "bob": ["a.jpg"],
    }


def test_an_image_may_be_called_workers(answers: Any) -> None:
    assert answers('{"workers": []}', ["workers"]) == {"scripted": {"workers": []}}


def test_the_raters_of_another_tools_file_are_workers(answers: Any) -> None:
    point = [1.5, 2, 2, 3, 4, 1]
    document = {
        "images": [{"id": 1, "file_name": "a.jpg", "rater_list": ["ada", "bob"]}, {"id": 2, "file_name": "b.jpg"}],
        "annotations": [{"id": 9, "image_id": 1, "category_id": 1, "rater_id": "ada", "keypoints": point}],
        "categories": [{"id": 1, "name": "face", "keypoints": ["nose", "left_eye"]}],
    }
    found = answers(json.dumps(document))
    keypoints = [
        {"label": "nose", "x": 1.5, "y": 2.0, "visibility": 2},
        {"label": "left_eye", "x": 3.0, "y": 4.0, "visibility": 1},
    ]
    assert found == {"ada": {"a.jpg": ({"id": "9", "annotations": keypoints},)}, "bob": {"a.jpg": ()}}
    assert answers(json.dumps(document | {"annotations": []})) == {"ada": {"a.jpg": ()}, "bob": {"a.jpg": ()}}


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("{", "expected JSON"),
        ("[]", "got an empty list"),
        ('{"images": [], "annotations": [], "categories": []}', "expected labels of images, got none"),
        ('[{"image_id": 1, "category_id": 1, "keypoints": [], "score": 1}]', "expected labels of images such as"),
        ('{"workers": {}}', "at least one worker"),
        ('{"workers": {"ada": []}}', "worker 'ada'"),
        ('{"a.jpg": 1}', "'a.jpg': expected a list of instances"),
        ('{"a.jpg": [], "A.JPG": [], "x/A.jpg": []}', "x"),
    ],
)
def test_other_files_are_refused(answers: Any, text: str, expected: str) -> None:
    with pytest.raises(AnswersError, match=expected):
        answers(text, ["A.jpg", "a.JPG"])


def test_answers_for_other_images_are_refused_with_names_of_both_sides(answers: Any) -> None:
    others = json.dumps({"workers": {"ada": {"z.jpg": [], "y.jpg": []}, "bob": {"x.jpg": [], "w.jpg": []}}})
    expected = r"\(a\.jpg, b\.jpg, c\.jpg and 2 more\), got .* \(w\.jpg, x\.jpg, y\.jpg and 1 more\)"
    with pytest.raises(AnswersError, match=expected):
        answers(others, [f"{name}.jpg" for name in "abcde"])


def test_an_image_is_called_by_its_path_below_the_jobs_images() -> None:
    assert image_name("s3://b/jobs/j/images/deep/a.jpg") == "deep/a.jpg"
    assert image_name("s3://b/elsewhere/a.jpg") == "a.jpg"


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
    stored = {"s3://b/p.json": b'{"annotations":[{"annotations":[]}]}'}
    fields = form_fields([{"annotations": []}], task, stored.get)
    assert json.loads(fields["original_annotations"]) == [{"annotations": []}]
    assert fields["no_changes_needed"] == "true"


@pytest.mark.parametrize(("stored", "got"), [(None, "got no object"), (b"[" * 9999, "32 levels"), (b"[]", "object")])
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
    assert re.fullmatch(r"private\.local\.[0-9a-f]{24}", worker)
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
