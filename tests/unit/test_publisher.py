"""The custom resource that publishes the labelling element, the skeleton creator and the labeller's guide."""

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
ELEMENT, SCRIPT, PAGE, GUIDE = "crowd-2d-skeleton.js", "skeleton-creator.js", "creator.html", "labeler-guide.html"
GERMAN, LATER = "crowd-2d-skeleton.de.js", "crowd-2d-skeleton.later.js"
PORTAL_PAGE, PORTAL, STYLE = "portal/index.html", "portal/portal.js", "portal/portal.css"
FILES = ELEMENT, GERMAN, LATER, SCRIPT, PAGE, GUIDE, PORTAL_PAGE, PORTAL, STYLE
CONTEXT = SimpleNamespace(log_stream_name="2026/11/18/[1]abc")


@pytest.fixture
def publisher(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """The module as Lambda has it: with the element, the creator and the guide beside it."""
    spec = importlib.util.spec_from_file_location("publisher", SOURCE)
    assert spec
    assert spec.loader
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    monkeypatch.setattr(module, "BUILT", tmp_path)
    (tmp_path / "portal").mkdir()
    for name in FILES:
        (tmp_path / name).write_bytes(f"first {name}".encode())
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


def digest(*names: str) -> str:
    return hashlib.sha256("".join(f"first {name}" for name in names).encode()).hexdigest()[:16]


def test_everything_is_published_once_under_keys_of_its_bytes(publisher: Any, s3: Any, answers: list[Any]) -> None:
    publisher.handler(request("Create"), CONTEXT)
    publisher.handler(request("Update"), CONTEXT)
    element = f"ui/{digest(ELEMENT)}/{ELEMENT}"
    creator = f"ui/creator/{digest(PAGE)}/"
    guide = f"ui/guide/{digest(GUIDE)}/{GUIDE}"
    beside = [f"ui/{digest(ELEMENT)}/{name}" for name in (GERMAN, LATER)]
    portal = f"ui/portal/{digest(PORTAL, STYLE)}/"
    once = [element, *beside, creator + PAGE, creator + SCRIPT, guide, f"{portal}portal.js", f"{portal}portal.css"]
    index = "ui/portal/index.html"
    assert sorted(versions(s3)) == sorted([*once, index, index])
    integrity = "sha384-" + base64.b64encode(hashlib.sha384(f"first {ELEMENT}".encode()).digest()).decode()
    keys = {"Key": element, "CreatorKey": creator + PAGE, "GuideKey": guide, "PortalKey": index}
    expected = keys | {"Integrity": integrity}
    assert [a["Data"] for a in answers] == [expected] * 2
    kinds = {"html": "text/html", "js": "application/javascript", "css": "text/css"}
    for key in versions(s3):
        head = s3.head_object(Bucket="bucket-name", Key=key)
        assert head["CacheControl"] == ("no-cache" if key == index else "public, max-age=31536000, immutable")
        assert head["ContentType"] == f"{kinds[key.rpartition('.')[2]]}; charset=UTF-8"


def test_the_portals_page_is_replaced_under_its_own_name_after_what_it_needs(
    publisher: Any, s3: Any, answers: list[Any]
) -> None:
    publisher.handler(request("Create"), CONTEXT)
    (publisher.BUILT / PORTAL).write_bytes(b"second script")
    (publisher.BUILT / PORTAL_PAGE).write_bytes(b"second page")
    (publisher.BUILT / STYLE).unlink()
    publisher.handler(request("Update"), CONTEXT)
    assert answers[-1]["Status"] == "FAILED"

    def read() -> bytes:
        return bytes(s3.get_object(Bucket="bucket-name", Key="ui/portal/index.html")["Body"].read())

    assert read() == b"first portal/index.html"
    (publisher.BUILT / STYLE).write_bytes(b"first portal/portal.css")
    publisher.handler(request("Update"), CONTEXT)
    assert read() == b"second page"
    scripts = [key for key in versions(s3) if key.endswith("portal.js")]
    assert len(scripts) == 2, "who has the old page open still gets its script"


@pytest.mark.parametrize(("changed", "output"), [(ELEMENT, "Key"), (PAGE, "CreatorKey"), (GUIDE, "GuideKey")])
def test_a_changed_file_gets_a_new_key_and_the_others_stay(
    publisher: Any, s3: Any, answers: list[Any], changed: str, output: str
) -> None:
    publisher.handler(request("Create"), CONTEXT)
    before = set(versions(s3))
    (publisher.BUILT / changed).write_bytes(f"second {changed}".encode())
    publisher.handler(request("Update"), CONTEXT)
    assert before < set(versions(s3))
    first, second = (answer["Data"] for answer in answers)
    assert {name for name in first if first[name] != second[name]} == {output} | (
        {"Integrity"} if changed == ELEMENT else set()
    )
    assert answers[0]["PhysicalResourceId"] == answers[1]["PhysicalResourceId"], "a new id would make it a replacement"


def test_an_interrupted_publication_is_completed_by_the_next(publisher: Any, s3: Any, answers: list[Any]) -> None:
    page = (publisher.BUILT / PAGE).read_bytes()
    (publisher.BUILT / PAGE).unlink()
    publisher.handler(request("Create"), CONTEXT)
    (publisher.BUILT / PAGE).write_bytes(page)
    publisher.handler(request("Create"), CONTEXT)
    assert [answer["Status"] for answer in answers] == ["FAILED", "SUCCESS"]
    assert len(versions(s3)) == len(FILES)


def test_deleting_the_stack_keeps_published_scripts(publisher: Any, s3: Any, answers: list[Any]) -> None:
    publisher.handler(request("Create"), CONTEXT)
    publisher.handler(request("Delete") | {"PhysicalResourceId": "ui-bundle"}, CONTEXT)
    assert len(versions(s3)) == len(FILES)
    assert answers[1]["Status"] == "SUCCESS"


@pytest.mark.parametrize("what", ["bucket", ELEMENT, SCRIPT, PAGE, GUIDE, PORTAL_PAGE, PORTAL, STYLE])
def test_a_failure_is_reported_to_cloudformation(publisher: Any, s3: Any, answers: list[Any], what: str) -> None:
    if what != "bucket":
        (publisher.BUILT / what).unlink()
    publisher.handler(request("Create", "no-such-bucket" if what == "bucket" else "bucket-name"), CONTEXT)
    assert answers[0]["Status"] == "FAILED"
    assert "2026/11/18/[1]abc" in answers[0]["Reason"]
