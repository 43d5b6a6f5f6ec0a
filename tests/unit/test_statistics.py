"""Exact sums, histograms, tables and rankings: the same in any order and parts, bounded, and right to what they say."""

from __future__ import annotations

import math
from collections import Counter
from collections.abc import Callable, Sequence
from random import Random
from typing import Any

import msgspec
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from truepoint.results.first_pass import JobSurvey
from truepoint.results.tally import Tally
from truepoint.statistics.bottom_k import LONGEST_NAME, Table
from truepoint.statistics.exact_sum import LARGEST, ExactSum
from truepoint.statistics.histogram import Histogram, TimeHistogram
from truepoint.statistics.ranking import Ranking
from truepoint.statistics.statistic import Count, Statistic

FINITE = st.floats(-1e280, 1e280)
HOSTILE = st.floats() | st.sampled_from([1e308, -1e308, math.inf, math.nan, 5e-324, 0.0])
NAME = st.text(max_size=3) | st.sampled_from(["x" * LONGEST_NAME, "x" * (LONGEST_NAME + 1)])
NAMES = st.lists(NAME, max_size=60)
Filled = Callable[[Sequence[Any]], Statistic]


def summed(values: Sequence[float]) -> ExactSum:
    found = ExactSum()
    for value in values:
        found.add(value)
    return found


def counted(values: Sequence[float]) -> Histogram:
    found = Histogram()
    for value in values:
        found.add(value)
    return found


def timed(values: Sequence[float]) -> TimeHistogram:
    found = TimeHistogram()
    for value in values:
        found.add(value)
    return found


def tabled(names: Sequence[str]) -> Table[Count]:
    found: Table[Count] = Table(5)
    for name in names:
        found.at(name, Count).n += 1
    return found


def ranked(entries: Sequence[tuple[int, float]]) -> Ranking[str]:
    found: Ranking[str] = Ranking(5)
    for line, suspicion in entries:
        if found.wants(suspicion, line):
            found.add(suspicion, line, f"line {line}")
    return found


def read(statistic: Any) -> Any:
    """What is told of a statistic in the end: how it got there may differ."""
    if isinstance(statistic, ExactSum):
        return statistic.n, statistic.value
    if isinstance(statistic, Table):
        return {name: count.n for name, count in statistic.kept().items()}, list(statistic.kept())
    if isinstance(statistic, Ranking):
        return statistic.ranked()
    return statistic


def sent(statistic: Statistic, kind: Any) -> Any:
    """As it arrives where it is merged."""
    return msgspec.json.decode(msgspec.json.encode(statistic), type=kind)


CASES: list[Any] = [
    pytest.param(summed, ExactSum, HOSTILE, id="sum"),
    pytest.param(counted, Histogram, HOSTILE, id="histogram"),
    pytest.param(timed, TimeHistogram, HOSTILE, id="times"),
    pytest.param(tabled, Table[Count], NAME, id="table"),
    pytest.param(
        ranked, Ranking[str], st.tuples(st.integers(0, 10**7), st.sampled_from([0.1, 0.2, 0.3])), id="ranking"
    ),
]


@pytest.mark.parametrize(("fill", "kind", "values"), CASES)
@given(data=st.data())
def test_merging_equals_adding_and_is_associative(fill: Filled, kind: Any, values: Any, data: st.DataObject) -> None:
    unique = (lambda entry: entry[0]) if fill is ranked else None
    found = data.draw(st.lists(values, max_size=60, unique_by=unique) if unique else st.lists(values, max_size=60))
    first, second = sorted(data.draw(st.tuples(st.integers(0, len(found)), st.integers(0, len(found)))))

    def parts() -> list[Any]:
        return [sent(fill(part), kind) for part in (found[:first], found[first:second], found[second:])]

    a, b, c = parts()
    a.merge(b)
    a.merge(c)
    x, y, z = parts()
    y.merge(z)
    x.merge(y)
    assert read(a) == read(x) == read(sent(x, kind)) == read(fill(found))


@given(st.lists(FINITE, max_size=80), st.randoms(use_true_random=False))
def test_a_sum_is_math_fsums_in_any_order(values: list[float], random: Random) -> None:
    found = summed(values)
    assert (found.n, found.value) == (len(values), math.fsum(values))
    random.shuffle(values)
    assert summed(values).value == found.value
    assert found.mean == (math.fsum(values) / len(values) if values else None)


@given(st.lists(HOSTILE, max_size=80))
def test_a_sum_of_anything_is_a_number_in_bounded_memory(values: list[float]) -> None:
    found = summed(values)
    assert math.isfinite(found.value)
    assert found.n == sum(not math.isnan(value) for value in values)
    assert len(found.parts) < 70


def test_a_sum_ignores_nan_and_limits_infinity() -> None:
    assert summed([math.inf, -1e300, math.nan]).value == 0
    assert summed([math.inf, math.nan]).value == LARGEST
    assert summed([1.0, 1e100, 1.0, -1e100]).value == 2


def exact_quantile(values: Sequence[float], share: float) -> float:
    return float(np.quantile(values, share, method="inverted_cdf"))


SHARES = st.sampled_from([0, 0.1, 0.5, 0.9, 0.95, 0.99, 1])


@given(st.lists(st.floats(0.001, 2.0**30), min_size=1, max_size=80), SHARES)
def test_a_quantile_of_times_is_right_to_a_256th(values: list[float], share: float) -> None:
    found = timed(values).quantile(share)
    assert found == pytest.approx(exact_quantile(values, share), rel=2**-8, abs=0)


@given(st.lists(st.integers(0, 256), min_size=1, max_size=80), SHARES)
def test_a_quantile_of_whole_seconds_is_exact(values: list[int], share: float) -> None:
    assert timed(values).quantile(share) == exact_quantile(values, share)


@given(st.lists(st.floats(1e-11, 1e12), min_size=1, max_size=80), SHARES)
def test_a_quantile_is_in_the_bin_of_the_exact_one(values: list[float], share: float) -> None:
    width = math.exp(1 / Histogram.BINS) - 1
    assert counted(values).quantile(share) == pytest.approx(exact_quantile(values, share), rel=width + 1e-9, abs=0)


@pytest.mark.parametrize("fill", [counted, timed])
def test_hostile_numbers_are_counted_in_bounded_memory(fill: Any) -> None:
    random = Random(1)
    found = fill([math.exp(random.uniform(-740, 709)) for _ in range(50_000)] + [math.inf, 1e308, 0.0, -1.0, math.nan])
    assert found.count == 50_004
    assert len(msgspec.json.encode(found)) < 100_000
    assert 0 <= found.quantile(0) < found.quantile(1) < 1.1e12


def test_the_quantile_of_no_values_is_none() -> None:
    assert (counted([]).quantile(0.5), timed([math.nan]).quantile(0.5)) == (None, None)


@given(NAMES, st.randoms(use_true_random=False))
def test_kept_names_are_counted_from_their_first_line(names: list[str], random: Random) -> None:
    kept = tabled(names).kept()
    exact = Counter(name for name in names if len(name) <= LONGEST_NAME)
    assert {name: count.n for name, count in kept.items()}.items() <= exact.items()
    assert len(kept) == min(5, len(exact))
    assert list(kept) == sorted(kept, key=names.index)
    random.shuffle(names)
    assert tabled(names).kept().keys() == kept.keys()


def test_a_hundred_thousand_names_leave_a_small_table() -> None:
    found: Table[Count] = Table(1000)
    for round_ in range(2):
        for number in range(100_000):
            found.at(f"{'y' * 100} {number}", Count).n += 1
        assert len(found.entries) <= 2000, round_
    assert len(found.kept()) == 1000
    assert {count.n for count in found.kept().values()} == {2}
    assert len(msgspec.json.encode(found)) < 200_000


@pytest.mark.parametrize("kind", [JobSurvey, Tally])
@pytest.mark.parametrize(
    "text", [b"", b"{", b"[]", b'{"labeling_job": 1}', b'{"sample": {"size": "many"}}', b"\x80\x04."]
)
def test_invalid_statistics_are_refused(kind: Any, text: bytes) -> None:
    with pytest.raises((msgspec.DecodeError, msgspec.ValidationError)):
        msgspec.json.decode(text, type=kind)


def test_no_statistic_adds_floats() -> None:
    """Added floats would depend on the order: use ExactSum. Rankings and samples merge in their own way."""

    def of(kind: msgspec.inspect.Type, path: str) -> list[str]:
        if isinstance(kind, msgspec.inspect.FloatType):
            return [path]
        if isinstance(kind, msgspec.inspect.StructType):
            own_way = "merge" in vars(getattr(kind.cls, "__origin__", kind.cls))
            if kind.cls in seen or (own_way and not issubclass(getattr(kind.cls, "__origin__", kind.cls), Table)):
                return []
            seen.add(kind.cls)
            return [p for field in kind.fields for p in of(field.type, f"{path}.{field.name}")]
        if isinstance(kind, msgspec.inspect.DictType):
            return of(kind.value_type, path + "{}")
        if isinstance(kind, msgspec.inspect.ListType):
            return of(kind.item_type, path + "[]")
        return []

    for bundle in (JobSurvey, Tally):
        seen: set[Any] = set()
        assert of(msgspec.inspect.type_info(bundle), bundle.__name__) == []
        assert len(seen) > 4
