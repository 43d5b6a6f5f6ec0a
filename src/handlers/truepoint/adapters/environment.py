"""The environment variables of the functions. No other module reads any."""

from __future__ import annotations

import os
import sys


def bucket_name() -> str:
    """Return the stack's bucket.

    Raises:
        RuntimeError: `BUCKET_NAME` is not set; template.yaml sets it for every function that needs it.
    """
    return _needed("BUCKET_NAME", "name the stack's bucket")


def stack_bucket() -> str | None:
    """Return the stack's bucket, None or empty if `BUCKET_NAME` is not set."""
    return os.environ.get("BUCKET_NAME")


def state_machine_arn() -> str:
    """Return the ARN of the state machine for large jobs.

    Raises:
        RuntimeError: `STATE_MACHINE_ARN` is not set; template.yaml sets it for the function that needs it.
    """
    return _needed("STATE_MACHINE_ARN", "name the state machine for large jobs")


def portal_table() -> str:
    """Return the name of the portal's table.

    Raises:
        RuntimeError: `PORTAL_TABLE` is not set; template.yaml sets it for the functions that need it.
    """
    return _needed("PORTAL_TABLE", "name the portal's table")


def portal_settings() -> str:
    """Return the name of the parameter of Systems Manager with the portal's settings.

    Raises:
        RuntimeError: `PORTAL_SETTINGS` is not set; template.yaml sets it for the function that needs it.
    """
    return _needed("PORTAL_SETTINGS", "name the parameter with the portal's settings")


def uses_ground_truth() -> bool:
    """Return whether the stack's labelling jobs may run in Ground Truth. If not, its API is never called."""
    return os.environ.get("USES_GROUND_TRUTH") == "yes"


def endpoint_url() -> str | None:
    """Return the endpoint URL of AWS services, None for the default one.

    An emulator sets AWS_ENDPOINT_URL. `sam local` passes only variables that the template declares. Declaring
    AWS_ENDPOINT_URL would set it, empty, for the deployed functions, which S3 clients refuse. So the template declares
    ENDPOINT_URL.
    """
    return os.environ.get("ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT_URL")


def number(name: str, usual: int) -> int:
    """Return the positive integer in a variable, or `usual` if the variable is unset or empty.

    Raises:
        RuntimeError: the variable holds something else.
    """
    text = os.environ.get(name) or str(usual)
    if not (text.isascii() and text.isdigit() and int(text)):
        raise RuntimeError(f"expected the environment variable {name} to be a positive integer, got {text!r}")
    return int(text)


def for_a_child() -> dict[str, str]:
    """Return the environment for a Python process that imports the same modules as this one."""
    return os.environ | {"PYTHONPATH": os.pathsep.join(sys.path)}


def _needed(name: str, what_for: str) -> str:
    value = os.environ.get(name)
    if not value:
        raise RuntimeError(f"expected the environment variable {name} to {what_for}, got no value")
    return value
