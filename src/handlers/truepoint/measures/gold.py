"""Gold images: images of a job whose correct instances are known. Workers are compared with them."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from functools import partial

import numpy as np

from truepoint.consensus.matching import match
from truepoint.consensus.stack import Clusters, Stack
from truepoint.groundtruth.output_line import Labeled
from truepoint.json_text import JsonError, decode
from truepoint.keys import below_images
from truepoint.measures.taxonomy import Bodies, Comparisons
from truepoint.measures.workers import WorkerMeter
from truepoint.pose.instance import Instance, InstanceError, parse_instances
from truepoint.pose.poses import Poses
from truepoint.pose.sigma_table import SigmaTable
from truepoint.pose.similarity import HONEST_TO_TRUTH


class GoldError(ValueError):
    """A gold file that cannot be used."""


Gold = dict[str, list[Instance]]
"""Instances by image: the path below the job's images, or the file name."""


def parse_gold(text: bytes) -> Gold:
    """Read jobs/<job>/gold.json: instances by image (see `Gold`), as in a pre-labels file.

    Raises:
        GoldError: the text is not a gold file.
    """
    try:
        document = decode(text)
    except JsonError as error:
        raise GoldError(f"expected a gold file, got something else: {error}") from error
    if not isinstance(document, dict):
        raise GoldError("expected an object of instances by image file name")
    gold: Gold = {}
    for name, instances in document.items():
        try:
            gold[name] = parse_instances(instances)
        except InstanceError as error:
            raise GoldError(f"{name[:200]}: {error}") from error
    return gold


def gold_of(gold: Gold, labeled: Labeled, job: str) -> list[Instance] | None:
    """Return an image's gold instances, looked up by path below the job's images, then by file name; None if absent."""
    key = labeled.source_ref.removeprefix("s3://").partition("/")[2]
    return gold.get(below_images(job, key), gold.get(labeled.annotation.image_file_name))


def compare(
    images: Sequence[tuple[str, Sequence[Instance], Sequence[Instance]]], table: SigmaTable, to: WorkerMeter
) -> None:
    """Compare workers' answers for gold images, and add the comparisons to the workers' statistics.

    An image whose instances cannot be matched does not count.

    Args:
        images: (worker id, gold instances, the worker's instances) of each answer.
        table: the job's sigmas.
        to: the workers' statistics.
    """
    poses = Poses([(("answer", answer), ("", gold)) for _, gold, answer in images], table)
    home, refused = match(poses)
    clusters = Clusters(poses, home)
    collected = [to.against_gold(worker_id) for worker_id, _, _ in images]
    of_gold = poses.worker == 0
    alone = clusters.size[clusters.of] == 1
    for n, comparison in enumerate(collected):
        if n not in refused:
            mine = poses.image == n
            comparison.wanted += int(np.count_nonzero(mine & of_gold))
            comparison.marked += int(np.count_nonzero(mine & ~of_gold))
            comparison.missed += int(np.count_nonzero(mine & of_gold & alone))
            comparison.added += int(np.count_nonzero(mine & ~of_gold & alone))
    bodies, comparisons = with_references(poses, clusters)
    for compared in comparisons:
        to.compare(compared, bodies, poses, collected, np.full(len(compared.answer), HONEST_TO_TRUTH))


def with_references(poses: Poses, clusters: Clusters) -> tuple[Bodies, Iterator[Comparisons]]:
    """Return the references of images, and the comparisons of the subjects that both reference and answer contain.

    Args:
        poses: for each image its reference, with the worker id "", and its answer, with any other worker id.
        clusters: the subjects.
    """
    point = np.flatnonzero((poses.worker == 0)[poses.owner])
    owner = poses.owner[point]
    bodies = Bodies(poses.image[owner], clusters.of[owner], poses.label[point], poses.x[point], poses.y[point])
    return bodies, map(partial(_compared, clusters), clusters.stacks(clusters.size == 2))


def _compared(clusters: Clusters, stack: Stack) -> Comparisons:
    return Comparisons(
        answer=clusters.image[stack.cluster],
        body=stack.cluster,
        area=stack.area[:, 0],
        label=stack.label,
        inverse=stack.inverse,
        mirror=stack.mirror,
        there=stack.there[:, 1],
        x=stack.x[:, 1],
        y=stack.y[:, 1],
        visibility=stack.visibility[:, 1],
        reference_there=stack.there[:, 0],
        reference_x=stack.x[:, 0],
        reference_y=stack.y[:, 0],
        reference_visibility=stack.visibility[:, 0],
    )
