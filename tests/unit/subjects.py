"""Subjects whose instances are known to belong together, as the arrays that consensus and measures work on."""

from __future__ import annotations

from collections.abc import Sequence

import numpy as np
from people import MEASURE

from truepoint.consensus.consolidation import Agreed
from truepoint.consensus.stack import Clusters
from truepoint.consensus.swap_repair import repair_sides
from truepoint.pose.instance import Instance
from truepoint.pose.poses import Poses
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
