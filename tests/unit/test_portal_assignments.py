"""Who labels what: tables for the rules, and random courses of events for the promises."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truepoint.portal.assignments import Assignments, Verdict

START = datetime(2026, 1, 1, tzinfo=UTC)
LIMIT = timedelta(minutes=5)


def assignments(objects: int = 3, workers: int = 1) -> Assignments:
    return Assignments(tuple(str(number) for number in range(objects)), workers, LIMIT)


def task(state: Assignments, worker: str, now: datetime = START) -> str | None:
    lease = state.next_task(worker, now)
    return lease.object_id if lease else None


def answer(state: Assignments, worker: str, object_id: str, now: datetime = START) -> Verdict:
    verdict = state.check(object_id, worker, now)
    if verdict is Verdict.ACCEPT:
        state.record(object_id, worker)
    return verdict


def test_objects_are_handed_out_in_order_and_once_each() -> None:
    state = assignments()
    assert [task(state, worker) for worker in ("a", "b", "c", "d")] == ["0", "1", "2", None]


def test_a_worker_who_comes_back_has_the_same_task() -> None:
    state = assignments()
    first = state.next_task("a", START)
    assert state.next_task("a", START + timedelta(minutes=1)) == first


def test_two_workers_do_not_take_the_last_place_at_once() -> None:
    state = assignments(objects=1, workers=2)
    assert [task(state, worker) for worker in ("a", "b", "c")] == ["0", "0", None]


def test_a_lease_that_ran_out_frees_its_place() -> None:
    state = assignments(objects=1)
    assert task(state, "a") == "0"
    assert task(state, "b", START + LIMIT - timedelta(seconds=1)) is None
    assert task(state, "b", START + LIMIT) == "0"
    assert answer(state, "a", "0", START + LIMIT) is Verdict.TOO_LATE
    assert answer(state, "b", "0", START + LIMIT) is Verdict.ACCEPT


def test_a_late_answer_is_taken_if_nobody_else_has_the_place() -> None:
    state = assignments(objects=1)
    task(state, "a")
    assert answer(state, "a", "0", START + 2 * LIMIT) is Verdict.ACCEPT


def test_after_a_restart_an_open_page_still_hands_in() -> None:
    assert answer(assignments(), "a", "1") is Verdict.ACCEPT


def test_a_second_identical_answer_changes_nothing() -> None:
    state = assignments(workers=2)
    assert [answer(state, "a", "0"), answer(state, "a", "0")] == [Verdict.ACCEPT, Verdict.REPEATED]
    assert state.answered == {"0": {"a"}}


def test_a_worker_does_not_get_answered_or_declined_images() -> None:
    state = assignments(workers=2)
    answer(state, "a", "0")
    state.decline("1", "a")
    assert task(state, "a") == "2"
    assert task(state, "b") == "0"


def test_number_of_images_left_for_a_worker() -> None:
    state = assignments(objects=4, workers=2)
    answer(state, "ada", "0")
    state.decline("1", "ada")
    assert (state.open_for("ada"), state.open_for("bob")) == (2, 4)
    answer(state, "bob", "0")
    state.close(["3"])
    assert (state.open_for("ada"), state.open_for("bob")) == (1, 2)


def test_declining_frees_the_place() -> None:
    state = assignments(objects=1)
    task(state, "a")
    state.decline("0", "a")
    assert (task(state, "a"), task(state, "b")) == (None, "0")


def test_the_next_image_is_named_without_a_lease() -> None:
    state = assignments()
    assert (state.upcoming("a", START), task(state, "a")) == ("0", "0")
    assert state.upcoming("a", START) == "1"
    assert (task(state, "b"), state.upcoming("a", START)) == ("1", "2")
    state.close(["2"])
    assert state.upcoming("a", START) is None


def test_a_closed_object_is_neither_handed_out_nor_answered() -> None:
    state = assignments()
    state.close(["0"])
    assert task(state, "a") == "1"
    assert answer(state, "a", "0") is Verdict.CLOSED


@pytest.mark.parametrize(("workers", "answers", "finished"), [(1, 1, True), (2, 1, False), (2, 2, True)])
def test_a_job_is_finished_when_every_object_has_all_answers(workers: int, answers: int, finished: bool) -> None:
    state = assignments(objects=2, workers=workers)
    state.close(["1"])
    for number in range(answers):
        answer(state, f"w{number}", "0")
    assert state.is_finished() is finished


EVENTS = st.lists(
    st.one_of(
        st.tuples(st.just("next"), st.sampled_from("abc"), st.none()),
        st.tuples(st.just("answer"), st.sampled_from("abc"), st.sampled_from("0123")),
        st.tuples(st.just("decline"), st.sampled_from("abc"), st.sampled_from("0123")),
        st.tuples(st.just("wait"), st.none(), st.none()),
        st.tuples(st.just("restart"), st.none(), st.none()),
    ),
    max_size=60,
)


@given(events=EVENTS, workers=st.integers(1, 3))
def test_no_object_gets_too_many_answers_or_leases_in_any_sequence(
    events: list[tuple[str, str, str]], workers: int
) -> None:
    state, now = assignments(objects=4, workers=workers), START
    accepted: list[tuple[str, str]] = []
    for kind, worker, object_id in events:
        now += timedelta(seconds=1)
        if kind == "next":
            lease = state.next_task(worker, now)
            assert lease is None or worker not in state.answered.get(lease.object_id, ())
        elif kind == "answer" and answer(state, worker, object_id, now) is Verdict.ACCEPT:
            accepted.append((object_id, worker))
        elif kind == "decline":
            state.decline(object_id, worker)
        elif kind == "wait":
            now += LIMIT
        elif kind == "restart":
            kept = state.answered
            state = assignments(objects=4, workers=workers)
            state.answered = kept
        for each in "0123":
            answered = state.answered.get(each, set())
            holders = {
                w for w in "abc" if (held := state.lease_of(w)) and held.object_id == each and held.expires > now
            }
            assert len(answered | holders) <= workers
    assert len(accepted) == len(set(accepted)) == sum(len(who) for who in state.answered.values())


@given(order=st.permutations("abc"), workers=st.integers(1, 3))
def test_enough_workers_finish_every_job(order: list[str], workers: int) -> None:
    state = assignments(objects=4, workers=workers)
    for worker in order:
        while object_id := task(state, worker):
            answer(state, worker, object_id)
    assert state.is_finished()
    assert all(len(who) == workers for who in state.answered.values())
