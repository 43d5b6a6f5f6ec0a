"""Announcement of a job's results as an event and as metrics."""

from __future__ import annotations

from typing import Any

import msgspec

from truepoint.adapters.bucket import Bucket
from truepoint.adapters.control import put_event
from truepoint.adapters.telemetry import count_results
from truepoint.groundtruth.job import RESULTS_READY, SOURCE
from truepoint.keys import job_keys, s3_uri
from truepoint.results.result_set import Results, ResultsReady


def announce(results: Results, store: Bucket) -> dict[str, Any]:
    """Announce complete results, and return the event's detail."""
    uri = s3_uri(store.name, job_keys(results.labeling_job).results_marker)
    ready = ResultsReady(**msgspec.structs.asdict(results), results_s3_uri=uri)
    detail: dict[str, Any] = msgspec.to_builtins(ready)
    put_event(SOURCE, RESULTS_READY, [results.labeling_job_arn], detail)
    count_results(results)
    return detail
