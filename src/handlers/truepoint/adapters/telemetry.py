"""The one logger and the one set of metrics. Ids and counts only: no payloads, presigned URLs or identities.

Every line about a job has its name as `labeling_job`, in lower case: one filter finds them all, and ARNs and folders of
results have no other.

Metrics have one dimension, `service`, which is the stack's name: a labelling job's name would make new ones for ever.
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
    """Count a job whose results are complete, and its lines; log both."""
    counts = {"read": results.lines, "written": results.written, "rejected": results.rejected, "failed": results.failed}
    counts["unlabeled"] = results.unlabeled
    metrics.add_metric("JobsProcessed", MetricUnit.Count, 1)
    for name, count in counts.items():
        metrics.add_metric(f"Lines{name.capitalize()}", MetricUnit.Count, count)
    # A job that was stopped leaves lines unlabelled on purpose: they are no failure.
    failed = 100 * (results.rejected + results.failed) / results.lines if results.lines else 0.0
    metrics.add_metric("PercentFailed", MetricUnit.Percent, failed)
    logger.info("results ready", lines=counts, percent_failed=round(failed, 2))


__all__ = ["MetricUnit", "count_results", "logger", "metrics"]
