"""Entry module: converts a manifest line to a worker's task input. Called by Ground Truth for every data object.

No boto3 and no Powertools: nothing here needs them, and this function's cold start keeps a worker waiting.
"""

from __future__ import annotations

import json
import sys
from typing import Any

# msgspec asks typing_extensions, where there is one, for what typing has as well: a third of this function's start.
sys.modules.setdefault("typing_extensions", None)  # type: ignore[arg-type]

from truepoint.groundtruth.task import pre_annotation_response  # noqa: E402

if sys.modules["typing_extensions"] is None:
    del sys.modules["typing_extensions"]  # whoever else needs it in this process shall have it


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return the task input. Never raise for a bad data object, because that would fail the whole job."""
    read = event if isinstance(event, dict) else {}
    response = pre_annotation_response(read.get("dataObject"), read.get("labelingJobArn"))
    if error := response["taskInput"]["error"]:
        record = {"level": "WARNING", "message": "unusable data object", "error": error}
        print(json.dumps(record | {"sent_to_workers": response["isHumanAnnotationRequired"]}))
    return response
