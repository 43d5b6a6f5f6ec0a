"""Custom resource: puts what is built into the bucket: the element, its languages, the creator, the guide, the portal.

Keys are made from the content, so publishing twice writes once, a changed element gets a new key, and the script that a
running job's template names is never changed or deleted. Only the portal's page has a key that stays, because people
bookmark it. boto3 is the Lambda runtime's own.
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

BUILT = Path(__file__).parent
"""Where `npm run build` has its results copied to."""
SCRIPT = "application/javascript; charset=UTF-8"
PAGE = "text/html; charset=UTF-8"
STYLE = "text/css; charset=UTF-8"
FOREVER = "public, max-age=31536000, immutable"
CHECKED = "no-cache"
"""Browsers and CloudFront keep the page, but ask each time whether it is still the same."""
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
            answer["Data"] = publish(boto3.client("s3"), bucket, BUILT)
    except Exception as error:
        LOG.exception("not published")
        answer |= {"Status": "FAILED", "Reason": f"{type(error).__name__}: {error}; see {context.log_stream_name}"}
    _send(event["ResponseURL"], answer)


def publish(s3: Any, bucket: str, built: Path) -> dict[str, str]:
    """Write what is in the folder `built`, each file unless it is there, and replace only the portal's page.

    The element goes to `ui/<digest>/`, and beside it its languages, whose digests it knows. The creator's page and
    script go to `ui/creator/<digest>/`, the guide to `ui/guide/<digest>/`: a new creator or guide does not change the
    element's key. The portal's script and style go to `ui/portal/<digest>/`, and then its page, which names them, to
    `ui/portal/index.html`: whoever opens it meanwhile gets the old page with the old script.

    Returns:
        `Key` and `Integrity` of the element, for a script tag (sha384, https://www.w3.org/TR/SRI/), `CreatorKey`,
        `GuideKey` and `PortalKey`.
    """
    element = (built / "crowd-2d-skeleton.js").read_bytes()
    key = f"ui/{_digest(element)}/crowd-2d-skeleton.js"
    for language in sorted(built.glob("crowd-2d-skeleton.*.js")):
        _put(s3, bucket, f"ui/{_digest(element)}/{language.name}", language.read_bytes(), SCRIPT)
    _put(s3, bucket, key, element, SCRIPT)
    # The page names its script's digest: one that has the page's digest in its key has the right script beside it.
    page = (built / "creator.html").read_bytes()
    folder = f"ui/creator/{_digest(page)}"
    _put(s3, bucket, f"{folder}/skeleton-creator.js", (built / "skeleton-creator.js").read_bytes(), SCRIPT)
    _put(s3, bucket, f"{folder}/creator.html", page, PAGE)
    guide = (built / "labeler-guide.html").read_bytes()
    guide_key = f"ui/guide/{_digest(guide)}/labeler-guide.html"
    _put(s3, bucket, guide_key, guide, PAGE)
    script, style = ((built / "portal" / name).read_bytes() for name in ("portal.js", "portal.css"))
    portal = f"ui/portal/{_digest(script + style)}"
    _put(s3, bucket, f"{portal}/portal.js", script, SCRIPT)
    _put(s3, bucket, f"{portal}/portal.css", style, STYLE)
    portal_key = "ui/portal/index.html"
    index = (built / "portal" / "index.html").read_bytes()
    s3.put_object(Bucket=bucket, Key=portal_key, Body=index, ContentType=PAGE, CacheControl=CHECKED)
    integrity = "sha384-" + base64.b64encode(hashlib.sha384(element).digest()).decode()
    return {
        "Key": key,
        "Integrity": integrity,
        "CreatorKey": f"{folder}/creator.html",
        "GuideKey": guide_key,
        "PortalKey": portal_key,
    }


def _digest(content: bytes) -> str:
    return hashlib.sha256(content).hexdigest()[:16]


def _put(s3: Any, bucket: str, key: str, content: bytes, media_type: str) -> None:
    if s3.list_objects_v2(Bucket=bucket, Prefix=key, MaxKeys=1).get("KeyCount"):
        LOG.info("already published: %s", key)
        return
    s3.put_object(Bucket=bucket, Key=key, Body=content, ContentType=media_type, CacheControl=FOREVER)
    LOG.info("published: %s", key)


def _send(url: str, answer: dict[str, Any]) -> None:
    # CloudFormation hands out a presigned PUT: any Content-Type would break its signature.
    body = json.dumps(answer).encode()
    request = urllib.request.Request(url, data=body, method="PUT", headers={"Content-Type": ""})  # noqa: S310
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310
        LOG.info("answered CloudFormation: %s", answer["Status"])
