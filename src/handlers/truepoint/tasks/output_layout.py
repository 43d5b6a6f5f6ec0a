"""Where Ground Truth puts a job's files, below `<S3OutputPath>/<job>/`. Pure.

Times in names are whole seconds with colons, as Ground Truth writes them. There is one iteration: more than
one has only been seen with active learning.
"""

from __future__ import annotations

from datetime import UTC, datetime

WORKER_RESPONSES = "annotations/worker-response/iteration-1/"
CONSOLIDATION_REQUESTS = "annotations/consolidated-annotation/consolidation-request/iteration-1/"
CONSOLIDATION_RESPONSES = "annotations/consolidated-annotation/consolidation-response/iteration-1/"
OUTPUT_MANIFEST = "manifests/output/output.manifest"

_TIME = "%Y-%m-%d_%H:%M:%S"


def worker_response(object_id: str, time: datetime) -> str:
    """Key of one submission, relative to the job's output."""
    return f"{WORKER_RESPONSES}{object_id}/{file_name(time)}"


def portal_answer(line: int, worker: str, version: int) -> str:
    """Key of an answer in the portal on AWS, relative to the job's output. Corrections have versions from 1 on."""
    return f"{WORKER_RESPONSES}{line}/{worker}_{version}.json"


def version_of(portal_answer_key: str) -> int:
    """The version in the key of an answer."""
    return int(portal_answer_key.rpartition("_")[2].removesuffix(".json"))


def consolidation_request(time: datetime) -> str:
    """Key of the payload of one batch, relative to the job's output."""
    return f"{CONSOLIDATION_REQUESTS}{file_name(time)}"


def consolidation_response(time: datetime) -> str:
    """Key of what came back for one batch, relative to the job's output."""
    return f"{CONSOLIDATION_RESPONSES}{file_name(time)}"


def object_of(worker_response_key: str) -> str:
    """Return the data object's id in the (relative or whole) key of a worker response."""
    return worker_response_key.rsplit("/", 2)[1]


def file_name(time: datetime) -> str:
    """`YYYY-MM-DD_HH:MM:SS.json`, in UTC."""
    return f"{time.astimezone(UTC).strftime(_TIME)}.json"


def time_of(key: str) -> datetime:
    """Return the time in a file's name, in UTC."""
    return datetime.strptime(key.rsplit("/", 1)[1].removesuffix(".json"), _TIME).replace(tzinfo=UTC)
