"""Entry module: runs one step of writing a large job's results.

The state machine ResultsStateMachine of template.yaml invokes it.
"""

from __future__ import annotations

from typing import Any

import msgspec

from truepoint.adapters.bucket import Bucket
from truepoint.adapters.environment import bucket_name, number
from truepoint.adapters.telemetry import logger, metrics
from truepoint.groundtruth.job import LabelingJob
from truepoint.results.ranges import LARGEST_RANGE
from truepoint.runs import steps
from truepoint.runs.announcement import announce
from truepoint.runs.plan import Step, read_step
from truepoint.runs.write_lock import NotYetError


@logger.inject_lambda_context(clear_state=True)
@metrics.log_metrics
def handler(event: Any, context: Any) -> dict[str, Any]:
    """Run the step that the event names.

    The response is small, because it becomes part of the execution's state.
    """
    step = read_step(event)
    store = Bucket(bucket_name())
    logger.append_keys(labeling_job=step.labeling_job, run=step.run or None, step=step.step, range=step.range)

    def seconds_left() -> float:
        return float(context.get_remaining_time_in_millis()) / 1000

    match step:
        case Step(step="plan", job=LabelingJob() as job):
            largest = number("LARGEST_RANGE", LARGEST_RANGE)
            answer = {"job": msgspec.to_builtins(job), "run": "", "ranges": [], "wait": 0}
            try:
                run, ranges = steps.make_plan(job, steps.find_manifest(job, store), store, largest)
            except NotYetError as error:
                logger.info("waits", reason=str(error))
                return answer | {"wait": error.seconds}
            return answer | {"run": run, "ranges": list(range(ranges))}
        case Step(step="survey"):
            return {"unfinished": not steps.survey(step.run, step.range, store, seconds_left)}
        case Step(step="join"):
            steps.join(step.run, store)
        case Step(step="label"):
            return {"unfinished": not steps.label(step.run, step.range, store, seconds_left)}
        case Step(step="merge"):
            steps.merge(step.run, store)
        case Step(step="announce"):
            return announce(steps.completion_marker(step.run, store), store)
    return {}
