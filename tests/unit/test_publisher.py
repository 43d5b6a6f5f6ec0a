"""The custom resource that publishes the labelling element."""

from __future__ import annotations

import base64
import hashlib
import importlib.util
import json
from collections.abc import Iterator
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import boto3
import pytest
from moto import mock_aws

SOURCE = Path(__file__).parents[2] / "src" / "ui" / "publisher.py"
CONTEXT = SimpleNamespace(log_stream_name="2026/11/18/[1]abc")


@pytest.fixture
def publisher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module as Lambda has it: with the element beside it."""
    spec = importlib.util.spec_from_file_location("publisher", SOURCE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "ELEMENT", tmp_path / "crowd-2d-skeleton.js")
    module.ELEMENT.write_bytes(b"first")
    return module


@pytest.fixture
def s3(monkeypatch: pytest.MonkeyPatch) -> Iterator[Any]:
    monkeypatch.setenv("AWS_DEFAULT_REGION", "us-east-1")
    monkeypatch.delenv("AWS_ENDPOINT_URL", raising=False)
    with mock_aws():
        client = boto3.client("s3")
        client.create_bucket(Bucket="bucket-name")
        client.put_bucket_versioning(Bucket="bucket-name", VersioningConfiguration={"Status": "Enabled"})
        yield client


@pytest.fixture
def answers(publisher: ModuleType, monkeypatch: pytest.MonkeyPatch) -> list[Any]:
    """What CloudFormation is told. Its presigned URL is the one thing that is not there in a test."""
    sent: list[Any] = []

    class Answered:
        def __enter__(self) -> None:
            return None

        def __exit__(self, *_: object) -> None:
            return None

    def urlopen(request: Any, timeout: int) -> Answered:
        assert request.get_method() == "PUT"
        assert request.headers == {"Content-type": ""}
        sent.append(json.loads(request.data))
        return Answered()

    monkeypatch.setattr(publisher.urllib.request, "urlopen", urlopen)
    return sent


def request(kind: str, bucket: str = "bucket-name") -> dict[str, Any]:
    return {
        "RequestType": kind, "ResponseURL": "https://cloudformation/answer", "StackId": "s", "RequestId": "r",
        "LogicalResourceId": "UiBundle", "ResourceProperties": {"BucketName": bucket, "PublisherVersion": "1"},
    }  # fmt: skip


def versions(s3: Any) -> list[str]:
    return [v["Key"] for v in s3.list_object_versions(Bucket="bucket-name").get("Versions", [])]


def test_an_element_is_published_once_under_a_key_of_its_bytes(publisher: Any, s3: Any, answers: list[Any]) -> None:
    publisher.handler(request("Create"), CONTEXT)
    publisher.handler(request("Update"), CONTEXT)
    digest = hashlib.sha256(b"first").hexdigest()[:16]
    assert versions(s3) == [f"ui/{digest}/crowd-2d-skeleton.js"]
    expected = "sha384-" + base64.b64encode(hashlib.sha384(b"first").digest()).decode()
    assert [a["Data"] for a in answers] == [{"Key": versions(s3)[0], "Integrity": expected}] * 2
    head = s3.head_object(Bucket="bucket-name", Key=versions(s3)[0])
    assert head["CacheControl"] == "public, max-age=31536000, immutable"
    assert head["ContentType"] == "application/javascript; charset=UTF-8"


def test_a_changed_element_gets_a_new_key_and_the_old_one_stays(publisher: Any, s3: Any, answers: list[Any]) -> None:
    publisher.handler(request("Create"), CONTEXT)
    publisher.ELEMENT.write_bytes(b"second")
    publisher.handler(request("Update"), CONTEXT)
    assert len(versions(s3)) == 2
    assert answers[0]["Data"]["Key"] != answers[1]["Data"]["Key"]
    assert answers[0]["PhysicalResourceId"] == answers[1]["PhysicalResourceId"], "a new id would make it a replacement"


def test_deleting_the_stack_deletes_no_script(publisher: Any, s3: Any, answers: list[Any]) -> None:
    publisher.handler(request("Create"), CONTEXT)
    publisher.handler(request("Delete") | {"PhysicalResourceId": "ui-bundle"}, CONTEXT)
    assert len(versions(s3)) == 1
    assert answers[1]["Status"] == "SUCCESS"


@pytest.mark.parametrize("what", ["bucket", "element"])
def test_a_failure_is_told_to_cloudformation(publisher: Any, s3: Any, answers: list[Any], what: str) -> None:
    if what == "element":
        publisher.ELEMENT.unlink()
    publisher.handler(request("Create", "no-such-bucket" if what == "bucket" else "bucket-name"), CONTEXT)
    assert answers[0]["Status"] == "FAILED"
    assert "2026/11/18/[1]abc" in answers[0]["Reason"]
