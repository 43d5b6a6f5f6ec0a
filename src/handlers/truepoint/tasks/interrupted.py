"""Repair after interrupted requests, and closing of lines that no worker can label. The tick calls it.

- A request may have got a line from the counter and ended before it wrote the image's row.
- A request may have stored an answer in the bucket and ended before it counted the answer.
- The function for task inputs may fail for a line.
"""

from __future__ import annotations

from typing import Any

from truepoint import keys
from truepoint.adapters.bucket import NotReadableError
from truepoint.adapters.control import FunctionError
from truepoint.task_queue import rows
from truepoint.task_queue.queue import Slot, TaskQueue
from truepoint.task_queue.rows import Done, Job, LineLocation, Worker
from truepoint.task_queue.table import KEYS_AT_ONCE, Action
from truepoint.tasks import output_layout
from truepoint.tasks.answers import LARGEST_FILE
from truepoint.tasks.dependencies import Dependencies
from truepoint.tasks.documents import parse_worker_response
from truepoint.tasks.job_lease import JobLease
from truepoint.tasks.labeling_job import LabelingJobError
from truepoint.tasks.loading import OpenLines, read_line
from truepoint.tasks.retries import is_hopeless, wait_after

REQUEST_SECONDS = 90.0
"""Time after which a request to the portal's function has ended, successfully or not, in seconds: the function's
timeout and a margin for differences between clocks."""
TROUBLED_AT_ONCE = 50
"""Maximum number of lines whose task input one tick tries again."""
NO_INPUT = "ClientError: the pre-annotation function gave no task input for this object"


class Interrupted:
    """The repair of one job.

    Args:
        dependencies: the stack, its functions, and the time.
        job: the job's row.
    """

    def __init__(self, dependencies: Dependencies, job: Job) -> None:
        self._store, self._table = dependencies.store, dependencies.table
        self._invoke, self._now = dependencies.invoke, dependencies.now
        self._job = job
        self._locations = OpenLines(dependencies.store, job.name)
        self._queue = TaskQueue(dependencies.table, job, self._locations)
        self._answers = f"{keys.output_folder(job.name)}{output_layout.WORKER_RESPONSES}"

    def offer_lost_lines(self, job_lease: JobLease) -> bool:
        """Put lines that the counter assigned but that have no row into the queue.

        Returns:
            Whether every open line has a row.
        """
        state, now = job_lease.state, self._now()
        cursor = self._table.get([rows.cursor_key(self._job.key)])
        handed = int(next(iter(cursor.values()), {}).get("handed", 0))
        swept, progress = state.swept, {}
        for start in range(state.swept, handed, KEYS_AT_ONCE):
            end = min(start + KEYS_AT_ONCE, handed)
            missing = self._without_row(start, end)
            swept = missing[0] if missing else end
            job_lease.keep()
            if missing:
                break
        if now - state.handed_at >= REQUEST_SECONDS:  # requests that got lines before `handed_at` have ended
            for start in range(swept, state.handed, KEYS_AT_ONCE):
                for n in self._without_row(start, min(start + KEYS_AT_ONCE, state.handed)):
                    self._queue.put_into_queue(self._locations(n), now)
                job_lease.keep()
            swept = max(swept, state.handed)
            progress = {"handed": handed, "handed_at": now} if handed != state.handed else {}
        if progress or swept != state.swept:
            job_lease.save(swept=swept, **progress)
        return swept >= self._job.open

    def _without_row(self, start: int, end: int) -> list[int]:
        """Return which of the open lines with these numbers have no row."""
        keys_of = {n: rows.image_key(self._job.key, self._locations(n).line) for n in range(start, end)}
        images = self._table.get([*keys_of.values()])
        return [n for n, key in keys_of.items() if key not in images]

    def count_answers(self, job_lease: JobLease, until: float | None = None) -> int:
        """Count stored answers whose leases have expired; return their number.

        With `until`, all leases that end by that time are processed, including those that earlier ticks processed.
        """
        counted, looked = 0, dict(job_lease.state.looked)
        for shard in range(self._job.shards):
            after, end = (looked.get(str(shard), 0.0), self._now()) if until is None else (0.0, until)
            for slot in self._queue.slots(shard, after, end):
                counted += bool(slot.holder) and self._count(slot)
                job_lease.keep()
            looked[str(shard)] = min(end, self._now())
        if looked != job_lease.state.looked:
            job_lease.save(looked=looked)
        return counted

    def _count(self, slot: Slot) -> bool:
        """Count the newest stored answer of a lease's worker, if there is one; return whether it was counted."""
        prefix = f"{self._answers}{slot.line}/{slot.holder}_"
        names = [key for key in self._store.keys(f"{self._answers}{slot.line}", "") if key.startswith(prefix)]
        if not names:
            return False
        key = max(names, key=output_layout.version_of)
        try:
            text = self._store.read(key, largest=LARGEST_FILE)
            if slot.holder not in parse_worker_response(text):
                return False
        except (NotReadableError, LabelingJobError):
            return False
        row_key = rows.worker_key(self._job.key, slot.holder)
        row: Worker = rows.read(self._table.get([row_key]).get(row_key), Worker)
        lease = row.lease_of(slot.line)
        if lease is None or lease.slot != slot.sk:
            return False
        done = Done(key=key, size=len(text), time=self._now())
        self._queue.submit(slot.holder, row, slot.line, done, 0.0)
        return True

    def close_troubled(self, job_lease: JobLease) -> str:
        """Try again to make task inputs, and close lines for which that failed too often.

        Returns:
            The problem of the remaining lines; empty if none remain.
        """
        troubled = self._table.query(rows.trouble_pk(self._job.key), limit=TROUBLED_AT_ONCE)
        hopeless, problem = [], ""
        for row in troubled:
            job_lease.keep()
            location = LineLocation(row["line"], row["offset"], row["length"])
            if row.get("not_before", 0) > self._now():
                problem = NO_INPUT
            elif self._has_input(location):
                self._table.write(Action(row["pk"], row["sk"]))
            else:
                problem = NO_INPUT
                tries = int(row.get("tries", 0)) + 1
                fields = {"tries": tries, "not_before": self._now() + wait_after(tries)}
                self._table.set_if_exists((row["pk"], row["sk"]), fields)
                if is_hopeless(tries, lambda: self._works_for_others(troubled)):
                    hopeless.append(row)
        if hopeless:
            self._queue.close({row["line"]: NO_INPUT for row in hopeless}, self._now())
            self._table.write_all(Action(row["pk"], row["sk"]) for row in hopeless)
        return problem if len(hopeless) < len(troubled) else ""

    def _works_for_others(self, troubled: list[dict[str, Any]]) -> bool:
        """Return whether a task input can be made for another line. If not, the function is at fault and not a line."""
        lines = {row["line"] for row in troubled}
        for number in range(min(self._job.open, len(lines) + 1)):
            if (location := self._locations(number)).line not in lines:
                return self._has_input(location)
        return False

    def _has_input(self, location: LineLocation) -> bool:
        try:
            line = read_line(self._store, self._job.manifest, location)
            event = {"version": "2018-10-16", "labelingJobArn": self._job.arn, "dataObject": dict(line.data_object)}
            made = self._invoke(self._job.pre_annotation, event)
        except (FunctionError, LabelingJobError, NotReadableError):
            return False
        return has_task_input(made)


def has_task_input(made: Any) -> bool:
    """Return whether a function's response contains a task input with an image."""
    task_input = made.get("taskInput") if isinstance(made, dict) else None
    return isinstance(task_input, dict) and isinstance(task_input.get("image_s3_uri"), str)
