"""Every command that README.md and docs/operations.md show is run here, as it stands there."""

from __future__ import annotations

import json
import os
import re
import shlex
import shutil
import subprocess
import sys
import time
from datetime import timedelta
from pathlib import Path
from typing import Any

import boto3
import jsonschema
import pytest
from loop import PROJECT, Loop, draw
from test_lost_events import end_unheard
from test_privileges import without

import demo
import make_schemas
import sagemaker
from truepoint.emulator.emulator import Emulator, free_port
from truepoint.groundtruth.job import ENDED, SOURCE

PAGES = ("README.md", "docs/operations.md", "docs/migrating.md")
BLOCKS: dict[str, list[str]] = {
    name: text.strip().splitlines()
    for page in PAGES
    for name, text in re.findall(r"```sh ([a-z-]+)\n(.+?)```", (PROJECT / page).read_text(), re.DOTALL)
}
README = (PROJECT / "README.md").read_text()
EXCERPTS = dict(re.findall(r"```json ([a-z-]+)-excerpt\n(.+?)```", README, re.DOTALL))


def new_shell() -> dict[str, str]:
    """The variables of a new shell of a person who has run `make setup`: nothing of this project is on the PATH.

    Node.js is on it, wherever it is on this machine, and how this machine reaches package registries is kept.
    """
    node = Path(shutil.which("node") or "node").parent
    ours = ("AWS_", "SAM_", "PYTHON", "VIRTUAL_ENV", "MAKE")
    kept = {name: value for name, value in os.environ.items() if not name.startswith(ours)}
    return kept | {"PATH": f"{node}{os.pathsep}{os.defpath}"}


def environment(emulator: Emulator) -> dict[str, str]:
    """A new shell with an account's variables."""
    mine = {name: value for name, value in emulator.environment().items() if name.startswith("AWS_")}
    return new_shell() | mine | {"SAM_CLI_TELEMETRY": "0"}


def shell(lines: list[str], folder: Path, env: dict[str, str], typed: str = "") -> str:
    """Run a block, or some of its lines, in one shell; a command that fails fails the test."""
    done = subprocess.run(
        ["bash", "-euo", "pipefail", "-c", "\n".join(lines)],
        cwd=folder, env=env, input=typed, capture_output=True, text=True, timeout=180, check=False,
    )  # fmt: skip
    assert done.returncode == 0, f"{lines}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def test_no_block_is_without_a_test() -> None:
    assert set(BLOCKS) == {
        "try", "demo-options", "demo-review", "deploy", "job", "clean-up", "rerun", "progress", "redrive", "sam-local",
        "failed-deployment", "migrate-images", "migrate-labels",
        "acceptance",
    }  # fmt: skip
    assert BLOCKS["failed-deployment"] == BLOCKS["clean-up"]
    text = "\n".join((PROJECT / page).read_text() for page in PAGES)
    assert text.count("```sh") == len(BLOCKS)


@pytest.mark.parametrize(
    "command",
    [c for block in ("try", "demo-options", "demo-review") for c in BLOCKS[block] if re.match("make demo( |$)", c)],
)
def test_make_demo_is_the_demo_with_these_options(
    command: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """test_demo.py runs the demo itself, to the end and over a restart."""
    draw(tmp_path / "a.png")
    (tmp_path / "answers.json").write_text('{"a.png": []}')
    (tmp_path / "van.json").write_bytes((PROJECT / "skeletons" / "coco-person.json").read_bytes())
    done = subprocess.run(["make", "-n", *command.split()[1:]], cwd=PROJECT, capture_output=True, text=True, check=True)
    line = done.stdout.replace("\\\n", " ")
    [called] = re.findall(r"python scripts/demo\.py (.+)", line)
    values = dict(word.split("=", 1) for word in command.split()[2:])
    words = ["" if word == "photos" else word for word in called.replace('"', "").split()]
    given = {"van.json", "answers.json", ""}
    arguments = [str(tmp_path / word) if word in given else word for word in words]
    monkeypatch.chdir(PROJECT)
    options = demo.parse([*arguments, "--port", str(free_port())])
    assert options.job is None
    assert options.images == (tmp_path if "IMAGES" in values else None)
    assert options.workers == int(values.get("WORKERS", 1))
    assert (options.answers is not None) == ("ANSWERS" in values)
    assert options.skeleton.name == ("box-truck" if values.get("SKELETON") == "box-truck" else "person")


def test_the_first_command_prints_what_the_page_shows_and_the_consumer_reads_its_results(
    loop: Loop, tmp_path: Path
) -> None:
    """The example job runs in an account that has the stack already, so its deployment takes no time to report."""
    [command] = BLOCKS["try"]
    answers = command.removeprefix("make demo ANSWERS=")
    folder = tmp_path / ".demo"
    shutil.copytree(loop.deployed, folder)
    run = [".venv/bin/python", "scripts/demo.py", "--answers", answers, "--folder", str(folder)]
    done = subprocess.run(run, cwd=PROJECT, env=new_shell(), capture_output=True, text=True, timeout=240, check=False)
    assert done.returncode == 0, done.stderr
    [shown] = re.findall(r"```text demo-output\n(.+?)```", README, re.DOTALL)
    expected = [line for line in shown.splitlines() if not line.startswith("• Deployed the stack")]
    printed = [line for line in done.stdout.splitlines() if line != "• The stack is already deployed, unchanged"]
    assert [varying(line) for line in printed] == [varying(line) for line in expected]

    [coco] = folder.glob("results/*/coco.json")
    [consumer] = re.findall(r"```python consumer\n(.+?)```", README, re.DOTALL)
    assert len([line for line in consumer.splitlines() if line]) == 5
    read = subprocess.run([sys.executable, "-c", consumer, str(coco)], capture_output=True, text=True, check=True)
    nose = json.loads((PROJECT / answers).read_text())["person-01.jpg"][0]["annotations"][0]
    [first, *_] = read.stdout.splitlines()
    assert first == f"person-01.jpg {[nose['x'], nose['y'], nose['visibility']]}"


def varying(line: str) -> str:
    """Return a line of the demo's output without what differs between machines: folders and the bucket's name."""
    return re.sub(r"(/\S*?)?(?=/(examples|\.demo)/)|truepoint-bucket-\w+", "", line)


def test_make_acceptance_is_the_acceptance_run_with_these_options() -> None:
    """test_acceptance.py makes the run."""
    [command] = BLOCKS["acceptance"]
    done = subprocess.run(["make", "-n", *command.split()[1:]], cwd=PROJECT, capture_output=True, text=True, check=True)
    [called] = re.findall(r"python scripts/acceptance\.py (.+)", done.stdout.replace("\\\n", " "))
    given = shlex.split(called)
    values = dict(word.split("=", 1) for word in command.split()[2:])
    assert given == ["--workteam-arn", values["WORKTEAM"], "--region", values["REGION"]]


@pytest.mark.parametrize("target", ["demo", "test", "demo-reset"])
def test_make_has_the_target(target: str) -> None:
    assert f"make {target}" in README
    subprocess.run(["make", "-n", target], cwd=PROJECT, capture_output=True, check=True)


def test_deploy_and_clean_up(tmp_path: Path) -> None:
    """The commands for AWS, with the settings for AWS, against the emulator; in a folder of their own, because
    `sam build` writes into .aws-sam, which other builds of this checkout may use now."""
    checkout = tmp_path / "checkout"
    sources = (path for path in PROJECT.iterdir() if not path.name.startswith(".") and path.name != "node_modules")
    checkout.mkdir()
    for path in sources:
        if path.is_dir():
            shutil.copytree(path, checkout / path.name)
        else:
            shutil.copy(path, checkout)
    for name in (".venv", "node_modules"):
        (checkout / name).symlink_to(PROJECT / name)
    with Emulator(PROJECT / ".venv-emulator" / "bin" / "python", tmp_path / "emulator") as emulator:
        env = environment(emulator) | {"AWS_DEFAULT_REGION": "us-east-1", "SAM_CLI_POLL_DELAY": "0.5"}
        said = shell(BLOCKS["deploy"], checkout, env, typed="y\n")
        assert "Successfully created/updated stack - truepoint" in said
        s3 = boto3.Session(region_name="us-east-1", **_credentials(env)).client("s3", endpoint_url=emulator.endpoint)
        [bucket] = [b["Name"] for b in s3.list_buckets()["Buckets"] if b["Name"].startswith("truepoint-bucket")]
        published = [o["Key"].rsplit("/", 1)[1] for o in s3.list_objects_v2(Bucket=bucket, Prefix="ui/")["Contents"]]
        assert sorted(published) == [
            "creator.html",
            "crowd-2d-skeleton.de.js",
            "crowd-2d-skeleton.js",
            "crowd-2d-skeleton.later.js",
            "index.html",
            "labeler-guide.html",
            "portal.css",
            "portal.js",
            "skeleton-creator.js",
        ]
        activate, delete_stack, delete_bucket = BLOCKS["clean-up"]
        shell([activate, delete_stack], checkout, env)
        assert bucket in [b["Name"] for b in s3.list_buckets()["Buckets"]]
        shell([activate, delete_bucket.replace("truepoint-bucket-1a2b3c", bucket)], checkout, env)
        assert bucket not in [b["Name"] for b in s3.list_buckets()["Buckets"]]


def _credentials(env: dict[str, str]) -> dict[str, Any]:
    return {"aws_access_key_id": env["AWS_ACCESS_KEY_ID"], "aws_secret_access_key": env["AWS_SECRET_ACCESS_KEY"]}


def test_a_job_from_images_to_results(loop: Loop, tmp_path: Path) -> None:
    """With SageMaker played here: it takes the job, and its output manifest and event are ours."""
    for name in ("scripts", "skeletons", ".venv"):
        (tmp_path / name).symlink_to(PROJECT / name)
    (tmp_path / "photos").mkdir()
    draw(tmp_path / "photos" / "a.png")
    activate, create, status, download = BLOCKS["job"]
    with sagemaker.serve() as url:
        env = environment(loop.emulator) | {"AWS_ENDPOINT_URL_SAGEMAKER": url}
        assert "InProgress" in shell([activate, create, status], tmp_path, env)
        _finish(loop)
        shell([activate, download], tmp_path, env)
    assert json.loads((tmp_path / "results" / "people-1" / "results.json").read_text())["lines"] == 1


def _finish(loop: Loop) -> None:
    """What Ground Truth does at the end; its description comes with the event, as SageMaker is out of reach there."""
    output = "output/people-1/manifests/output/output.manifest"
    manifest = loop.read("jobs/people-1/input.manifest")
    loop.s3.put_object(Bucket=loop.stack.bucket, Key=output, Body=manifest)
    arn = "arn:aws:sagemaker:us-east-1:000000000000:labeling-job/people-1"
    description = {
        "LabelingJobName": "people-1", "LabelingJobArn": arn, "LabelingJobStatus": "Completed",
        "LabelAttributeName": "keypoints", "OutputConfig": {"S3OutputPath": f"s3://{loop.stack.bucket}/output/"},
    }  # fmt: skip
    event = {
        "detail-type": "SageMaker Ground Truth Labeling Job State Change", "source": "truepoint.labeling",
        "resources": [arn], "detail": {"LabelingJobStatus": "Completed", "LabelingJob": description},
    }  # fmt: skip
    client = loop.client("lambda")
    answer = client.invoke(FunctionName=loop.stack.job_completion_arn, Payload=json.dumps(event))
    assert "FunctionError" not in answer, answer["Payload"].read()


def test_without_ground_truth_an_unknown_job_and_a_job_for_it_are_refused(loop: Loop, tmp_path: Path) -> None:
    """The names that README prints are examples: whoever runs the block as it is learns which jobs there are."""
    draw(tmp_path / "a.png")
    env = environment(loop.emulator)
    work = "arn:aws:sagemaker:us-east-1:123456789012:workteam/private-crowd/team"
    create = f"python scripts/create_labeling_job.py {tmp_path} --name new-1 --skeleton skeletons/coco-person.json"
    status = next(line for line in BLOCKS["demo-review"] if "job_status.py" in line)
    for line, code, words in (
        (status, 2, "there is no job 'demo-person-59912759', neither in Ground Truth nor in s3://"),
        (f"{create} --workteam-arn {work}", 1, "in the demo's account, use --outside-ground-truth"),
    ):
        done = subprocess.run(
            ["bash", "-c", f"source .venv/bin/activate; {line}"],
            cwd=PROJECT, env=env, capture_output=True, text=True, check=False,
        )  # fmt: skip
        assert (done.returncode, words in done.stderr) == (code, True), done.stderr
        assert done.stderr.strip().splitlines()[-1].startswith("error: ")


def test_rerun(loop: Loop) -> None:
    end_unheard(loop, "heard-again", timedelta(days=9))
    activate, dry_run, run = (command.replace("people-1", "heard-again") for command in BLOCKS["rerun"])
    env = environment(loop.emulator)
    assert "heard-again: Stopped, no results" in shell([activate, dry_run], PROJECT, env)
    assert loop.keys("results/heard-again/") == []
    assert "results are complete: heard-again" in shell([activate, run], PROJECT, env)
    made = loop.keys("results/heard-again/")
    assert loop.results("heard-again")["lines"] == 1
    loop.s3.delete_object(Bucket=loop.stack.bucket, Key="results/heard-again/quality.json")
    shell([activate, run], PROJECT, env)
    assert len(loop.keys("results/heard-again/")) == len(made) - 1  # complete results are left alone
    shell([activate, f"{run} --force"], PROJECT, env)
    activate, watch = BLOCKS["progress"]
    assert "results: s3://" in shell([activate, watch.replace("people-1", "heard-again")], PROJECT, env)
    assert loop.keys("results/heard-again/") == made


def test_migrate(loop: Loop, tmp_path: Path) -> None:
    for name in ("scripts", "skeletons", ".venv"):
        (tmp_path / name).symlink_to(PROJECT / name)
    (tmp_path / "photos").mkdir()
    draw(tmp_path / "photos" / "a.png")
    env = environment(loop.emulator)
    loop.s3.create_bucket(Bucket="your-bucket")
    loop.s3.upload_file(str(tmp_path / "photos" / "a.png"), "your-bucket", "photos/deep/a.png")
    assert "people-1/images/deep/a.png" in shell(BLOCKS["migrate-images"], tmp_path, env)
    assert loop.keys("jobs/people-1/images/deep/") == []
    lines = [
        {"source-ref": "s3://your-bucket/a.png", "my-keypoints": {"keypoints": [{"label": "nose", "x": 3, "y": 4}]}},
        {"source-ref": "s3://your-bucket/b.png"},
    ]
    (tmp_path / "output.manifest").write_text("\n".join(map(json.dumps, lines)))
    said = shell(BLOCKS["migrate-labels"], tmp_path, env)
    assert "prelabels.json: labels of 1 images; 1 of 2 lines left out" in said
    assert '"annotations":[{"id":"1","annotations":[{"label":"nose","x":3,"y":4}]}]' in said


def test_redrive(loop: Loop) -> None:
    """A function that fails for good leaves a letter; so do an event that was not delivered and a deployment."""
    activate, show, send = BLOCKS["redrive"]
    env = environment(loop.emulator)
    shell([activate, send], PROJECT, env)  # other tests' failures
    functions, sqs = (loop.client(s) for s in ("lambda", "sqs"))
    queue = loop.stack.dead_letter_queue_url
    for name in ("sent-back", "delivered"):
        end_unheard(loop, name, timedelta(minutes=1))
    ended = {name: json.dumps(_ended(loop, name)) for name in ("sent-back", "delivered")}
    # As deployed, but without waiting minutes for retries.
    queue_arn = sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=["QueueArn"])["Attributes"]["QueueArn"]
    config = {
        "FunctionName": loop.stack.job_completion_arn.rsplit(":", 1)[1],
        "DestinationConfig": {"OnFailure": {"Destination": queue_arn}},
    }
    functions.put_function_event_invoke_config(**config, MaximumRetryAttempts=0)
    with without(loop, "JobCompletionRole", "WriteResults"):
        functions.invoke(FunctionName=loop.stack.job_completion_arn, InvocationType="Event", Payload=ended["sent-back"])
        deadline = time.monotonic() + 60
        while _depth(sqs, queue) < 1:
            assert time.monotonic() < deadline
            time.sleep(0.2)
    functions.put_function_event_invoke_config(**config, MaximumRetryAttempts=2)
    target = {"TARGET_ARN": {"DataType": "String", "StringValue": loop.stack.job_completion_arn}}
    request = {"requestContext": {"functionArn": f"{loop.stack.sweep_arn}:live"}, "requestPayload": {
        "RequestType": "Update", "ResponseURL": "https://example.com/?X-Amz-Signature=secret", "StackId": "s",
    }}  # fmt: skip
    for body, attributes in ((ended["delivered"], target), (ended["delivered"], target), (json.dumps(request), {})):
        sqs.send_message(QueueUrl=queue, MessageBody=body, MessageAttributes=attributes)
    for shown in (shell([activate, show], PROJECT, env) for _ in range(2)):
        assert "2 would be sent back, 0 stay" in shown
        assert "sent-back" in shown
        assert "secret" not in shown
    assert "2 were sent back, 0 stay" in shell([activate, send], PROJECT, env)
    assert _depth(sqs, queue) == 0
    for name in ended:
        assert loop.open(name).wait_for_results()
    sqs.send_message(QueueUrl=queue, MessageBody="{}")
    refused = subprocess.run(
        ["bash", "-c", f"{activate}; {send}"], cwd=PROJECT, env=env, capture_output=True, text=True, check=False
    )
    assert (refused.returncode, "1 stay" in refused.stdout) == (2, True)
    assert _depth(sqs, queue) == 1
    sqs.purge_queue(QueueUrl=queue)


def _ended(loop: Loop, name: str) -> dict[str, Any]:
    description = json.loads(loop.read(f"jobs/{name}/labeling_job.json"))
    return {
        "detail-type": ENDED, "source": SOURCE, "id": name, "resources": [description["LabelingJobArn"]],
        "detail": {"LabelingJobStatus": "Stopped", "LabelingJob": description},
    }  # fmt: skip


def _depth(sqs: Any, queue: str) -> int:
    asked = {"QueueUrl": queue, "AttributeNames": ["ApproximateNumberOfMessages"]}
    return int(sqs.get_queue_attributes(**asked)["Attributes"]["ApproximateNumberOfMessages"])


def test_sam_local_says_that_it_needs_a_container_engine() -> None:
    """A test cannot ask for one. tests/integration/test_sam_local.py runs every event as `sam local` would."""
    activate, *commands = BLOCKS["sam-local"]
    env = new_shell() | {"DOCKER_HOST": "unix:///nonexistent"}
    for line in commands:
        done = subprocess.run(
            ["bash", "-c", f"{activate}; {line}"], cwd=PROJECT, env=env, capture_output=True, text=True, check=False
        )
        assert done.returncode == 2
        assert done.stderr.startswith("error: expected a container engine that answers Docker's API, got none")
        assert len(done.stderr.splitlines()) == 1


def test_the_excerpts_are_of_the_shapes_they_show() -> None:
    schemas = make_schemas.schemas()
    results = json.loads(schemas["results.schema.json"])["$defs"]["Results"]["properties"]
    assert set(json.loads(EXCERPTS["results"])) <= set(results)
    keypoint = {"$ref": "#/$defs/KeypointQuality"} | {"$defs": json.loads(schemas["quality.schema.json"])["$defs"]}
    jsonschema.validate(json.loads(EXCERPTS["keypoint"]), keypoint)


@pytest.mark.parametrize("page", PAGES)
def test_links_lead_somewhere(page: str) -> None:
    text = (PROJECT / page).read_text()
    targets = re.findall(r"\]\(([^)#]+)\)", text)
    missing = [t for t in targets if "://" not in t and not ((PROJECT / page).parent / t).exists()]
    assert missing == []
