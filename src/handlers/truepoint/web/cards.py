"""The values that pages show for a job and for a worker's part in it."""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from truepoint.task_queue.rows import Job, Worker


def job_card(job: Job, workers: Iterable[Worker], mine: Worker) -> dict[str, Any]:
    """Return the values that a list of jobs shows for a job.

    Args:
        job: the job's row.
        workers: the rows of all its workers.
        mine: the row of the worker who views the list.
    """
    answers = sum(worker.answers for worker in workers)
    return {
        "name": job.name,
        "title": job.title,
        "description": job.description,
        "status": job.status,
        "ended": job.is_ended,
        "paused": job.paused,
        "images": job.open,
        # Before the end, an upper bound: the number of complete images if no image had only some of its answers.
        "complete": min(job.open, job.total_labelled if job.is_ended else answers // job.workers_per_image),
        "workersPerImage": job.workers_per_image,
        "mine": own_part(mine),
    }


def own_part(row: Worker) -> dict[str, Any]:
    """Return the values that pages show for a worker's part in a job."""
    return {"answers": row.answers, "seconds": row.seconds, "skips": row.skips}


def pace_per_hour(workers: Iterable[Worker], now: float, recent: float) -> float:
    """Return the answers per hour of all workers who answered within the last `recent` seconds.

    Each worker contributes one answer per mean duration of an answer, so that earlier breaks have no effect.
    """
    active = [worker for worker in workers if worker.seconds > 0 and now - worker.last <= recent]
    return sum(3600 * worker.answers / worker.seconds for worker in active)
