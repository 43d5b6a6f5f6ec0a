"""When to call a function again that failed for one image, and when to give up the image."""

from __future__ import annotations

from collections.abc import Callable

TRIES = 5
"""Number of failures for one image before it is given up, if the function works for other images."""
LONG_TRIES = 12
"""Number of failures for one image before it is given up, if the function works for no other image. They take some
hours, in which a deployment can be repaired."""
FIRST_WAIT = 60.0
"""Time between the first and the second try, in seconds. It doubles after each failure."""
LONGEST_WAIT = 3600.0
"""Maximum time between two tries, in seconds."""


def wait_after(failures: int) -> float:
    """Return the time until the next try after a number of consecutive failures, in seconds."""
    return min(FIRST_WAIT * 2.0 ** min(failures - 1, 10), LONGEST_WAIT)


def is_hopeless(failures: int, works_for_others: Callable[[], bool]) -> bool:
    """Return whether to give up an image after a number of failures.

    Args:
        failures: number of failures for this image.
        works_for_others: returns whether the function works for other images; called only if that decides.
    """
    return failures >= LONG_TRIES or (failures >= TRIES and works_for_others())
