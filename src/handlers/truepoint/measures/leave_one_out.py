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


def compare(consensus: Consensus, to: WorkerMeter) -> None:
    """Compare each worker of a batch of images with the others, and add the comparisons to the workers' statistics.

    A subject counts if a quorum of the other workers, and at least `LEAST_OTHERS`, marked it.
    """
    clusters, poses = consensus.clusters, consensus.poses
    least = np.maximum(LEAST_OTHERS, consensus.workers // 2)  # the quorum of the others
    counts = consensus.wanted & (consensus.workers > LEAST_OTHERS)
    without_a_member, whole = counts & (clusters.size > least), counts & (clusters.size >= least)
    of = clusters.of

    def sum_by_answer(chosen: Flags) -> Integers:
        """Return for each answer how many of its instances are chosen."""
        return np.bincount(poses.answer_index[chosen], minlength=len(poses.worker_ids))

    subjects = np.bincount(clusters.image[whole], minlength=len(poses.answer_counts))
    missed = np.repeat(subjects, poses.answer_counts) - sum_by_answer(whole[of])
    wanted = sum_by_answer(without_a_member[of]) + missed
    counted, added = sum_by_answer(counts[of]), sum_by_answer(counts[of] & (clusters.size[of] == 1))
    collected = [to.against_others(worker_id) for worker_id in poses.worker_ids]
    for n, references in enumerate(collected):
        references.marked += int(counted[n])
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
            image = clusters.image[stack.cluster[n]]
            absent = ~marked(poses.answer_counts[image], poses.worker[stack.member[n]])
            answers = poses.first_answer[image] + np.flatnonzero(absent)
            bodies.append(_repeated(agreed.places, stack, n, answers))
        chosen = without_a_member[stack.cluster]
        if chosen.any():
            subjects_of_stack = _compared(consensus, stack.some(chosen))
            compared.append((subjects_of_stack, stack.member.shape[1] - 1))
            bodies.append(_bodies(subjects_of_stack))
    if compared:
        together = Bodies(*(np.concatenate(columns) for columns in zip(*bodies, strict=True)))
        for comparisons, others in compared:
            expected = np.full(len(comparisons.answer), honest(others))
            to.compare(comparisons, together, poses, collected, expected)


def _compared(consensus: Consensus, stack: Stack) -> Comparisons:
    """Return comparisons of each member with the consensus of the other members, where that has keypoints."""
    rest = stack.without_each()
    places = consensus.agree(rest).places
    others = rest.area.shape[1]
    some = places.there.any(axis=1)
    columns = stack.there.shape[2]
    return Comparisons(
        answer=consensus.poses.answer_index[stack.member.ravel()][some],
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
