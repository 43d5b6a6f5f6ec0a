"""What the tick works with: the stack, its functions, and the time."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from typing import Any, NamedTuple

from truepoint.adapters.bucket import Bucket
from truepoint.task_queue.table import Table


class World(NamedTuple):
    """The stack's bucket and table, and what else a tick needs.

    `invoke` calls a function by its ARN and returns what it returned; `invoke_text` waits so many seconds at most, and
    returns its text. `announce` puts an event: source, detail type, resources, detail. `now` is in seconds since 1970;
    `seconds_left` is what is left of the invocation.
    """

    store: Bucket
    table: Table
    invoke: Callable[[str, Mapping[str, Any]], Any]
    invoke_text: Callable[[str, Mapping[str, Any], float], bytes]
    announce: Callable[[str, str, list[str], dict[str, Any]], None]
    now: Callable[[], float]
    seconds_left: Callable[[], float]
