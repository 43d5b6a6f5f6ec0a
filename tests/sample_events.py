"""The sample events of events/, and the bucket they speak of."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

EVENTS = Path(__file__).parents[1] / "events"
BUCKET = "truepoint-events"


def event(path: str) -> Any:
    """A sample event, by its path below events/."""
    return json.loads((EVENTS / path).read_text())


def names(folder: str) -> list[str]:
    """The files of one function."""
    return sorted(file.name for file in (EVENTS / folder).glob("*.json"))
