"""Assignment of images to workers: leases from an ordered queue in DynamoDB, with several different workers per image.

A slot stands for one of the answers that an image needs. Its sort key begins with the time from which it is available;
a lease is a slot that becomes available again when the lease ends. So one ordered query finds slots that were returned,
slots whose lease expired, and slots for another worker. An image that no worker has opened has no row: if the queue has
nothing for a worker, an atomic counter assigns the next such image, and its other slots are put into the queue.

The current time is an argument. The work per request does not depend on the job's size.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping
from contextlib import suppress
from enum import Enum
from typing import Any, NamedTuple

import msgspec

from truepoint.task_queue import rows
from truepoint.task_queue.rows import Done, Image, Job, Lease, LineLocation, Worker
from truepoint.task_queue.table import Action, ConditionError, Item, Table

HELD = 2
"""Number of tasks that a worker holds. The page prepares the second one while the first is open."""
LEASE_SECONDS = 1800.0
"""Maximum duration of a lease, in seconds; a job's time limit may be shorter. The page renews it while it is open, so
an absent worker blocks an image for at most half an hour."""
RENEW_SHARE = 0.5
"""Share of a lease's duration after which it is renewed. Renewing earlier would only cost a write."""
LOOKED_AT = 24
"""Number of slots per query. Most of them are usable, because each worker's row stores the sort key from which to
continue."""
PAGES = 4
"""Maximum number of queries per shard and request."""
MARGIN_SECONDS = 60.0
"""Margin between the present and the sort key from which a worker continues, in seconds. Slots are written by several
hosts, whose clocks differ and whose requests take time."""
GAPS = 8
"""Maximum number of lines per request that the counter assigns although they have a row already. This can happen after
a lost table was rebuilt."""
MOST_SKIPS = 3
"""Number of skips of an image from which the slot of the worker who skips it is not offered to others."""
CONTESTED = 4
"""Maximum number of slots per query that a request tries to lease. If other workers take all of them first, it queries
again."""
TRIES = 5
"""Maximum number of attempts of a request that conflicts with others of the same worker or on the same image."""


class Verdict(Enum):
    """The outcome of submitting an answer or a skip."""

    ACCEPTED = "accepted"
    REPEATED = "repeated"
    """This worker's answer is recorded already."""
    TOO_LATE = "too late"
    """The lease expired and another worker took the slot, or the image no longer accepts answers."""
    CHANGED = "changed"
    """The worker corrected this answer elsewhere meanwhile."""
    CLOSED = "closed"
    """The job accepts no answers at present."""
    REFUSED = "refused"
    """Gold images cannot be skipped."""


class Why(Enum):
    """Why there is no task for a worker."""

    PAUSED = "paused"
    """A lead has paused the job."""
    YOU_ARE_PAUSED = "you are paused"
    ENDED = "ended"
    WAITING = "waiting"
    """All remaining images are leased by other workers, and some may become available again."""
    DONE = "done"
    """No images remain, or only images that this worker has answered or skipped."""


class Tasks(NamedTuple):
    """A worker's leases, or why there are none, and the worker's row after the request."""

    leases: list[Lease]
    why: Why | None
    worker: Worker


class Slot(NamedTuple):
    """A slot of the queue, free or leased.

    Attributes:
        sk: its sort key.
        line: its image's line number.
        holder: pseudonym of the worker who leases it; empty if it is free.
    """

    sk: str
    line: int
    holder: str

    @classmethod
    def of(cls, row: Item) -> Slot:
        """Read a slot's row."""
        holder = row["sk"].split("#", 2)[2]
        return cls(row["sk"], row["line"], "" if holder.startswith(rows.FREE) else holder)


class _Looked(NamedTuple):
    """The outcome of searching a shard.

    `reached_end` says whether all available slots were seen, `met_others` whether other workers took usable slots
    first.
    """

    reached_end: bool
    met_others: bool


class BusyWorkerError(Exception):
    """A request that conflicted with other requests in all attempts, usually of the same worker."""


class TaskQueue:
    """The queue of one job.

    Args:
        table: the portal's table.
        job: the job's row.
        location_of: returns the location of the n-th open image, counted from 0.
    """

    def __init__(self, table: Table, job: Job, location_of: Callable[[int], LineLocation]) -> None:
        self._table = table
        self._job = job
        self._location_of = location_of
        self._name = job.key

    @property
    def lease_seconds(self) -> float:
        """The duration of a lease, in seconds."""
        return min(self._job.time_limit, LEASE_SECONDS)

    def next_tasks(self, worker: str, row: Worker, now: float, held: int = HELD) -> Tasks:
        """Renew a worker's leases, lease more images up to `held`, and return the leases.

        Args:
            worker: the worker's pseudonym.
            row: the worker's row.
            now: seconds since 1970.
            held: number of tasks that the worker shall hold.

        Raises:
            BusyWorkerError: the request conflicted with other requests of the worker in all attempts.
        """
        if why := self._why_closed(row):
            return Tasks([], why, row)
        for _ in range(TRIES):
            try:
                return self._fill(worker, row, now, held)
            except _StaleError:
                row = self._read_worker(worker)
        raise BusyWorkerError("expected at most a few requests of one worker at a time, got more")

    def submit(self, worker: str, row: Worker, line: int, done: Done, seconds: float) -> Verdict:
        """Record an answer whose file is in the bucket.

        Args:
            worker: the worker's pseudonym.
            row: the worker's row.
            line: the image's line.
            done: the answer's file, and when it was submitted.
            seconds: the worker's time for the image.
        """

        def change(image: Image, after: Worker, _lease: Lease) -> tuple[Image, list[Action]]:
            after.answers += 1
            after.seconds += seconds
            after.last = done.time
            after.recent = [line, *[other for other in after.recent if other != line]][: rows.RECENT]
            changed = msgspec.structs.replace(image, done={**image.done, worker: done})
            if len(changed.done) < self._job.workers_per_image:
                return changed, []
            return changed, [Action(*rows.complete_key(self._name, done.time, line), put={"line": line})]

        return self._end_lease(worker, row, line, lambda image: worker in image.done, change)

    def image(self, line: int) -> Image:
        """Return an image's row."""
        key = rows.image_key(self._name, line)
        image: Image = rows.read(self._table.get([key]).get(key), Image)
        return image

    def holds(self, lease: Lease) -> bool:
        """Return whether the slot of a lease still exists. An expired lease keeps its slot until somebody takes it."""
        pk, sk = self._slot(lease)
        return (pk, sk) in self._table.get([(pk, sk)])

    def correct(self, worker: str, line: int, done: Done, replaces: Done | None = None) -> Verdict:
        """Replace a worker's own answer by one whose file is in the bucket. It is too late once the image is closed.

        Args:
            worker: the worker's pseudonym.
            line: the image's line.
            done: the new answer's file, and when it was submitted.
            replaces: the answer that the worker corrects; None for the newest one, whichever it is.
        """
        for _ in range(TRIES):
            image = self.image(line)
            if worker not in image.done or image.is_closed:
                return Verdict.TOO_LATE
            if replaces and image.done[worker] not in (replaces, done):
                return Verdict.CHANGED
            answers = {**image.done, worker: done}
            changed = msgspec.structs.replace(image, done=answers, changes=image.changes + 1)
            try:
                self._table.write(self._update_image(line, changed, image.changes))
                return Verdict.ACCEPTED  # noqa: TRY300
            except ConditionError:
                continue
        raise BusyWorkerError(f"expected few workers at once at the image {line}, got more")

    def skip(self, worker: str, row: Worker, line: int, reason: Mapping[str, Any], now: float) -> Verdict:
        """Give up a lease so that the image is not offered to this worker again.

        The slot is offered to others unless `MOST_SKIPS` workers skipped the image.

        Args:
            worker: the worker's pseudonym.
            row: the worker's row.
            line: the image's line.
            reason: the entry for the leads' list of skips.
            now: seconds since 1970.
        """
        if line in self._job.gold:
            return Verdict.REFUSED

        def change(image: Image, after: Worker, lease: Lease) -> tuple[Image, list[Action]]:
            after.skips += 1
            changed = msgspec.structs.replace(image, declined=[*image.declined, worker])
            actions = [Action(*rows.skip_key(self._name, line, worker), put={**reason, "line": line, "time": now})]
            if len(changed.declined) < MOST_SKIPS:
                not_for = [*image.done, *changed.declined]
                actions.append(self._free_slot(lease.location, now, f"{rows.FREE}{worker}", not_for))
            return changed, actions

        return self._end_lease(worker, row, line, lambda image: worker in image.declined, change)

    def _end_lease(
        self,
        worker: str,
        row: Worker,
        line: int,
        is_repeated: Callable[[Image], bool],
        change: Callable[[Image, Worker, Lease], tuple[Image, list[Action]]],
    ) -> Verdict:
        """Remove a worker's slot and lease, and write the outcome, in one transaction.

        Args:
            worker: the worker's pseudonym.
            row: the worker's row.
            line: the image's line.
            is_repeated: returns whether an earlier request already wrote this outcome, given the image.
            change: changes the worker's row, from which the lease was removed, in place; returns the changed image and
                further writes.
        """
        for _ in range(TRIES):
            image = self.image(line)
            if is_repeated(image):
                return Verdict.REPEATED
            lease = row.lease_of(line)
            if lease is None or image.is_closed:
                return Verdict.TOO_LATE
            after = self._without(row, line)
            changed, more = change(image, after, lease)
            actions = [
                Action(*self._slot(lease), condition="attribute_exists(pk)"),
                self._update_image(line, msgspec.structs.replace(changed, changes=image.changes + 1), image.changes),
                self._update_worker(worker, after, row.revision),
                *more,
            ]
            try:
                self._table.transact(actions)
                return Verdict.ACCEPTED  # noqa: TRY300
            except ConditionError as error:
                if 0 in error.failed and not error.failed & {1, 2}:
                    return self._too_late(worker, row, line)
                row = self._read_worker(worker)
        raise BusyWorkerError(f"expected few workers at once at the image {line}, got more")

    def put_into_queue(self, location: LineLocation, now: float) -> None:
        """Add an image's row and a free slot for each answer that it needs, unless the row exists."""
        slots = range(self._job.workers_per_image)
        free = [self._free_slot(location, now, f"{rows.FREE}{n}", []) for n in slots]
        try:
            self._table.transact([self._new_image(location), *free])
        except ConditionError:
            return  # another request added it meanwhile

    def reopen(self, location: LineLocation, image: Image, generation: int, now: float) -> None:
        """Offer an image without a label again, once per generation of the job.

        Add as many free slots as the image needs answers, and clear its list of skips.
        """
        if image.label or image.generation >= generation:
            return
        shard = rows.queue_pk(self._name, self._shard(location.line))
        changed = msgspec.structs.replace(
            image, failure="", declined=[], changes=image.changes + 1, generation=generation
        )
        missing = max(0, self._job.workers_per_image - len(image.done))
        slots = [rows.slot_sk(now, location.line, f"{rows.FREE}r{generation}.{n}") for n in range(missing)]
        actions = [
            Action(
                *rows.image_key(self._name, location.line),
                put=msgspec.to_builtins(changed),
                condition="changes = :changes AND label = :none",
                values={"changes": image.changes, "none": ""},
            ),
            *[Action(shard, slot, put=rows.slot_row(location, [*image.done])) for slot in slots],
        ]
        if not missing:
            actions.append(Action(*rows.complete_key(self._name, now, location.line), put={"line": location.line}))
        self._table.transact(actions)

    def is_empty(self) -> bool:
        """Return whether the queue holds no slot, available or leased."""
        shards = range(self._job.shards)
        return not any(self._table.query(rows.queue_pk(self._name, shard), limit=1) for shard in shards)

    def has_work(self, handed: int) -> bool:
        """Return whether an image is still available to some worker, now or when another worker's lease ends.

        Args:
            handed: the number of open lines that have been assigned so far: `handed` of the row at `cursor_key`.
        """
        return self._job.status == "InProgress" and (handed < self._job.open or not self.is_empty())

    def slots(self, shard: int, after: float, until: float) -> Iterator[Slot]:
        """Yield the slots of a shard that become available in a span of time, free and leased ones."""
        if until <= after:  # the clock of another host was ahead
            return
        low, high = f"{rows.milliseconds(after)}#{rows.LAST}", f"{rows.milliseconds(until)}#{rows.LAST}"
        for row in self._table.scan(rows.queue_pk(self._name, shard), low if after else "", high):
            yield Slot.of(row)

    def clear(self) -> None:
        """Remove every slot: from then on no answer is counted."""
        for shard in range(self._job.shards):
            pk = rows.queue_pk(self._name, shard)
            self._table.write_all(Action(pk, row["sk"]) for row in self._table.scan(pk))

    def close(self, reasons: Mapping[int, str], now: float) -> None:
        """Withdraw images from all workers permanently, and record why each one gets no label.

        An image with answers is consolidated from them instead. The call can be repeated.
        """
        for line, reason in reasons.items():
            image = self.image(line)
            if image.done and not image.is_closed:
                self._table.write(Action(*rows.complete_key(self._name, now, line), put={"line": line}))
            else:
                self._fail(line, reason)
        for shard in {self._shard(line) for line in reasons}:
            pk = rows.queue_pk(self._name, shard)
            for slot in map(Slot.of, self._table.scan(pk)):
                if slot.line in reasons:
                    self._remove(pk, slot)

    def _fail(self, line: int, reason: str) -> None:
        """Record why an image gets no label, unless it has a label or a recorded failure."""
        with suppress(ConditionError):
            self._table.write(
                Action(
                    *rows.image_key(self._name, line),
                    update="SET failure = :reason, changes = changes + :one",
                    condition="label = :none AND failure = :none",
                    values={"reason": reason, "none": "", "one": 1},
                )
            )

    def _remove(self, pk: str, slot: Slot) -> None:
        """Delete a slot, with the lease in its holder's row if there is one."""
        for _ in range(TRIES):
            row = self._read_worker(slot.holder) if slot.holder else Worker()
            lease = row.lease_of(slot.line)
            actions = [Action(pk, slot.sk)]
            if lease and lease.slot == slot.sk:
                actions.append(self._update_worker(slot.holder, self._without(row, slot.line), row.revision))
            try:
                self._table.transact(actions)
            except ConditionError:
                continue
            return
        raise BusyWorkerError("expected at most a few requests of one worker at a time, got more")

    # -- taking tasks

    def _fill(self, worker: str, row: Worker, now: float, held: int) -> Tasks:
        row = self._renew(worker, row, now)
        why: Why | None = None
        while len(row.leases) < held:
            taken, why = self._take(worker, row, now)
            if taken is None:
                break
            row = taken
        return Tasks(row.leases, None if row.leases else why, row)

    def _renew(self, worker: str, row: Worker, now: float) -> Worker:
        """Extend the leases of which `RENEW_SHARE` has passed. Drop leases whose slot another worker took."""
        late = [lease for lease in row.leases if now > lease.until - self.lease_seconds * (1 - RENEW_SHARE)]
        for lease in late:
            until = min(now + self.lease_seconds, max(lease.since + self._job.time_limit, now + 60))
            slot = rows.slot_sk(until, lease.line, worker)
            if slot == lease.slot:
                continue
            renewed = msgspec.structs.replace(lease, slot=slot, until=until)
            after = self._without(row, lease.line)
            after.leases = [renewed if other.line == lease.line else other for other in row.leases]
            try:
                self._table.transact(
                    [
                        Action(*self._slot(lease), condition="attribute_exists(pk)"),
                        Action(
                            rows.queue_pk(self._name, self._shard(lease.line)),
                            slot,
                            put=rows.slot_row(lease.location, []),
                        ),
                        self._update_worker(worker, after, row.revision),
                    ]
                )
                row = after
            except ConditionError as error:
                if 2 in error.failed:
                    raise _StaleError from error
                row = self._drop(worker, row, lease.line)
        return row

    def _take(self, worker: str, row: Worker, now: float) -> tuple[Worker | None, Why | None]:
        """Return the worker's row with one more lease, or why there is none."""
        shards = self._job.shards
        first = rows.home_shard(worker, row.answers + row.skips, shards)
        after, is_whole, waiting = dict(row.after), True, False
        for position in range(shards):
            shard = (first + position) % shards
            if position == 1 and (taken := self._untouched(worker, row, after, now)):
                return taken, None
            taken, looked = self._from_shard(worker, row, after, shard, now)
            if taken:
                return taken, None
            is_whole, waiting = is_whole and looked.reached_end, waiting or looked.met_others
        if shards == 1 and (taken := self._untouched(worker, row, after, now)):
            return taken, None
        # The next search starts from the beginning, to find slots that a slow host wrote before this worker's position.
        after = {} if is_whole else after
        if after != row.after:
            changed = msgspec.structs.replace(row, after=after, revision=row.revision + 1)
            try:
                self._table.write(self._update_worker(worker, changed, row.revision))
            except ConditionError as error:
                raise _StaleError from error
        return None, Why.WAITING if waiting or not is_whole else self._why_nothing(worker, row, now)

    def _from_shard(
        self, worker: str, row: Worker, after: dict[str, str], shard: int, now: float
    ) -> tuple[Worker | None, _Looked]:
        low = after.get(str(shard), "")
        high = f"{rows.milliseconds(now)}#{rows.LAST}"
        met_others = False
        for _ in range(PAGES):
            slots = self._table.query(rows.queue_pk(self._name, shard), low, high, LOOKED_AT)
            useful = self._useful(worker, row, slots)
            if useful and (taken := self._lease_one_of(worker, row, after, useful, now)):
                return taken, _Looked(reached_end=True, met_others=True)
            met_others = met_others or bool(useful)
            # Slots older than the margin stay unusable to this worker, and new slots have later times.
            old = [slot["sk"] for slot in slots if rows.time_of(slot["sk"]) < now - MARGIN_SECONDS]
            if old and not met_others:
                after[str(shard)] = old[-1]
            if len(slots) < LOOKED_AT:
                return None, _Looked(reached_end=True, met_others=met_others)
            low = slots[-1]["sk"]
        return None, _Looked(reached_end=False, met_others=met_others)

    def _useful(self, worker: str, row: Worker, slots: list[Item]) -> list[Item]:
        """Return the slots of open images that this worker neither answered nor skipped nor holds."""
        holds = {lease.line for lease in row.leases}
        unknown = [slot for slot in slots if slot["line"] not in holds and worker not in slot["not_for"]]
        if not unknown:
            return []
        images = self._table.get([rows.image_key(self._name, slot["line"]) for slot in unknown])
        useful = []
        for slot in unknown:
            image: Image = rows.read(images.get(rows.image_key(self._name, slot["line"])), Image)
            if not (image.is_closed or worker in image.done or worker in image.declined):
                useful.append(slot)
        return useful

    def _lease_one_of(
        self, worker: str, row: Worker, after: dict[str, str], slots: list[Item], now: float
    ) -> Worker | None:
        # Workers who ask at the same time find the same slots, so each starts at another one.
        start = hash((worker, now)) % len(slots)
        for slot in (slots[start:] + slots[:start])[:CONTESTED]:
            location = LineLocation(slot["line"], slot["offset"], slot["length"])
            lease = self._lease(location, worker, now)
            changed = self._with(row, lease, after)
            try:
                self._table.transact(
                    [
                        Action(slot["pk"], slot["sk"], condition="attribute_exists(pk)"),
                        Action(slot["pk"], lease.slot, put=rows.slot_row(location, slot["not_for"])),
                        self._update_worker(worker, changed, row.revision),
                    ]
                )
                return changed  # noqa: TRY300
            except ConditionError as error:
                if 2 in error.failed:
                    raise _StaleError from error
        return None

    def _untouched(self, worker: str, row: Worker, after: dict[str, str], now: float) -> Worker | None:
        """Lease the next image that has no row yet, and put its other slots into the queue."""
        for _ in range(GAPS):
            try:
                cursor = self._table.write(
                    Action(
                        *rows.cursor_key(self._name),
                        update="ADD handed :one",
                        condition="handed < :open OR attribute_not_exists(handed) AND :open > :zero",
                        values={"one": 1, "open": self._job.open, "zero": 0},
                    )
                )
            except ConditionError:
                return None
            location = self._location_of(cursor["handed"] - 1)
            lease = self._lease(location, worker, now)
            changed = self._with(row, lease, after)
            others = range(1, self._job.workers_per_image)
            try:
                self._table.transact(
                    [
                        self._new_image(location),
                        Action(*self._slot(lease), put=rows.slot_row(location, [])),
                        self._update_worker(worker, changed, row.revision),
                        # This worker may take one of them too, after losing the lease.
                        *[self._free_slot(location, now, f"{rows.FREE}{n}", []) for n in others],
                    ]
                )
                return changed  # noqa: TRY300
            except ConditionError as error:
                if 2 in error.failed:
                    # The counter assigned the line, but the worker's row changed. So the image is offered to anybody.
                    self.put_into_queue(location, now)
                    raise _StaleError from error
        return None

    def _why_closed(self, row: Worker) -> Why | None:
        if self._job.status != "InProgress":
            return Why.ENDED
        if self._job.paused:
            return Why.PAUSED
        return Why.YOU_ARE_PAUSED if row.paused else None

    def _why_nothing(self, worker: str, row: Worker, now: float) -> Why:
        """Return WAITING if an image that others have leased may become available to this worker, else DONE."""
        for shard in range(self._job.shards):
            low = rows.milliseconds(now) + "#" + rows.LAST
            slots = self._table.query(rows.queue_pk(self._name, shard), low, "", LOOKED_AT)
            if self._useful(worker, row, slots):
                return Why.WAITING
        return Why.DONE

    # -- rows

    def _shard(self, line: int) -> int:
        return rows.shard_of(line, self._job.shards)

    def _slot(self, lease: Lease) -> tuple[str, str]:
        return rows.queue_pk(self._name, self._shard(lease.line)), lease.slot

    def _lease(self, location: LineLocation, worker: str, now: float) -> Lease:
        until = now + self.lease_seconds
        return Lease(
            line=location.line,
            slot=rows.slot_sk(until, location.line, worker),
            offset=location.offset,
            length=location.length,
            since=now,
            until=until,
        )

    def _free_slot(self, location: LineLocation, now: float, holder: str, not_for: list[str]) -> Action:
        pk = rows.queue_pk(self._name, self._shard(location.line))
        return Action(pk, rows.slot_sk(now, location.line, holder), put=rows.slot_row(location, not_for))

    def _new_image(self, location: LineLocation) -> Action:
        image = Image(offset=location.offset, length=location.length)
        return Action(
            *rows.image_key(self._name, location.line),
            put=msgspec.to_builtins(image),
            condition="attribute_not_exists(pk)",
        )

    def _update_image(self, line: int, image: Image, changes: int) -> Action:
        return Action(
            *rows.image_key(self._name, line),
            put=msgspec.to_builtins(image),
            condition="changes = :changes AND label = :none AND failure = :none",
            values={"changes": changes, "none": ""},
        )

    def _with(self, row: Worker, lease: Lease, after: dict[str, str]) -> Worker:
        leases = [*row.leases, lease]
        return msgspec.structs.replace(row, leases=leases, after=dict(after), revision=row.revision + 1)

    def _without(self, row: Worker, line: int) -> Worker:
        leases = [lease for lease in row.leases if lease.line != line]
        return msgspec.structs.replace(row, leases=leases, revision=row.revision + 1)

    def _update_worker(self, worker: str, row: Worker, revision: int) -> Action:
        """Return a write of the fields that the worker's own requests change. It keeps the fields that leads change."""
        fields = {
            "leases": [msgspec.to_builtins(lease) for lease in row.leases],
            "after": row.after,
            "recent": row.recent,
            "answers": row.answers,
            "seconds": row.seconds,
            "skips": row.skips,
            "last": row.last,
            "revision": row.revision,
        }
        # A missing row, or one that a lead created, has no revision.
        condition = "#revision = :before" if revision else "attribute_not_exists(#revision) OR #revision = :before"
        return Action.set(rows.worker_key(self._name, worker), fields, condition, {"before": revision})

    def _too_late(self, worker: str, row: Worker, line: int) -> Verdict:
        with suppress(_StaleError):  # another request of this worker changed the row, and will drop the lease
            self._drop(worker, row, line)
        return Verdict.TOO_LATE

    def _drop(self, worker: str, row: Worker, line: int) -> Worker:
        """Remove a lost lease from the worker's row."""
        after = self._without(row, line)
        try:
            self._table.write(self._update_worker(worker, after, row.revision))
        except ConditionError as error:
            raise _StaleError from error
        return after

    def _read_worker(self, worker: str) -> Worker:
        key = rows.worker_key(self._name, worker)
        worker_row: Worker = rows.read(self._table.get([key]).get(key), Worker)
        return worker_row


class _StaleError(Exception):
    """A worker's row that changed since it was read."""
