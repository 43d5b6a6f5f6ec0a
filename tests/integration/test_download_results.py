"""Results from moto's S3 into a folder: complete or not at all, and twice equals once."""

from collections.abc import Iterator
from pathlib import Path
from typing import TYPE_CHECKING

import boto3
import pytest
from moto import mock_aws

from truepoint.jobs.results import ResultsNotReadyError, download_results

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

BUCKET = "truepoint-bucket"
SET = {
    "annotations/0000000-a.json": b"{}",
    "coco.json": b'{"images": []}',
    "rejected.jsonl": b"",
    "results.json": b"{}",
}


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> "Iterator[S3Client]":
    for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
        monkeypatch.setenv(name, "testing")
    with mock_aws():
        client = boto3.client("s3", region_name="us-east-1")
        client.create_bucket(Bucket=BUCKET)
        put(client, SET)
        put(client, {"x": b"of a job whose name begins alike"}, job="people-10")
        yield client


def put(s3: "S3Client", files: dict[str, bytes], job: str = "people-1") -> None:
    for name, body in files.items():
        s3.put_object(Bucket=BUCKET, Key=f"results/{job}/{name}", Body=body)


def files(folder: Path) -> dict[str, bytes]:
    return {p.relative_to(folder).as_posix(): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_a_complete_set_is_downloaded_and_a_repetition_changes_nothing(s3: "S3Client", tmp_path: Path) -> None:
    folder, seen = tmp_path / "new" / "folder", []
    first = download_results(s3, BUCKET, "people-1", folder, lambda done, total: seen.append((done, total)))
    assert files(folder) == SET
    assert (first.written, first.unchanged, first.left_over) == (4, 0, ())
    assert seen == [(0, 4), (1, 4), (2, 4), (3, 4), (4, 4)]
    again = download_results(s3, BUCKET, "people-1", folder)
    assert (again.written, again.unchanged) == (0, 4)


def test_only_changed_files_are_downloaded(s3: "S3Client", tmp_path: Path) -> None:
    download_results(s3, BUCKET, "people-1", tmp_path)
    before = (tmp_path / "rejected.jsonl").stat().st_mtime_ns
    (tmp_path / "notes.txt").write_text("mine")
    (tmp_path / "coco.json").write_text('{"images": {}}')  # as long as the right one
    put(s3, {"results.json": b'{"lines": 1}'})
    done = download_results(s3, BUCKET, "people-1", tmp_path)
    assert (done.written, done.unchanged, done.left_over) == (2, 2, ("notes.txt",))
    assert files(tmp_path) == {**SET, "results.json": b'{"lines": 1}', "notes.txt": b"mine"}
    assert (tmp_path / "rejected.jsonl").stat().st_mtime_ns == before


@pytest.mark.parametrize("job", ["people-1", "people-2"])
def test_without_the_marker_nothing_is_downloaded(s3: "S3Client", tmp_path: Path, job: str) -> None:
    s3.delete_object(Bucket=BUCKET, Key="results/people-1/results.json")
    with pytest.raises(ResultsNotReadyError, match=f"no complete results yet: there is no s3://.*/{job}/results.json"):
        download_results(s3, BUCKET, job, tmp_path / "folder")
    assert not (tmp_path / "folder").exists()


def test_results_written_again_meanwhile(s3: "S3Client", tmp_path: Path) -> None:
    def rewrite(done: int, _total: int) -> None:
        if done == 1:
            put(s3, {"results.json": b'{"again": true}'})

    with pytest.raises(ResultsNotReadyError, match="written again during the download; run it again"):
        download_results(s3, BUCKET, "people-1", tmp_path, rewrite)
    assert "results.json" not in files(tmp_path)


@pytest.mark.parametrize("name", ["../outside.json", "/etc/x", "a/../../x"])
def test_names_that_lead_out_of_the_folder(s3: "S3Client", tmp_path: Path, name: str) -> None:
    put(s3, {name: b"x"})
    with pytest.raises(ResultsNotReadyError, match="expected file names below results/people-1/"):
        download_results(s3, BUCKET, "people-1", tmp_path / "folder")
    assert not list(tmp_path.iterdir())
