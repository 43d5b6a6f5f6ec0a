"""Entry module: advances the portal's jobs. EventBridge invokes it every minute; each invocation is a tick.

A failing job does not stop the others. The next tick tries it again.
"""

from __future__ import annotations

import random
import time
from typing import Any

from truepoint.adapters import control
from truepoint.adapters.bucket import Bucket
from truepoint.adapters.environment import bucket_name, number, portal_table
from truepoint.adapters.telemetry import MetricUnit, logger, metrics
from truepoint.task_queue import rows
from truepoint.task_queue.table import Table
from truepoint.tasks.consolidating import CORRECTION_SECONDS
from truepoint.tasks.dependencies import Dependencies
from truepoint.tasks.discovery import find_jobs
from truepoint.tasks.job_lease import LostJobLeaseError
from truepoint.tasks.ticking import Moved, move

RESERVE = 45.0
"""Remaining time of the invocation below which a tick does not take up another job, in seconds."""


@logger.inject_lambda_context(clear_state=True)
def handler(event: Any, context: Any) -> dict[str, Any]:
    """Load new jobs; then, in each open job, consolidate images with all answers, and end the job if it is finished."""

    def seconds_left() -> float:
        return float(context.get_remaining_time_in_millis()) / 1000

    dependencies = Dependencies(
        store=Bucket(bucket_name()),
        table=Table(portal_table()),
        invoke=control.invoke,
        invoke_text=control.invoke_text,
        announce=control.put_event,
        now=time.time,
        seconds_left=seconds_left,
        correction_seconds=number("PORTAL_CORRECTION_SECONDS", CORRECTION_SECONDS),
    )
    return tick(dependencies, str(context.aws_request_id))


def tick(dependencies: Dependencies, holder: str) -> dict[str, Any]:
    """Advance every open job, and return what was done, by job."""
    loaded, stuck = [], set[str]()
    for new in find_jobs(dependencies.store, dependencies.table, dependencies.now, dependencies.seconds_left):
        if new.job:
            loaded.append(new.job.name)
            logger.info("loaded", labeling_job=new.folder, lines=new.job.lines, open=new.job.open)
        else:
            stuck.add(new.folder)
            logger.warning("the job cannot be loaded", labeling_job=new.folder, error=new.problem)
    names = [row["sk"] for row in dependencies.table.query(rows.JOBS) if not row.get("ended")]
    random.shuffle(names)  # concurrent ticks start with different jobs, and no job is always the last one
    moved: dict[str, Moved] = {}
    for name in names:
        if dependencies.seconds_left() < RESERVE:
            break
        result = _move(dependencies, name, holder)
        if result is None:
            stuck.add(name)
        else:
            moved[name] = result
            if result.problem:
                stuck.add(name)
    if stuck:  # not sent otherwise, because a metric costs money also in an idle stack
        metrics.add_metric("PortalJobsStuck", MetricUnit.Count, len(stuck))
        metrics.flush_metrics()
    return {"loaded": loaded, "moved": {name: result._asdict() for name, result in moved.items() if any(result)}}


def _move(dependencies: Dependencies, name: str, holder: str) -> Moved | None:
    """Advance one job; return None if that failed."""
    try:
        result = move(dependencies, name, holder) or Moved()
    except LostJobLeaseError as error:
        logger.warning("another tick has taken over", labeling_job=name, error=str(error))
        return Moved()
    except Exception:  # noqa: BLE001 - no error of one job may stop the others
        logger.exception("the job cannot be brought forward", labeling_job=name)
        return None
    if any(result):
        logger.info("brought forward", labeling_job=name, **result._asdict())
    return result
