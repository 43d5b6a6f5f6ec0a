"""The end of a job: the condition for it, and the steps from the last answers to the completion event.

Each step is idempotent, and starts after the previous step was recorded. The order is: stop counting answers; give
every image with answers a label or a recorded failure; write the output, the description, the event, and the job's row.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from truepoint.groundtruth.job import ENDED, SOURCE
from truepoint.keys import job_keys
from truepoint.task_queue import rows
from truepoint.task_queue.queue import TaskQueue
from truepoint.task_queue.rows import Image, Job, LineLocation
from truepoint.task_queue.table import Action, ConditionError
from truepoint.tasks import documents
from truepoint.tasks.consolidating import Consolidation
from truepoint.tasks.dependencies import Dependencies
from truepoint.tasks.interrupted import REQUEST_SECONDS, Interrupted
from truepoint.tasks.job_lease import JobLease
from truepoint.tasks.labeling_job import JobDescription, state_change_detail, with_status
from truepoint.tasks.lead_actions import change_description
from truepoint.tasks.loading import OpenLines
from truepoint.tasks.output import Output

FAR = 9_999_999_999.0
"""A time after the end of every lease, in seconds since 1970."""
BLOCKS_AT_ONCE = 10
"""Number of blocks of 1,000 images after which the progress is recorded."""
BLOCK_SECONDS = 60.0
"""Minimum remaining time of the invocation to put the images of another block into the queue, in seconds. Each image
takes one transaction."""

NEW_END = {"phase": "", "block": 0, "lines": 0, "offset": 0, "record": 0, "labelled": 0, "failed": 0, "segments": 0}


class Ending:
    """The end of one job.

    Args:
        dependencies: the stack, its functions, and the time.
        job: the job's row.
        described: the job's description.
    """

    def __init__(self, dependencies: Dependencies, job: Job, described: JobDescription) -> None:
        self._store, self._table = dependencies.store, dependencies.table
        self._announce, self._now, self._seconds_left = (
            dependencies.announce,
            dependencies.now,
            dependencies.seconds_left,
        )
        self._job = job
        self._described = described
        self._queue = TaskQueue(dependencies.table, job, OpenLines(dependencies.store, job.name))

    # -- reopening

    def open_again(self, job_lease: JobLease) -> bool:
        """Put images without a label into the queue again after a lead reopened the job; delete results.json.

        Returns:
            Whether all images were processed. If not, the next tick continues.
        """
        if job_lease.state.generation >= self._job.generation:
            return True
        self._store.delete(job_keys(self._job.name).results_marker)
        for block in range(job_lease.state.reopened, self._blocks()):
            for image, location in self._images(block):
                if not image.label:
                    self._reopen(location, image)
            job_lease.save(reopened=block + 1)
            if self._seconds_left() < BLOCK_SECONDS:
                return False
        job_lease.save(generation=self._job.generation, reopened=0, stuck=0, rest=0.0, **NEW_END)
        return True

    def _reopen(self, location: LineLocation, image: Image) -> None:
        try:
            self._queue.reopen(location, image, self._job.generation, self._now())
        except ConditionError:
            return  # another process has done it

    # -- start of the end

    def begin_if_due(self, job_lease: JobLease, *, all_handed_out: bool) -> Job:
        """Start the end of the job if its deadline has passed or no image is left to label; return the job's row."""
        now = self._now()
        if now >= self._job.deadline:
            return self._begin(max(self._job.drained, now + REQUEST_SECONDS))
        if all_handed_out and self._is_finished():
            return self._begin(max(self._job.drained, now))
        job_lease.keep()
        return self._job

    def _is_finished(self) -> bool:
        # The queue is checked first, so that an image that moves from it to the list of complete images is not missed.
        if not self._queue.is_empty():
            return False
        return not self._table.query(rows.complete_pk(self._job.key), limit=1)

    def _begin(self, drained: float) -> Job:
        try:
            row = self._table.write(
                Action.set(
                    rows.job_key(self._job.key),
                    {"status": "Stopping", "ends_as": "Completed", "drained": drained},
                    "#status = :open AND #generation = :generation AND #deadline = :deadline",
                    {"open": "InProgress", "generation": self._job.generation, "deadline": self._job.deadline},
                )
            )
        except ConditionError:
            return self._job  # a lead has changed the job; the next tick reads the change
        changed: Job = rows.read(row, Job)
        return changed

    # -- the end itself

    def advance(
        self, job_lease: JobLease, interrupted: Interrupted, consolidation: Consolidation, *, is_left: bool
    ) -> bool:
        """Advance the end of the job as far as possible.

        Args:
            job_lease: the lease, which stores the progress.
            interrupted: counts the last stored answers.
            consolidation: gives images their labels.
            is_left: whether complete images wait for their label.

        Returns:
            Whether the job has ended.
        """
        if self._now() < self._job.drained:
            return False
        if not job_lease.state.phase:
            interrupted.count_answers(job_lease, FAR)
            self._queue.clear()
            job_lease.save(**{**NEW_END, "phase": "cleared"})
            is_left = consolidation.run(job_lease).is_left
        if job_lease.state.phase == "cleared" and not is_left:
            self._gather(job_lease)
            is_left = consolidation.run(job_lease).is_left
        if job_lease.state.phase == "gathered" and not is_left and self._output().write(job_lease, self._seconds_left):
            job_lease.save(phase="written")
        if job_lease.state.phase != "written":
            return False
        self._finish(job_lease)
        return True

    def _output(self) -> Output:
        return Output(self._store, self._table, self._job, self._described.label_attribute)

    def _gather(self, job_lease: JobLease) -> None:
        """Add every image with answers to the list of complete images, so that it gets a label.

        Images that have a label or a recorded failure are left out.
        """
        for block in range(job_lease.state.block, self._blocks()):
            self._table.write_all(
                Action(*rows.complete_key(self._job.key, self._job.drained, location.line), put={"line": location.line})
                for image, location in self._images(block)
                if image.done and not image.is_closed
            )
            job_lease.keep()
            if (block + 1) % BLOCKS_AT_ONCE == 0:
                job_lease.save(block=block + 1)
        job_lease.save(phase="gathered")

    def _finish(self, job_lease: JobLease) -> None:
        counters = documents.label_counters(self._job.lines, job_lease.state.labelled, job_lease.state.failed)

        def change(document: Mapping[str, Any]) -> Mapping[str, Any]:
            return with_status(document, self._job.ends_as, datetime.fromtimestamp(self._now(), UTC), counters)

        document = change_description(self._store, self._job.name, change)
        self._announce(SOURCE, ENDED, [self._job.arn], state_change_detail(document))
        self._end_row(job_lease)
        self._output().forget_segments(job_lease.state.segments)

    def _end_row(self, job_lease: JobLease) -> None:
        action = Action.set(
            rows.job_key(self._job.key),
            {
                "status": self._job.ends_as,
                "problem": "",
                "total_labelled": job_lease.state.labelled,
                "total_failed": job_lease.state.failed,
            },
            "#status = :stopping AND #generation = :generation",
            {"stopping": "Stopping", "generation": self._job.generation},
        )
        listed = Action(*rows.listed_key(self._job.key), put={"name": self._job.name, "ended": True})
        try:
            self._table.transact([action, listed])
        except ConditionError:
            return  # another process has done the same

    # -- images

    def _blocks(self) -> int:
        """Return the number of partitions of image rows, up to that of the last open line."""
        if not self._job.open:
            return 0
        last = OpenLines(self._store, self._job.name)(self._job.open - 1).line
        return last // rows.LINES_PER_PARTITION + 1

    def _images(self, block: int) -> list[tuple[Image, LineLocation]]:
        partition, _ = rows.image_key(self._job.key, block * rows.LINES_PER_PARTITION)
        images = []
        for row in self._table.query(partition):
            image: Image = rows.read(row, Image)
            images.append((image, LineLocation(int(row["sk"]), image.offset, image.length)))
        return images
