"""The logger and the metrics of all functions.

They record ids and counts, but no payloads, presigned URLs or identities.

Every log line about a job has its name as `labeling_job`, in lower case as in ARNs and in folders of results, so that
one filter finds all of them.

Metrics have one dimension, `service`, which is the stack's name. A dimension with job names would create new metrics
for every job.
"""

from __future__ import annotations

from typing import TYPE_CHECKING

from aws_lambda_powertools import Logger, Metrics
from aws_lambda_powertools.metrics import MetricUnit

if TYPE_CHECKING:
    from truepoint.results.result_set import Results

logger = Logger()
metrics = Metrics(namespace="Truepoint")


def count_results(results: Results) -> None:
    """Emit and log the counts of a job whose results are complete."""
    counts = {"read": results.lines, "written": results.written, "rejected": results.rejected, "failed": results.failed}
    counts["unlabeled"] = results.unlabeled
    metrics.add_metric("JobsProcessed", MetricUnit.Count, 1)
    for name, count in counts.items():
        metrics.add_metric(f"Lines{name.capitalize()}", MetricUnit.Count, count)
    # Unlabelled lines are not failures: a job that is stopped leaves them on purpose.
    failed = 100 * (results.rejected + results.failed) / results.lines if results.lines else 0.0
    metrics.add_metric("PercentFailed", MetricUnit.Percent, failed)
    logger.info("results ready", lines=counts, percent_failed=round(failed, 2))


__all__ = ["MetricUnit", "count_results", "logger", "metrics"]
