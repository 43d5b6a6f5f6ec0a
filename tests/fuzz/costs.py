"""What the costliest input costs that each entry point is given: bytes, CPU seconds, and memory at its peak.

Each input is handled in a process of its own, whose whole memory counts. `--only WORD` picks inputs by a part of their
name. The command fails if an input takes more than `SECONDS` or `MEGABYTES`; `make bench-costs`.
"""

from __future__ import annotations

import argparse
import json
import logging
import os
import random
import resource
import subprocess
import sys
import tempfile
from collections.abc import Callable, Iterable, Iterator
from contextlib import redirect_stdout
from itertools import pairwise
from pathlib import Path
from types import SimpleNamespace
from typing import NamedTuple

sys.path.append(str(Path(__file__).parents[2] / "src" / "handlers"))
sys.path.append(str(Path(__file__).parents[2] / "scripts"))

import msgspec
from targets import ATTRIBUTE, BUCKET, JOB, MANIFEST, InMemory

from truepoint.groundtruth.annotation import annotate
from truepoint.pose.sigma_table import sigma_table
from truepoint.pose.skeleton import SkeletonError, parse_skeleton
from truepoint.results.result_set import Results
from truepoint.runs.completion import complete

ROOT = Path(__file__).parents[2]
ENVIRONMENT = {"POWERTOOLS_METRICS_NAMESPACE": "costs", "AWS_REGION": "us-east-1"}
SECONDS, MEGABYTES = 10.0, 500.0
IMAGE = f"s3://{BUCKET}/jobs/people/images/a.jpg"
REQUEST = "output/people/annotations/consolidated-annotation/consolidation-request/iteration-1/batch.json"
SKELETON, LARGE = "jobs/people/skeleton.json", "large.json"
MB = 1_000_000
EVENT_MB = 6
"""What Lambda takes in one event. EventBridge sends 256 kB."""
FILLERS = {
    "empty lists": "[]",
    "small objects": '{"":0}',
    "nested objects": '{"":' * 25 + "0" + "}" * 25,
    "numbers": "9999",
    "decimals": "1e16",
    "nothing": "null",
    "texts": '"é"',
    "long text": '"' + "x" * 1000 + '"',
}
chance = random.Random(1)


class Case(NamedTuple):
    """An input: its entry point and name, what makes its bytes, and what handles them and says why it refuses them."""

    entry: str
    name: str
    make: Callable[[], bytes]
    handle: Callable[[bytes], str]


# -- texts


def many(filler: str, megabytes: float) -> str:
    """A JSON array of so many megabytes."""
    what = FILLERS[filler]
    return f"[{','.join([what] * int(megabytes * MB / (len(what.encode()) + 1)))}]"


def junk(filler: str, megabytes: float) -> str:
    """Instances that are accepted, whatever else is in them."""
    return f'[{{"annotations":[],"z":{many(filler, megabytes)}}}]'


def people(instances: int, keypoints: int, names: str = "k{k}", apart: float = 1000.0) -> str:
    """Instances side by side, each much like the one of the same number in another answer."""
    made = [
        {
            "id": f"i{n}",
            "name": f"person {n}",
            "annotations": [
                {
                    "label": names.format(k=k, n=n),
                    "x": round(apart * n + k % 32 * 9 + 5 * chance.random(), 2),
                    "y": round(k // 32 * 9 + 5 * chance.random(), 2),
                    "visibility": 2,
                }
                for k in range(keypoints)
            ],
        }
        for n in range(instances)
    ]
    return json.dumps(made, separators=(",", ":"))


def crossed(instances: str) -> str:
    """The same with left and right exchanged: of each two keypoints, each has the other's name."""
    found = json.loads(instances)
    for instance in found:
        for a, b in zip(instance["annotations"][::2], instance["annotations"][1::2], strict=True):
            a["label"], b["label"] = b["label"], a["label"]
    return json.dumps(found, separators=(",", ":"))


def alike(order: Iterable[int], keypoints: int) -> str:
    """Instances that differ in the last of their keypoints only."""
    names = [f"{k:03d}" for k in range(keypoints)]
    made = [
        {"annotations": [{"label": name, "x": 1, "y": 10 * n if name == names[-1] else 1} for name in names]}
        for n in order
    ]
    return json.dumps(made, separators=(",", ":"))


def answer(updated: str, original: str = "[]") -> str:
    """An answer's text, as the page submits it."""
    fields = {"updated_annotations": updated, "original_annotations": original, "image_s3_uri": IMAGE}
    return json.dumps(fields, ensure_ascii=False)


def batch(*objects: list[str], as_object: bool = False) -> bytes:
    """A consolidation request: for each object its workers' answers, as text or as they are."""

    def data(text: str) -> msgspec.Raw:
        return msgspec.Raw(text.encode() if as_object else json.dumps(text, ensure_ascii=False).encode())

    return msgspec.json.encode(
        [
            {
                "datasetObjectId": str(n),
                "dataObject": {"s3Uri": IMAGE},
                "annotations": [
                    {"workerId": f"w{w}", "annotationData": {"content": data(text)}} for w, text in enumerate(answers)
                ],
            }
            for n, answers in enumerate(objects)
        ]
    )


def skeleton_text(keypoints: int, edges: int = 0) -> bytes:
    """A skeleton of pairs whose edges are a path, and others at random."""
    names = [f"k{k}" for k in range(keypoints)]
    joined = list(pairwise(names))
    joined += [(chance.choice(names), chance.choice(names)) for _ in range(edges - len(joined))]
    points = [{"name": name, "pair": names[k ^ 1]} for k, name in enumerate(names)]
    return json.dumps({"name": "costly", "keypoints": points, "edges": joined}).encode()


def line(label: str, beside: str = "0") -> bytes:
    """A line of an output manifest."""
    return f'{{"source-ref":"{IMAGE}","z":{beside},"{ATTRIBUTE}":{label}}}'.encode()


def label_of(*updated: str) -> bytes:
    """The label of a line: what consolidation makes of these workers' answers."""
    measure = sigma_table(parse_skeleton(skeleton_text(1000)))
    found = annotate("0", IMAGE, [(f"w{w}", answer(text)) for w, text in enumerate(updated)], measure)
    assert found.valid, found.reason
    return msgspec.json.encode(found)


def event(filler: str) -> bytes:
    """The event of a job run outside Ground Truth, with a description of more than it needs."""
    given = json.loads((ROOT / "events/job_completion/completed.json").read_bytes())
    given["source"] = "truepoint.labeling"
    given["detail"].setdefault("LabelingJob", {})["z"] = json.loads(many(filler, 0.25))
    return json.dumps(given, separators=(",", ":")).encode()


# -- what handles them


def pre_annotation(data: bytes) -> str:
    """The function, with the event parsed as Lambda parses it."""
    import pre_annotation as function

    with redirect_stdout(sys.stderr):
        response = function.handler({"dataObject": json.loads(data)}, None)
    json.dumps(response)
    return str(response["taskInput"]["error"])


def post_annotation(data: bytes) -> str:
    """The function, with its response written as Lambda writes it."""
    import post_annotation as function

    store = InMemory({REQUEST: data, SKELETON: skeleton_text(1000)})
    function.bucket = lambda _: store  # type: ignore[assignment, return-value]
    given = {"labelAttributeName": ATTRIBUTE, "payload": {"s3Uri": f"s3://{BUCKET}/{REQUEST}"}}
    with redirect_stdout(sys.stderr):
        response = function.handler(given, SimpleNamespace(function_name="f"))
    assert len(json.dumps(response)) < 6_291_556, "more than Lambda answers"
    return str(response[0]["consolidatedAnnotation"]["content"][ATTRIBUTE].get("reason") or "")


def skeleton(data: bytes) -> str:
    """Read it and make all that is made of it."""
    from truepoint.pose.anatomy import Anatomy

    try:
        read = parse_skeleton(data)
    except SkeletonError as error:
        return str(error)
    Anatomy(read)
    msgspec.json.encode((read.element_attributes(), sigma_table(read).pairs))
    return ""


def gold(data: bytes) -> str:
    """Read it."""
    from truepoint.measures.gold import GoldError, parse_gold

    try:
        parse_gold(data)
    except GoldError as error:
        return str(error)
    return ""


def ended(data: bytes) -> str:
    """Read the event, and the description in it."""
    from truepoint.groundtruth.job import JobError, read_description, read_ended

    try:
        read_description(read_ended(json.loads(data)).description or {})
    except JobError as error:
        return str(error)
    return ""


def job_completion(manifest: bytes, **more: bytes) -> str:
    """Make the results of a manifest."""
    store = InMemory({MANIFEST: manifest, SKELETON: skeleton_text(1000)} | more)
    with redirect_stdout(sys.stderr):
        found = complete(JOB, store)
    assert isinstance(found, Results), found
    return json.loads(store.read("results/people/rejected.jsonl"))["reason"] if found.rejected else ""


def by_reference(label: bytes) -> str:
    """Make the results of a manifest whose line names the label."""
    reference = line(json.dumps({"annotation_s3_uri": f"s3://{BUCKET}/{LARGE}"}))
    return job_completion(reference, **{LARGE: label})


def export(data: bytes) -> str:
    """Write every format of a job's results."""
    import export as command
    from truepoint.jobs.exports import FORMATS, NEEDED

    store = InMemory({MANIFEST: line(data.decode())})
    with tempfile.TemporaryDirectory() as folder, redirect_stdout(sys.stderr):
        complete(JOB, store)
        for key, body in store.objects().items():
            if key.startswith("results/people/"):
                file = Path(folder, key)
                file.parent.mkdir(parents=True, exist_ok=True)
                file.write_bytes(body)
        del store
        begin()
        formats = [name for name in FORMATS if name not in NEEDED]
        results, out = Path(folder, "results/people"), Path(folder, "out")
        assert command.main(["--results", str(results), "--format", ",".join(formats), "--out", str(out)]) == 0
    return ""


def portal(data: bytes) -> str:
    """Do what the portal does with an answer: read it, keep it, and put it into a request of its own."""
    from truepoint.tasks import documents
    from truepoint.tasks.labeling_job import LabelingJobError

    try:
        content = documents.parse_content(data)
    except LabelingJobError as error:
        return str(error)
    kept = json.dumps({"answers": [{"workerId": "w", "answerContent": content}]}).encode()
    del content
    read = documents.parse_worker_response(kept)
    manifest = documents.ManifestLine("0", b"", {"source-ref": IMAGE})
    json.dumps(documents.consolidation_request([(manifest, read)])).encode()
    return ""


# -- the inputs


def cases() -> Iterator[Case]:
    """All of them."""
    yield from of_functions()
    for edges in (999, 5000, 5001):
        yield Case("skeleton", f"1000 keypoints, {edges} edges", lambda e=edges: skeleton_text(1000, e), skeleton)
    with_more = b'{"name":"a","keypoints":[{"name":"a"}],"z":%s}'
    for filler in FILLERS:
        yield Case("skeleton", f"16 MB of {filler}", lambda f=filler: with_more % many(f, 16).encode(), skeleton)
        for size in (5, 64):
            yield Case(
                "gold", f"{size} MB of {filler}", lambda f=filler, s=size: b'{"a":%s}' % junk(f, s).encode(), gold
            )
        yield Case("event", f"250 kB of {filler}", lambda f=filler: event(f), ended)
        yield Case("portal", f"5 MB of {filler} in text", lambda f=filler: answer(junk(f, 4.9)).encode(), portal)
        beside = lambda f=filler: b'{"updated_annotations":"[]","z":%s}' % many(f, 4.9).encode()  # noqa: E731
        yield Case("portal", f"5 MB of {filler}", beside, portal)
    image = lambda n: b'"%d":%s' % (n, people(100, 1000).encode())  # noqa: E731
    yield Case("gold", "4 images of 100 x 1000 keypoints", lambda: b"{%s}" % b",".join(map(image, range(4))), gold)
    yield from of_results()


def of_functions() -> Iterator[Case]:
    """Those of pre_annotation and post_annotation."""
    before = f'{{"source-ref":"{IMAGE}","annotations":%s}}'
    for filler in FILLERS:
        yield Case(
            "pre_annotation",
            f"6 MB of {filler}",
            lambda f=filler: (before % junk(f, EVENT_MB)).encode(),
            pre_annotation,
        )
    yield Case(
        "pre_annotation", "90 x 1000 keypoints", lambda: before.encode() % people(90, 1000).encode(), pre_annotation
    )
    for filler in FILLERS:
        for size in (4, 12):
            made = lambda f=filler, s=size: batch([answer(junk(f, s))])  # noqa: E731
            yield Case("post_annotation", f"{size} MB of {filler}", made, post_annotation)
        as_object = lambda f=filler: batch([answer("[]")[:-1] + f',"z":{many(f, 16)}}}'], as_object=True)  # noqa: E731
        yield Case("post_annotation", f"16 MB of {filler}, no text", as_object, post_annotation)
    small = "small objects"
    answers: dict[str, Callable[[], list[list[str]]]] = {
        "9 workers, 2.4 MB of small objects": lambda: [[answer(junk(small, 2.4))] * 9],
        "9 workers, 0.5 MB of small objects": lambda: [[answer(junk(small, 0.5))] * 9],
        "16 objects, 0.5 MB of small objects": lambda: [[answer(junk(small, 0.5))]] * 16,
        "100 x 1000 keypoints": lambda: [[answer(people(100, 1000))]],
        "100 x 1000 keypoints, pre-labels too": lambda: [[answer(people(100, 1000), people(100, 1000))]],
        "1000 x 100 keypoints, pre-labels too": lambda: [[answer(people(1000, 100), people(1000, 100))]],
        "2 workers, 100 x 1000 keypoints": lambda: [[answer(people(100, 1000)) for _ in range(2)]],
        "the same with exchanged sides": lambda: [[answer(people(100, 1000)), answer(crossed(people(100, 1000)))]],
        "9 workers, 22 x 1000 keypoints": lambda: [[answer(people(22, 1000)) for _ in range(9)]],
        "9 workers, 333 x 60 keypoints": lambda: [[answer(people(333, 60)) for _ in range(9)]],
        "3 workers, 128 x 17 in one place": lambda: [[answer(people(128, 17, apart=1)) for _ in range(3)]],
        "3 workers, 1000 x 1, own names": lambda: [[answer(people(1000, 1, "{n}")) for _ in range(3)]],
        "1000 x 100, pre-labels in reverse": lambda: [
            [answer(alike(range(1000), 100), alike(range(999, -1, -1), 100))]
        ],
        "15 MB of text, one emoji": lambda: [[answer('[{"annotations":[],"z":"%s\U0001f600"}]' % ("x" * 15 * MB))]],
        "1000 workers": lambda: [[answer("[]")] * 1000],
    }
    for name, made in answers.items():
        yield Case("post_annotation", name, lambda m=made: batch(*m()), post_annotation)


def of_results() -> Iterator[Case]:
    """Those of a manifest line and of exports."""
    for filler in FILLERS:
        label = lambda f=filler, s=4: f'{{"updated_annotations":{junk(f, s)}}}'  # noqa: E731
        yield Case("manifest line", f"4 MB of {filler} in it", lambda m=label: line(m()), job_completion)
        beside = lambda f=filler: line('{"updated_annotations":[]}', many(f, 8))  # noqa: E731
        yield Case("manifest line", f"8 MB of {filler} beside it", beside, job_completion)
        yield Case("manifest line", f"24 MB of {filler}, referenced", lambda m=label: m(s=24).encode(), by_reference)
    labels: dict[str, Callable[[], bytes]] = {
        "100 x 1000 keypoints": lambda: label_of(people(100, 1000)),
        "2 workers, 100 x 1000 keypoints": lambda: label_of(*(people(100, 1000) for _ in range(2))),
        "9 workers, 22 x 1000 keypoints": lambda: label_of(*(people(22, 1000) for _ in range(9))),
        "9 workers, 333 x 60 keypoints": lambda: label_of(*(people(333, 60) for _ in range(9))),
        "3 workers, 128 x 17 in one place": lambda: label_of(*(people(128, 17, apart=1) for _ in range(3))),
        "1000 x 17 in one place": lambda: label_of(people(1000, 17, apart=1)),
        "1000 x 100 in one place": lambda: label_of(people(1000, 100, apart=1)),
    }
    for name, made in labels.items():
        yield Case("manifest line", name, made, by_reference)
    points = lambda *args: f'{{"updated_annotations":{people(*args)}}}'.encode()  # noqa: E731
    yield Case("export", "90 x 1000 keypoints", lambda: points(90, 1000), export)
    yield Case("export", "1000 x 90, names of their own", lambda: points(1000, 90, "{n}-{k}"), export)


# -- measuring


started = 0.0


def begin() -> None:
    """Measure from here on: forget the CPU time and the most memory so far."""
    global started  # noqa: PLW0603
    Path("/proc/self/clear_refs").write_text("5")
    started = cpu()


def cpu() -> float:
    """CPU seconds of this process."""
    used = resource.getrusage(resource.RUSAGE_SELF)
    return used.ru_utime + used.ru_stime


def measure(number: int, data: bytes) -> None:
    """Handle the bytes as the case of this number is handled; print what that took."""
    logging.disable()
    handle = list(cases())[number].handle
    begin()
    refused = handle(data)
    # Not ru_maxrss, which a process takes over from the one that started it.
    status = dict(text.split(":", 1) for text in Path("/proc/self/status").read_text().splitlines())
    found = {"seconds": cpu() - started, "megabytes": int(status["VmHWM"].split()[0]) * 1024 / 1e6, "refused": refused}
    print(json.dumps(found))


def main() -> int:
    """Run the command."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--only", default="", metavar="WORD", help="inputs with this in their entry point or name")
    parser.add_argument("--measure", type=int, help=argparse.SUPPRESS)
    options = parser.parse_args()
    if options.measure is not None:
        measure(options.measure, sys.stdin.buffer.read())
        return 0
    print(f"| {'entry point':15} | {'input':38} | {'bytes':>11} | CPU s | MB | outcome |\n|---|---|---:|---:|---:|---|")
    beyond = []
    for number, case in enumerate(cases()):
        if options.only not in f"{case.entry}: {case.name}":
            continue
        data = case.make()
        command = [sys.executable, __file__, "--measure", str(number)]
        done = subprocess.run(command, input=data, capture_output=True, check=False, env=os.environ | ENVIRONMENT)
        if done.returncode:
            told = done.stderr.decode().strip().splitlines()
            found = {"seconds": 0, "megabytes": 0, "refused": f"FAILED: {told[-1:]}"}
        else:
            found = json.loads(done.stdout.splitlines()[-1])
        outcome = f"refused: {found['refused'][:100]}" if found["refused"] else "accepted"
        figures = f"{len(data):11,} | {found['seconds']:5.1f} | {found['megabytes']:3.0f}"
        print(f"| {case.entry:15} | {case.name:38} | {figures} | {outcome} |", flush=True)
        if done.returncode or found["seconds"] > SECONDS or found["megabytes"] > MEGABYTES:
            beyond.append(f"{case.entry}: {case.name}")
    print(f"\nbeyond {SECONDS:.0f} s or {MEGABYTES:.0f} MB: {', '.join(beyond) or 'none'}")
    return 1 if beyond else 0


if __name__ == "__main__":
    sys.exit(main())
