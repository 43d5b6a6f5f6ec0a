"""The queue against the emulator's DynamoDB: every image gets k different workers, whatever workers do and when."""

from __future__ import annotations

import random
import uuid
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st

from portal_site import CountingTable
from truepoint.task_queue import rows
from truepoint.task_queue.queue import LEASE_SECONDS, MOST_SKIPS, TaskQueue, Tasks, Verdict, Why
from truepoint.task_queue.rows import Done, Image, Job, LineLocation, Worker
from truepoint.task_queue.table import Action, ConditionError, Table

NOW = 1_700_000_000.0


def job_of(images: int, workers: int, name: str = "people", shards: int = 1, **other: Any) -> Job:
    return Job(
        name=name, status="InProgress", open=images, lines=images, workers_per_image=workers, shards=shards,
        time_limit=28800.0, **other,
    )  # fmt: skip


def queue_of(table: Table, job: Job) -> TaskQueue:
    return TaskQueue(table, job, lambda n: LineLocation(n, 100 * n, 99))


def row_of(table: Table, job: Job, worker: str) -> Worker:
    key = rows.worker_key(job.key, worker)
    found: Worker = rows.read(table.get([key]).get(key), Worker)
    return found


def image_of(table: Table, job: Job, line: int) -> Image:
    key = rows.image_key(job.key, line)
    found: Image = rows.read(table.get([key]).get(key), Image)
    return found


def take(table: Table, job: Job, worker: str, now: float = NOW, held: int = 1) -> Tasks:
    return queue_of(table, job).next_tasks(worker, row_of(table, job, worker), now, held)


def lines(tasks: Tasks) -> list[int]:
    return [lease.line for lease in tasks.leases]


def submit(table: Table, job: Job, worker: str, line: int, now: float = NOW) -> Verdict:
    done = Done(key=f"{line}/{worker}_0.json", size=10, time=now)
    return queue_of(table, job).submit(worker, row_of(table, job, worker), line, done, 5.0)


def skip(table: Table, job: Job, worker: str, line: int, now: float = NOW) -> Verdict:
    return queue_of(table, job).skip(worker, row_of(table, job, worker), line, {"reason": "blurred"}, now)


def is_empty(table: Table, job: Job) -> bool:
    return queue_of(table, job).is_empty()


def test_a_worker_holds_two_tasks_and_asking_again_gives_the_same(table: Table) -> None:
    job = job_of(5, 1)
    first = take(table, job, "ada", held=2)
    assert lines(first) == [0, 1]
    assert lines(take(table, job, "ada", held=2)) == [0, 1]
    assert lines(take(table, job, "bea", held=2)) == [2, 3]


def test_an_answer_frees_a_place_among_the_workers_tasks(table: Table) -> None:
    job = job_of(3, 1)
    take(table, job, "ada", held=2)
    assert submit(table, job, "ada", 0) is Verdict.ACCEPTED
    assert lines(take(table, job, "ada", held=2)) == [1, 2]
    row = row_of(table, job, "ada")
    assert (row.answers, row.seconds, row.recent) == (1, 5.0, [0])
    assert [row["line"] for row in table.query(rows.complete_pk(job.key))] == [0]


def test_the_same_answer_twice_counts_once(table: Table) -> None:
    job = job_of(2, 2)
    take(table, job, "ada")
    assert [submit(table, job, "ada", 0) for _ in range(2)] == [Verdict.ACCEPTED, Verdict.REPEATED]
    assert row_of(table, job, "ada").answers == 1
    assert list(image_of(table, job, 0).done) == ["ada"]


def test_the_other_slots_of_an_image_are_for_others(table: Table) -> None:
    job = job_of(2, 3)
    assert lines(take(table, job, "ada", held=2)) == [0, 1]
    assert lines(take(table, job, "bea", NOW + 1)) in ([0], [1])  # workers begin at different slots
    submit(table, job, "ada", 0)
    submit(table, job, "ada", 1)
    assert take(table, job, "ada", NOW + 1).why is Why.DONE  # three workers for each: two more must come


def test_an_expired_lease_is_for_others_and_the_late_answer_is_refused(table: Table) -> None:
    job = job_of(1, 1)
    take(table, job, "ada")
    assert take(table, job, "bea", NOW + 60).why is Why.WAITING
    later = NOW + LEASE_SECONDS + 1
    assert lines(take(table, job, "bea", later)) == [0]
    assert submit(table, job, "ada", 0, later) is Verdict.TOO_LATE
    assert row_of(table, job, "ada").leases == []
    assert submit(table, job, "bea", 0, later) is Verdict.ACCEPTED
    assert is_empty(table, job)


def test_an_expired_lease_that_nobody_took_still_counts(table: Table) -> None:
    job = job_of(1, 1)
    take(table, job, "ada")
    assert submit(table, job, "ada", 0, NOW + 10 * LEASE_SECONDS) is Verdict.ACCEPTED


def test_two_workers_finish_an_image_whose_first_lease_expired(table: Table) -> None:
    """Whoever takes the expired lease, the worker who lost it can take the other slot."""
    job = job_of(1, 2)
    assert lines(take(table, job, "ada")) == [0]
    later = NOW + LEASE_SECONDS + 1
    for worker in ("bea", "cem"):  # one takes ADA's slot, one the other, whichever
        assert lines(take(table, job, worker, later)) == [0]
    submit(table, job, "bea", 0, later)
    much_later = later + LEASE_SECONDS + 1
    assert lines(take(table, job, "ada", much_later)) == [0]  # cem has left
    assert submit(table, job, "ada", 0, much_later) is Verdict.ACCEPTED
    assert is_empty(table, job)


def test_an_open_page_renews_its_leases(table: Table) -> None:
    job = job_of(1, 1)
    take(table, job, "ada")
    for minutes in range(20, 121, 20):
        assert lines(take(table, job, "ada", NOW + 60 * minutes)) == [0]
    assert take(table, job, "bea", NOW + 60 * 125).leases == []
    assert submit(table, job, "ada", 0, NOW + 60 * 125) is Verdict.ACCEPTED
    assert is_empty(table, job)


def test_a_skipped_image_never_returns_to_the_worker(table: Table) -> None:
    job = job_of(1, 1)
    take(table, job, "ada")
    assert skip(table, job, "ada", 0) is Verdict.ACCEPTED
    assert take(table, job, "ada", NOW + 1e6).why is Why.DONE
    assert skip(table, job, "ada", 0) is Verdict.REPEATED
    assert lines(take(table, job, "bea", NOW + 1)) == [0]
    assert [row["reason"] for row in table.query(rows.skips_pk(job.key))] == ["blurred"]


def test_an_image_that_many_skip_is_not_offered_any_more(table: Table) -> None:
    job = job_of(1, 1)
    for worker in range(MOST_SKIPS):
        assert queue_of(table, job).has_work(handed=min(worker, 1))
        assert lines(take(table, job, f"w{worker}", NOW + worker)) == [0]
        skip(table, job, f"w{worker}", 0, NOW + worker)
    assert is_empty(table, job)
    assert not queue_of(table, job).has_work(handed=1)


def test_gold_cannot_be_skipped(table: Table) -> None:
    job = job_of(1, 1, gold=[0])
    take(table, job, "ada")
    assert skip(table, job, "ada", 0) is Verdict.REFUSED
    assert lines(take(table, job, "ada")) == [0]


def test_a_correction_replaces_the_answer_until_there_is_a_label(table: Table) -> None:
    job = job_of(1, 1)
    take(table, job, "ada")
    submit(table, job, "ada", 0)
    queue = queue_of(table, job)
    assert queue.correct("ada", 0, Done(key="0/ada_1.json")) is Verdict.ACCEPTED
    assert image_of(table, job, 0).done["ada"].key == "0/ada_1.json"
    assert queue.correct("bea", 0, Done(key="0/bea_0.json")) is Verdict.TOO_LATE
    table.write(Action(*rows.image_key(job.key, 0), update="SET label = :key", values={"key": "response"}))
    assert queue.correct("ada", 0, Done(key="0/ada_2.json")) is Verdict.TOO_LATE


@pytest.mark.parametrize(
    ("change", "why"),
    [({"paused": True}, Why.PAUSED), ({"status": "Stopping"}, Why.ENDED)],
)
def test_a_closed_job_has_no_tasks(table: Table, change: dict[str, Any], why: Why) -> None:
    job = Job(**{"name": "people", "status": "InProgress", "open": 3, **change})
    assert take(table, job, "ada").why is why


def test_a_paused_worker_gets_no_tasks(table: Table) -> None:
    job = job_of(3, 1)
    key = rows.worker_key(job.key, "ada")
    table.write(Action(*key, update="SET paused = :yes", values={"yes": True}))
    assert take(table, job, "ada").why is Why.YOU_ARE_PAUSED


def test_two_pages_of_one_worker_share_the_tasks(table: Table) -> None:
    job = job_of(50, 2)
    stale = row_of(table, job, "ada")
    queue = queue_of(table, job)
    with ThreadPoolExecutor(4) as pool:
        given = list(pool.map(lambda n: queue.next_tasks("ada", stale, NOW + n / 1000), range(4)))
    held = set(lines(take(table, job, "ada", NOW + 1, held=2)))
    assert len(held) == 2
    assert all(len(tasks.leases) <= 2 for tasks in given)


def test_a_place_in_the_queue_is_kept(table: CountingTable) -> None:
    """A worker who is far ahead of the others does not look at the same slots each time."""
    images = 40
    job = job_of(images, 3)
    now = NOW
    for n in range(images):
        tasks = take(table, job, "ada", now)
        assert lines(tasks) == [n]
        submit(table, job, "ada", n, now)
        now += 10
    table.calls = 0
    take(table, job, "ada", now)
    most = 8
    assert table.calls <= most
    for worker in ("bea", "cle"):
        for _ in range(images):
            (line,) = lines(take(table, job, worker, now))
            submit(table, job, worker, line, now)
            now += 10
    assert is_empty(table, job)


@given(st.data())
@settings(max_examples=10, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
def test_any_sequence_of_requests_gives_every_image_its_workers(table: Table, data: st.DataObject) -> None:
    """Taking, answering, skipping, leaving and time passing in any order: no image gets a worker twice, or too many."""
    name = f"job-{uuid.uuid4().hex}"  # examples share a table, and hypothesis seeds `random` alike for each
    k, images, shards = data.draw(st.integers(1, 3)), data.draw(st.integers(1, 5)), data.draw(st.sampled_from([1, 2]))
    job = job_of(images, k, name, shards)
    workers = [f"w{n}" for n in range(k + 2)]
    now = NOW
    accepted: set[tuple[int, str]] = set()
    skipped: set[tuple[int, str]] = set()
    for _ in range(data.draw(st.integers(0, 25))):
        worker = data.draw(st.sampled_from(workers))
        now += data.draw(st.sampled_from([0.01, 5.0, LEASE_SECONDS + 1]))
        tasks = take(table, job, worker, now, data.draw(st.sampled_from([1, 2])))
        assert not {(line, worker) for line in lines(tasks)} & (accepted | skipped)
        for line in lines(tasks):
            match data.draw(st.sampled_from(["answer", "answer", "skip", "leave"])):
                case "answer":
                    if submit(table, job, worker, line, now) is Verdict.ACCEPTED:
                        accepted.add((line, worker))
                case "skip":
                    if skip(table, job, worker, line, now) is Verdict.ACCEPTED:
                        skipped.add((line, worker))
    # Enough other workers finish the job, whatever was left.
    for worker in [f"x{n}" for n in range(3 * k + 3)]:
        now += LEASE_SECONDS + 61
        for _ in range(2 * images):
            for line in lines(take(table, job, worker, now)):
                if submit(table, job, worker, line, now) is Verdict.ACCEPTED:
                    accepted.add((line, worker))
    assert is_empty(table, job)
    answers = Counter(line for line, _ in accepted)
    for line in range(images):
        declined = sum(1 for other, _ in skipped if other == line)
        done = image_of(table, job, line).done
        assert set(done) == {worker for other, worker in accepted if other == line}
        assert answers[line] == k or (declined >= MOST_SKIPS and answers[line] < k)


def test_many_concurrent_workers(table: Table) -> None:
    """Concurrent workers, of whom one in twenty leaves with a task: all images get their workers, nothing is left."""
    k, images, workers = 3, 40, 24
    job = job_of(images, k, shards=2)
    clock = [NOW]

    def work(n: int) -> list[tuple[int, str]]:
        worker, chance, given = f"w{n}", random.Random(n), []
        for _ in range(images):
            tasks = take(table, job, worker, clock[0], 2)
            if not tasks.leases:
                return given
            if chance.random() < 0.05:
                return given
            clock[0] += 0.01
            if submit(table, job, worker, tasks.leases[0].line, clock[0]) is Verdict.ACCEPTED:
                given.append((tasks.leases[0].line, worker))
        return given

    accepted: list[tuple[int, str]] = []
    with ThreadPoolExecutor(workers) as pool:
        for round_ in range(6):
            accepted += [
                pair for pairs in pool.map(work, range(100 * round_, 100 * round_ + workers)) for pair in pairs
            ]
            clock[0] += LEASE_SECONDS + 61
    assert len(accepted) == len(set(accepted))
    assert Counter(line for line, _ in accepted) == dict.fromkeys(range(images), k)
    assert is_empty(table, job)
    assert len(table.query(rows.complete_pk(job.key))) == images


@pytest.mark.parametrize("images", [1000, 1_000_000])
def test_work_per_answer_does_not_depend_on_the_jobs_size(table: CountingTable, images: int) -> None:
    job = job_of(images, 3, shards=4)
    now = NOW
    for n in range(12):
        (line,) = lines(take(table, job, f"w{n % 3}", now))
        submit(table, job, f"w{n % 3}", line, now)
        now += 1
    calls = []
    for n in range(12):
        table.calls = 0
        (line,) = lines(take(table, job, f"w{n % 3}", now))
        submit(table, job, f"w{n % 3}", line, now)
        calls.append(table.calls - 1)  # the API reads the worker's row once, with the job's
        now += 1
    assert max(calls) <= 8, calls


def test_a_condition_that_fails_is_named(table: Table) -> None:
    table.write(Action("a", "b", put={"n": 1}))
    with pytest.raises(ConditionError) as error:
        table.transact([Action("a", "c", put={}), Action("a", "b", put={}, condition="attribute_not_exists(pk)")])
    assert error.value.failed == {1}
    assert table.query("a") == [{"pk": "a", "sk": "b", "n": 1}]
