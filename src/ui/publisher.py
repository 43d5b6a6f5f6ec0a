"""Custom resource: puts the built labelling element into the bucket, under a key made from its own bytes.

The key is content-addressed, so publishing twice writes once, a changed element gets a new key, and the script that a
running job's template names is never changed or deleted. boto3 is the Lambda runtime's own.
"""

from __future__ import annotations

import base64
import hashlib
import json
import logging
import urllib.request
from pathlib import Path
from typing import Any

import boto3

ELEMENT = Path(__file__).parent / "crowd-2d-skeleton.js"
LOG = logging.getLogger(__name__)
LOG.setLevel(logging.INFO)


def handler(event: dict[str, Any], context: Any) -> None:
    """Answer a CloudFormation custom-resource request: Create and Update publish, Delete leaves every version in place.

    Whatever goes wrong is told to CloudFormation at once; without an answer a deployment hangs for an hour.
    """
    answer = {key: event[key] for key in ("StackId", "RequestId", "LogicalResourceId")}
    answer |= {"PhysicalResourceId": event.get("PhysicalResourceId", "ui-bundle"), "Status": "SUCCESS", "Data": {}}
    try:
        if event["RequestType"] != "Delete":
            bucket = event["ResourceProperties"]["BucketName"]
            answer["Data"] = publish(boto3.client("s3"), bucket, ELEMENT.read_bytes())
    except Exception as error:
        LOG.exception("the element was not published")
        answer |= {"Status": "FAILED", "Reason": f"{type(error).__name__}: {error}; see {context.log_stream_name}"}
    _send(event["ResponseURL"], answer)


def publish(s3: Any, bucket: str, element: bytes) -> dict[str, str]:
    """Write `element` to `ui/<digest>/crowd-2d-skeleton.js` unless it is there.

    Returns:
        `Key`, and `Integrity` for the script tag (sha384, https://www.w3.org/TR/SRI/).
    """
    key = f"ui/{hashlib.sha256(element).hexdigest()[:16]}/crowd-2d-skeleton.js"
    integrity = "sha384-" + base64.b64encode(hashlib.sha384(element).digest()).decode()
    if s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("KeyCount"):
        LOG.info("already published: %s", key)
    else:
        s3.put_object(
            Bucket=bucket,
            Key=key,
            Body=element,
            ContentType="application/javascript; charset=UTF-8",
            CacheControl="public, max-age=31536000, immutable",
        )
        LOG.info("published: %s", key)
    return {"Key": key, "Integrity": integrity}


def _send(url: str, answer: dict[str, Any]) -> None:
    # CloudFormation hands out a presigned PUT: any Content-Type would break its signature.
    body = json.dumps(answer).encode()
    request = urllib.request.Request(url, data=body, method="PUT", headers={"Content-Type": ""})  # noqa: S310
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310
        LOG.info("answered CloudFormation: %s", answer["Status"])
