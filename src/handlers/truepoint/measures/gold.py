"""Gold: images of a job whose right instances are known, hidden among the others, to compare workers with."""

from __future__ import annotations

from collections.abc import Sequence

from truepoint.consensus.matching import match
from truepoint.groundtruth.output_line import Labeled
from truepoint.json_text import JsonError, decode
from truepoint.keys import below_images
from truepoint.measures.workers import WorkerMeter
from truepoint.pose.instance import Instance, InstanceError, parse_instances
from truepoint.pose.pose import OksComparer, Pose, pose
from truepoint.pose.similarity import HONEST_TO_TRUTH


class GoldError(ValueError):
    """A gold file that cannot be used; says where, expected and actual."""


Gold = dict[str, list[Instance]]
"""Instances by image file name."""


def parse_gold(text: bytes) -> Gold:
    """Read jobs/<job>/gold.json: instances by file name, in the shape of a pre-labels file.

    Raises:
        GoldError: not such a file.
    """
    try:
        found = decode(text)
    except JsonError as error:
        raise GoldError(f"not a gold file: {error}") from error
    if not isinstance(found, dict):
        raise GoldError("expected an object of instances by image file name")
    gold: Gold = {}
    for name, instances in found.items():
        try:
            gold[name] = parse_instances(instances)
        except InstanceError as error:
            raise GoldError(f"{name[:200]}: {error}") from error
    return gold


def gold_of(gold: Gold, labeled: Labeled, job: str) -> list[Instance] | None:
    """The gold of an image, named by its path below the job's images or by its bare name; None of an image without."""
    key = labeled.source_ref.removeprefix("s3://").partition("/")[2]
    return gold.get(below_images(job, key), gold.get(labeled.annotation.image_file_name))


def compare(
    gold: Sequence[Instance], worker_id: str, answer: Sequence[Instance], ruler: OksComparer, to: WorkerMeter
) -> None:
    """Add one worker's answer for a gold image to what is collected of them."""
    references = [pose(instance, ruler.yardstick) for instance in gold]
    marked = [pose(instance, ruler.yardstick) for instance in answer]
    found = to.against_gold(worker_id)
    found.wanted += len(references)
    found.marked += len(marked)
    for cluster in match([references, marked], ruler):
        if len(cluster) == 2:
            (_, i), (_, j) = cluster
            others: list[Pose] = references[:i] + references[i + 1 :]
            found.add(marked[j], references[i], others, ruler, HONEST_TO_TRUTH)
        elif cluster[0][0] == 0:
            found.missed += 1
        else:
            found.added += 1
