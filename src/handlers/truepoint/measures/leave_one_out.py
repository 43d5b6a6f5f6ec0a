"""Comparison of each worker of an image with the consensus of the other workers."""

from __future__ import annotations

import numpy as np

from truepoint.consensus.consolidation import Consensus, Places
from truepoint.consensus.stack import Stack
from truepoint.measures.taxonomy import Bodies, Comparisons
from truepoint.measures.workers import WorkerMeter
from truepoint.pose.instance import OCCLUDED, VISIBLE
from truepoint.pose.poses import Flags, Integers, marked

LEAST_OTHERS = 2
"""Minimum number of other workers: one worker is no consensus."""


class _Answers:
    """The answers of a batch of images, numbered consecutively.

    Attributes:
        ids: each answer's worker id.
        count: each image's number of answers.
        first: each image's first answer.
        of: each instance's answer.
    """

    def __init__(self, consensus: Consensus) -> None:
        poses = consensus.poses
        self.ids = [worker_id for answers in poses.answers for worker_id, _ in answers]
        self.count = np.array([len(answers) for answers in poses.answers], np.intp)
        self.first: Integers = np.cumsum(self.count) - self.count
        self.of: Integers = self.first[poses.image] + poses.worker

    def instances(self, chosen: Flags) -> Integers:
        """Return for each answer how many of its instances are chosen."""
        return np.bincount(self.of[chosen], minlength=len(self.ids))

    def without(self, image: int, members: Integers) -> Integers:
        """Return the answers to an image that contain none of these instances."""
        begin = self.first[image]
        return np.asarray(begin + np.flatnonzero(~marked(self.count[image], self.of[members] - begin)))


def compare(consensus: Consensus, to: WorkerMeter) -> None:
    """Compare each worker of a batch of images with the others, and add the comparisons to the workers' statistics.

    A subject counts if a quorum of the other workers, and at least `LEAST_OTHERS`, marked it.
    """
    clusters, answers = consensus.clusters, _Answers(consensus)
    least = np.maximum(LEAST_OTHERS, consensus.workers // 2)  # the quorum of the others
    counts = consensus.wanted & (consensus.workers > LEAST_OTHERS)
    without_a_member, whole = counts & (clusters.size > least), counts & (clusters.size >= least)
    of = clusters.of
    subjects = np.bincount(clusters.image[whole], minlength=len(answers.count))
    missed = np.repeat(subjects, answers.count) - answers.instances(whole[of])
    wanted = answers.instances(without_a_member[of]) + missed
    marked, added = answers.instances(counts[of]), answers.instances(counts[of] & (clusters.size[of] == 1))
    collected = [to.against_others(worker_id) for worker_id in answers.ids]
    for n, references in enumerate(collected):
        references.marked += int(marked[n])
        references.added += int(added[n])
        references.wanted += int(wanted[n])
        references.missed += int(missed[n])

    compared: list[tuple[Comparisons, int]] = []
    bodies: list[Bodies] = []
    for agreed in consensus.agreed:
        stack = agreed.stack
        for n in np.flatnonzero(
            whole[stack.cluster] & (stack.member.shape[1] < consensus.workers[stack.cluster])
        ).tolist():
            # The subject is also a reference for the answers of the workers who did not mark it.
            rest = answers.without(clusters.image[stack.cluster[n]], stack.member[n])
            bodies.append(_repeated(agreed.places, stack, n, rest))
        chosen = without_a_member[stack.cluster]
        if chosen.any():
            subjects_of_stack = _compared(consensus, stack.some(chosen), answers.of)
            compared.append((subjects_of_stack, stack.member.shape[1] - 1))
            bodies.append(_bodies(subjects_of_stack))
    if compared:
        together = Bodies(*(np.concatenate(columns) for columns in zip(*bodies, strict=True)))
        for comparisons, others in compared:
            expected = np.full(len(comparisons.answer), honest(others))
            to.compare(comparisons, together, consensus.poses, collected, expected)


def _compared(consensus: Consensus, stack: Stack, answer: Integers) -> Comparisons:
    """Return comparisons of each member with the consensus of the other members, where that has keypoints."""
    rest = stack.without_each()
    places = consensus.agree(rest).places
    others = rest.area.shape[1]
    some = places.there.any(axis=1)
    columns = stack.there.shape[2]
    return Comparisons(
        answer=answer[stack.member.ravel()][some],
        body=rest.cluster[some],
        area=np.sort(rest.area, axis=1)[some, others // 2],
        label=rest.label[some],
        inverse=rest.inverse[some],
        mirror=rest.mirror[some],
        there=stack.there.reshape(-1, columns)[some],
        x=stack.x.reshape(-1, columns)[some],
        y=stack.y.reshape(-1, columns)[some],
        visibility=stack.visibility.reshape(-1, columns)[some],
        reference_there=places.there[some],
        reference_x=places.x[some],
        reference_y=places.y[some],
        reference_visibility=np.where(places.visible[some], VISIBLE, OCCLUDED),
    )


def _bodies(subjects: Comparisons) -> Bodies:
    row, column = np.nonzero(subjects.reference_there)
    return Bodies(
        subjects.answer[row],
        subjects.body[row],
        subjects.label[row, column],
        subjects.reference_x[row, column],
        subjects.reference_y[row, column],
    )


def _repeated(places: Places, stack: Stack, n: int, answers: Integers) -> Bodies:
    column = np.flatnonzero(places.there[n])
    times = len(answers)
    return Bodies(
        np.repeat(answers, len(column)),
        np.full(times * len(column), stack.cluster[n]),
        np.tile(stack.label[n, column], times),
        np.tile(places.x[n, column], times),
        np.tile(places.y[n, column], times),
    )


def honest(others: int) -> float:
    """Return the expected similarity of a careful worker with the mean of `others` careful workers.

    The variances of the worker and of the mean add up; see `similarity.HONEST_PAIR`.
    """
    return 1 / (1 + (1 + 1 / others) / 8)
