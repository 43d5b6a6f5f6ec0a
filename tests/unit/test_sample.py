from __future__ import annotations

from random import Random

import msgspec
from hypothesis import given
from hypothesis import strategies as st

from truepoint.pose.instance import Instance, Keypoint
from truepoint.statistics.sample import LineSample

LINES = st.dictionaries(st.integers(0, 10**7), st.integers(0, 5), max_size=40)
"""By line, how many instances it has."""


def instances(line: int, count: int) -> list[Instance]:
    return [Instance(annotations=(Keypoint("nose", line % 1000, place),)) for place in range(count)]


def sample(lines: list[tuple[int, int]], largest: int = 7) -> LineSample:
    made = LineSample(largest)
    for line, count in lines:
        made.add(line, instances(line, count))
    return made


@given(LINES, st.randoms(use_true_random=False), st.integers(0, 40))
def test_the_same_in_any_order_and_in_parts(lines: dict[int, int], random: Random, cut: int) -> None:
    whole = sample(list(lines.items()))
    shuffled = list(lines.items())
    random.shuffle(shuffled)
    parted = sample(shuffled[:cut])
    # A part travels as JSON from where it was read to where it is merged.
    sent = msgspec.json.encode(sample(shuffled[cut:]))
    parted.merge(msgspec.json.decode(sent, type=LineSample))
    assert parted.instances == sample(shuffled).instances == whole.instances
    assert (parted.size, sorted(parted.heap)) == (whole.size, sorted(whole.heap))


@given(LINES)
def test_the_sample_has_the_fewest_whole_lines(lines: dict[int, int]) -> None:
    made = sample(list(lines.items()))
    kept = {-entry[1]: len(entry[2]) for entry in made.heap}
    assert made.size == sum(kept.values()) == len(made.instances)
    assert kept.items() <= lines.items()
    if made.size < 7:
        assert kept == {line: count for line, count in lines.items() if count}
    else:
        assert made.size - len(made.heap[0][2]) < 7


@given(LINES)
def test_lines_outside_the_sample_do_not_change_it(lines: dict[int, int]) -> None:
    spared = LineSample(7)
    for line, count in lines.items():
        if spared.wants(line):
            spared.add(line, instances(line, count))
    assert spared == sample(list(lines.items()))


def test_the_sample_is_spread_over_the_manifest() -> None:
    lines = [-entry[1] for entry in sample([(line, 1) for line in range(20_000)], 2000).heap]
    thirds = [sum(low <= line < low + 5000 for line in lines) for low in range(0, 20_000, 5000)]
    assert all(400 < count < 600 for count in thirds)


def test_of_an_instance_only_the_skeletons_keypoints_are_kept() -> None:
    crowded = Instance(annotations=tuple(Keypoint(f"k{n}", n, n) for n in range(5000)), name="n" * 9999, id="i")
    made = LineSample()
    made.add(0, [crowded], {"k3", "k4999"})
    assert made.instances == [Instance(annotations=(Keypoint("k3", 3, 3), Keypoint("k4999", 4999, 4999)))]
    derived = LineSample()
    derived.add(0, [crowded])
    assert len(derived.instances[0].annotations) == 1000
