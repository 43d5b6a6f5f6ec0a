"""How tests talk to the endpoint."""

from __future__ import annotations

import os
from collections.abc import Sequence
from datetime import timedelta
from typing import Any, TypeVar

from s3_endpoint import Endpoint

from truepoint.adapters import bucket

THOROUGH = os.environ.get("FAULTS") == "thorough"
"""More of each, and the table at the end: `make fault-matrix`."""
SHORT = timedelta(milliseconds=150)

T = TypeVar("T")


def some(places: Sequence[T], most: int) -> Sequence[T]:
    """All of them where tests are thorough, else at most so many, evenly spaced; of one, that in the middle."""
    if THOROUGH or len(places) <= most:
        return places
    if most == 1:
        return [places[len(places) // 2]]
    return [places[round(n * (len(places) - 1) / (most - 1))] for n in range(most)]


def aws(endpoint: Endpoint) -> dict[str, str]:
    """The environment of a process that uses the endpoint."""
    return {
        "AWS_ENDPOINT_URL": endpoint.url,
        "AWS_ACCESS_KEY_ID": "testing",
        "AWS_SECRET_ACCESS_KEY": "testing",
        "AWS_REGION": "us-east-1",
    }


def impatient(set_attribute: Any, timeout: timedelta = SHORT) -> None:
    """The same retries as in Lambda, in a fraction of the time; and parts of files that are a fraction as large."""
    wait = {"init_backoff": timedelta(milliseconds=1), "max_backoff": timedelta(milliseconds=5), "base": 2}
    set_attribute(bucket, "CLIENT", bucket.CLIENT | {"timeout": timeout})
    set_attribute(bucket, "RETRY", bucket.RETRY | {"backoff": wait})
    set_attribute(bucket, "PART", 10_000)
