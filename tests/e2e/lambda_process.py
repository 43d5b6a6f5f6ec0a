"""Runs a built function as Lambda does: the handler, called with one event after the other. Started by `real_hosts.py`
with the interpreter of the functions' runtime and the environment that Lambda gives; imports nothing of the project
but the handler.

Reads an event a line; answers a line: `{"result": …}`, or `{"error": type, "message": …}` for an exception.
"""

from __future__ import annotations

import importlib
import json
import os
import sys
import time
from types import SimpleNamespace

SECONDS = 900


def main() -> None:
    """Serve until standard input ends."""
    answers = os.fdopen(os.dup(1), "w")
    os.dup2(2, 1)  # what the function prints is its log
    sys.path.insert(0, os.environ["LAMBDA_TASK_ROOT"])
    module, name = os.environ["_HANDLER"].rsplit(".", 1)
    handler = getattr(importlib.import_module(module), name)
    for line in sys.stdin:
        ends = time.monotonic() + SECONDS
        context = SimpleNamespace(
            function_name=os.environ["AWS_LAMBDA_FUNCTION_NAME"],
            function_version="$LATEST",
            memory_limit_in_mb=int(os.environ["AWS_LAMBDA_FUNCTION_MEMORY_SIZE"]),
            invoked_function_arn=f"arn:aws:lambda:us-east-1:000000000000:function:{os.environ['AWS_LAMBDA_FUNCTION_NAME']}",
            aws_request_id="00000000-0000-0000-0000-000000000000",
            log_stream_name=os.environ["AWS_LAMBDA_LOG_STREAM_NAME"],
            get_remaining_time_in_millis=lambda ends=ends: int((ends - time.monotonic()) * 1000),
        )
        try:
            answer = {"result": handler(json.loads(line), context)}
        except Exception as error:  # noqa: BLE001 (as the runtime does)
            answer = {"error": type(error).__name__, "message": str(error)}
        print(json.dumps(answer), file=answers, flush=True)


if __name__ == "__main__":
    main()
