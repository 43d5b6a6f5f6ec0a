"""What is fuzzed: each target takes any bytes, and raises if what the code promises of them does not hold."""

from __future__ import annotations

import json
import random
import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from typing import Any

import msgspec
from obstore.store import MemoryStore

import post_annotation
from truepoint.adapters.bucket import Bucket
from truepoint.groundtruth.annotation import Annotation, annotate
from truepoint.groundtruth.answer import AnswerError
from truepoint.groundtruth.batch import BatchError, consolidation_response, fit, read_batch
from truepoint.groundtruth.job import JobError, LabelingJob, read_description, read_ended
from truepoint.groundtruth.manifest import read_lines
from truepoint.groundtruth.output_line import Labeled, NotLabeled, read_line
from truepoint.groundtruth.task import TaskInput, pre_annotation_response
from truepoint.jobs.exports.finished import Paths, image_path
from truepoint.jobs.review import Reviewed, ReviewError
from truepoint.json_text import BYTE_ORDER_MARK, JsonError, decode
from truepoint.keys import job_keys
from truepoint.measures.gold import GoldError, parse_gold
from truepoint.pose.anatomy import Anatomy
from truepoint.pose.sigma_table import sigma_table
from truepoint.pose.skeleton import SkeletonError, parse_skeleton
from truepoint.results.result_set import Results, annotation_file, annotation_key, read_results, rejected_line
from truepoint.runs.completion import complete

BUCKET = "bucket-name"
ATTRIBUTE = "keypoints"
MANIFEST = "output/people/manifests/output/output.manifest"
JOB = LabelingJob(
    name="people", arn="arn", status="Completed", label_attribute_name=ATTRIBUTE,
    output_manifest_uri=f"s3://{BUCKET}/{MANIFEST}",
)  # fmt: skip
MEASURE = sigma_table(None)


def manifest(data: bytes) -> None:
    """However a file is cut, its lines are the same, and each has one outcome that can be written."""
    size = data[0] + 1 if data else 1
    lines = list(read_lines([data], longest=1000))
    assert list(read_lines([data[n : n + size] for n in range(0, len(data), size)], longest=1000)) == lines
    assert [line.number for line in lines] == list(range(len(lines)))
    assert len(lines) == sum(bool(text.strip().removeprefix(BYTE_ORDER_MARK)) for text in data.split(b"\n"))
    for line in read_lines([data]):
        read = read_line(line, ATTRIBUTE, lambda _: b"")
        if isinstance(read, Labeled):
            msgspec.json.decode(msgspec.json.encode(annotation_file(read, "people")), type=Annotation)
            name = annotation_key(read).removeprefix("annotations/")
            assert name.isascii() and name.replace("-", "").replace(".", "").replace("_", "").isalnum(), name
            assert len(name) < 100
        else:
            msgspec.json.decode(rejected_line(read), type=NotLabeled)


def results(data: bytes) -> None:
    """A manifest's results: every line accounted for, all files below the job's folder, all of them JSON."""
    store = InMemory({MANIFEST: data})
    found = complete(JOB, store)
    assert isinstance(found, Results)
    assert found.written + found.rejected + found.failed + found.unlabeled == found.lines
    assert found.lines == sum(bool(text.strip().removeprefix(BYTE_ORDER_MARK)) for text in data.split(b"\n"))
    written = {key: body for key, body in store.objects().items() if not key.startswith("tmp/")}
    del written[MANIFEST]
    assert all(key.startswith(job_keys("people").results) for key in written), written.keys()
    assert sum("/annotations/" in key for key in written) == found.written
    for key, body in written.items():
        if key.endswith(".json"):
            msgspec.json.decode(body)
        elif not key.endswith(".html"):
            for line in body.splitlines():
                msgspec.json.decode(line)


def pre_annotation(data: bytes) -> None:
    """A data object as Lambda parses it, with all that Python's json allows, becomes a task, or says why not."""
    with suppress(ValueError, RecursionError):  # then it is Lambda's to refuse
        value = json.loads(data)
        response = pre_annotation_response(value)
        task = msgspec.convert(response["taskInput"], TaskInput)
        assert response["isHumanAnnotationRequired"] == bool(task.image_s3_uri)
        assert task.image_s3_uri or task.error
        for text in (task.initial_values, task.annotation_issues):
            assert isinstance(msgspec.json.decode(text), list)
        msgspec.json.encode(response)


def batch(data: bytes) -> None:
    """A consolidation request: refused as a whole, or an annotation for each data object."""
    try:
        entries = read_batch(data)
    except BatchError:
        return
    annotations = []
    for entry in entries:
        answers = [
            (a.worker_id, post_annotation._content(a.annotation_data))
            for a in entry.annotations
            if isinstance(a.annotation_data, AnswerError) or a.annotation_data.s3_uri is None
        ]
        annotations.append(annotate(entry.dataset_object_id, entry.data_object.s3_uri, answers, MEASURE))
    response = consolidation_response(fit(annotations, lambda *_: f"s3://{BUCKET}/large.json"), ATTRIBUTE)
    assert len(response) == len(entries)
    assert len(json.dumps(response)) < 6_291_556, "more than Lambda answers"
    for annotation in annotations:
        assert annotation.valid or (annotation.reason and not annotation.updated_annotations)
        msgspec.json.decode(msgspec.json.encode(annotation), type=Annotation)


def answers(data: bytes) -> None:
    """Two halves of the bytes as two workers' answers, beside a third that is good: it is never lost."""
    good = {
        "updated_annotations": [{"annotations": [{"label": "nose", "x": 1, "y": 2}, {"label": "eye", "x": 9, "y": 7}]}]
    }
    first, _, second = data.partition(b"\n")
    annotation = annotate("0", "s3://bucket-name/a.jpg", [("a", first), ("b", second), ("c", good)], MEASURE)
    assert [(w.worker_id, w.usable or bool(w.reason)) for w in annotation.workers] == [(w, True) for w in "abc"]
    assert annotation.workers[2].usable
    again = msgspec.json.decode(msgspec.json.encode(annotation), type=Annotation)
    line = {"source-ref": "s3://bucket-name/a.jpg", ATTRIBUTE: again}
    if annotation.valid:
        kept = sum(i.get("worker_count", 1) for i in annotation.updated_annotations)
        kept += sum(len(b.instances) for b in annotation.below_quorum)
        marked = sum(len(w.annotations) for w in annotation.workers if w.usable)
        assert kept == marked, (kept, marked)
    results(msgspec.json.encode(line))


def skeleton(data: bytes) -> None:
    """A skeleton definition is refused, or all that is made of it can be."""
    with suppress(SkeletonError):
        read = parse_skeleton(data)
        assert len(read.flip_indices) == len(read.sigmas) == len(read.keypoint_names)
        assert [read.flip_indices[i] for i in read.flip_indices] == list(range(len(read.flip_indices)))
        Anatomy(read)
        msgspec.json.encode((read.element_attributes(), sigma_table(read).pairs))
        assert parse_skeleton(msgspec.json.encode(read)) == read


def gold(data: bytes) -> None:
    """A gold file is refused, or read."""
    with suppress(GoldError):
        assert all(isinstance(instances, list) for instances in parse_gold(data).values())


def event(data: bytes) -> None:
    """An event and a description are refused, or name a job whose folder is one."""
    with suppress(ValueError, RecursionError):
        value = json.loads(data)
        with suppress(JobError):
            ended = read_ended(value)
            job = read_description(ended.description or value)
            assert job.name.replace("-", "").isalnum() and job.name.isascii()
            assert job_keys(job.name).results.count("/") == 2
            msgspec.json.encode(job)


def depth(data: bytes) -> None:
    """Any value nested to any depth, wherever it is put: each entry point refuses it, or writes what it read."""
    levels, _, inner = data.partition(b",")
    deep = int(levels[:4]) if levels[:4].isdigit() else len(levels)
    for opening, closing in ((b"[", b"]"), (b'{"a":', b"}")):
        nested = opening * deep + (inner or b"1") + closing * deep
        for place in (b"%s", b'[{"annotations":[],"z":%s}]', b'{"updated_annotations":[{"annotations":[],"z":%s}]}'):
            value = place % nested
            assert decoded_or_refused(value) is not None
            line = b'{"source-ref":"s3://bucket-name/a.jpg","%s":%s}'
            manifest(line % (ATTRIBUTE.encode(), value))
            manifest(line % (b"other", value))
            batch(b'[{"datasetObjectId":"0","annotations":[{"workerId":"w","annotationData":{"content":%s}}]}]' % value)
            pre_annotation(line % (b"annotations", value))
            for target in (skeleton, gold, event, marker):
                target(value)
    results(line % (ATTRIBUTE.encode(), value) + b"\n" + line % (b"other", value))


def decoded_or_refused(data: bytes) -> bool:
    """Whether the bytes are JSON that is not nested too deep; what is can be written."""
    try:
        msgspec.json.encode(decode(data))
    except JsonError:
        return False
    return True


SECONDS, SECONDS_A_BYTE = 2.0, 2e-4
MEGABYTES, MEGABYTES_A_BYTE = 100.0, 1e-3


def cost(data: bytes) -> None:
    """An image's answers cost seconds and memory by their bytes, in consolidation and in the results.

    The bytes are a seed and settings: how many workers, instances and keypoints, how large and near each other.
    """
    workers, instances, keypoints, spread, size, names, *_ = [*data[:6], *bytes(6)]
    chance = random.Random(data)

    def instance(n: int) -> dict[str, Any]:
        x, y = (chance.uniform(0, 1 << spread % 20) for _ in "xy")
        return {
            "annotations": [
                {"label": f"k{k}" if names % 2 else f"k{n}-{k}", "x": x + chance.random() * 9, "y": y + k}
                for k in range(1 + keypoints % 40)
            ],
            "box": [x, y, 1 << size % 20, 1 << size % 20],
        }

    found = [[instance(n) for n in range(1 + instances % 100)] for _ in range(1 + workers % 9)]
    contents = [(f"w{w}", json.dumps({"updated_annotations": some})) for w, some in enumerate(found)]
    total = sum(len(text) for _, text in contents)
    began = time.process_time()
    annotation = annotate("0", "s3://bucket-name/a.jpg", contents, MEASURE)
    results(msgspec.json.encode({"source-ref": "s3://bucket-name/a.jpg", ATTRIBUTE: annotation}))
    seconds = time.process_time() - began
    assert seconds < SECONDS + SECONDS_A_BYTE * total, (seconds, total)
    tracemalloc.start()
    annotate("0", "s3://bucket-name/a.jpg", contents, MEASURE)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert peak / 1e6 < MEGABYTES + MEGABYTES_A_BYTE * total, (peak, total)


def keys(data: bytes) -> None:
    """Any text as the key of an image: what is written for it stays in its folder, under a name that can be written."""
    key = data.decode("utf-8", "replace")
    results(msgspec.json.encode({"source-ref": f"s3://bucket-name/{key}", ATTRIBUTE: {"updated_annotations": []}}))
    paths = Paths()
    for path in (paths.take(image_path(f"s3://bucket-name/{part}", "people")) for part in [key, *key.split("/"), key]):
        parts = path.split("/")
        assert all(part and part.strip(".") and len(part.encode()) <= 255 for part in parts), path
        assert not any(part.startswith("-") or "\0" in part for part in parts), path


def marker(data: bytes) -> None:
    """A completion marker counts, or it does not."""
    found = read_results(data)
    assert found is None or found.version == "1.0"


def review(data: bytes) -> None:
    """A review's manifest over a first one: refused, or as many lines as before."""
    first, _, second = data.partition(b"\n\n")

    def lines(text: bytes) -> Any:
        return read_lines([text])

    with suppress(ReviewError):
        reviewed = Reviewed(lines(second), ATTRIBUTE, lambda _: b"")
        assert len(list(reviewed.over(lines(first), ATTRIBUTE))) == len(list(lines(first)))


TARGETS: dict[str, Callable[[bytes], None]] = {
    target.__name__: target
    for target in (
        manifest,
        results,
        pre_annotation,
        batch,
        answers,
        skeleton,
        gold,
        event,
        marker,
        review,
        depth,
        cost,
        keys,
    )
}


class InMemory(Bucket):
    """A bucket in memory, by obstore's own store: the code above it is the same."""

    def __init__(self, objects: dict[str, bytes]) -> None:
        self.name = BUCKET
        self._store = MemoryStore()  # type: ignore[assignment]
        for key, body in objects.items():
            self.write(key, body, "application/json")

    def objects(self) -> dict[str, bytes]:
        """All that is in it."""
        return {entry["path"]: self.read(entry["path"]) for page in self._store.list() for entry in page}
