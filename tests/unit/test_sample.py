from __future__ import annotations

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from keypoints.instance import Instance, Keypoint
from keypoints.sample import InstanceSample, Sampled

LINES = st.lists(st.tuples(st.integers(0, 10**7), st.integers(0, 999)), unique=True, max_size=60)


def instance(line: int, place: int) -> Instance:
    return Instance(annotations=(Keypoint("nose", line % 1000, place),))


def sample(where: list[tuple[int, int]], largest: int = 7) -> InstanceSample:
    made = InstanceSample(largest)
    for line, place in where:
        made.add(line, place, instance(line, place))
    return made


@given(LINES, st.randoms(use_true_random=False), st.integers(0, 60))
def test_the_same_in_any_order_and_in_parts(where: list[tuple[int, int]], random: object, cut: int) -> None:
    shuffled = list(where)
    random.shuffle(shuffled)  # type: ignore[attr-defined]
    whole = sample(where)
    parted = sample(shuffled[:cut])
    # A part travels as JSON from where it was read to where it is merged.
    sent = msgspec.json.encode(sample(shuffled[cut:]).entries)
    parted.merge(msgspec.json.decode(sent, type=list[Sampled]))
    assert parted.entries == sample(shuffled).entries == whole.entries


@given(LINES)
def test_bounded_and_never_made_up(where: list[tuple[int, int]]) -> None:
    entries = sample(where).entries
    assert len(entries) == min(7, len(where))
    assert {(e.line, e.place) for e in entries} <= set(where)
    assert all(e.instance == instance(e.line, e.place) for e in entries)


def test_every_stretch_of_the_manifest_has_its_share() -> None:
    lines = [e.line for e in sample([(line, 0) for line in range(20_000)], 2000).entries]
    thirds = [sum(low <= line < low + 5000 for line in lines) for low in range(0, 20_000, 5000)]
    assert all(400 < count < 600 for count in thirds)
