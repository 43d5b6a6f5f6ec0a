"""The keys of a job's output files below `<S3OutputPath>/<job>/`, in Ground Truth's layout.

Times in names are whole seconds with colons, as Ground Truth writes them. There is always one iteration; Ground Truth
uses more only with active learning.
"""

from __future__ import annotations

from datetime import UTC, datetime

WORKER_RESPONSES = "annotations/worker-response/iteration-1/"
CONSOLIDATION_REQUESTS = "annotations/consolidated-annotation/consolidation-request/iteration-1/"
CONSOLIDATION_RESPONSES = "annotations/consolidated-annotation/consolidation-response/iteration-1/"
OUTPUT_MANIFEST = "manifests/output/output.manifest"

_TIME = "%Y-%m-%d_%H:%M:%S"
_TIME_LENGTH = 19


def portal_answer(line: int, worker: str, version: int) -> str:
    """Return the key of an answer in the portal on AWS, relative to the job's output.

    The first answer has version 0; corrections count from 1.
    """
    return f"{WORKER_RESPONSES}{line}/{worker}_{version}.json"


def version_of(portal_answer_key: str) -> int:
    """Return the version in the key of an answer."""
    return int(portal_answer_key.rpartition("_")[2].removesuffix(".json"))


def portal_batch(time: datetime, line: int) -> str:
    """Return the name of the two files of one batch in the portal on AWS: its time, and the line of its first image."""
    return f"{time.astimezone(UTC).strftime(_TIME)}_{line}.json"


def object_of(worker_response_key: str) -> str:
    """Return the data object's id in the key of a worker response. The key may be relative to the output."""
    return worker_response_key.rsplit("/", 2)[1]


def time_of(key: str) -> datetime:
    """Return the time that a file's name begins with, in UTC."""
    return datetime.strptime(key.rsplit("/", 1)[1][:_TIME_LENGTH], _TIME).replace(tzinfo=UTC)
