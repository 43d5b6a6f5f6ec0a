"""Handling of one request, from the function URL's event to its response. Errors become responses for the page."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from truepoint.adapters.bucket import ChangedError, UnavailableError
from truepoint.task_queue.queue import BusyWorkerError
from truepoint.task_queue.table import BusyError
from truepoint.web.requests import RefusedError, as_event, parse_request, refusal
from truepoint.web.routes import Router

BUSY = (BusyError, BusyWorkerError, ChangedError)
"""Errors after which the page may repeat the request at once."""
BUSY_SECONDS = 1
"""Retry-After for busy rows, in seconds."""
UNAVAILABLE_SECONDS = 5
"""Retry-After for other failures, in seconds."""


def respond(router: Router, event: Any, report: Callable[[str, Exception], None]) -> dict[str, Any]:
    """Return the response to an event. Never raise, because a function URL would answer without a reason.

    Args:
        router: the route table.
        event: the function URL's event.
        report: logs a failure for an operator, given a message and the exception.
    """
    try:
        return as_event(router.respond(parse_request(event)))
    except RefusedError as error:
        return as_event(refusal(error))
    except BUSY:
        busy = RefusedError(429, "busy", "Many people are at work. Please try again.", BUSY_SECONDS)
        return as_event(refusal(busy))
    except UnavailableError as error:
        report("the bucket is unavailable", error)
    except Exception as error:  # noqa: BLE001 - the outermost handler
        report("a request failed", error)
    message = "Something failed. What was acknowledged is saved; please try again."
    return as_event(refusal(RefusedError(503, "try-again", message, UNAVAILABLE_SECONDS)))
