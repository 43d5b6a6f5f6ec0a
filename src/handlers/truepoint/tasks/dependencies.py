"""The dependencies of a tick: bucket, table, Lambda functions, events and clock."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from truepoint.adapters.bucket import Bucket
from truepoint.task_queue.table import Table


class Dependencies(NamedTuple):
    """The dependencies of a tick.

    Attributes:
        store: the stack's bucket.
        table: the portal's table.
        invoke: calls a Lambda function by its ARN and returns the parsed response.
        invoke_text: the same with a timeout in seconds; returns the text of the response.
        announce: publishes an event with a source, a detail type, resources and a detail.
        now: returns the time in seconds since 1970.
        seconds_left: returns the remaining time of the invocation, in seconds.
        correction_seconds: time after an image's last answer in which answers can still be corrected, in seconds.
    """

    store: Bucket
    table: Table
    invoke: Callable[[str, Mapping[str, Any]], Any]
    invoke_text: Callable[[str, Mapping[str, Any], float], bytes]
    announce: Callable[[str, str, list[str], dict[str, Any]], None]
    now: Callable[[], float]
    seconds_left: Callable[[], float]
    correction_seconds: float
