"""Input that somebody made to break something: each has its outcome."""

from __future__ import annotations

import json
from functools import partial
from typing import Any

import msgspec
import pytest
from builders import SOURCE, keypoint, label, outcome, record

import post_annotation
from truepoint.groundtruth.annotation import MOST_WORKERS, Annotation, annotate
from truepoint.groundtruth.batch import AnnotationData, BatchError, consolidation_response, fit, read_batch
from truepoint.groundtruth.job import JobError, read_description
from truepoint.groundtruth.manifest import read_lines
from truepoint.groundtruth.output_line import Labeled, NotLabeled
from truepoint.groundtruth.task import TaskInput, pre_annotation_response
from truepoint.measures.gold import GoldError, parse_gold
from truepoint.pose.instance import InstanceError, parse_instances
from truepoint.pose.sigma_table import sigma_table
from truepoint.pose.skeleton import SkeletonError, parse_skeleton
from truepoint.results.result_set import annotation_file, annotation_key, rejected_line

DEEP = b"[" * 100_000 + b"]" * 100_000
LONG = b"1" + b"0" * 400
TOO_LONG = b"1" + b"0" * 5_000
SIGNED = "https://bucket-name.s3.amazonaws.com/a.jpg?X-Amz-Signature=secret"
NOSE = keypoint("nose", 1.5, 2)


def line(labeled: bytes, more: bytes = b"") -> bytes:
    return b'{"source-ref":"s3://bucket-name/a.jpg","keypoints":%s%s}' % (labeled, more)


# --------------------------------------------------------------------------------------------- manifest lines

WRITTEN = {
    "a number of 401 digits in what passes through": line(
        b'{"updated_annotations":[{"annotations":[],"z":%s}]}' % LONG
    ),
    "a time of 401 digits": line(b'{"updated_annotations":[],"total_time_in_seconds":%s}' % LONG),
    "an image 401 digits wide": line(b'{"updated_annotations":[]}', b',"image_width":%s,"image_height":5' % LONG),
    "an image that is true wide": line(b'{"updated_annotations":[]}', b',"image_width":true,"image_height":true'),
    "a byte order mark": b"\xef\xbb\xbf" + line(b'{"updated_annotations":[]}'),
    "minus zero": line(b'{"updated_annotations":[{"annotations":[{"label":"nose","x":-0.0,"y":-0}]}]}'),
    "a NUL in the image's name": b'{"source-ref":"s3://bucket-name/a\\u0000.jpg","keypoints":{"updated_annotations":[]}}',
    "a key twice": line(b'5,"keypoints":{"updated_annotations":[]}'),
    "a hundred thousand keys": line(
        b'{"updated_annotations":[]}', b"".join(b',"k%d":%d' % (n, n) for n in range(100_000))
    ),
}
REJECTED = {
    "nothing but brackets": (DEEP, "the line is not JSON"),
    "brackets in what passes through": (line(b'{"updated_annotations":%s}' % DEEP), "the line is not JSON"),
    "a number of 5,001 digits": (line(b'{"updated_annotations":[],"z":%s}' % TOO_LONG), "the line is not JSON"),
    "NaN": (line(b'{"updated_annotations":[],"z":NaN}'), "the line is not JSON"),
    "Infinity": (line(b'{"updated_annotations":[],"z":-Infinity}'), "the line is not JSON"),
    "1e999": (line(b'{"updated_annotations":[],"z":1e999}'), "the line is not JSON"),
    "bytes that are no UTF-8": (line(b'{"updated_annotations":[],"z":"\xff\xfe"}'), "the line is not JSON"),
    "half a surrogate pair": (line(b'{"updated_annotations":[],"z":"\\ud800"}'), "the line is not JSON"),
    "brackets that a decoder would read": (
        line(b'{"updated_annotations":[{"annotations":[],"z":%s}]}' % (b"[" * 600 + b"]" * 600)),
        "expected at most 64 levels of nesting",
    ),
    "a NUL": (b"\x00", "the line is not JSON"),
    "two objects": (b"{} {}", "the line is not JSON"),
    "a place of 401 digits": (
        line(b'{"updated_annotations":[{"annotations":[{"label":"nose","x":%s,"y":1}]}]}' % LONG),
        "Number out of range",
    ),
    "a hundred thousand instances": (
        line(b'{"updated_annotations":[%s]}' % b",".join([b"{}"] * 100_000)),
        "expected at most 1000 instances, got 100000",
    ),
    "a hundred thousand keypoints": (
        json.dumps(record(label([{"annotations": [keypoint(f"k{n}", n, n) for n in range(100_000)]}]))).encode(),
        "instance 0: expected at most 1000 keypoints, got 100000",
    ),
    "an image 401 digits wide, in the label": (
        json.dumps(record(label([], image_width=int(LONG), image_height=1))).encode(),
        "Expected `int` <= 1000000",
    ),
}  # fmt: skip


@pytest.mark.parametrize("name", WRITTEN)
def test_a_strange_line_with_a_label_is_written(name: str) -> None:
    read = outcome(WRITTEN[name])
    assert isinstance(read, Labeled)
    written = msgspec.json.encode(annotation_file(read, "people"))
    assert msgspec.json.decode(written, type=Annotation).image_width is None
    assert annotation_key(read) == "annotations/0000000-a.json"


@pytest.mark.parametrize("name", REJECTED)
def test_a_hostile_line_is_rejected_with_its_reason(name: str) -> None:
    text, reason = REJECTED[name]
    read = outcome(text)
    assert isinstance(read, NotLabeled)
    assert read.status == "rejected"
    assert reason in read.reason
    assert len(rejected_line(read)) < 1000


def test_every_line_of_a_strange_file_is_counted_once() -> None:
    file = b"\xef\xbb\xbf{}\r\n\n \t \r\n\x00\n" + b"x" * 20 + b"\r\r\n\x0b\x0c\n{}"
    found = [(n.number, n.text, n.length) for n in read_lines([file[i : i + 1] for i in range(len(file))], longest=10)]
    assert found == [
        (0, b"{}", 6), (1, b"\x00", 1), (2, b"", 22), (3, b"{}", 2),
    ]  # fmt: skip


@pytest.mark.parametrize(
    ("source", "stem"),
    [
        ("../../../ui/x.js", "x"), ("..", "image"), ("a/..", "image"), (".", "image"), ("\x00\n\r\x7f.jpg", "image"),
        ("a\\..\\b.jpg", "a_.._b"), ("%2e%2e%2f.jpg", "2e_2e_2f"), ("é" * 512, "image"), ("\u202egpj.jpg", "gpj"),
        ("x" * 1020 + ".jpg", "x" * 80), ("a b?c#d.jpg", "a_b_c_d"), ("...", "image"), ("/", "image"),
    ],
)  # fmt: skip
def test_no_image_name_leads_out_of_the_results(source: str, stem: str) -> None:
    read = outcome(record(label([]), source=f"s3://bucket-name/{source}"))
    assert isinstance(read, Labeled)
    assert annotation_key(read) == f"annotations/0000000-{stem}.json"


# ------------------------------------------------------------------------------------------ before the labelling

UNUSABLE = {
    "half a surrogate pair in the pre-labels": {"annotations": [{"annotations": [], "name": "\ud800"}]},
    "half a surrogate pair in text": {"annotations": '[{"annotations":[],"name":"\ud800"}]'},
    "brackets": {"annotations": DEEP.decode()},
    "a number of 5,001 digits": {"annotations": f'[{{"annotations":[],"z":{TOO_LONG.decode()}}}]'},
    "a place that is not a number": {"annotations": [{"annotations": [keypoint("nose", float("nan"), 1)]}]},
    "a place of 401 digits": {"annotations": [{"annotations": [keypoint("nose", int(LONG), 1)]}]},
    "too many keypoints": {"annotations": [{"annotations": [keypoint(str(n), 1, 1) for n in range(1001)]}]},
}


@pytest.mark.parametrize("name", UNUSABLE)
def test_hostile_pre_labels_do_not_fail_the_job(name: str) -> None:
    response = pre_annotation_response({"source-ref": SOURCE} | UNUSABLE[name])
    assert response["isHumanAnnotationRequired"] is True
    assert response["taskInput"]["initial_values"] == "[]"
    assert response["taskInput"]["error"].startswith("the pre-labels cannot be used: ")
    msgspec.json.encode(msgspec.convert(response["taskInput"], TaskInput))


def test_hostile_issues_are_left_out() -> None:
    for issues in (["\ud800"], DEEP.decode(), '["\ud800"]'):
        response = pre_annotation_response({"source-ref": SOURCE, "annotation_issues": issues})
        assert response["taskInput"]["annotation_issues"] == "[]"


@pytest.mark.parametrize(
    ("name", "told"), [("people-1", "people-1"), ("a b", ""), ("-a", ""), ("x" * 64, ""), ("<b>", "")]
)
def test_the_page_receives_only_the_jobs_name(name: str, told: str) -> None:
    arn = f"arn:aws:sagemaker:us-east-1:123456789012:labeling-job/{name}"
    assert pre_annotation_response({"source-ref": SOURCE}, arn)["taskInput"]["labeling_job"] == told


def test_an_image_whose_uri_is_no_text_is_not_shown() -> None:
    response = pre_annotation_response({"source-ref": "s3://bucket-name/\ud800.jpg"})
    assert response["isHumanAnnotationRequired"] is False
    assert "source-ref cannot be used" in response["taskInput"]["error"]
    msgspec.json.encode(response)


# ------------------------------------------------------------------------------------------------------ answers

BAD_ANSWERS = {
    "1e999": b'{"updated_annotations":[],"z":1e999}',
    "a number of 5,001 digits": b'{"updated_annotations":[],"z":%s}' % TOO_LONG,
    "half a surrogate pair": json.dumps('{"updated_annotations":[{"annotations":[],"name":"\\ud800"}]}').encode(),
    "brackets as text": json.dumps(DEEP.decode()).encode(),
    "brackets in a field": json.dumps({"updated_annotations": DEEP.decode()}).encode(),
    "a list": b"[]",
    "nothing": b"null",
}


@pytest.mark.parametrize("name", BAD_ANSWERS)
def test_a_hostile_answer_does_not_affect_other_answers(name: str) -> None:
    good = json.dumps({"updated_annotations": json.dumps([{"annotations": [NOSE]}])})
    answers = [("w1", BAD_ANSWERS[name]), ("w2", json.dumps(good).encode())]
    annotation = consolidated(answers)
    assert annotation.valid
    assert [(w.worker_id, w.usable) for w in annotation.workers] == [("w1", False), ("w2", True)]
    assert annotation.workers[0].reason
    assert annotation.updated_annotations == [{"annotations": [NOSE]}]


@pytest.mark.parametrize(
    "instance",
    [
        {"annotations": [keypoint("a", 1, 2)], "box": [0, 0, 5e-324, 5e-324]},
        {"annotations": [keypoint("a", 5e-324, 0), keypoint("b", 0, 5e-324)]},
        {"annotations": [keypoint("a", 1e6, -1e6), keypoint("b", -1e6, 1e6)], "box": [0, 0, 1e6, 1e-300]},
        {"annotations": [], "box": [0, 0, -5, -5]},
        {"annotations": [keypoint("a", -0.0, -0.0)]},
    ],
)
def test_instances_of_no_size_are_consolidated(instance: Any) -> None:
    answer = json.dumps({"updated_annotations": [instance, instance]}).encode()
    assert consolidated([(w, answer) for w in ("w1", "w2", "w3")]).valid


def _unused(_object_id: str, _text: bytes) -> str:
    raise AssertionError("nothing here is too large")


def consolidated(answers: list[tuple[str, bytes]]) -> Annotation:
    """The annotation of a batch of one data object."""
    contents = b",".join(b'{"workerId":"%s","annotationData":{"content":%s}}' % (w.encode(), c) for w, c in answers)
    [entry] = read_batch(
        b'[{"datasetObjectId":"0","dataObject":{"s3Uri":"%s"},"annotations":[%s]}]' % (SOURCE.encode(), contents)
    )
    given = [(a.worker_id, post_annotation._content(a.annotation_data)) for a in entry.annotations]
    annotation = annotate("0", SOURCE, given, sigma_table(None))
    json.dumps(consolidation_response(fit([annotation], _unused), "keypoints"), allow_nan=False)
    return annotation


@pytest.mark.parametrize("payload", [b"", b"{}", b"[1]", b"\xff", b"[null]", b"[{}]", b"[[[", DEEP])
def test_an_invalid_batch_is_refused_with_a_reason(payload: bytes) -> None:
    with pytest.raises(BatchError, match=r"expected a consolidation request|expected entries with a datasetObjectId"):
        read_batch(payload)


def deep(levels: int) -> bytes:
    return b"[" * levels + b"]" * levels


EMPTY_ANSWER = b'{"workerId":"w","annotationData":{"content":{"updated_annotations":[]}}}'
GOOD_ENTRY = b'{"datasetObjectId":"good","annotations":[%s]}' % EMPTY_ANSWER
IN_A_BATCH = {
    "the case C12": b'{"datasetObjectId":"bad","dataObject":{"s3Uri":null,"content":"x"},"annotations":[]}',
    "no answers": b'{"datasetObjectId":"bad","annotations":null}',
    "a null answer": b'{"datasetObjectId":"bad","annotations":[null]}',
    "a null worker": b'{"datasetObjectId":"bad","annotations":[{"workerId":null,"annotationData":{"content":"{}"}}]}',
    "no data": b'{"datasetObjectId":"bad","annotations":[{"workerId":"w","annotationData":null}]}',
    "NaN": b'{"datasetObjectId":"bad","annotations":[{"workerId":"w","annotationData":{"content":{"z":NaN}}}]}',
} | {
    f"{levels} levels in {where}": b'{"datasetObjectId":"bad","annotations":[%s]}' % made(deep(levels))
    for levels in (33, 600, 985, 9997, 100_000)
    for where, made in {
        "an answer": lambda text: b'{"workerId":"w","annotationData":{"content":%s}}' % text,
        "a field": lambda text: b'{"workerId":"w","annotationData":{"content":{"updated_annotations":%s}}}' % text,
        "text": lambda text: b'{"workerId":"w","annotationData":{"content":{"updated_annotations":"%s"}}}' % text,
        "the worker": lambda text: b'{"workerId":%s,"annotationData":{"content":"{}"}}' % text,
        "the list of answers": lambda text: text,
    }.items()
}


@pytest.mark.parametrize("name", IN_A_BATCH)
def test_a_bad_entry_of_a_batch_does_not_affect_others(name: str) -> None:
    bad, good = read_batch(b"[%s,%s]" % (IN_A_BATCH[name], GOOD_ENTRY))
    made = {}
    for entry in (bad, good):
        answers = [(a.worker_id, post_annotation._content(a.annotation_data)) for a in entry.annotations]
        made[entry.dataset_object_id] = annotate(entry.dataset_object_id, SOURCE, answers, sigma_table(None))
    assert made["good"].valid
    assert not made["bad"].valid
    assert made["bad"].reason
    if "levels" in name and "the" not in name:
        assert "expected at most 32 levels of nesting" in made["bad"].reason
    msgspec.json.encode(consolidation_response(fit(made.values(), _unused), "keypoints"))


@pytest.mark.parametrize("word", [b"NaN", b"Infinity", b"-Infinity"])
def test_nan_and_infinity_become_null_outside_strings(word: bytes) -> None:
    answer = b'{"updated_annotations":[],"z":[%s,"%s \\" %s",%s]}' % (word, word, word, word)
    [entry] = read_batch(
        b'[{"datasetObjectId":"0","annotations":[{"workerId":"w","annotationData":{"content":%s}}]}]' % answer
    )
    data = entry.annotations[0].annotation_data
    assert isinstance(data, AnnotationData)
    name = word.decode()
    assert data.content == f'{{"updated_annotations":[],"z":[null,"{name} \\" {name}",null]}}'


def test_an_object_that_more_workers_answered_than_are_asked_is_refused() -> None:
    several = [(f"w{n}", b'{"updated_annotations":[]}') for n in range(MOST_WORKERS + 1)]
    assert annotate("0", SOURCE, several[1:], sigma_table(None)).valid
    annotation = annotate("0", SOURCE, several, sigma_table(None))
    assert not annotation.valid
    assert annotation.reason == "expected answers of at most 1000 workers, got 1001"
    written = msgspec.to_builtins(annotate("0", SOURCE, several[1:], sigma_table(None)))
    assert isinstance(outcome(record(written)), Labeled)
    written["workers"] *= 2
    read = outcome(record(written))
    assert isinstance(read, NotLabeled)
    assert read.reason == "expected at most 1000 workers, got 2000"


def test_answers_are_fetched_one_at_a_time_and_no_more_than_fit() -> None:
    text = json.dumps({"updated_annotations": [], "z": "x" * 15_000_000 + "\U0001f600"}, ensure_ascii=False)
    fetched = []

    def content(worker: str) -> str:
        fetched.append(worker)
        return text

    annotation = annotate("0", SOURCE, [(f"w{n}", partial(content, f"w{n}")) for n in range(9)], sigma_table(None))
    assert "expected values of at most 200,000,000 bytes in memory in all workers' answers" in str(annotation.reason)
    assert fetched == ["w0", "w1", "w2", "w3"]


def test_an_entry_without_an_id_is_left_out() -> None:
    assert [entry.dataset_object_id for entry in read_batch(b"[null,%s,{}]" % GOOD_ENTRY)] == ["good"]


# ------------------------------------------------------------------------------------------------- other files


@pytest.mark.parametrize(
    "text",
    [DEEP, b'{"name":"a","keypoints":[{"name":"a"}],"z":%s}' % DEEP, b"\xff", b'{"name":"\\ud800"}', b"", b"NaN",
     b'{"name":"a","keypoints":[{"name":"a","sigma":%s}]}' % LONG,
     b'{"name":"a","keypoints":[%s]}' % b",".join(b'{"name":"%d"}' % n for n in range(1001))],
)  # fmt: skip
def test_a_hostile_skeleton_is_refused(text: bytes) -> None:
    with pytest.raises(SkeletonError, match="expected a skeleton definition"):
        parse_skeleton(text)


@pytest.mark.parametrize("text", [DEEP, b'{"a.jpg":%s}' % DEEP, b"\xff", b"[]", b'{"a.jpg":[{}]}', b'{"a":1e999}'])
def test_a_hostile_gold_file_is_refused(text: bytes) -> None:
    with pytest.raises(GoldError):
        parse_gold(text)


@pytest.mark.parametrize(
    "changed", [{"FailureReason": ["a"]}, {"HumanTaskConfig": {"NumberOfHumanWorkersPerDataObject": "3"}}]
)
def test_a_description_with_wrong_types_is_refused(changed: Any) -> None:
    good = {
        "LabelingJobName": "a", "LabelingJobArn": "arn", "LabelingJobStatus": "Completed",
        "LabelAttributeName": "keypoints", "OutputConfig": {"S3OutputPath": "s3://bucket-name/output"},
    }  # fmt: skip
    assert read_description(good).workers_per_object is None
    with pytest.raises(
        JobError, match="expected a labelling job's description, got something else: TypeError expected "
    ):
        read_description(good | changed)


# ---------------------------------------------------------------------------------------------------- secrets


def test_no_signed_url_reaches_the_results() -> None:
    original = {"updated_annotations": "[]", "image_s3_location": SIGNED, "data_object_s3_uri": SIGNED}
    unnamed = record(original) | {"source-ref": None}
    for value in (record(original, source=SIGNED), unnamed, record(source=SIGNED), record(5, source=SIGNED)):
        read = outcome(value)
        written = annotation_file(read, "people") if isinstance(read, Labeled) else read
        assert b"secret" not in msgspec.json.encode(written)
    assert "secret" not in json.dumps(pre_annotation_response({"source-ref": SIGNED}))
    fields = {"updated_annotations": "[]", "image_s3_uri": SIGNED}
    annotation = annotate("0", "", [("w", fields)], sigma_table(None))
    assert annotation.image_s3_location == "https://bucket-name.s3.amazonaws.com/a.jpg"


# -------------------------------------------------------------------------------------------------------- costs


def people(count: int, apart: float, workers: int = 3) -> list[tuple[str, Any]]:
    """Answers of workers who each marked so many people, that many pixels apart."""
    names = [f"k{n}" for n in range(17)]
    found = [
        {"annotations": [keypoint(name, apart * i + n, 20.0 * n + w) for n, name in enumerate(names)]}
        for i in range(count)
        for w in [i % 3]
    ]
    return [(f"w{w}", {"updated_annotations": found}) for w in range(workers)]


@pytest.mark.parametrize(
    ("answers", "reason"),
    [
        (people(1000, 0), "expected at most 50000 overlapping pairs of different workers' instances, got 3000000"),
        (people(400, 100, workers=9), "expected at most 3000 instances of all workers together, got 3600"),
    ],
)
def test_more_than_can_be_matched_is_invalid_with_its_reason(answers: Any, reason: str) -> None:
    annotation = annotate("0", SOURCE, answers, sigma_table(None))
    assert (annotation.valid, annotation.reason, annotation.updated_annotations) == (False, reason, [])
    assert all(w.usable and w.annotations for w in annotation.workers)


def test_a_crowd_is_matched() -> None:
    annotation = annotate("0", SOURCE, people(120, 30), sigma_table(None))
    assert len(annotation.updated_annotations) == 120
    assert {i["worker_count"] for i in annotation.updated_annotations} == {3}


def test_a_list_of_instances_has_an_end() -> None:
    with pytest.raises(InstanceError, match="expected at most 1000 instances, got 100000"):
        parse_instances([{}] * 100_000)
