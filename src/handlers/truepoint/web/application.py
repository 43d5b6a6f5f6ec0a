"""One request from its event to the response's: what goes wrong becomes an error that the page understands."""

from __future__ import annotations

from collections.abc import Callable
from typing import Any

from truepoint.adapters.bucket import ChangedError, UnavailableError
from truepoint.task_queue.queue import BusyWorkerError
from truepoint.task_queue.table import BusyError
from truepoint.web.requests import RefusedError, as_event, parse_request, refusal
from truepoint.web.routes import Router

BUSY = (BusyError, BusyWorkerError, ChangedError)
BUSY_SECONDS = 1
UNAVAILABLE_SECONDS = 5


def respond(router: Router, event: Any, report: Callable[[str, Exception], None]) -> dict[str, Any]:
    """Return the response to an event. Never raise: a function URL would say only that something failed.

    Args:
        router: the route table.
        event: of the function URL.
        report: logs what an operator must see.
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
    except Exception as error:  # noqa: BLE001 - the last one
        report("a request failed", error)
    message = "Something failed. What was acknowledged is saved; please try again."
    return as_event(refusal(RefusedError(503, "try-again", message, UNAVAILABLE_SECONDS)))
