"""The operator commands as an operator runs them, against a server of moto."""

import importlib
import io
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from contextlib import redirect_stderr, redirect_stdout
from pathlib import Path
from typing import TYPE_CHECKING, Any
from unittest.mock import patch

import boto3
import pytest
import sample_job
from moto.server import ThreadedMotoServer
from PIL import Image

import create_labeling_job
import sagemaker
from made_report import made_report
from truepoint.groundtruth.anchoring import parse_settings
from truepoint.jobs.stack import OUTPUT_NAMES
from truepoint.results.report_page import page

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

ROOT = Path(__file__).resolve().parents[2]
BUCKET = "truepoint-bucket"
OUTPUTS = {
    **dict.fromkeys(OUTPUT_NAMES.values(), "arn:aws:lambda:us-east-1:123456789012:function:f"),
    "BucketName": BUCKET,
    "UiScriptUrl": "https://d111.cloudfront.net/ui/ab/crowd-2d-skeleton.js",
    "UiScriptIntegrity": "sha384-abc",
    "LabelingJobExecutionRoleArn": "arn:aws:iam::123456789012:role/job",
}
SKELETON = str(ROOT / "skeletons" / "coco-person.json")
NAMED = ("--name", "people-1", "--skeleton", SKELETON)
WORKTEAM = ("--workteam-arn", "arn:aws:sagemaker:us-east-1:123456789012:workteam/private-crowd/team")
OUTSIDE = "--outside-ground-truth"


@pytest.fixture
def ground_truth(environment: dict[str, str]) -> Iterator[dict[str, str]]:
    """The environment with a SageMaker."""
    with sagemaker.serve() as url:
        yield environment | {"AWS_ENDPOINT_URL_SAGEMAKER": url}


@pytest.fixture(scope="module")
def server() -> Iterator[str]:
    moto = ThreadedMotoServer(ip_address="127.0.0.1", port=0, verbose=False)
    moto.start()
    host, port = moto.get_host_and_port()
    yield f"http://{host}:{port}"
    moto.stop()


@pytest.fixture
def environment(server: str) -> dict[str, str]:
    return {
        **{k: v for k, v in os.environ.items() if not k.startswith("AWS_")},
        "AWS_ENDPOINT_URL": server,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_CONFIG_FILE": os.devnull,
        "AWS_MAX_ATTEMPTS": "1",
    }


@pytest.fixture
def s3(server: str) -> "Iterator[S3Client]":
    session = boto3.Session("testing", "testing", region_name="us-east-1")
    template = {
        "Resources": {"Topic": {"Type": "AWS::SNS::Topic"}},
        "Outputs": {name: {"Value": value} for name, value in OUTPUTS.items()},
    }
    cloudformation = session.client("cloudformation", endpoint_url=server)
    cloudformation.create_stack(StackName="truepoint", TemplateBody=json.dumps(template))
    client = session.client("s3", endpoint_url=server)
    client.create_bucket(Bucket=BUCKET)
    yield client
    for key in keys(client):
        client.delete_object(Bucket=BUCKET, Key=key)
    client.delete_bucket(Bucket=BUCKET)
    cloudformation.delete_stack(StackName="truepoint")


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    made = tmp_path / "images"
    made.mkdir()
    for name in ("a.png", "b.png"):
        Image.new("RGB", (20, 10)).save(made / name)
    return made


def keys(s3: "S3Client") -> list[str]:
    return [item["Key"] for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", [])]


def start(script: str, environment: dict[str, str], *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command in a new process."""
    command = [sys.executable, str(ROOT / "scripts" / script), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, env=environment, check=False, timeout=120)


def run(script: str, environment: dict[str, str], *arguments: str | Path) -> subprocess.CompletedProcess[str]:
    """Run a command in this process, which has loaded its modules already: a new process needs seconds for that."""
    main = importlib.import_module(script.removesuffix(".py")).main
    out, err = (io.TextIOWrapper(io.BytesIO(), "utf-8", write_through=True) for _ in range(2))
    with patch.dict(os.environ, environment, clear=True), redirect_stdout(out), redirect_stderr(err):
        try:
            code = main([*map(str, arguments)])
        except SystemExit as stop:
            code = int(stop.code or 0)
    texts = [stream.buffer.getvalue().decode() for stream in (out, err)]
    return subprocess.CompletedProcess([script], code, *texts)


@pytest.mark.parametrize(
    "script",
    [
        "acceptance.py",
        "create_labeling_job.py",
        "create_review_job.py",
        "delete_bucket.py",
        "download_example_images.py",
        "download_results.py",
        "job_status.py",
        "merge_review.py",
        "redrive.py",
        "reopen_job.py",
        "rerun_results.py",
        "sam_local.py",
    ],
)
def test_help_has_an_example_and_the_exit_codes(script: str, environment: dict[str, str]) -> None:
    done = start(script, environment, "--help")
    assert done.returncode == 0
    assert f"example:\n  {script} " in done.stdout
    assert "exit codes: 0" in done.stdout


def test_a_job_from_images_to_results(
    s3: "S3Client", folder: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    prelabels = tmp_path / "truth.json"
    nose = {"annotations": [{"label": "nose", "x": 1.5, "y": 2}]}
    prelabels.write_text(json.dumps({"b.png": [nose], "gone.png": []}))
    (folder / "ATTRIBUTION.txt").write_text("by me")
    given = (folder, *NAMED, OUTSIDE, "--prelabels", prelabels, "--workers", "2", "--title", "Heads")
    done = run("create_labeling_job.py", environment, *given)
    assert (done.returncode, done.stderr) == (0, "")
    assert done.stdout.splitlines() == [
        "pre-labels: truth.json: Truepoint pre-labels: read 2 images, 1 instances, 1 keypoints",
        "pre-labels: matched 1 images, 1 instances, 1 keypoints",
        "pre-labels: left out the labels of 1 images that do not exist: gone.png",
        "arn:aws:sagemaker:us-east-1:123456789012:labeling-job/people-1",
        "created: 2 images, 1 of them with pre-labels",
        "the portal has it within two minutes: arn:aws:lambda:us-east-1:123456789012:function:f",
    ]
    again = run("create_labeling_job.py", environment, *given)
    assert again.returncode == 0
    assert "already exists, unchanged" in again.stdout
    other = run("create_labeling_job.py", environment, folder, *NAMED, OUTSIDE)
    assert other.returncode == 2
    assert other.stderr.startswith("error: job 'people-1' exists (InProgress) and differs in ")

    status = run("job_status.py", environment, "people-1")
    assert status.stdout.splitlines() == [
        "people-1: InProgress (outside Ground Truth)",
        f"[{'-' * 40}] 0 of 2 labelled, 0 failed",
        "results: not ready",
    ]
    early = run("download_results.py", environment, "people-1", tmp_path / "results")
    assert early.returncode == 1
    assert early.stderr.startswith("error: job 'people-1' has no complete results yet")

    s3.put_object(Bucket=BUCKET, Key="results/people-1/results.json", Body=b"{}")
    s3.put_object(Bucket=BUCKET, Key="results/people-1/coco.json", Body=b"{}")
    told = json.loads(run("job_status.py", environment, "people-1", "--json").stdout)
    assert (told["unlabeled"], told["results"]) == (2, f"s3://{BUCKET}/results/people-1/")
    fetched = run("download_results.py", environment, "people-1", tmp_path / "results")
    assert (fetched.returncode, fetched.stderr) == (0, "")
    assert fetched.stdout.endswith("2 files written, 0 unchanged\n")


def test_a_report_with_thumbnails_reads_its_images_from_s3(
    s3: "S3Client", environment: dict[str, str], tmp_path: Path
) -> None:
    lines = [line.strip() for line in sample_job.lines(40, 3)]
    figures = made_report(sample_job.parse_skeleton(sample_job.SKELETON), lines)
    worst = [image.drawing.s3_uri for image in figures.worst]
    assert len(worst) > 3
    moved = {uri: f"s3://{BUCKET}/photos/{n}.jpg" for n, uri in enumerate(worst)}
    report = page(figures)
    for uri, now in moved.items():
        report = report.replace(uri.encode(), now.encode())
    picture = io.BytesIO()
    Image.effect_noise((900, 700), 60).convert("RGB").save(picture, "JPEG")
    bodies = dict.fromkeys(range(len(worst)), picture.getvalue()) | {0: b"no image"}
    del bodies[1]
    for n, body in bodies.items():
        s3.put_object(Bucket=BUCKET, Key=f"photos/{n}.jpg", Body=body)
    for name, body in {"report.html": report, "results.json": b"{}"}.items():
        s3.put_object(Bucket=BUCKET, Key=f"results/people-1/{name}", Body=body)
    folder = tmp_path / "results"
    plain = run("download_results.py", environment, "people-1", folder)
    assert (plain.returncode, plain.stderr) == (0, "")
    assert not (folder / "report_with_images.html").exists()
    done = run("download_results.py", environment, "people-1", folder, "--thumbnails")
    assert done.returncode == 0
    assert done.stdout.endswith("report_with_images.html\n")
    assert "note:" not in run("download_results.py", environment, "people-1", folder).stdout
    missing = [line for line in done.stderr.splitlines() if line.startswith("no thumbnail of ")]
    assert [line.split("/photos/")[1].split(":")[0] for line in missing] == ["0.jpg", "1.jpg"]
    assert (folder / "report.html").read_bytes() == report
    assert (folder / "report_with_images.html").read_bytes().count(b"data:image/jpeg;base64,") == len(worst) - 2
    s3.put_object(Bucket=BUCKET, Key="results/people-1/report.html", Body=b"<html>of another version</html>")
    failed = run("download_results.py", environment, "people-1", folder, "--thumbnails")
    assert failed.returncode == 2
    assert "expected a quality report of this version" in failed.stderr


def test_an_anchoring_experiment_is_begun_once(
    s3: "S3Client", folder: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    prelabels = tmp_path / "truth.json"
    nose = {"annotations": [{"label": "nose", "x": 1.5, "y": 2}, {"label": "left_eye", "x": 3, "y": 1}]}
    prelabels.write_text(json.dumps({"b.png": [nose], "a.png": [nose]}))
    given = (folder, *NAMED, OUTSIDE, "--prelabels", prelabels)
    experiment = ("--withhold", "0.2", "--seed-errors", "0.3")
    dry = run("create_labeling_job.py", environment, *given, *experiment, "--dry-run")
    assert (dry.returncode, dry.stderr, keys(s3)) == (0, "", [])
    assert "anchoring: the pre-labels of " in dry.stdout
    done = run("create_labeling_job.py", environment, *given, *experiment)
    assert (done.returncode, done.stderr) == (0, "")
    settings = s3.get_object(Bucket=BUCKET, Key="jobs/people-1/anchoring.json")["Body"].read()
    assert len(parse_settings(settings).seed) == 64
    again = run("create_labeling_job.py", environment, *given, *experiment)
    assert again.returncode == 0
    assert "already exists, unchanged" in again.stdout
    assert again.stdout.replace("already exists, unchanged", "created") == done.stdout
    for other in ((), ("--withhold", "0.2"), ("--withhold", "0.3", "--seed-errors", "0.2")):
        refused = run("create_labeling_job.py", environment, *given, *other)
        assert refused.returncode == 2
        assert "job 'people-1' exists (InProgress) and differs in " in refused.stderr
    assert s3.get_object(Bucket=BUCKET, Key="jobs/people-1/anchoring.json")["Body"].read() == settings


def test_a_failed_start_does_not_use_up_the_name(
    s3: "S3Client", folder: Path, environment: dict[str, str], tmp_path: Path
) -> None:
    coco = {
        "images": [{"id": 1, "file_name": "B.PNG"}],
        "categories": [{"id": 1, "name": "p", "keypoints": ["Nose", "LEye"]}],
        "annotations": [{"id": 5, "image_id": 1, "category_id": 1, "keypoints": [1, 2, 0.9, 3, 4, 0.3], "score": 0.8}],
    }
    (tmp_path / "others.json").write_text(json.dumps({f"{name}.png": [] for name in "vwxyz"}))
    (tmp_path / "coco.json").write_text(json.dumps(coco))
    given = (folder, *NAMED, OUTSIDE)
    failed = run("create_labeling_job.py", environment, *given, "--prelabels", tmp_path / "others.json")
    assert failed.returncode == 2
    assert "such as a.png, b.png, got v.png, w.png, x.png and 2 more. Nothing was created" in failed.stderr
    assert keys(s3) == []
    done = run("create_labeling_job.py", environment, *given, "--coco", tmp_path / "coco.json")
    assert (done.returncode, done.stderr) == (0, "")
    assert "pre-labels: keypoints renamed: Nose → nose, LEye → left_eye\n" in done.stdout
    assert "scores of 2 keypoints were read; keypoints with a score above 0 are labelled" in done.stdout
    body = s3.get_object(Bucket=BUCKET, Key="jobs/people-1/input.manifest")["Body"].read()
    [instance] = json.loads(body.splitlines()[1])["annotations"]
    assert (instance["score"], [k["score"] for k in instance["annotations"]]) == (0.8, [0.9, 0.3])


def test_a_job_in_ground_truth(s3: "S3Client", folder: Path, ground_truth: dict[str, str]) -> None:
    missing = run("job_status.py", ground_truth, "people-1")
    assert missing.returncode == 2
    where = f"neither in Ground Truth nor in s3://{BUCKET}/jobs/"
    assert missing.stderr == f"error: there is no job 'people-1', {where}; it has no jobs yet\n"
    for state in ("created", "already exists, unchanged"):
        done = run("create_labeling_job.py", ground_truth, folder, *NAMED, *WORKTEAM)
        assert (done.returncode, done.stderr) == (0, "")
        assert f"labeling-job/people-1\n{state}: 2 images" in done.stdout
    assert sagemaker.SageMaker.jobs["people-1"]["HumanTaskConfig"]["WorkteamArn"] == WORKTEAM[1]
    assert "jobs/people-1/labeling_job.json" not in keys(s3)
    other = run("job_status.py", ground_truth, "people-2")
    assert other.stderr.endswith("; jobs there: people-1\n")
    sagemaker.SageMaker.jobs["people-1"]["LabelCounters"] |= {"TotalLabeled": 1, "Unlabeled": 1}
    status = run("job_status.py", ground_truth, "people-1")
    assert status.stdout.splitlines()[:2] == [
        "people-1: InProgress (Ground Truth)",
        f"[{'#' * 20}{'-' * 20}] 1 of 2 labelled, 0 failed",
    ]


def test_a_dry_run_writes_nothing(s3: "S3Client", folder: Path, environment: dict[str, str]) -> None:
    done = start("create_labeling_job.py", environment, folder, *NAMED, *WORKTEAM, "--dry-run")
    assert (done.returncode, done.stderr) == (0, "")
    request, _ = json.JSONDecoder().raw_decode(done.stdout)
    assert request["HumanTaskConfig"]["WorkteamArn"] == WORKTEAM[1]
    assert f'"source-ref":"s3://{BUCKET}/jobs/people-1/images/a.png"' in done.stdout
    assert done.stdout.endswith("dry run: nothing was written\n")
    assert keys(s3) == []


def test_images_from_s3(s3: "S3Client", folder: Path, environment: dict[str, str]) -> None:
    s3.upload_file(str(folder / "a.png"), BUCKET, "photos/a.png")
    done = run("create_labeling_job.py", environment, f"s3://{BUCKET}/photos/", *NAMED, OUTSIDE)
    assert (done.returncode, done.stderr) == (0, "")
    assert "jobs/people-1/images/a.png" in keys(s3)


def test_all_violations_at_once(s3: "S3Client", folder: Path, environment: dict[str, str]) -> None:
    wrong = ("--name", "People_1", "--skeleton", SKELETON, OUTSIDE, "--workers", "10", "--title", "")
    done = run("create_labeling_job.py", environment, folder, *wrong)
    assert done.returncode == 2
    assert done.stderr.startswith("error: job 'People_1' exceeds limits of Ground Truth; nothing was created:\n")
    assert done.stderr.count("\n  - ") == 4
    assert keys(s3) == []


def test_refused_images(s3: "S3Client", folder: Path, environment: dict[str, str]) -> None:
    (folder / "c.jpg").write_bytes(b"no image")
    done = run("create_labeling_job.py", environment, folder, *NAMED, OUTSIDE)
    assert done.returncode == 2
    assert done.stderr.splitlines() == [
        "refused: c.jpg: expected JPEG, PNG or WebP, which every browser shows, got a file that is not an image; "
        "replace it, or remove it from the folder",
        "error: 1 images cannot be used; --skip-refused leaves them out",
    ]
    assert keys(s3) == []
    assert run("create_labeling_job.py", environment, folder, *NAMED, OUTSIDE, "--skip-refused").returncode == 0


@pytest.mark.parametrize(
    "case",
    [
        ({"images": "no-such-folder"}, "expected a folder of images"),
        ({"images": "https://example.com/x"}, "expected an S3 URI like s3://bucket/key"),
        ({"images": "s3://"}, "expected an S3 URI like s3://bucket/key"),
        (
            {"skeleton": "no-such-file.json"},
            "no-such-file.json: expected a file that can be read or written, got: No such file or directory",
        ),
        ({"skeleton": "pyproject.toml"}, "expected a skeleton definition"),
        ({"more": ["--prelabels", "pyproject.toml"]}, "pyproject.toml: expected JSON, got something else"),
        ({"more": ["--withhold", "0.1"]}, "--withhold and --seed-errors: expected pre-labels (--prelabels), got none"),
        ({"more": ["--withhold", "0.6"]}, "--withhold: expected a share from 0 to 0.5, got 0.6"),
        ({"more": ["--seed-errors", "nan"]}, "--seed-errors: expected a share from 0 to 0.5, got nan"),
        (
            {"more": ["--prelabels", "x.json", "--withhold", "0.3", "--seed-errors", "0.3"]},
            "--withhold and --seed-errors: expected at most 0.5 together, got 0.6",
        ),
        ({"more": ["--prelabels", "LICENSE"]}, "expected our own pre-labels (JSON or JSON Lines), COCO"),
        ({"more": ["--coco", "package.json"]}, "'name': expected a list of instances, got text"),
        ({"more": ["--instructions", "no-such-file.txt"]}, "No such file or directory"),
        ({"more": ["--min-score", "-1"]}, "--min-score: expected a number from 0, got -1.0"),
        ({"where": []}, "one of the arguments --workteam-arn --outside-ground-truth is required"),
        ({"where": [OUTSIDE, *WORKTEAM]}, "not allowed with argument"),
    ],
)
def test_bad_usage(
    folder: Path,
    environment: dict[str, str],
    monkeypatch: pytest.MonkeyPatch,
    capsys: pytest.CaptureFixture[str],
    case: tuple[dict[str, Any], str],
) -> None:
    given, words = case
    monkeypatch.chdir(ROOT)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)
    options = ["--name", "people-1", "--skeleton", given.get("skeleton", SKELETON), *given.get("where", [OUTSIDE])]
    try:
        code = create_labeling_job.main([str(given.get("images", folder)), *options, *given.get("more", [])])
    except SystemExit as stop:  # argparse's way
        code = int(stop.code or 0)
    assert code == 2
    assert words in capsys.readouterr().err


@pytest.mark.parametrize("script", ["job_status.py", "redrive.py"])
def test_an_endpoint_that_is_no_url_is_refused(environment: dict[str, str], script: str) -> None:
    arguments = ["people-1"] if script == "job_status.py" else []
    done = run(script, environment | {"AWS_ENDPOINT_URL": "localhost port 4566"}, *arguments)
    assert done.returncode == 2
    assert done.stderr == (
        "error: expected AWS_ENDPOINT_URL to be a URL such as http://127.0.0.1:4566, got 'localhost port 4566'\n"
    )


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({}, "error: there is no stack 'truepoint' in us-east-1; deploy it first with `sam deploy`"),
        ({"AWS_ENDPOINT_URL": "http://127.0.0.1:9"}, "start it (`make demo`) and source .demo/environment again"),
        ({"AWS_PROFILE": "no-such-profile"}, "(no-such-profile) could not be found; `aws configure list-profiles`"),
        ({"AWS_DEFAULT_REGION": "", "AWS_REGION": "us-east-1"}, "there is no stack 'truepoint' in us-east-1"),
        ({"AWS_DEFAULT_REGION": ""}, "You must specify a region; set AWS_REGION or pass --region"),
        ({"AWS_ACCESS_KEY_ID": "", "AWS_SECRET_ACCESS_KEY": ""}, "Unable to locate credentials; set AWS_PROFILE"),
        ({"AWS_SECRET_ACCESS_KEY": ""}, "; set AWS_PROFILE or pass --profile, or run `aws configure`"),
    ],
)
def test_errors_of_aws(folder: Path, environment: dict[str, str], changes: dict[str, str], words: str) -> None:
    done = run("create_labeling_job.py", environment | changes, folder, *NAMED, OUTSIDE)
    assert done.returncode == 1
    assert words in done.stderr
    assert len(done.stderr.splitlines()) == 1
    for script in ("job_status.py", "rerun_results.py", "redrive.py", "download_results.py"):
        arguments = {"rerun_results.py": ["--job", "a"], "redrive.py": [], "download_results.py": ["a", folder]}
        failed = run(script, environment | changes, *arguments.get(script, ["people-1"]))
        assert (failed.returncode, words in failed.stderr) == (1, True)
