"""Refinement: the second pass. Each image with several workers is consolidated again with what the survey of the job
knows, its agreement measured, and each of its workers compared with the others and with gold."""

from __future__ import annotations

import msgspec

from keypoints.agreement import Agreement, AgreementMeter
from keypoints.annotation import with_consensus
from keypoints.consolidation import Cluster, consensus, merge, quorum
from keypoints.consolidation import clusters as clusters_of
from keypoints.gold import Gold, compare, gold_of
from keypoints.instance import parse_instances
from keypoints.outcome import Labeled
from keypoints.pose import Pose, Ruler
from keypoints.sides import repair_sides
from keypoints.sigma import KeypointSigma, sigmas
from keypoints.similarity import THINNEST_BOX
from keypoints.survey import Answers, JobSurvey, answers_of
from keypoints.workers import WorkerMeter, Workers

LEAST_OTHERS = 2
"""Workers beside the one compared: a single other is no consensus."""


class Refiner:
    """Refines a job's images one by one, and collects agreement and workers on the way.

    Args:
        job_name: as in jobs/<job>/.
        survey: of all lines of the job, if it may have several workers an image; of none else.
        gold: the job's; empty if there is none.
    """

    def __init__(self, job_name: str, survey: JobSurvey, gold: Gold) -> None:
        self._prefix = f"jobs/{job_name}/images/"
        self._ruler = Ruler(survey.yardstick)
        self._gold = gold
        self.survey = survey
        self.weights = survey.distances.weights()
        self.agreement = AgreementMeter(survey.skeleton.keypoint_names)
        self.workers = WorkerMeter(job_name)

    def refine(self, labeled: Labeled) -> Labeled:
        """The image as the whole job sees it. One worker's is what it was, to the last digit."""
        answers = answers_of(labeled.annotation)
        own = answers or [(w.worker_id, labeled.instances) for w in labeled.annotation.workers if w.usable][:1]
        self.workers.add(
            labeled.annotation, {w: (len(found), sum(len(i.annotations) for i in found)) for w, found in own}
        )
        gold = gold_of(self._gold, labeled, self._prefix)
        for worker_id, instances in own if gold is not None else ():
            compare(gold or [], worker_id, instances, self._ruler, self.workers)
        return self._again(labeled, answers) if answers else labeled

    def agreed(self) -> Agreement | None:
        """The job's agreement; None where no image had several workers."""
        found = self.agreement.agreement()
        return found if found.images else None

    def sigmas(self) -> list[KeypointSigma]:
        """The sigmas used, and those measured."""
        return sigmas(self._ruler.yardstick, self.survey.sigmas)

    def report(self) -> Workers:
        """The workers."""
        return self.workers.report(self.weights, self.survey.distances.variances())

    def _again(self, labeled: Labeled, answers: Answers) -> Labeled:
        found = clusters_of(answers, self._ruler)
        merged, below = merge(found, len(answers), self._ruler, self.weights)
        self.agreement.add_image([len(instances) for _, instances in answers])
        similar = [oks for cluster in found for oks in self._agree(cluster)]
        self._leave_one_out(found, [worker_id for worker_id, _ in answers])
        annotation = with_consensus(labeled.annotation, merged, below)
        annotation = msgspec.structs.replace(annotation, agreement=sum(similar) / len(similar) if similar else None)
        return msgspec.structs.replace(
            labeled, annotation=annotation, instances=parse_instances(annotation.updated_annotations)
        )

    def _agree(self, cluster: Cluster) -> list[float]:
        """The OKS of every pair that marked this subject."""
        hulls = [p.hull for p in self._consensus(cluster, range(len(cluster.poses)))]
        x0, y0, x1, y1 = hulls[0] if hulls else cluster.poses[0].hull
        longer = max(x1 - x0, y1 - y0, 2.0)
        box = x0, y0, max(x1 - x0, THINNEST_BOX * longer), max(y1 - y0, THINNEST_BOX * longer)
        return self.agreement.add(cluster.worker_ids, cluster.poses, box, self._ruler)

    def _consensus(self, cluster: Cluster, members: range | list[int]) -> list[Pose]:
        """The consensus of some of a cluster's members as a pose, in a list; none if they agree on no keypoint."""
        trust = [self.weights.get(cluster.worker_ids[m], 1.0) for m in members]
        repaired = repair_sides([cluster.poses[m] for m in members], trust, self._ruler).poses
        labels = sorted({label for p in repaired for label in p.places})
        keypoints = consensus(repaired, trust, labels, self._ruler)
        areas = sorted(p.area for p in repaired)
        if not keypoints:
            return []
        return [Pose({k.label: (k.x, k.y, k.visibility) for k in keypoints}, areas[len(areas) // 2])]

    def _leave_one_out(self, found: list[Cluster], worker_ids: list[str]) -> None:
        """Compare each worker with what the others agree on."""
        others_count = len(worker_ids) - 1
        if others_count < LEAST_OTHERS:
            return
        for worker_id in worker_ids:
            references: list[tuple[Pose, Pose | None, int]] = []
            to = self.workers.against_others(worker_id)
            for cluster in found:
                mine = cluster.worker_ids.index(worker_id) if worker_id in cluster.worker_ids else None
                rest = [m for m in range(len(cluster.poses)) if m != mine]
                to.marked += mine is not None
                to.added += mine is not None and not rest
                if len(rest) < max(LEAST_OTHERS, quorum(others_count)):
                    continue
                to.wanted += 1
                to.missed += mine is None
                for reference in self._consensus(cluster, rest):
                    references.append((reference, None if mine is None else cluster.poses[mine], len(rest)))
            for place, (reference, pose, others) in enumerate(references):
                if pose is not None:
                    elsewhere = [r for i, (r, _, _) in enumerate(references) if i != place]
                    to.add(pose, reference, elsewhere, self._ruler, honest(others))


def honest(others: int) -> float:
    """Similarity that an honest worker reaches with the mean of `others` honest ones: their variances add up."""
    return 1 / (1 + (1 + 1 / others) / 8)
