"""Similarity of workers' answers to gold, which leads see while a job runs. The report has further measures.

numpy is imported only for a job with gold, because most ticks have none.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from truepoint.adapters.bucket import Bucket, NotReadableError
from truepoint.groundtruth.answer import LARGEST_ANSWER, AnswerError, parse_answer
from truepoint.keys import below_images, job_keys, split_s3_uri
from truepoint.pose.sigma_table import SigmaTable, sigma_table
from truepoint.pose.skeleton import SkeletonError, parse_skeleton
from truepoint.task_queue.rows import Job
from truepoint.tasks.loading import LARGEST_GOLD


class GoldScores:
    """The gold of one job, which is read at the first use."""

    def __init__(self, store: Bucket, job: Job) -> None:
        self._store = store
        self._job = job
        self._gold: Mapping[str, Any] | None = None
        self._sigmas = SigmaTable()

    def of(self, line: int, source: str, answers: Mapping[str, Mapping[str, Any]]) -> dict[str, float]:
        """Return the similarity of each usable answer to the line's gold, from 0 to 1, by worker.

        The similarity is the sum of the OKS of matched instances, divided by the number of instances in answer or gold.
        So a missed and an added instance count as 0.

        Args:
            line: the line's number.
            source: S3 URI of its image.
            answers: the fields of each worker's answer.

        Returns:
            The similarities; empty if the line has no gold.
        """
        if line not in self._job.gold:
            return {}
        from truepoint.measures.gold import compare  # noqa: PLC0415
        from truepoint.measures.workers import WorkerMeter  # noqa: PLC0415

        gold = self._instances(source)
        if gold is None:
            return {}
        scores = {}
        for worker, content in answers.items():
            try:
                answer = parse_answer(worker, content)
            except AnswerError:
                continue
            meter = WorkerMeter()
            compare([(worker, gold, answer.instances)], self._sigmas, meter)
            compared = meter.against_gold(worker)
            whole = compared.wanted + compared.added
            scores[worker] = compared.oks.value / whole if whole else 1.0
        return scores

    def _instances(self, source: str) -> Any:
        if self._gold is None:
            self._gold = self._read()
        _, key = split_s3_uri(source)
        return self._gold.get(below_images(self._job.name, key), self._gold.get(key.rpartition("/")[2]))

    def _read(self) -> Mapping[str, Any]:
        from truepoint.measures.gold import GoldError, parse_gold  # noqa: PLC0415

        try:
            text = self._store.find(job_keys(self._job.name).gold, LARGEST_GOLD)
            skeleton = self._store.find(job_keys(self._job.name).skeleton, LARGEST_ANSWER)
            if skeleton is not None:
                self._sigmas = sigma_table(parse_skeleton(skeleton, stored=True))
            return parse_gold(text) if text is not None else {}
        except (NotReadableError, GoldError, SkeletonError):
            return {}  # the report describes the error
