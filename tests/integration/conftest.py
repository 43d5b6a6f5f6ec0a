"""AWS in this process: moto's server, so that obstore, which is no Python, meets it too; and the objects that the
sample events speak of."""

from __future__ import annotations

from collections.abc import Iterator
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto.s3.models import s3_backends
from moto.server import ThreadedMotoServer

from sample_events import BUCKET, EVENTS


@pytest.fixture(scope="session")
def moto_url() -> Iterator[str]:
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    host, port = server.get_host_and_port()
    yield f"http://{host}:{port}"
    server.stop()


@pytest.fixture
def aws(moto_url: str, monkeypatch: pytest.MonkeyPatch) -> str:
    for name, value in {
        "AWS_ENDPOINT_URL": moto_url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_DEFAULT_REGION": "us-east-1",
        "AWS_REGION": "us-east-1",
        "BUCKET_NAME": BUCKET,
    }.items():
        monkeypatch.setenv(name, value)
    return moto_url


@pytest.fixture
def s3(aws: str) -> Iterator[Any]:
    """The sample events' bucket with everything below events/s3.

    Objects are put and deleted in moto itself: a hundred requests would take longer than most tests.
    """
    client = boto3.client("s3")
    client.create_bucket(Bucket=BUCKET)
    store = s3_backends["123456789012"]["aws"]
    for file in (EVENTS / "s3").rglob("*"):
        if file.is_file():
            store.put_object(BUCKET, file.relative_to(EVENTS / "s3").as_posix(), file.read_bytes())
    yield client
    bucket = store.buckets[BUCKET]
    for item in (*bucket.keys.values(), *bucket.multiparts.values()):
        item.dispose()
    bucket.keys.clear()
    client.delete_bucket(Bucket=BUCKET)


@pytest.fixture
def context() -> Any:
    return SimpleNamespace(
        function_name="function",
        memory_limit_in_mb=256,
        invoked_function_arn="arn:aws:lambda:us-east-1:123456789012:function:function",
        aws_request_id="00000000-0000-0000-0000-000000000000",
        get_remaining_time_in_millis=lambda: 900_000,
    )
