"""Subjects whose instances are known to belong together, as the arrays that consensus and measures work on."""

from __future__ import annotations

from collections.abc import Mapping, Sequence

import numpy as np
from people import MEASURE

from truepoint.consensus.consolidation import Agreed, Merged, consolidate_all
from truepoint.consensus.matching import CrowdedError
from truepoint.consensus.stack import Clusters
from truepoint.consensus.swap_repair import repair_sides
from truepoint.pose.instance import Instance
from truepoint.pose.poses import Answers, Poses
from truepoint.pose.sigma_table import SigmaTable


def subject(
    instances: Sequence[Instance],
    *,
    ids: Sequence[str] | None = None,
    weights: Sequence[float] | None = None,
    table: SigmaTable = MEASURE,
) -> tuple[Poses, Agreed]:
    """One subject, as each of the workers marked it, and what they agree on."""
    ids = ids or [f"w{n}" for n in range(len(instances))]
    poses = Poses([[(worker_id, [instance]) for worker_id, instance in zip(ids, instances, strict=True)]], table)
    [stack] = Clusters(poses, np.zeros(len(instances), np.intp)).stacks(np.ones(1, bool))
    trust = np.array([weights or [1.0] * len(instances)], float)
    return poses, Agreed(stack, trust, *repair_sides(stack, trust))


def consolidate(answers: Answers, table: SigmaTable, weights: Mapping[str, float] | None = None) -> Merged:
    """Return what the workers of one image agree on.

    Raises:
        CrowdedError: the image costs too much.
    """
    [merged] = consolidate_all([answers], table, weights)
    if isinstance(merged, CrowdedError):
        raise merged
    return merged
