"""CloudFormation custom resource that uploads the built user interface to the stack's bucket.

The user interface is the labelling element, its languages, the skeleton creator, the labeller's guide and the portal's
page. Keys contain a digest of the content: publishing again writes nothing, and a changed element gets a new key. The
script that a running job's template names is never changed or deleted. Only the key of the portal's page stays the
same, because people bookmark it. boto3 comes from the Lambda runtime.
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
"""Folder of the function's code, into which the results of `npm run build` are copied."""
SCRIPT = "application/javascript; charset=UTF-8"
PAGE = "text/html; charset=UTF-8"
STYLE = "text/css; charset=UTF-8"
FOREVER = "public, max-age=31536000, immutable"
"""Cache-Control of files whose key contains their digest."""
CHECKED = "no-cache"
"""Cache-Control of the portal's page: browsers and CloudFront keep it, but check each time whether it has changed."""
LOG = logging.getLogger(__name__)
LOG.setLevel(logging.INFO)


def handler(event: dict[str, Any], context: Any) -> None:
    """Answer a request for the custom resource: Create and Update publish, Delete keeps every published version.

    Every error is reported to CloudFormation, because a deployment without an answer waits for an hour.
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
    """Upload the files in the folder `built` that are not in the bucket yet. Only the portal's page is ever replaced.

    The element and its languages go to `ui/<digest>/`; the element contains the languages' digests. The creator's page
    and script go to `ui/creator/<digest>/`, the guide to `ui/guide/<digest>/`, so that a new creator or guide does not
    change the element's key. The portal's script and style go to `ui/portal/<digest>/`. Its page, which names them, is
    written after them to `ui/portal/index.html`, so that the page never names a file that does not exist.

    Returns:
        `Key` and `Integrity` of the element, for a script tag (sha384, https://www.w3.org/TR/SRI/), `CreatorKey`,
        `GuideKey` and `PortalKey`.
    """
    element = (built / "crowd-2d-skeleton.js").read_bytes()
    key = f"ui/{_digest(element)}/crowd-2d-skeleton.js"
    for language in sorted(built.glob("crowd-2d-skeleton.*.js")):
        _put(s3, bucket, f"ui/{_digest(element)}/{language.name}", language.read_bytes(), SCRIPT)
    _put(s3, bucket, key, element, SCRIPT)
    # The page contains its script's digest, so the page's digest determines the script beside it.
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
    # The URL is presigned without a Content-Type, so a Content-Type header would invalidate the signature.
    body = json.dumps(answer).encode()
    request = urllib.request.Request(url, data=body, method="PUT", headers={"Content-Type": ""})  # noqa: S310
    with urllib.request.urlopen(request, timeout=30):  # noqa: S310
        LOG.info("answered CloudFormation: %s", answer["Status"])
