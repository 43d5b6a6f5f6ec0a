"""A labelling job while its processes are killed, its disk fills up and its functions fail or hang. Whatever was
acknowledged is in the output once, and nothing that passes is final."""

from __future__ import annotations

import io
import json
import os
import resource
import signal
import subprocess
import sys
import time
import zipfile
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import pytest
from botocore.exceptions import ClientError
from clients import THOROUGH

from truepoint.emulator.emulator import Emulator
from truepoint.portal import retries
from truepoint.portal.assignments import Verdict
from truepoint.portal.cloud import Cloud, StorageFullError
from truepoint.portal.runner import JobRunner
from truepoint.portal.unattended import finish, run_unattended
from truepoint.portal.upkeep import Upkeep
from truepoint.tasks.labeling_job import reopened

PROJECT = Path(__file__).parents[2]
BUCKET = "truepoint-labeling"
DISK = 3 * 1024 * 1024
"""Bytes of the small disk: the emulator's log and some hundred answers."""
ANSWERS = 25
SECRET = b"secret"
ROUNDS = 12 if THOROUGH else 3
FUNCTION = """
import json, os, time, urllib.request
import boto3
MODE = os.environ["MODE_FILE"]
def mode(ids):
    with open(MODE) as file:
        how, _, which = file.read().partition(" ")
    if not which or which in ids:
        if how == "fail":
            raise RuntimeError("as told")
        if how == "hang":
            time.sleep(60)
        if how == "die":
            os._exit(1)
def pre(event, context):
    source = event["dataObject"]["source-ref"]
    mode([source.rsplit("/", 1)[1]])
    return {"taskInput": {"image_name": source.rsplit("/", 1)[1], "image_s3_uri": source}}
def post(event, context):
    bucket, _, key = event["payload"]["s3Uri"][5:].partition("/")
    s3 = boto3.client("s3", endpoint_url=os.environ["AWS_ENDPOINT_URL"])
    batch = json.loads(s3.get_object(Bucket=bucket, Key=key)["Body"].read())
    mode([entry["datasetObjectId"] for entry in batch])
    name = event["labelAttributeName"]
    labels = [{"content": {name: {"n": entry["annotations"]}}} for entry in batch]
    return [{"datasetObjectId": e["datasetObjectId"], "consolidatedAnnotation": l} for e, l in zip(batch, labels)]
"""


@pytest.fixture(autouse=True)
def quickly(monkeypatch: pytest.MonkeyPatch) -> None:
    """The same retries in a fraction of the time."""
    monkeypatch.setattr(retries, "FIRST_WAIT", timedelta(milliseconds=50))
    monkeypatch.setattr(retries, "LONGEST_WAIT", timedelta(milliseconds=400))


class Job:
    """A job whose functions do as the files `pre` and `post` in the folder say: ok, fail, hang or die."""

    def __init__(self, emulator: Emulator, name: str, objects: int) -> None:
        self.emulator, self.name = emulator, name
        self.s3 = emulator.session().client("s3", endpoint_url=emulator.endpoint)
        for function in ("pre", "post"):
            self.tell(function, "ok")
        self.put("input.manifest", "".join(f'{{"source-ref": "s3://{BUCKET}/{n}.jpg"}}\n' for n in range(objects)))
        self.put("job.json", json.dumps(self._description()))

    def tell(self, function: str, what: str) -> None:
        (self.emulator.folder / function).write_text(what)

    def put(self, key: str, text: str) -> None:
        self.s3.put_object(Bucket=BUCKET, Key=f"{self.name}/{key}", Body=text.encode())

    def read(self, key: str) -> bytes:
        return bytes(self.s3.get_object(Bucket=BUCKET, Key=f"{self.name}/{key}")["Body"].read())

    def open(self) -> JobRunner:
        return JobRunner(Cloud(self.emulator.session(), self.emulator.endpoint), f"s3://{BUCKET}/{self.name}/job.json")

    def output(self) -> list[dict[str, Any]]:
        return [json.loads(line) for line in self.read(f"{self.name}/manifests/output/output.manifest").splitlines()]

    def labels(self) -> dict[str, list[str]]:
        """The workers whose answers are in each object's label."""
        lines = enumerate(self.output())
        return {str(n): [a["workerId"] for a in line["keypoints"]["n"]] for n, line in lines if "keypoints" in line}

    def _description(self) -> dict[str, Any]:
        arn = "arn:aws:lambda:us-east-1:000000000000:function:"
        return {
            "LabelingJobName": self.name, "LabelingJobArn": f"arn:aws:sagemaker:us-east-1:0:labeling-job/{self.name}",
            "LabelingJobStatus": "InProgress", "LabelAttributeName": "keypoints", "RoleArn": "arn:aws:iam::0:role/r",
            "CreationTime": datetime.now(UTC).isoformat(),
            "InputConfig": {"DataSource": {"S3DataSource": {"ManifestS3Uri": f"s3://{BUCKET}/{self.name}/input.manifest"}}},
            "OutputConfig": {"S3OutputPath": f"s3://{BUCKET}/{self.name}"},
            "HumanTaskConfig": {
                "TaskAvailabilityLifetimeInSeconds": 86400, "TaskTimeLimitInSeconds": 3600,
                "NumberOfHumanWorkersPerDataObject": 1, "TaskTitle": "t", "TaskDescription": "d",
                "UiConfig": {"UiTemplateS3Uri": f"s3://{BUCKET}/t.html"}, "PreHumanTaskLambdaArn": arn + "pre",
                "AnnotationConsolidationConfig": {"AnnotationConsolidationLambdaArn": arn + "post"},
            },
        }  # fmt: skip


def start_emulator(folder: Path) -> Emulator:
    """An emulator that keeps its state, with the functions; afterwards it has written everything."""
    emulator = Emulator(PROJECT / ".venv-emulator" / "bin" / "python", folder, keep=True)
    emulator.start()
    emulator.session().client("s3", endpoint_url=emulator.endpoint).create_bucket(Bucket=BUCKET)
    archive = io.BytesIO()
    with zipfile.ZipFile(archive, "w") as file:
        file.writestr("function.py", FUNCTION)
    iam = emulator.session().client("iam", endpoint_url=emulator.endpoint)
    trust = {"Effect": "Allow", "Principal": {"Service": "lambda.amazonaws.com"}, "Action": "sts:AssumeRole"}
    read = {"Effect": "Allow", "Action": "s3:GetObject", "Resource": "*"}
    trusts, reads = (json.dumps({"Version": "2012-10-17", "Statement": [statement]}) for statement in (trust, read))
    role = iam.create_role(RoleName="functions", AssumeRolePolicyDocument=trusts)["Role"]["Arn"]
    iam.put_role_policy(RoleName="functions", PolicyName="read", PolicyDocument=reads)
    client = emulator.session().client("lambda", endpoint_url=emulator.endpoint)
    version = subprocess.run([emulator.python, "-c", "import sys; print('python%d.%d' % sys.version_info[:2])"],
                             check=True, capture_output=True, text=True).stdout.strip()  # fmt: skip
    for name in ("pre", "post"):
        (folder / name).write_text("ok")
        client.create_function(
            FunctionName=name, Runtime=version, Role=role, Handler=f"function.{name}",
            Code={"ZipFile": archive.getvalue()}, Timeout=2,
            Environment={"Variables": {"MODE_FILE": str(folder / name), "AWS_ENDPOINT_URL": emulator.endpoint}},
        )  # fmt: skip
    emulator.restart()
    return emulator


@pytest.fixture(scope="module")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    emulator = start_emulator(tmp_path_factory.mktemp("emulator"))
    yield emulator
    emulator.stop()


def answers(job_objects: int) -> dict[str, dict[str, Any]]:
    return {"ada": {f"{n}.jpg": {"updated_annotations": f"[{n}]"} for n in range(job_objects)}}


# -- the disk


@contextmanager
def by_tmpfs(folder: Path) -> Iterator[tuple[Callable[[Emulator], None], Callable[[Emulator], None]]]:
    """A file system of `DISK` bytes, which a file of zeros fills."""
    subprocess.run(["mount", "-t", "tmpfs", "-o", f"size={DISK}", "tmpfs", folder], check=True, capture_output=True)
    filler = folder / "zeros"

    def fill(_: Emulator) -> None:
        with filler.open("wb", buffering=0) as file, pytest.raises(OSError, match="No space left"):
            while True:
                file.write(b"\0" * 4096)

    try:
        yield fill, lambda _: filler.unlink()
    finally:
        subprocess.run(["umount", "-l", folder], check=True)


@contextmanager
def by_limit(folder: Path) -> Iterator[tuple[Callable[[Emulator], None], Callable[[Emulator], None]]]:
    """The kernel refuses the emulator every byte of every file: what can be had without the right to mount."""
    del folder

    def limit(size: int) -> Callable[[Emulator], None]:
        def apply(emulator: Emulator) -> None:
            assert emulator._process
            resource.prlimit(emulator._process.pid, resource.RLIMIT_FSIZE, (size, resource.RLIM_INFINITY))

        return apply

    yield limit(0), limit(resource.RLIM_INFINITY)


def may_mount(folder: Path) -> bool:
    done = subprocess.run(
        ["mount", "-t", "tmpfs", "-o", "size=4096", "tmpfs", folder], check=False, capture_output=True
    )
    if done.returncode == 0:
        subprocess.run(["umount", "-l", folder], check=True)
    return done.returncode == 0


@pytest.mark.parametrize("way", ["limit", "tmpfs where it may be mounted"])
def test_a_full_disk_refuses_answers_and_loses_none(tmp_path: Path, way: str, count: Any) -> None:
    small = by_tmpfs if way.startswith("tmpfs") and may_mount(tmp_path) else by_limit
    with small(tmp_path) as (fill, free):
        emulator = start_emulator(tmp_path)
        try:
            job = Job(emulator, "full", ANSWERS)
            runner, acknowledged = job.open(), set()
            for n in range(ANSWERS // 2):
                assert runner.submit("w", str(n), {"said": str(n)}) is Verdict.ACCEPT
                acknowledged.add(str(n))
            fill(emulator)
            for n in range(ANSWERS // 2, ANSWERS):
                with pytest.raises(StorageFullError, match=r"expected room for .* bytes of s3://"):
                    runner.submit("w", str(n), {"said": str(n)})
                assert "The disk of this computer is full" in (runner.problem or "")
            assert runner.progress().started == len(acknowledged)
            keys = job.s3.list_objects_v2(Bucket=BUCKET, Prefix="full/full/annotations/worker-response/")["KeyCount"]
            assert keys == len(acknowledged), "an object is served that is not on disk"
            emulator.kill()
            free(emulator) if small is by_tmpfs else None
            emulator.start()
            runner = job.open()
            assert set(runner._state.answers) == acknowledged
            for n in range(ANSWERS // 2, ANSWERS):
                assert runner.submit("w", str(n), {"said": str(n)}) is Verdict.ACCEPT
            assert runner.problem is None
            finish(runner)
            found = Counter(n for n, workers in job.labels().items() for _ in workers)
            count("full disk", "labelling", (ANSWERS - len(found), found.total() - len(found)), answers=ANSWERS)
        finally:
            emulator.kill()


def test_a_write_that_the_disk_refuses_changes_nothing(tmp_path: Path) -> None:
    emulator = start_emulator(tmp_path)
    try:
        s3 = emulator.session().client("s3", endpoint_url=emulator.endpoint)
        s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
        s3.put_object(Bucket=BUCKET, Key="kept", Body=b"first")
        upload = s3.create_multipart_upload(Bucket=BUCKET, Key="parts")["UploadId"]
        part = s3.upload_part(Bucket=BUCKET, Key="parts", UploadId=upload, PartNumber=1, Body=b"part")["ETag"]
        parts = {"Parts": [{"ETag": part, "PartNumber": 1}]}
        before = s3.list_object_versions(Bucket=BUCKET)["Versions"]
        changes: dict[str, Callable[[], Any]] = {
            "replace": lambda: s3.put_object(Bucket=BUCKET, Key="kept", Body=b"second"),
            "new": lambda: s3.put_object(Bucket=BUCKET, Key="new", Body=b"x", IfNoneMatch="*"),
            "delete": lambda: s3.delete_object(Bucket=BUCKET, Key="kept"),
            "delete many": lambda: s3.delete_objects(Bucket=BUCKET, Delete={"Objects": [{"Key": "kept"}]}),
            "copy": lambda: s3.copy_object(Bucket=BUCKET, Key="new", CopySource=f"{BUCKET}/kept"),
            "complete": lambda: s3.complete_multipart_upload(
                Bucket=BUCKET, Key="parts", UploadId=upload, MultipartUpload=parts
            ),
        }
        with by_limit(tmp_path) as (fill, free):
            fill(emulator)
            for what, change in changes.items():
                with pytest.raises(ClientError, match=r"InsufficientStorage.*nothing was stored"):
                    change()
                assert s3.list_object_versions(Bucket=BUCKET)["Versions"] == before, what
                assert s3.get_object(Bucket=BUCKET, Key="kept")["Body"].read() == b"first", what
            free(emulator)
        changes["complete"]()
        changes["replace"]()
        emulator.kill()
        emulator.start()
        read = {key: s3.get_object(Bucket=BUCKET, Key=key)["Body"].read() for key in ("kept", "parts")}
        assert read == {"kept": b"second", "parts": b"part"}
        assert not list((tmp_path / "state").rglob("*.tmp"))
    finally:
        emulator.kill()


# -- the functions


WAYS = [(function, how) for function in ("pre", "post") for how in ("fail", "hang", "die")]


@pytest.mark.parametrize(("function", "how"), WAYS if THOROUGH else [("pre", "die"), ("post", "fail")])
def test_a_temporary_function_failure_fails_no_object(emulator: Emulator, function: str, how: str, count: Any) -> None:
    job = Job(emulator, f"{function}-{how}", 4)
    job.tell(function, how)
    runner, problems = job.open(), []
    mended = 2 if how == "hang" else 6

    def told(problem: str) -> None:
        problems.append(problem)
        assert not runner.job.ended
        if len(problems) == mended:
            job.tell(function, "ok")

    run_unattended(runner, answers(4), SECRET, on_problem=told)
    finish(runner, told)
    assert len(problems) >= mended
    kind = {"pre": "pre-annotation", "post": "consolidation"}[function]
    assert f"The {kind} function failed: " in problems[0]
    assert "No answer is lost. The portal tries again in " in problems[0]
    assert runner.problem is None
    assert runner.job.status == "Completed"
    found = Counter(n for n, workers in job.labels().items() for _ in workers)
    count(f"the {kind} function: {how}", "labelling", (4 - len(found), found.total() - len(found)), answers=4)


@pytest.mark.parametrize("function", ["pre", "post"] if THOROUGH else ["post"])
def test_an_object_that_always_fails_fails_alone_and_can_be_reopened(
    emulator: Emulator, function: str, count: Any
) -> None:
    job = Job(emulator, f"bad-{function}", 5)
    job.tell(function, "fail 2.jpg" if function == "pre" else "fail 2")
    runner = job.open()
    run_unattended(runner, answers(5), SECRET)
    finish(runner)
    assert sorted(job.labels()) == ["0", "1", "3", "4"]
    assert "Exception invoking the Lambda function" in job.output()[2]["keypoints-metadata"]["failure-reason"]
    assert json.loads(job.read("job.json"))["LabelCounters"]["FailedNonRetryableError"] == 1

    job.tell(function, "ok")
    job.put("job.json", json.dumps(reopened(json.loads(job.read("job.json")), datetime.now(UTC), timedelta(hours=1))))
    runner = job.open()
    run_unattended(runner, answers(5), SECRET)
    finish(runner)
    found = Counter(n for n, workers in job.labels().items() for _ in workers)
    assert json.loads(job.read("job.json"))["LabelCounters"] == {
        "TotalLabeled": 5, "HumanLabeled": 5, "MachineLabeled": 0, "FailedNonRetryableError": 0, "Unlabeled": 0,
    }  # fmt: skip
    count(f"one object fails in {function}, then reopened", "labelling",
          (5 - len(found), found.total() - len(found)), answers=5)  # fmt: skip


# -- the processes

PORTAL = """
import sys, threading
from truepoint.portal import retries
from datetime import timedelta
from truepoint.portal.cloud import Cloud
from truepoint.emulator.emulator import Emulator
from truepoint.portal.runner import JobRunner
from truepoint.portal.unattended import finish, run_unattended
from truepoint.portal.upkeep import Upkeep
import boto3
endpoint, uri, objects = sys.argv[1], sys.argv[2], int(sys.argv[3])
retries.FIRST_WAIT = timedelta(milliseconds=50)
session = boto3.Session()
runner = JobRunner(Cloud(session, endpoint), uri)
answers = {"ada": {f"{n}.jpg": {"updated_annotations": f"[{n}]"} for n in range(objects)}}
with Upkeep(runner) as upkeep:
    def answered():
        print("acknowledged", flush=True)
        upkeep.poke()
    run_unattended(runner, answers, b"secret", answered)
    finish(runner)
"""


def test_each_process_is_killed_at_any_time(emulator: Emulator, count: Any) -> None:
    """The portal's process, the emulator's, and those of its functions, one after another, until the job has ended."""
    objects = 8 * ROUNDS  # more are answered between two kills than the test waits for
    job = Job(emulator, "killed", objects)
    uri = f"s3://{BUCKET}/{job.name}/job.json"
    acknowledged = 0
    environment = emulator.environment() | {
        "PYTHONPATH": os.pathsep.join([str(PROJECT / "src"), str(PROJECT / "src/handlers")])
    }
    for number in range(1000):
        command = [sys.executable, "-c", PORTAL, emulator.endpoint, uri, str(objects)]
        with subprocess.Popen(command, env=environment, stdout=subprocess.PIPE, text=True) as portal:
            assert portal.stdout
            if number < ROUNDS:
                for _ in range(1 + number % 2):
                    acknowledged += portal.stdout.readline() == "acknowledged\n"
                time.sleep(0.02 * (number % 5))
                victim = ("portal", "emulator", "functions")[number % 3]
                if victim == "portal":
                    portal.kill()
                elif victim == "emulator":
                    emulator.kill()
                    portal.kill()
                    emulator.start()
                else:
                    for child in children(emulator):
                        os.kill(child, signal.SIGKILL)
                    time.sleep(0.2)
                    portal.kill()
            acknowledged += portal.stdout.read().count("acknowledged\n")
            portal.wait()
        if json.loads(job.read("job.json"))["LabelingJobStatus"] == "Completed":
            break
    assert number >= ROUNDS, "the job ended before every process was killed as often as it should be"
    found = Counter(n for n, workers in job.labels().items() for _ in workers)
    assert acknowledged <= len(found) == objects
    count("SIGKILL of the portal, the emulator and the functions", "labelling",
          (objects - len(found), found.total() - len(found)), rounds=ROUNDS, answers=acknowledged)  # fmt: skip


def children(emulator: Emulator) -> list[int]:
    """The processes of the emulator's functions."""
    assert emulator._process
    found = subprocess.run(["ps", "-o", "pid=", "--ppid", str(emulator._process.pid)],
                           check=False, capture_output=True, text=True)  # fmt: skip
    return [int(pid) for pid in found.stdout.split()]


def test_upkeep_outlives_an_error_of_any_kind(emulator: Emulator) -> None:
    job = Job(emulator, "upkeep", 1)
    runner = job.open()
    assert runner.submit("w", "0", {"said": "x"}) is Verdict.ACCEPT
    (key,) = [
        item["Key"] for item in job.s3.list_objects_v2(Bucket=BUCKET, Prefix="upkeep/upkeep/annotations")["Contents"]
    ]
    good = job.s3.get_object(Bucket=BUCKET, Key=key)["Body"].read()
    job.s3.put_object(Bucket=BUCKET, Key=key, Body=b"[" * 20_000)
    with Upkeep(runner) as upkeep:
        time.sleep(0.5)
        assert upkeep._thread.is_alive()
        job.s3.put_object(Bucket=BUCKET, Key=key, Body=good)
        upkeep.poke()
        deadline = time.monotonic() + 20
        while not runner.job.ended and time.monotonic() < deadline:
            time.sleep(0.1)
    assert job.labels() == {"0": ["w"]}
