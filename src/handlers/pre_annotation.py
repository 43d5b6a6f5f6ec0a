"""Entry module: converts a manifest line to a worker's task input. Ground Truth invokes it for every data object.

The module imports neither boto3 nor Powertools, because a worker waits for this function's cold start.
"""

from __future__ import annotations

import json
import sys
from importlib import import_module
from types import ModuleType
from typing import Any


def _later(name: str) -> ModuleType:
    """Return a module that is loaded only when one of its attributes is used."""
    module = ModuleType(name)
    module.__getattr__ = lambda attribute: getattr(import_module(name), attribute)  # type: ignore[method-assign]
    return module


# msgspec imports typing_extensions, although typing has all that is needed, and its modules for TOML, YAML and the
# inspection of types. Nothing here uses them. Their imports would more than double this module's start-up time.
_substitutes: dict[str, Any] = {
    "typing_extensions": None,
    **{name: _later(name) for name in ("msgspec.inspect", "msgspec.toml", "msgspec.yaml")},
}
_added = {name: module for name, module in _substitutes.items() if name not in sys.modules}
sys.modules.update(_added)

from truepoint.groundtruth.task import pre_annotation_response  # noqa: E402

for _name in _added:
    del sys.modules[_name]  # other modules of this process may import it


def handler(event: dict[str, Any], context: Any) -> dict[str, Any]:
    """Return the task input. Never raise for a bad data object, because that would fail the whole job."""
    read = event if isinstance(event, dict) else {}
    response = pre_annotation_response(read.get("dataObject"), read.get("labelingJobArn"))
    if error := response["taskInput"]["error"]:
        record = {"level": "WARNING", "message": "unusable data object", "error": error}
        print(json.dumps(record | {"sent_to_workers": response["isHumanAnnotationRequired"]}))
    return response
