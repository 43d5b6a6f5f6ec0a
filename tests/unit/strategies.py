"""Hypothesis strategies of the vocabulary."""

from __future__ import annotations

from typing import Any

from hypothesis import strategies as st

COORDINATE = st.floats(min_value=-1000, max_value=5000, allow_nan=False, allow_infinity=False)
LABEL = st.text(min_size=1, max_size=12)

JSON: Any = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats(allow_nan=False, allow_infinity=False) | st.text(max_size=20),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=12), inner, max_size=4),
    max_leaves=12,
)


@st.composite
def instances(draw: Any, labels: Any = LABEL, max_size: int = 4) -> list[dict[str, Any]]:
    """A list of instances as a page submits it."""
    found = []
    for place in range(draw(st.integers(0, max_size))):
        names = draw(st.lists(labels, unique=True, max_size=6))
        found.append(
            {
                "id": f"n{place + 1}",
                "name": draw(st.sampled_from(["", "driver"])),
                "annotations": [
                    {
                        "label": n,
                        "x": draw(COORDINATE),
                        "y": draw(COORDINATE),
                        "visibility": draw(st.sampled_from([1, 2])),
                    }
                    for n in names
                ],
            }
        )
    return found
