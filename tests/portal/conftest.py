"""The emulator's DynamoDB and S3 for the portal's tests: one process for all of them, a table and a bucket for each."""

from __future__ import annotations

import os
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import boto3
import pytest

from portal_site import CountingTable
from truepoint.adapters.bucket import Bucket
from truepoint.emulator.emulator import Emulator

PYTHON = Path(__file__).parents[2] / ".venv-emulator" / "bin" / "python"


@pytest.fixture(scope="session")
def emulator(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Emulator]:
    with Emulator(PYTHON, tmp_path_factory.mktemp("emulator")) as running:
        yield running


@pytest.fixture(scope="session")
def session(emulator: Emulator) -> boto3.Session:
    """One session for all tests, because each new one reads the descriptions of AWS's services again."""
    return emulator.session()


@pytest.fixture
def account(emulator: Emulator, session: boto3.Session, monkeypatch: pytest.MonkeyPatch) -> Emulator:
    for name, value in emulator.environment().items():
        if name.startswith("AWS_"):
            monkeypatch.setenv(name, value)
    for name in ("AWS_SESSION_TOKEN", "AWS_PROFILE"):
        monkeypatch.delenv(name, raising=False)
    # boto3's own session keeps the credentials that an earlier test of this process had.
    monkeypatch.setattr(boto3, "DEFAULT_SESSION", session)
    assert os.environ["AWS_ENDPOINT_URL"] == emulator.endpoint
    return emulator


@pytest.fixture
def table(account: Emulator, session: boto3.Session) -> Iterator[CountingTable]:
    client = session.client("dynamodb", endpoint_url=account.endpoint)
    name = f"portal-{uuid.uuid4().hex[:8]}"
    client.create_table(
        TableName=name,
        BillingMode="PAY_PER_REQUEST",
        KeySchema=[{"AttributeName": "pk", "KeyType": "HASH"}, {"AttributeName": "sk", "KeyType": "RANGE"}],
        AttributeDefinitions=[{"AttributeName": n, "AttributeType": "S"} for n in ("pk", "sk")],
    )
    yield CountingTable(name)
    client.delete_table(TableName=name)


@pytest.fixture
def s3(account: Emulator, session: boto3.Session) -> Any:
    return session.client("s3", endpoint_url=account.endpoint)


@pytest.fixture
def bucket(account: Emulator, s3: Any) -> Bucket:
    name = f"portal-{uuid.uuid4().hex[:8]}"
    s3.create_bucket(Bucket=name)
    return Bucket(name)
