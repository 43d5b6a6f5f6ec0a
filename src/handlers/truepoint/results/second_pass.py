"""The second pass over a job's lines.

Images with several workers are consolidated again with the sigmas and weights from the first pass. Agreement is
measured, and each worker is compared with the other workers and with gold images. All images are checked for probable
errors.
"""

from __future__ import annotations

from collections.abc import Iterator, Sequence

import msgspec
import numpy as np

from truepoint.consensus.consolidation import Consensus, parts
from truepoint.consensus.matching import CrowdedError
from truepoint.errors.signals import SignalReader
from truepoint.groundtruth.annotation import with_consensus
from truepoint.groundtruth.output_line import Labeled, NotLabeled
from truepoint.measures import gold, leave_one_out
from truepoint.measures.gold import Gold, gold_of
from truepoint.pose.anatomy import Anatomy
from truepoint.pose.instance import Instance
from truepoint.pose.poses import Answers
from truepoint.results.first_pass import Surveyed, answers_of
from truepoint.results.review import Witness, suspicious_images
from truepoint.results.tally import Tally


class Refiner:
    """The second pass: computes the final annotations of lines, and counts statistics in a tally.

    Args:
        job_name: the job's name, as in jobs/<job>/.
        surveyed: the result of the first pass.
        gold: the job's gold images; empty if there are none.
        images_job: the job whose folder contains the images, if it is another one.
        witness: an additional source of reasons to suspect instances, if there is one.
    """

    def __init__(
        self,
        job_name: str,
        surveyed: Surveyed,
        gold: Gold,
        images_job: str | None = None,
        witness: Witness | None = None,
    ) -> None:
        self._job = job_name
        self._images_job = images_job or job_name
        self._surveyed = surveyed
        self._gold = gold
        self._witness = witness
        self._reader = SignalReader(Anatomy(surveyed.skeleton), surveyed.norms)
        self._index = surveyed.skeleton.keypoint_index
        self.tally = Tally.of(job_name, surveyed.skeleton)

    def add_all(self, outcomes: Sequence[Labeled | NotLabeled]) -> Iterator[Labeled | NotLabeled]:
        """Yield lines with their final annotations, and count them in the tally.

        A line is counted when it is yielded, so that the caller uses its values while they are in the CPU's cache.
        """
        images = self.refine([outcome for outcome in outcomes if isinstance(outcome, Labeled)])
        for labeled, image in zip(images, suspicious_images(images, self._reader, self._witness), strict=True):
            if image:
                self.tally.add_suspicious(labeled, image, self._index, self._images_job)
        refined = iter(images)
        for outcome in outcomes:
            result = next(refined) if isinstance(outcome, Labeled) else outcome
            self.tally.add(result, self._surveyed.table)
            yield result

    def refine(self, images: Sequence[Labeled]) -> list[Labeled]:
        """Return images with their final annotations. Those of a single worker are returned unchanged."""
        refined = list(images)
        several: list[tuple[int, Answers]] = []
        for_gold: list[tuple[str, Sequence[Instance], Sequence[Instance]]] = []
        for index, labeled in enumerate(images):
            answers: Answers = answers_of(labeled.annotation)
            if answers:
                several.append((index, answers))
            else:
                answers = [(w.worker_id, labeled.instances) for w in labeled.annotation.workers if w.usable][:1]
            sizes = {w: (len(given), sum([len(i.annotations) for i in given])) for w, given in answers}
            self.tally.workers.add(labeled.annotation, sizes)
            right = gold_of(self._gold, labeled, self._job)
            if right is not None:
                for_gold += [(worker_id, right, given) for worker_id, given in answers]
        if for_gold:
            gold.compare(for_gold, self._surveyed.table, self.tally.workers)
        start = 0
        for part in parts([answers for _, answers in several]):
            again = self._consolidate_again([images[index] for index, _ in several[start : start + len(part)]], part)
            for (index, _), labeled in zip(several[start:], again, strict=False):
                refined[index] = labeled
            start += len(part)
        return refined

    def _consolidate_again(self, images: Sequence[Labeled], answers: Sequence[Answers]) -> list[Labeled]:
        """Consolidate images again, count their workers' agreement in the tally, and return the images.

        Images whose instances cannot be matched with the sigmas of the first pass are returned unchanged.
        """
        consensus = Consensus(answers, self._surveyed.table, self._surveyed.weights)
        agreement = self.tally.agreement
        for image, given in enumerate(answers):
            if image not in consensus.refused:
                agreement.add_image([len(instances) for _, instances in given])
        clusters, similar = [np.zeros(0, np.intp)], [np.zeros(0)]
        for agreed in consensus.agreed:
            oks = agreement.add(agreed, consensus.poses)
            clusters.append(np.repeat(agreed.stack.cluster, oks.shape[1]))
            similar.append(oks.ravel())
        leave_one_out.compare(consensus, self.tally.workers)
        order = np.argsort(np.concatenate(clusters), kind="stable")
        image_of = consensus.clusters.image[np.concatenate(clusters)[order]]
        sums = np.bincount(image_of, np.concatenate(similar)[order], minlength=len(images)).tolist()
        pairs = np.bincount(image_of, minlength=len(images)).tolist()
        again = []
        for index, (labeled, merged) in enumerate(zip(images, consensus.images(), strict=True)):
            if isinstance(merged, CrowdedError):
                again.append(labeled)
                continue
            annotation = with_consensus(labeled.annotation, *merged)
            oks_of_pairs = sums[index] / pairs[index] if pairs[index] else None
            annotation = msgspec.structs.replace(annotation, agreement=oks_of_pairs)
            instances = [consolidated.instance for consolidated in merged[0]]
            again.append(msgspec.structs.replace(labeled, annotation=annotation, instances=instances))
        return again
