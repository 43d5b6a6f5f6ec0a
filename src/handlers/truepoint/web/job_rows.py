"""The jobs, and the workers of a job, as the portal's table has them."""

from __future__ import annotations

from truepoint.task_queue import rows
from truepoint.task_queue.rows import Job, Worker
from truepoint.task_queue.table import Table


def read_jobs(table: Table) -> list[Job]:
    """Return the rows of all jobs."""
    names = [row["sk"] for row in table.query(rows.JOBS)]
    stored = table.get([rows.job_key(name) for name in names])
    return [rows.read(stored[key], Job) for name in names if (key := rows.job_key(name)) in stored]


def read_workers(table: Table, job: Job) -> dict[str, Worker]:
    """Return the rows of a job's workers by pseudonym."""
    return {row["sk"]: rows.read(row, Worker) for row in table.query(rows.worker_pk(job.key))}
