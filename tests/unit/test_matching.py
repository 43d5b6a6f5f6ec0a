from __future__ import annotations

from random import Random

import pytest

from truepoint.consensus.matching import FAR, LEAST_SIMILARITY, Outline
from truepoint.pose.pose import OksComparer, Pose
from truepoint.pose.sigma_table import SigmaTable

LABELS = ("ankle", "ear", "elbow", "eye", "hip", "knee", "wrist")
RULER = OksComparer(SigmaTable())


def near(random: Random) -> tuple[Pose, Pose]:
    """Two poses of some of the labels, whose keypoints are up to 60 pixels apart."""
    labels = [[label for label in LABELS if random.random() < 0.7] for _ in range(2)]
    places = {label: (random.uniform(0, 300), random.uniform(0, 300)) for label in LABELS}
    apart = random.uniform(0, 60)
    first, second = (
        {k: (places[k][0] + random.gauss(0, apart), places[k][1] + random.gauss(0, apart), 2) for k in found}
        for found in labels
    )
    return Pose(first, random.uniform(500, 40_000)), Pose(second, random.uniform(500, 40_000))


@pytest.mark.parametrize("seed", range(20))
def test_the_first_look_tells_apart_exactly_the_pairs_that_are_not_alike(seed: int) -> None:
    random = Random(seed)
    alike = 0
    for _ in range(100):
        a, b = near(random)
        expected = RULER.oks(a, b) >= LEAST_SIMILARITY
        found = Outline(a, LABELS, RULER, FAR).may_be_alike(Outline(b, LABELS, RULER, -FAR))
        # Nothing in common is no similarity, and passes: the closer look finds that.
        assert found == expected or (found and not a.places.keys() & b.places.keys())
        alike += expected
    assert 10 < alike < 95
