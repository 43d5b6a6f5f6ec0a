"""Rebuilding of a job's rows in the table from the bucket, which has every answer, skip, label and setting.

Leases are not rebuilt, so workers have to request their tasks again. Failures that are not in an output yet are not
rebuilt either, so these images are tried again.
"""

from __future__ import annotations

import json
import re
from bisect import bisect_left
from collections import defaultdict
from collections.abc import Callable, Iterable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from dataclasses import dataclass, field
from datetime import datetime
from itertools import groupby, islice
from typing import Any

import msgspec

from truepoint import keys
from truepoint.adapters.bucket import Bucket, NotReadableError
from truepoint.json_text import DEEPEST_DOCUMENT, JsonError, decode
from truepoint.task_queue import rows
from truepoint.task_queue.queue import MOST_SKIPS
from truepoint.task_queue.rows import Done, Image, Job, LineLocation, Worker
from truepoint.task_queue.table import Action, ConditionError, Item, Table
from truepoint.tasks import loading, output_layout
from truepoint.tasks.answers import LARGEST_FILE
from truepoint.tasks.consolidating import LARGEST_RESPONSE
from truepoint.tasks.documents import parse_worker_response
from truepoint.tasks.gold_scores import GoldScores
from truepoint.tasks.labeling_job import LabelingJobError
from truepoint.tasks.lead_actions import JobSettings, read_settings
from truepoint.tasks.loading import OpenLines

READERS = 16
"""Number of threads that read answers."""
IMAGES_AT_ONCE = 64
"""Number of images whose answers are read together."""
LARGEST_SKIP = 64 * 1024
"""Maximum size of a file with a skip, in bytes."""
LARGEST_REQUEST = 512 * 1024 * 1024
"""Maximum size of a consolidation request, in bytes."""

_PORTAL_ANSWER = re.compile(r"(?P<worker>.+)_(?P<version>\d{1,4})\.json")


def load_or_rebuild(
    store: Bucket, table: Table, document: Mapping[str, Any], progress: Callable[[int], object] = lambda _images: None
) -> Job:
    """Load a job with its answers, skips, labels and settings from the bucket. The call is idempotent.

    The job's row is written last, so that no worker gets tasks before. A job that has a row is not changed.

    Args:
        store: the stack's bucket.
        table: the portal's table.
        document: the job's description.
        progress: called with the number of images that were rebuilt.

    Raises:
        LabelingJobError: the portal cannot run the job, or the job's settings cannot be read.
        NotReadableError: the manifest is missing.
    """
    row = loading.prepare(store, document)
    key = rows.job_key(row.key)
    if key in table.get([key]):
        return loading.add(table, row)
    settings = read_settings(store, row.name)
    counters = document.get("LabelCounters") or {}
    row = msgspec.structs.replace(
        row,
        paused=settings.paused,
        everyone=settings.everyone,
        total_labelled=int(counters.get("TotalLabeled", 0)) if row.is_ended else 0,
        total_failed=int(counters.get("FailedNonRetryableError", 0)) if row.is_ended else 0,
    )
    rebuilding = _Rebuilding(store, row, settings)
    table.write_all(rebuilding.actions(progress))
    with suppress(ConditionError):  # another process has rebuilt the job
        # No request is under way for a job without a row. So the tick need not wait before it offers the lines among
        # these that have no row.
        handed = {"handed": rebuilding.handed, "handed_at": 0, "until": 0}
        table.write(Action(*rows.tick_key(row.key), put=handed, condition="attribute_not_exists(pk)"))
    return loading.add(table, row)


@dataclass(slots=True)
class _Tally:
    """The counts of one worker."""

    answers: int = 0
    seconds: float = 0.0
    skips: int = 0
    gold: list[float] = field(default_factory=list)
    lines: list[tuple[float, int]] = field(default_factory=list)

    def add(self, line: int, answer: _Answer) -> None:
        self.answers += 1
        self.seconds += answer.seconds
        self.lines = sorted([*self.lines, (answer.done.time, line)], reverse=True)[: rows.RECENT]

    def row(self, worker: str, settings: JobSettings) -> Worker:
        return Worker(
            recent=[line for _, line in self.lines],
            answers=self.answers,
            seconds=self.seconds,
            skips=self.skips,
            gold_answers=len(self.gold),
            gold_sum=sum(self.gold),
            paused=worker in settings.paused_workers,
            member=worker in settings.members,
            last=self.lines[0][0] if self.lines else 0.0,
            revision=1,
        )


@dataclass(frozen=True, slots=True)
class _Answer:
    """The newest answer of a worker: its file, its duration in seconds, and the form's fields."""

    done: Done
    seconds: float
    content: Mapping[str, Any]


class _Rebuilding:
    def __init__(self, store: Bucket, job: Job, settings: JobSettings) -> None:
        self._store = store
        self._job = job
        self._settings = settings
        self._folder = keys.output_folder(job.name)
        self._locations = list(OpenLines(store, job.name).after(0))
        self._lines = [location.line for location in self._locations]
        self._workers: dict[str, _Tally] = defaultdict(_Tally)
        self._gold = GoldScores(store, job)
        self._request = ""
        self._request_answers: dict[int, dict[str, Any]] | None = None
        self.handed = 0
        """Number of open lines, counted from the first one, up to the last one with an answer or a skip."""

    def actions(self, progress: Callable[[int], object]) -> Iterator[Action]:
        """Yield the rows."""
        skips = self._skips()
        labels = self._labels()
        answered: set[int] = set()
        groups = self._answers()
        with ThreadPoolExecutor(READERS) as pool:
            while some := list(islice(groups, IMAGES_AT_ONCE)):
                files = pool.map(lambda group: self._read(group[1]), some)
                for (line, _), answers in zip(some, files, strict=True):
                    answered.add(line)
                    yield from self._image(line, answers, skips.get(line, {}), labels.get(line, ()))
                progress(len(some))
        for line in skips.keys() - answered:
            yield from self._image(line, {}, skips[line], labels.get(line, ()))
        for line, skipped in skips.items():
            for worker, said in skipped.items():
                self._workers[worker].skips += 1
                yield Action(*rows.skip_key(self._job.key, line, worker), put=said)
        for worker in {*self._workers, *self._settings.members, *self._settings.paused_workers}:
            put = msgspec.to_builtins(self._workers[worker].row(worker, self._settings))
            yield Action(*rows.worker_key(self._job.key, worker), put=put)
        if self.handed:
            yield Action(*rows.cursor_key(self._job.key), put={"handed": self.handed})

    def _image(
        self, line: int, answers: Mapping[str, _Answer], skips: Mapping[str, Item], labels: Iterable[str]
    ) -> Iterator[Action]:
        """Yield the rows of an image with answers or skips."""
        number = bisect_left(self._lines, line)
        if number == len(self._lines) or self._lines[number] != line:
            return  # not an open line of this job
        self.handed = max(self.handed, number + 1)
        location = self._locations[number]
        wanted = self._job.workers_per_image
        # Further answers are from requests that were not acknowledged: the queue hands an image to no more workers.
        first = sorted(answers.items(), key=lambda item: item[1].done.time)[:wanted]
        for worker, answer in first:
            self._workers[worker].add(line, answer)
        label = self._label(line, dict(first), labels)
        image = Image(
            offset=location.offset,
            length=location.length,
            done={worker: answer.done for worker, answer in first},
            declined=[*skips],
            changes=len(first),
            label=label,
        )
        yield Action(*rows.image_key(self._job.key, line), put=msgspec.to_builtins(image))
        if label:
            self._score(line, location, dict(first))
            return
        if len(first) == wanted:
            last = max(answer.done.time for _, answer in first)
            yield Action(*rows.complete_key(self._job.key, last, line), put={"line": line})
            return
        free = wanted - len(first) - max(0, len(skips) - MOST_SKIPS + 1)
        pk = rows.queue_pk(self._job.key, rows.shard_of(line, self._job.shards))
        not_for = [*image.done, *skips]
        for n in range(free):
            slot = rows.slot_sk(self._job.created, line, f"{rows.FREE}b{n}")
            yield Action(pk, slot, put=rows.slot_row(location, not_for))

    def _score(self, line: int, location: LineLocation, answers: Mapping[str, _Answer]) -> None:
        """Add the scores of a gold image to its workers' counts, as the tick does when it records the label."""
        if line in self._job.gold:
            source = loading.read_line(self._store, self._job.manifest, location).source
            scores = self._gold.of(line, source, {worker: answer.content for worker, answer in answers.items()})
            for worker, score in scores.items():
                self._workers[worker].gold.append(score)

    # -- reading

    def _answers(self) -> Iterator[tuple[int, list[str]]]:
        """Yield the keys of answers by line. In a listing, the keys of one line are adjacent."""
        keys_of_answers = self._store.keys(f"{self._folder}{output_layout.WORKER_RESPONSES.rstrip('/')}", "")
        for object_id, names in groupby(keys_of_answers, output_layout.object_of):
            if object_id.isdecimal():
                yield int(object_id), list(names)

    def _read(self, names: list[str]) -> dict[str, _Answer]:
        """Return the newest answer of each worker. Files of the former single-job portal have one version only."""
        versions: dict[str, list[tuple[int, str]]] = defaultdict(list)
        others = []
        for name in names:
            match = _PORTAL_ANSWER.fullmatch(name.rpartition("/")[2])
            if match:
                versions[match["worker"]].append((int(match["version"]), name))
            else:
                others.append(name)
        answers: dict[str, _Answer] = {}
        for worker, of_worker in versions.items():
            for _, name in sorted(of_worker, reverse=True):
                if answer := self._read_file(name).get(worker):
                    answers[worker] = answer
                    break
        for name in others:
            for worker, answer in self._read_file(name).items():
                answers.setdefault(worker, answer)
        return answers

    def _read_file(self, name: str) -> dict[str, _Answer]:
        """Return the answers in a file; none if it cannot be read."""
        try:
            text = self._store.read(name, largest=LARGEST_FILE)
            contents = parse_worker_response(text)
            entries = json.loads(text)["answers"]
            return {
                entry["workerId"]: _Answer(
                    Done(
                        key=name,
                        size=len(text),
                        time=datetime.fromisoformat(str(entry["submissionTime"])).timestamp(),
                    ),
                    float(entry["timeSpentInSeconds"]),
                    contents[entry["workerId"]],
                )
                for entry in entries
            }
        except (NotReadableError, LabelingJobError, KeyError, TypeError, ValueError):
            return {}

    def _skips(self) -> dict[int, dict[str, Item]]:
        """Return the skips with the workers' reasons, by line and worker, in chronological order."""
        folder = f"{keys.JOBS_PREFIX}{self._job.key}/portal/skips"
        entries: list[Item] = []
        for name in self._store.keys(folder, ""):
            try:
                said = decode(self._store.read(name, largest=LARGEST_SKIP), dict[str, Any])
                fields = {"line": int(said["line"]), "time": float(said["time"]), "worker": str(said["worker"])}
                entries.append(said | fields)
            except (NotReadableError, JsonError, KeyError, TypeError, ValueError):
                continue
        skips: dict[int, dict[str, Item]] = defaultdict(dict)
        for said in sorted(entries, key=lambda said: said["time"]):
            skips[said["line"]][said["worker"]] = said
        return dict(skips)

    def _labels(self) -> dict[int, list[str]]:
        """Return the keys of the responses with an image's label, by line, in chronological order."""
        labels: dict[int, list[str]] = defaultdict(list)
        for name in self._store.keys(f"{self._folder}{output_layout.CONSOLIDATION_RESPONSES.rstrip('/')}", ""):
            try:
                entries = decode(self._store.read(name, largest=LARGEST_RESPONSE), list[_Labelled], DEEPEST_DOCUMENT)
            except (NotReadableError, JsonError):
                continue
            for entry in entries:
                if entry.object_id.isdecimal():
                    labels[int(entry.object_id)].append(name)
        return dict(labels)

    def _label(self, line: int, answers: Mapping[str, _Answer], responses: Iterable[str]) -> str:
        """Return the response whose label was made from exactly these answers, not from answers before a correction."""
        for response in responses:
            request = response.replace(output_layout.CONSOLIDATION_RESPONSES, output_layout.CONSOLIDATION_REQUESTS)
            asked = self._asked(request)
            if asked is None or asked.get(line) == {worker: answer.content for worker, answer in answers.items()}:
                return response
        return ""

    def _asked(self, request: str) -> dict[int, dict[str, Any]] | None:
        """Return a request's answers by line; None if it is missing, because the former portal used other names."""
        if self._request != request:
            self._request, self._request_answers = request, self._read_request(request)
        return self._request_answers

    def _read_request(self, request: str) -> dict[int, dict[str, Any]] | None:
        text = self._store.find(request, LARGEST_REQUEST)
        if text is None:
            return None
        try:
            return {
                int(entry["datasetObjectId"]): {
                    one["workerId"]: json.loads(one["annotationData"]["content"]) for one in entry["annotations"]
                }
                for entry in json.loads(text)
            }
        except (KeyError, TypeError, ValueError):
            return {}


class _Labelled(msgspec.Struct):
    object_id: str = msgspec.field(name="datasetObjectId")
