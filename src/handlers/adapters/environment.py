"""The one reader of the environment."""

from __future__ import annotations

import os


def bucket_name() -> str:
    """The stack's bucket.

    Raises:
        RuntimeError: `BUCKET_NAME` is not set; template.yaml sets it for every function that needs it.
    """
    name = os.environ.get("BUCKET_NAME")
    if not name:
        raise RuntimeError("expected the environment variable BUCKET_NAME to name the stack's bucket, it is not set")
    return name


def uses_ground_truth() -> bool:
    """Whether labelling jobs run in Ground Truth too; no means that its API is not asked."""
    return os.environ.get("USES_GROUND_TRUTH") == "yes"


def endpoint_url() -> str | None:
    """Where AWS is, if not where it always is.

    An emulator sets AWS_ENDPOINT_URL. `sam local` hands on only variables that the template declares, and declaring
    that one would give it to the deployed functions too, empty, which S3 clients refuse: hence one of our own.
    """
    return os.environ.get("ENDPOINT_URL") or os.environ.get("AWS_ENDPOINT_URL")
