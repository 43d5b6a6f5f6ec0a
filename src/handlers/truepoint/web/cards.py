"""What pages show of a job and of a worker's part in it. Pure."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from truepoint.task_queue.rows import Job, Worker


def job_card(job: Job, workers: Iterable[Worker], mine: Worker) -> dict[str, Any]:
    """Return a job as lists of jobs show it.

    Args:
        job: its row.
        workers: the rows of all its workers.
        mine: the row of who looks at it.
    """
    answers = sum(worker.answers for worker in workers)
    return {
        "name": job.name,
        "title": job.title,
        "description": job.description,
        "status": job.status,
        "paused": job.paused,
        "images": job.open,
        # Answers are spread over images; so many would be complete if they were not.
        "complete": min(job.open, answers // job.workers_per_image),
        "workersPerImage": job.workers_per_image,
        "mine": own_part(mine),
    }


def own_part(row: Worker) -> dict[str, Any]:
    """Return what a worker has done in a job."""
    return {"answers": row.answers, "seconds": row.seconds, "skips": row.skips}


def pace_per_hour(workers: Iterable[Worker], now: float, recent: float) -> float:
    """Return how many answers an hour the workers give who answered within the last `recent` seconds.

    Each is counted with the mean time of their answers, so that breaks before do not count.
    """
    active = [worker for worker in workers if worker.seconds > 0 and now - worker.last <= recent]
    return sum(3600 * worker.answers / worker.seconds for worker in active)
