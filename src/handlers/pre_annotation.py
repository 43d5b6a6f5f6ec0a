"""Entry module: converts a manifest line to a worker's task input. Ground Truth invokes it for every data object.

The module imports neither boto3 nor Powertools, because a worker waits for this function's cold start.
"""

from __future__ import annotations

import json
import sys
from typing import Any

# msgspec imports typing_extensions if it is installed, although typing has all that is needed. That import takes a
# third of this function's start-up time, so it is prevented.
sys.modules.setdefault("typing_extensions", None)  # type: ignore[arg-type]

from truepoint.groundtruth.task import pre_annotation_response  # noqa: E402

if sys.modules["typing_extensions"] is None:
    del sys.modules["typing_extensions"]  # other modules of this process may import it


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return the task input. Never raise for a bad data object, because that would fail the whole job."""
    read = event if isinstance(event, dict) else {}
    response = pre_annotation_response(read.get("dataObject"), read.get("labelingJobArn"))
    if error := response["taskInput"]["error"]:
        record = {"level": "WARNING", "message": "unusable data object", "error": error}
        print(json.dumps(record | {"sent_to_workers": response["isHumanAnnotationRequired"]}))
    return response
