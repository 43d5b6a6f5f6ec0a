"""The recorded evidence of tests/recorded: what AWS sent."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

RECORDED = Path(__file__).parent / "recorded"
NO_SUCH_JOB = "sagemaker_errors/describe_missing_job.json"


def recorded(path: str) -> Any:
    """Return a recorded JSON document, by its path below tests/recorded."""
    return json.loads((RECORDED / path).read_text(encoding="utf-8"))


def files(folder: str) -> list[str]:
    """Return the paths, below tests/recorded, of a folder's files."""
    return sorted(path.relative_to(RECORDED).as_posix() for path in (RECORDED / folder).iterdir())


def client_error(path: str) -> dict[str, Any]:
    """Return a recorded SageMaker error as arguments for `Stubber.add_client_error`, without the operation."""
    answer = recorded(path)
    return {
        "service_error_code": answer["body"]["__type"],
        "service_message": answer["body"]["message"],
        "http_status_code": answer["status"],
    }
