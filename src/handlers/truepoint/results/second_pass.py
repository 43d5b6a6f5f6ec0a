"""Refinement: the second pass. Each image with several workers is consolidated again with what the survey of the job
knows, its agreement measured, and each of its workers compared with the others and with gold; every image is read for
errors."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from truepoint.consensus.consolidation import Cluster, Consolidated, agreed_places, merge, quorum
from truepoint.consensus.consolidation import clusters as clusters_of
from truepoint.consensus.matching import CrowdedError
from truepoint.consensus.swap_repair import repair_sides
from truepoint.errors.signals import SignalReader
from truepoint.groundtruth.annotation import with_consensus
from truepoint.groundtruth.output_line import Labeled, NotLabeled
from truepoint.measures.gold import Gold, compare, gold_of
from truepoint.pose.anatomy import Anatomy
from truepoint.pose.instance import parse_instances
from truepoint.pose.pose import OksComparer, Place, Pose
from truepoint.pose.similarity import THINNEST_BOX
from truepoint.results.first_pass import Answers, Surveyed, answers_of
from truepoint.results.review import suspicious_image
from truepoint.results.tally import Tally

LEAST_OTHERS = 2
"""Workers beside the one compared: a single other is no consensus."""


class Refiner:
    """Reads a job's lines by what is known of the whole job, and counts what it finds in a tally.

    Args:
        job_name: as in jobs/<job>/.
        known: what the survey of all its lines tells.
        gold: the job's; empty if there is none.
        images_job: the job below whose folder the images are, if another one.
    """

    def __init__(self, job_name: str, known: Surveyed, gold: Gold, images_job: str | None = None) -> None:
        self._job = job_name
        self._images_job = images_job or job_name
        self._known = known
        self._ruler = OksComparer(known.yardstick)
        self._gold = gold
        self._reader = SignalReader(Anatomy(known.skeleton), known.norms)
        self._places = {name: place for place, name in enumerate(known.skeleton.keypoint_names)}
        self.tally = Tally.of(job_name, known.skeleton)

    def add(self, outcome: Labeled | NotLabeled) -> Labeled | NotLabeled:
        """Take one line; gives it as the whole job sees it."""
        if isinstance(outcome, Labeled):
            outcome = self.refine(outcome)
            if image := suspicious_image(outcome, self._reader):
                self.tally.add_suspicious(outcome, image, self._places, self._images_job)
        self.tally.add(outcome, self._known.yardstick)
        return outcome

    def refine(self, labeled: Labeled) -> Labeled:
        """The image as the whole job sees it. One worker's is what it was, to the last digit."""
        answers = answers_of(labeled.annotation)
        own = answers or [(w.worker_id, labeled.instances) for w in labeled.annotation.workers if w.usable][:1]
        workers = self.tally.workers
        workers.add(labeled.annotation, {w: (len(found), sum(len(i.annotations) for i in found)) for w, found in own})
        gold = gold_of(self._gold, labeled, self._job)
        for worker_id, instances in own if gold is not None else ():
            compare(gold or [], worker_id, instances, self._ruler, workers)
        return self._again(labeled, answers) if answers else labeled

    def _again(self, labeled: Labeled, answers: Answers) -> Labeled:
        try:
            found = clusters_of(answers, self._ruler)
        except CrowdedError:
            return labeled  # by the sigmas that the job measured; what was consolidated at once stands
        merged, below = merge(found, len(answers), self._ruler, self._known.weights)
        self.tally.agreement.add_image([len(instances) for _, instances in answers])
        least, agreed = quorum(len(answers)), iter(merged)
        similar = [
            oks
            for cluster in found
            for oks in self._agree(cluster, next(agreed) if len(cluster.poses) >= least else None)
        ]
        self._leave_one_out(found, [worker_id for worker_id, _ in answers])
        annotation = with_consensus(labeled.annotation, merged, below)
        annotation = msgspec.structs.replace(annotation, agreement=sum(similar) / len(similar) if similar else None)
        return msgspec.structs.replace(
            labeled, annotation=annotation, instances=parse_instances(annotation.updated_annotations)
        )

    def _agree(self, cluster: Cluster, agreed: Consolidated | None) -> list[float]:
        """The OKS of every pair that marked this subject; `agreed` is its consensus, unless too few did."""
        if agreed:
            places = {k.label: (k.x, k.y, k.visibility) for k in agreed.annotations}
        else:
            places = self._consensus(cluster.poses, cluster.worker_ids)
        x0, y0, x1, y1 = Pose(places, 0.0).hull if places else cluster.poses[0].hull
        longer = max(x1 - x0, y1 - y0, 2.0)
        box = x0, y0, max(x1 - x0, THINNEST_BOX * longer), max(y1 - y0, THINNEST_BOX * longer)
        return self.tally.agreement.add(cluster.worker_ids, cluster.poses, box, self._ruler)

    def _consensus(self, poses: Sequence[Pose], worker_ids: Sequence[str]) -> dict[str, Place]:
        """Where some workers agree that a subject's keypoints are, in the order of names."""
        trust = [self._known.weights.get(worker_id, 1.0) for worker_id in worker_ids]
        repaired = repair_sides(poses, trust, self._ruler).poses
        labels = sorted({label for p in repaired for label in p.places})
        return agreed_places(repaired, trust, labels, self._ruler)

    def _leave_one_out(self, found: list[Cluster], worker_ids: list[str]) -> None:
        """Compare each worker with what the others agree on."""
        others_count = len(worker_ids) - 1
        if others_count < LEAST_OTHERS:
            return
        for worker_id in worker_ids:
            references: list[tuple[Pose, Pose | None, int]] = []
            to = self.tally.workers.against_others(worker_id)
            for cluster in found:
                mine = cluster.worker_ids.index(worker_id) if worker_id in cluster.worker_ids else None
                rest = [m for m in range(len(cluster.poses)) if m != mine]
                to.marked += mine is not None
                to.added += mine is not None and not rest
                if len(rest) < max(LEAST_OTHERS, quorum(others_count)):
                    continue
                to.wanted += 1
                to.missed += mine is None
                poses = [cluster.poses[m] for m in rest]
                if places := self._consensus(poses, [cluster.worker_ids[m] for m in rest]):
                    reference = Pose(places, sorted(p.area for p in poses)[len(poses) // 2])
                    references.append((reference, None if mine is None else cluster.poses[mine], len(rest)))
            for place, (reference, pose, others) in enumerate(references):
                if pose is not None:
                    elsewhere = [r for i, (r, _, _) in enumerate(references) if i != place]
                    to.add(pose, reference, elsewhere, self._ruler, honest(others))


def honest(others: int) -> float:
    """Similarity that an honest worker reaches with the mean of `others` honest ones: their variances add up."""
    return 1 / (1 + (1 + 1 / others) / 8)
