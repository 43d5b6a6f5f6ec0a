"""The first pass over a job's lines: statistics of the whole job that the second pass needs for each image.

The statistics of parts of a job merge, so parts can be processed in parallel.
"""

from __future__ import annotations

from collections.abc import Sequence
from functools import cached_property

import msgspec

from truepoint.consensus.consolidation import Consensus, parts
from truepoint.consensus.matching import crowded
from truepoint.errors.norms import Norms, measure
from truepoint.groundtruth.annotation import Annotation
from truepoint.groundtruth.output_line import Labeled, NotLabeled
from truepoint.measures.reliability import PairDistances
from truepoint.measures.sigma import KeypointSigma, SigmaMeter, sigmas
from truepoint.pose.anatomy import Anatomy
from truepoint.pose.instance import MOST_KEYPOINTS, InstanceError
from truepoint.pose.poses import Answers
from truepoint.pose.sigma_table import SigmaTable, sigma_table
from truepoint.pose.similarity import area
from truepoint.pose.skeleton import Skeleton, SkeletonKeypoint
from truepoint.statistics.bottom_k import Table
from truepoint.statistics.histogram import Histogram
from truepoint.statistics.sample import LineSample
from truepoint.statistics.statistic import Count, Statistic

MOST_ANSWERS = 50
"""Maximum number of answers used for one image. Ground Truth has at most nine workers per image."""


def answers_of(annotation: Annotation) -> Answers:
    """Return each worker's own instances if the label holds several usable answers; otherwise an empty list."""
    usable = [w for w in annotation.workers if w.usable]
    if len(usable) < 2 or (annotation.updated_annotations and not any(w.annotations for w in usable)):
        return []
    try:
        answers = [(w.worker_id, w.instances) for w in usable[:MOST_ANSWERS]]
    except InstanceError:
        return []  # another program wrote the label: keep its annotation
    return [] if crowded([instances for _, instances in answers]) else answers


class Surveyed(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """The result of the first pass over all lines of a job.

    `sigmas` are the sigmas used and measured. `variances` and `weights` are by worker (measures.reliability). `norms`
    are those of the labels in the output manifest, which were consolidated batch by batch.
    """

    skeleton: Skeleton
    table: SigmaTable = msgspec.field(name="yardstick")  # the name in files that earlier versions stored
    sigmas: list[KeypointSigma]
    variances: dict[str, float]
    weights: dict[str, float]
    norms: Norms


class JobSurvey(Statistic, dict=True):
    """The statistics of the first pass.

    `given` is the job's skeleton, if it has one. `one_worker` says whether the job has one worker per image. If so, and
    if the job has a skeleton, only the sample of instances is needed, so most lines need not be parsed.

    Memory: histograms for every keypoint and pair of workers, and the sample. Steps exchange it as JSON:
    `msgspec.json.encode(survey)` and `msgspec.json.decode(text, type=JobSurvey)`.
    """

    given: Skeleton | None
    one_worker: bool = False
    names: Table[Count] = msgspec.field(default_factory=lambda: Table(MOST_KEYPOINTS))
    areas: Histogram = msgspec.field(default_factory=Histogram)
    sigmas: SigmaMeter = msgspec.field(default_factory=SigmaMeter)
    distances: PairDistances = msgspec.field(default_factory=PairDistances)
    sample: LineSample = msgspec.field(default_factory=LineSample)

    @cached_property
    def _table(self) -> SigmaTable:
        return sigma_table(self.given)

    @cached_property
    def _names(self) -> frozenset[str] | None:
        return frozenset(self.given.keypoint_names) if self.given else None

    @property
    def _sample_only(self) -> bool:
        return self.one_worker and self.given is not None

    def wants(self, line: int) -> bool:
        """Return whether a line contributes to the statistics and must be added."""
        return not self._sample_only or self.sample.wants(line)

    def add_all(self, outcomes: Sequence[Labeled | NotLabeled]) -> None:
        """Add lines."""
        images: list[Answers] = []
        for outcome in outcomes:
            if not isinstance(outcome, Labeled):
                continue
            self.sample.add(outcome.line, outcome.instances, self._names)
            if self._sample_only:
                continue
            for instance in outcome.instances:
                if self.given is None:
                    for keypoint in instance.annotations:
                        self.names.at(keypoint.label, Count).n += 1
                size, source = area(instance)
                if source in ("box", "hull"):
                    self.areas.add(size)
            if answers := answers_of(outcome.annotation):
                images.append(answers)
        for part in parts(images):
            # Instances are matched again, because the consolidation of the batch may have used other sigmas.
            consensus = Consensus(part, self._table, {})
            for agreed in consensus.agreed:
                self.sigmas.add(agreed, consensus.poses.labels)
                self.distances.add(agreed.repaired, consensus.poses)

    @property
    def skeleton(self) -> Skeleton:
        """The job's skeleton; without one, the labels' keypoints in the order of first occurrence and no edges."""
        names = list(self.names.kept()) or ["keypoint"]
        return self.given or Skeleton("subject", tuple(SkeletonKeypoint(name) for name in names))

    def surveyed(self) -> Surveyed:
        """Return the result of the first pass over the lines so far."""
        skeleton = self.skeleton
        measured = self.sigmas.usable(skeleton.keypoint_names, {k.name: k.pair for k in skeleton.keypoints if k.pair})
        used = sigma_table(skeleton, measured, self.areas.quantile(0.5))
        variances = self.distances.variances()
        return Surveyed(
            skeleton=skeleton,
            table=used,
            sigmas=sigmas(used, self.sigmas),
            variances=variances,
            weights=self.distances.weights(variances),
            norms=measure(Anatomy(skeleton), self.sample.instances),
        )
