"""The only module that reads environment variables."""

from __future__ import annotations

import os


def bucket_name() -> str:
    """Return the stack's bucket.

    Raises:
        RuntimeError: `BUCKET_NAME` is not set; template.yaml sets it for every function that needs it.
    """
    return _needed("BUCKET_NAME", "name the stack's bucket")


def state_machine_arn() -> str:
    """Return the ARN of the state machine for large jobs.

    Raises:
        RuntimeError: `STATE_MACHINE_ARN` is not set; template.yaml sets it for the function that needs it.
    """
    return _needed("STATE_MACHINE_ARN", "name the state machine for large jobs")


def uses_ground_truth() -> bool:
    """Return whether labelling jobs run in Ground Truth too; no means that its API is not asked."""
    return os.environ.get("USES_GROUND_TRUTH") == "yes"


def endpoint_url() -> str | None:
    """Return the endpoint URL of AWS, None for the default one.

    An emulator sets AWS_ENDPOINT_URL. `sam local` hands on only variables that the template declares, and declaring
    that one would give it to the deployed functions too, empty, which S3 clients refuse: hence one of our own.
    """
    return os.environ.get("ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT_URL")


def number(name: str, usual: int) -> int:
    """Return the positive integer in a variable, or the default.

    Raises:
        RuntimeError: it gives something else.
    """
    text = os.environ.get(name) or str(usual)
    if not (text.isascii() and text.isdigit() and int(text)):
        raise RuntimeError(f"expected the environment variable {name} to be a positive integer, got {text!r}")
    return int(text)


def _needed(name: str, what_for: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise RuntimeError(f"expected the environment variable {name} to {what_for}, it is not set")
    return value
