"""Jobs against an S3 of moto and a stubbed SageMaker: uploads, both kinds of job, and doing it twice."""

import io
import json
from collections.abc import Iterator
from datetime import UTC, datetime
from pathlib import Path
from random import Random
from typing import TYPE_CHECKING, Any

import boto3
import pytest
from botocore.exceptions import ClientError
from botocore.stub import Stubber
from moto import mock_aws
from PIL import ExifTags, Image, ImageChops, ImageOps

from evidence import NO_SUCH_JOB, client_error
from job_builders import STACK, WORKTEAM
from truepoint.jobs import launch
from truepoint.jobs.anchoring import Shares, treat
from truepoint.jobs.images import HEADER_BYTES, images_in_folder, images_under_prefix
from truepoint.jobs.launch import (
    Document,
    JobExistsError,
    PreparedJob,
    create_in_ground_truth,
    create_outside_ground_truth,
    prepare_job,
    prepare_objects,
    upload_job,
)
from truepoint.jobs.limits import JobRefusedError
from truepoint.jobs.request import JobSettings
from truepoint.jobs.worker_template import TEMPLATE_PATH
from truepoint.pose.skeleton import Skeleton, SkeletonKeypoint, parse_skeleton

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = STACK.bucket
ARN = "arn:aws:sagemaker:eu-west-1:123456789012:labeling-job/people-1"
NOW = datetime(2026, 11, 23, 12, tzinfo=UTC)
SKELETON = Skeleton("face", (SkeletonKeypoint("nose", template=(0, 0)), SkeletonKeypoint("chin", template=(0, 9))))
PRELABEL = {"id": "p7", "name": "", "annotations": [{"label": "nose", "x": 1.25, "y": 2.0, "visibility": 1}]}


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> "Iterator[S3Client]":
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        client = boto3.client("s3", region_name="eu-west-1")
        client.create_bucket(Bucket=BUCKET, CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
        yield client


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    for n, name in enumerate(("b ö.png", "sub/a.png", "c.png")):
        path = tmp_path / "images" / name
        path.parent.mkdir(parents=True, exist_ok=True)
        Image.new("RGB", (20 + n, 10), (n, 0, 0)).save(path)
    return tmp_path / "images"


def prepare(folder: Path, prelabels: Any = None, documents: Any = (), **changes: Any) -> PreparedJob:
    settings = JobSettings(**{"name": "people-1", **changes})
    return prepare_job(
        settings,
        STACK,
        SKELETON,
        images_in_folder(folder).images,
        template_source=TEMPLATE_PATH.read_text(encoding="utf-8"),
        prelabels=prelabels or {"c.png": (PRELABEL,)},
        documents=documents,
    )


def everything(s3: "S3Client") -> dict[str, tuple[bytes, str]]:
    """Content and content type of every object in the bucket."""
    objects = {}
    for item in s3.list_objects_v2(Bucket=BUCKET).get("Contents", []):
        answer = s3.get_object(Bucket=BUCKET, Key=item["Key"])
        objects[item["Key"]] = (answer["Body"].read(), answer["ContentType"])
    return objects


def versions(s3: "S3Client") -> list[str]:
    return [item["VersionId"] for item in s3.list_object_versions(Bucket=BUCKET).get("Versions", [])]


def test_a_job_outside_ground_truth(s3: "S3Client", folder: Path) -> None:
    counts: list[int] = []
    document, created = create_outside_ground_truth(prepare(folder), s3, STACK, NOW, counts.append)
    assert created
    assert sum(counts) == 3
    objects = everything(s3)
    start = "jobs/people-1/"
    assert sorted(objects) == [
        f"{start}images/b ö.png",
        f"{start}images/c.png",
        f"{start}images/sub/a.png",
        f"{start}input.manifest",
        f"{start}labeling_job.json",
        f"{start}skeleton.json",
        f"{start}template.liquid.html",
    ]
    assert objects[f"{start}images/c.png"] == ((folder / "c.png").read_bytes(), "image/png")
    assert parse_skeleton(objects[f"{start}skeleton.json"][0]) == SKELETON
    assert STACK.script_url.encode() in objects[f"{start}template.liquid.html"][0]
    lines = [json.loads(line) for line in objects[f"{start}input.manifest"][0].splitlines()]
    uri = f"s3://{BUCKET}/{start}images/"
    assert lines == [
        {"source-ref": f"{uri}b ö.png", "image_width": 20, "image_height": 10},
        {"source-ref": f"{uri}c.png", "image_width": 22, "image_height": 10, "annotations": [PRELABEL]},
        {"source-ref": f"{uri}sub/a.png", "image_width": 21, "image_height": 10},
    ]
    assert json.loads(objects[f"{start}labeling_job.json"][0]) == document
    assert (
        document
        | {
            "LabelingJobName": "people-1",
            "LabelingJobArn": ARN,
            "LabelingJobStatus": "InProgress",
            "LabelAttributeName": "keypoints",
            "CreationTime": "2026-11-23T12:00:00.000+00:00",
            "LabelCounters": {
                "TotalLabeled": 0,
                "HumanLabeled": 0,
                "MachineLabeled": 0,
                "FailedNonRetryableError": 0,
                "Unlabeled": 3,
            },
            "OutputConfig": {"S3OutputPath": f"s3://{BUCKET}/output/"},
        }
        == document
    )


def test_creating_a_job_twice_changes_nothing(s3: "S3Client", folder: Path) -> None:
    s3.put_bucket_versioning(Bucket=BUCKET, VersioningConfiguration={"Status": "Enabled"})
    first = create_outside_ground_truth(prepare(folder), s3, STACK, NOW)
    before = versions(s3)
    assert create_outside_ground_truth(prepare(folder), s3, STACK, datetime.now(UTC)) == (first[0], False)
    assert versions(s3) == before


def test_an_interrupted_upload_continues(s3: "S3Client", folder: Path) -> None:
    prepared = prepare(folder)
    assert launch.upload_job(prepared, s3) == 3
    s3.delete_object(Bucket=BUCKET, Key="jobs/people-1/images/c.png")
    s3.put_object(Bucket=BUCKET, Key="jobs/people-1/images/sub/a.png", Body=b"half")
    counts: list[int] = []
    assert launch.upload_job(prepared, s3, counts.append) == 2
    assert counts == [1, 1, 1]


@pytest.mark.parametrize(
    ("key", "body", "words"),
    [
        ("input.manifest", b"{}\n", f"s3://{BUCKET}/jobs/people-1/input.manifest"),
        ("skeleton.json", None, f"s3://{BUCKET}/jobs/people-1/skeleton.json"),
        ("images/c.png", b"x", "1 of 3 images"),
    ],
)
def test_another_job_of_that_name(s3: "S3Client", folder: Path, key: str, body: bytes | None, words: str) -> None:
    create_outside_ground_truth(prepare(folder), s3, STACK, NOW)
    if body is None:
        s3.delete_object(Bucket=BUCKET, Key=f"jobs/people-1/{key}")
    else:
        s3.put_object(Bucket=BUCKET, Key=f"jobs/people-1/{key}", Body=body)
    before = everything(s3)
    with pytest.raises(JobExistsError, match=words):
        create_outside_ground_truth(prepare(folder), s3, STACK, NOW)
    assert everything(s3) == before


def test_another_request_of_that_name(s3: "S3Client", folder: Path) -> None:
    create_outside_ground_truth(prepare(folder), s3, STACK, NOW)
    with pytest.raises(JobExistsError, match=r"differs in .*\.NumberOfHumanWorkersPerDataObject; a job name"):
        create_outside_ground_truth(prepare(folder, workers_per_object=2), s3, STACK, NOW)


def test_two_operators_at_once(s3: "S3Client", folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    upload = launch.upload_job

    def upload_and_be_overtaken(*args: Any) -> int:
        s3.put_object(Bucket=BUCKET, Key="jobs/people-1/labeling_job.json", Body=b"{}")
        return upload(*args)

    monkeypatch.setattr(launch, "upload_job", upload_and_be_overtaken)
    with pytest.raises(JobExistsError, match="created by someone else just now"):
        create_outside_ground_truth(prepare(folder), s3, STACK, NOW)
    assert everything(s3)["jobs/people-1/labeling_job.json"][0] == b"{}"


def test_a_failed_upload_leaves_no_job(s3: "S3Client", folder: Path) -> None:
    prepared = prepare(folder)
    (folder / "c.png").unlink()
    with pytest.raises(FileNotFoundError):
        create_outside_ground_truth(prepared, s3, STACK, NOW)
    assert not any(key.endswith((".json", ".manifest")) for key in everything(s3))


def stubbed_sagemaker() -> tuple[Any, Stubber]:
    client = boto3.client("sagemaker", region_name="eu-west-1")
    return client, Stubber(client)


def description(prepared: PreparedJob, **changes: Any) -> dict[str, Any]:
    """What DescribeLabelingJob answers for this job: the request and more."""
    counters = {"TotalLabeled": 0, "HumanLabeled": 0, "MachineLabeled": 0, "FailedNonRetryableError": 0, "Unlabeled": 3}
    return {
        **prepared.request,
        "HumanTaskConfig": {**prepared.request["HumanTaskConfig"], "MaxConcurrentTaskCount": 1000},
        "LabelingJobStatus": "InProgress",
        "LabelCounters": counters,
        "CreationTime": NOW,
        "LastModifiedTime": NOW,
        "JobReferenceCode": "abc",
        "LabelingJobArn": ARN,
        **changes,
    }


def test_a_job_in_ground_truth(s3: "S3Client", folder: Path) -> None:
    prepared = prepare(folder, workteam_arn=WORKTEAM)
    sagemaker, stubber = stubbed_sagemaker()
    stubber.add_client_error("describe_labeling_job", **client_error(NO_SUCH_JOB))
    stubber.add_response("create_labeling_job", {"LabelingJobArn": ARN}, dict(prepared.request))
    for tags in (prepared.request["Tags"], [{"Key": "application", "Value": "renamed since"}], []):
        there = description(prepared, Tags=tags)
        stubber.add_response("describe_labeling_job", there, {"LabelingJobName": "people-1"})
    with stubber:
        assert create_in_ground_truth(prepared, s3, sagemaker) == (ARN, True)
        for _ in range(3):  # a job is the same whatever its tags are
            assert create_in_ground_truth(prepared, s3, sagemaker) == (ARN, False)
    stubber.assert_no_pending_responses()
    assert prepared.request["HumanTaskConfig"]["WorkteamArn"] == WORKTEAM
    assert prepared.request["Tags"] == [{"Key": "application", "Value": "truepoint"}]
    assert "jobs/people-1/labeling_job.json" not in everything(s3)


def test_a_different_job_in_ground_truth(s3: "S3Client", folder: Path) -> None:
    prepared = prepare(folder, workteam_arn=WORKTEAM)
    sagemaker, stubber = stubbed_sagemaker()
    stubber.add_response("describe_labeling_job", description(prepared, LabelAttributeName="other"))
    with (
        stubber,
        pytest.raises(JobExistsError, match=r"exists \(InProgress\) and differs in LabelAttributeName, s3://"),
    ):
        create_in_ground_truth(prepared, s3, sagemaker)
    assert everything(s3) == {}


@pytest.mark.parametrize("operation", ["describe_labeling_job", "create_labeling_job"])
def test_other_errors_of_sagemaker_are_not_hidden(s3: "S3Client", folder: Path, operation: str) -> None:
    sagemaker, stubber = stubbed_sagemaker()
    if operation == "create_labeling_job":
        stubber.add_client_error("describe_labeling_job", **client_error(NO_SUCH_JOB))
    stubber.add_client_error(operation, "AccessDeniedException")
    with stubber, pytest.raises(ClientError, match="AccessDenied"):
        create_in_ground_truth(prepare(folder, workteam_arn=WORKTEAM), s3, sagemaker)


def test_images_under_an_s3_prefix(s3: "S3Client", folder: Path) -> None:
    s3.create_bucket(Bucket="other", CreateBucketConfiguration={"LocationConstraint": "eu-west-1"})
    (folder / "turned.jpg").write_bytes(b"")
    exif = Image.Exif()
    exif[0x0112] = 6
    Image.new("RGB", (40, 30)).save(folder / "turned.jpg", exif=exif)
    for path in folder.rglob("*.*"):
        s3.upload_file(str(path), "other", f"photos/{path.relative_to(folder).as_posix()}")
    s3.put_object(Bucket="other", Key="photos/empty.jpg", Body=b"")
    s3.put_object(Bucket="other", Key="photos/notes.txt", Body=b"hello")
    s3.put_object(Bucket="other", Key="photos/text.png", Body=b"hello")
    s3.put_object(Bucket="other", Key="photos-2/not-this-folder.jpg", Body=b"hello")
    found = images_under_prefix(s3, "other", "photos")
    assert [(i.name, i.width, i.height) for i in found.images] == [
        ("b ö.png", 20, 10),
        ("c.png", 22, 10),
        ("sub/a.png", 21, 10),
        ("turned.jpg", 30, 40),
    ]
    assert [r.name for r in found.refused] == ["empty.jpg", "text.png"]
    prepared = prepare_job(
        JobSettings(name="people-1"), STACK, SKELETON, found.images, template_source=TEMPLATE_PATH.read_text("utf-8")
    )
    create_outside_ground_truth(prepared, s3, STACK, NOW)
    copied = everything(s3)
    assert copied["jobs/people-1/images/sub/a.png"] == ((folder / "sub/a.png").read_bytes(), "image/png")
    assert launch.upload_job(prepared, s3) == 0


def test_the_head_of_an_image_in_s3_may_not_be_enough(s3: "S3Client", tmp_path: Path) -> None:
    noise = Image.frombytes("L", (700, 500), Random(1).randbytes(350_000))
    exif = Image.Exif()
    exif[0x0112] = 6
    noise.save(tmp_path / "noise.png", exif=exif)
    noise.save(tmp_path / "noise.jpg", quality=100, exif=exif)
    for path in tmp_path.iterdir():
        assert path.stat().st_size > HEADER_BYTES
        s3.upload_file(str(path), BUCKET, f"photos/{path.name}")
    s3.put_object(Bucket=BUCKET, Key="photos/text.png", Body=b"x" * (HEADER_BYTES + 1))
    found = images_under_prefix(s3, BUCKET, "photos/")
    assert [(i.name, i.width, i.height) for i in found.images] == [("noise.jpg", 500, 700)]
    # The PNG's EXIF data, for which browsers would show it differently, come last.
    assert [(r.name, "with an EXIF orientation" in r.reason) for r in found.refused] == [
        ("noise.png", True),
        ("text.png", False),
    ]


def test_all_problems_are_reported_together(folder: Path) -> None:
    with pytest.raises(JobRefusedError) as refused:
        prepare(folder, name="Bad_", title="", label_attribute_name="source-ref")
    assert len(refused.value.violations) == 5  # the name breaks two rules, and so does the label attribute


def people(count: int, keypoints: int = 133) -> tuple[dict[str, Any], ...]:
    """As many people with as many keypoints: eight whole bodies have 65,000 characters."""
    marks = [{"label": "nose", "x": 100.125 + n, "y": 200.25, "visibility": 2} for n in range(keypoints)]
    return tuple({"id": f"p{n}", "name": f"person {n}", "annotations": marks} for n in range(count))


def test_smaller_copies_for_slow_lines(s3: "S3Client", tmp_path: Path) -> None:
    folder = tmp_path / "large"
    folder.mkdir()
    exif = Image.Exif()
    exif[ExifTags.Base.Orientation] = 6
    exif[ExifTags.Base.Software] = "kept out of copies"
    noise = Image.effect_noise((1200, 900), 90).convert("RGB")
    noise.save(folder / "turned.jpg", exif=exif, quality=95)
    Image.new("RGBA", (1000, 400), (255, 0, 0, 0)).save(folder / "clear.png")
    Image.new("RGB", (400, 300)).save(folder / "small.png")

    def launched() -> None:
        prepared = prepare_job(
            JobSettings(name="people-1"),
            STACK,
            SKELETON,
            images_in_folder(folder).images,
            template_source=TEMPLATE_PATH.read_text(encoding="utf-8"),
            copies=400,
        )
        upload_job(prepared, s3)

    launched()
    objects = everything(s3)
    start = "jobs/people-1/copies/"
    assert sorted(key for key in objects if key.startswith(start)) == [
        f"{start}clear.png.jpg",
        f"{start}turned.jpg.jpg",
    ]
    body, content_type = objects[f"{start}turned.jpg.jpg"]
    assert content_type == "image/jpeg"
    assert len(body) < len((folder / "turned.jpg").read_bytes()) / 4
    with Image.open(io.BytesIO(body)) as copy:
        assert copy.size == (300, 400)
        assert not copy.getexif()
        # Upright: what is on top of the copy is on top of what a browser shows of the original.
        upright = ImageOps.exif_transpose(Image.open(folder / "turned.jpg")).resize((300, 400), Image.Resampling.BOX)
        apart = ImageChops.difference(copy.convert("L").resize((30, 40)), upright.convert("L").resize((30, 40)))
        assert apart.getextrema()[1] < 12
    with Image.open(io.BytesIO(objects[f"{start}clear.png.jpg"][0])) as copy:
        assert copy.getpixel((5, 5)) == (255, 255, 255)
    lines = {
        line["source-ref"].rsplit("/", 1)[-1]: line
        for line in map(json.loads, objects["jobs/people-1/input.manifest"][0].splitlines())
    }
    assert lines["turned.jpg"]["image_copy_ref"] == f"s3://{BUCKET}/{start}turned.jpg.jpg"
    assert (lines["turned.jpg"]["image_width"], lines["turned.jpg"]["image_height"]) == (900, 1200)
    assert "image_copy_ref" not in lines["small.png"]
    # Again: nothing is made twice; a copy that an interrupted run left out is made.
    s3.delete_object(Bucket=BUCKET, Key=f"{start}clear.png.jpg")
    before = s3.head_object(Bucket=BUCKET, Key=f"{start}turned.jpg.jpg")["LastModified"]
    launched()
    assert everything(s3).keys() == objects.keys()
    assert s3.head_object(Bucket=BUCKET, Key=f"{start}turned.jpg.jpg")["LastModified"] == before


def test_copies_of_images_that_are_in_s3(s3: "S3Client") -> None:
    body = io.BytesIO()
    Image.effect_noise((800, 600), 90).save(body, "JPEG")
    s3.put_object(Bucket=BUCKET, Key="photos/a.jpg", Body=body.getvalue())
    prepared = prepare_job(
        JobSettings(name="people-1"),
        STACK,
        SKELETON,
        images_under_prefix(s3, BUCKET, "photos").images,
        template_source=TEMPLATE_PATH.read_text(encoding="utf-8"),
        copies=400,
    )
    upload_job(prepared, s3)
    with Image.open(io.BytesIO(everything(s3)["jobs/people-1/copies/a.jpg.jpg"][0])) as copy:
        assert copy.size == (400, 300)


def test_damage_of_images_in_s3_is_found_before_copies_are_made(s3: "S3Client") -> None:
    body = io.BytesIO()
    Image.effect_noise((800, 600), 90).save(body, "JPEG")
    for name, content in (("a.jpg", body.getvalue()), ("cut.jpg", body.getvalue()[:-90_000]), ("empty.jpg", b"")):
        s3.put_object(Bucket=BUCKET, Key=f"photos/{name}", Body=content)
    heads = images_under_prefix(s3, BUCKET, "photos")
    assert [image.name for image in heads.images] == ["a.jpg", "cut.jpg"]
    found = images_under_prefix(s3, BUCKET, "photos", whole=True)
    assert [image.name for image in found.images] == ["a.jpg"]
    assert found.images == heads.images[:1]
    assert [image.name for image in found.refused] == ["cut.jpg", "empty.jpg"]
    assert "image file is truncated" in found.refused[0].reason
    prepared = prepare_job(
        JobSettings(name="people-1"),
        STACK,
        SKELETON,
        heads.images,
        template_source=TEMPLATE_PATH.read_text(encoding="utf-8"),
        copies=400,
    )
    with pytest.raises(
        OSError, match=r"cut\.jpg: expected an image that can be copied at a smaller size, got: image file is"
    ):
        upload_job(prepared, s3)


def test_large_prelabels_go_by_reference(s3: "S3Client", folder: Path) -> None:
    large = prepare(folder, prelabels={"c.png": people(8), "sub/a.png": (PRELABEL,)})
    assert large.omitted == ()
    create_outside_ground_truth(large, s3, STACK, NOW)
    objects = everything(s3)
    plain, by_reference, inline = [json.loads(line) for line in objects["jobs/people-1/input.manifest"][0].splitlines()]
    uri = f"s3://{BUCKET}/jobs/people-1/prelabels/0000001.json"
    assert by_reference.keys() == {"source-ref", "image_width", "image_height", "annotations_ref"}
    assert by_reference["annotations_ref"] == uri
    assert "annotations_ref" not in plain | inline
    assert inline["annotations"] == [PRELABEL]
    body, content_type = objects["jobs/people-1/prelabels/0000001.json"]
    assert len(body) > 20_000
    assert json.loads(body) == {"annotations": list(people(8))}
    assert content_type == "application/json"
    assert create_outside_ground_truth(large, s3, STACK, NOW)[1] is False  # the same job as before
    changed = prepare(folder, prelabels={"c.png": people(9), "sub/a.png": (PRELABEL,)})
    with pytest.raises(JobExistsError, match=r"differs in s3://.*/prelabels/0000001\.json"):
        create_outside_ground_truth(changed, s3, STACK, NOW)


def experiment(seed: str) -> tuple[Document, ...]:
    sizes = dict.fromkeys(("b ö.png", "sub/a.png", "c.png"), (20, 10))
    return treat({"c.png": (PRELABEL,)}, sizes, SKELETON, "people-1", Shares(0.25, 0.25), seed=32 * seed).documents


def test_an_experiment_is_there_before_the_manifest_and_is_never_replaced(s3: "S3Client", folder: Path) -> None:
    first, other, none = (prepare(folder, documents=d) for d in (experiment("a"), experiment("b"), ()))
    assert first.documents[-1].key.endswith("input.manifest")
    upload_job(first, s3)  # interrupted before the job was created
    objects = everything(s3)
    assert {d.key: d.body for d in experiment("a")}.items() <= {key: body for key, (body, _) in objects.items()}.items()
    for begun in (other, none):
        with pytest.raises(JobExistsError, match="begun with another anchoring experiment"):
            upload_job(begun, s3)
    assert everything(s3) == objects
    assert create_outside_ground_truth(first, s3, STACK, NOW)[1] is True
    assert create_outside_ground_truth(first, s3, STACK, NOW)[1] is False
    for begun in (other, none):
        with pytest.raises(JobExistsError, match=r"differs in .*anchoring\.json"):
            create_outside_ground_truth(begun, s3, STACK, NOW)


def test_an_image_that_breaks_a_limit_all_the_same_is_left_out_and_named(folder: Path) -> None:
    prepared = prepare(folder, prelabels={"c.png": people(300)})
    [left_out] = prepared.omitted
    assert left_out.startswith(
        f"s3://{BUCKET}/jobs/people-1/images/c.png: pre-labels: expected at most 2,000,000 bytes"
    )
    assert [image.name for _, image in prepared.images] == ["b ö.png", "sub/a.png"]
    assert prepared.object_count == 2
    assert "c.png" not in prepared.manifest
    assert not any("prelabels" in document.key for document in prepared.documents)


def test_a_job_without_any_remaining_image_is_refused(folder: Path) -> None:
    for name in ("b ö.png", "sub/a.png"):
        (folder / name).unlink()
    with pytest.raises(JobRefusedError, match=r"got 0\n.*c\.png: pre-labels: expected at most 2,000,000 bytes"):
        prepare(folder, prelabels={"c.png": people(300)})


def test_issues_go_with_the_prelabels_and_other_attributes_stay() -> None:
    objects = [
        {
            "source-ref": f"s3://{BUCKET}/jobs/a/images/x.jpg",
            "annotations": list(people(8)),
            "annotation_issues": [{"reason": "look"}],
            "reviewed_line": 7,
        },
        {"source-ref": f"s3://{BUCKET}/jobs/a/images/y.jpg", "notes": "x" * 20_001},
    ]
    template = TEMPLATE_PATH.read_text(encoding="utf-8")
    prepared = prepare_objects(JobSettings(name="b"), STACK, SKELETON, objects, template_source=template)
    assert json.loads(prepared.manifest) == {
        "source-ref": objects[0]["source-ref"],
        "reviewed_line": 7,
        "annotations_ref": f"s3://{BUCKET}/jobs/b/prelabels/0000000.json",
    }
    [document] = [d for d in prepared.documents if "prelabels" in d.key]
    assert json.loads(document.body).keys() == {"annotations", "annotation_issues"}
    assert prepared.omitted == (
        f"s3://{BUCKET}/jobs/a/images/y.jpg: attribute 'notes': expected at most 20,000 characters, got 20,003",
    )


def test_a_label_attribute_of_the_input_is_refused() -> None:
    """Ground Truth would take every line for labelled: documentation of chained jobs."""
    objects = [{"source-ref": "s3://b/x.jpg", "people": {}}]
    template = TEMPLATE_PATH.read_text(encoding="utf-8")
    with pytest.raises(JobRefusedError, match="expected a name that no line of the manifest has, got 'people'"):
        prepare_objects(
            JobSettings(name="b", label_attribute_name="people"), STACK, SKELETON, objects, template_source=template
        )


def test_no_images() -> None:
    with pytest.raises(JobRefusedError, match="expected 1 to 100,000 data objects, got 0"):
        prepare_job(
            JobSettings(name="a"), STACK, SKELETON, (), template_source=TEMPLATE_PATH.read_text(encoding="utf-8")
        )
