"""Handling of one request, from the function URL's event to its response. Errors become responses for the page."""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Any

from truepoint.adapters.bucket import ChangedError, UnavailableError
from truepoint.task_queue.queue import BusyWorkerError
from truepoint.task_queue.table import BusyError
from truepoint.web.requests import RefusedError, as_event, parse_request, refusal
from truepoint.web.routes import Router
from truepoint.web.settings import PortalSettings, parse_settings

BUSY = (BusyError, BusyWorkerError, ChangedError)
"""Errors after which the page may repeat the request at once."""
BUSY_SECONDS = 1
"""Retry-After for busy rows, in seconds."""
UNAVAILABLE_SECONDS = 5
"""Retry-After for other failures, in seconds."""
SETTINGS_SECONDS = 300
"""Time after which settings are read again, in seconds. An instance of the function outlives an update of the stack,
which may change the identity provider or the portal's address."""

Report = Callable[[str, Exception], None]
"""Reports a failure to the operator; the arguments are what failed and the error."""


class Application:
    """The portal with its settings, which are read when the first request needs them and again after a while.

    Args:
        read_settings: returns the text of the settings.
        build: makes the route table.
        now: seconds since 1970.
    """

    def __init__(
        self,
        read_settings: Callable[[], str],
        build: Callable[[PortalSettings], Router],
        now: Callable[[], float] = time.time,
    ) -> None:
        self._read_settings = read_settings
        self._build = build
        self._now = now
        self._text = ""
        self._router: Router | None = None
        self._read = float("-inf")

    def respond(self, event: Any, report: Report) -> dict[str, Any]:
        """Return the response to an event of the function URL. Never raise."""
        now = self._now()
        if self._router is None or not 0 <= now - self._read < SETTINGS_SECONDS:
            try:
                text = self._read_settings()
                if self._router is None or text != self._text:
                    self._router = self._build(parse_settings(text))
                    self._text = text
                self._read = now
            except Exception as error:  # noqa: BLE001 - AWS failed, or the settings are invalid
                report("the portal's settings cannot be used", error)
                if self._router is None:
                    return as_event(refusal(_failed()))
                self._read = now  # the earlier settings stay in use until the next attempt
        return respond(self._router, event, report)


def respond(router: Router, event: Any, report: Report) -> dict[str, Any]:
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
        busy = RefusedError(
            429, "busy", "Too many people are working at the same time. Please try again.", BUSY_SECONDS
        )
        return as_event(refusal(busy))
    except UnavailableError as error:
        report("the bucket is unavailable", error)
    except Exception as error:  # noqa: BLE001 - the outermost handler
        report("a request failed", error)
    return as_event(refusal(_failed()))


def _failed() -> RefusedError:
    message = "Something failed. Acknowledged answers are saved. Please try again."
    return RefusedError(503, "try-again", message, UNAVAILABLE_SECONDS)
