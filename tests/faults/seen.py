"""What a reader could have seen."""

from __future__ import annotations

from made_job import MARKER, results_of
from s3_endpoint import Endpoint, State


def always_whole(endpoint: Endpoint, *sets: State) -> None:
    """Assert that whenever the completion marker was there, all of its own set was, and nothing else."""
    for state in endpoint.states():
        if MARKER in state:
            found = results_of(state)
            wrong = min((_difference(found, one) for one in sets if one[MARKER] == found[MARKER]), key=len)
            assert not wrong, f"with the marker there, these were missing, foreign or of another set: {wrong}"


def _difference(found: State, whole: State) -> list[str]:
    return sorted(key for key in found.keys() | whole.keys() if found.get(key) != whole.get(key))
