"""A survey: what the whole job tells, gathered in a first pass over its lines, so that the second can judge each image
by it. Surveys of parts of a job merge, so the pass can be shared out."""

from __future__ import annotations

from collections.abc import Sequence

from keypoints.annotation import Annotation
from keypoints.consolidation import clusters
from keypoints.histogram import Histogram
from keypoints.instance import Instance, InstanceError, parse_instances
from keypoints.outcome import Labeled, NotLabeled
from keypoints.pose import Ruler
from keypoints.reliability import PairDistances
from keypoints.sides import repair_sides
from keypoints.sigma import SigmaMeter
from keypoints.similarity import area
from keypoints.skeleton import Skeleton, SkeletonKeypoint
from keypoints.yardstick import Yardstick, yardstick

Answers = list[tuple[str, list[Instance]]]


def answers_of(annotation: Annotation) -> Answers:
    """Each worker's own instances, where several gave a usable answer that is kept with the label; else none."""
    usable = [w for w in annotation.workers if w.usable]
    if len(usable) < 2 or (annotation.updated_annotations and not any(w.annotations for w in usable)):
        return []
    try:
        return [(w.worker_id, parse_instances(w.annotations)) for w in usable]
    except InstanceError:
        return []  # not written by us; what was consolidated at once stands


class JobSurvey:
    """Takes a job's outcomes. Memory: sums for every keypoint and pair of workers."""

    def __init__(self, skeleton: Skeleton | None) -> None:
        self._given = skeleton
        self._ruler = Ruler(yardstick(skeleton))
        self._names: dict[str, None] = {}
        self._areas = Histogram()
        self.sigmas = SigmaMeter(self._ruler.pairs)
        self.distances = PairDistances()

    def add(self, outcome: Labeled | NotLabeled) -> None:
        """Take one line."""
        if not isinstance(outcome, Labeled):
            return
        for instance in outcome.instances:
            self._names.update(dict.fromkeys(k.label for k in instance.annotations))
            size, source = area(instance)
            if source in ("box", "hull"):
                self._areas.add(size)
        self._add_answers(answers_of(outcome.annotation))

    def _add_answers(self, answers: Answers) -> None:
        for cluster in clusters(answers, self._ruler):
            equal = [1.0] * len(cluster.poses)
            repair = repair_sides(cluster.poses, equal, self._ruler)
            self.sigmas.add(repair.poses, {(w, label) for w, pair in repair.swaps for label in pair})
            self.distances.add(cluster.worker_ids, repair.poses, self._ruler)

    def merge(self, other: JobSurvey) -> None:
        """Take what a survey of later lines, with the same skeleton, has taken too."""
        self._names.update(other._names)
        self._areas.merge(other._areas)
        self.sigmas.merge(other.sigmas)
        self.distances.merge(other.distances)

    @property
    def skeleton(self) -> Skeleton:
        """The job's; without one, the keypoints in the order in which the labels first name them, and no edges."""
        names: Sequence[str] = list(self._names) or ["keypoint"]
        return self._given or Skeleton("subject", tuple(SkeletonKeypoint(name) for name in names))

    @property
    def yardstick(self) -> Yardstick:
        """With the sigmas measured in this job where the skeleton gives none, and the job's usual area."""
        names = self.skeleton.keypoint_names
        return yardstick(self.skeleton, self.sigmas.usable(names), self._areas.quantile(0.5))
