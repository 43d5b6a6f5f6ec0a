#!/usr/bin/env python3
"""Delete the bucket of a deleted stack, with every version of every object, including all labels.

Refuses if the stack still exists, or without --delete-every-label.
"""

from __future__ import annotations

import argparse
import sys
from typing import Any

from botocore.exceptions import ClientError
from tqdm import tqdm

from truepoint.jobs import command

EXAMPLE = "%(prog)s truepoint-bucket-1a2b3c --delete-every-label"


def main(given: list[str] | None = None) -> int:
    """Run the command."""
    parser = command.parser(__doc__, EXAMPLE)
    parser.add_argument("bucket", metavar="BUCKET", help="the output BucketName of the deleted stack")
    parser.add_argument("--delete-every-label", action="store_true", help="confirm that all labels are deleted")
    options = parser.parse_args(given)
    return command.run(lambda: delete(options))


def delete(options: argparse.Namespace) -> int:
    """Empty the bucket and delete it, if it exists."""
    session = command.session(options)
    if not options.delete_every_label:
        raise command.UsageError(
            f"expected --delete-every-label, got none: this permanently deletes every label in {options.bucket}"
        )
    if stack := owner(session.client("cloudformation"), options.bucket, options.stack_name):
        raise command.UsageError(
            f"expected the bucket of a deleted stack, got {options.bucket} of the stack {stack}: delete the stack first"
        )
    s3 = session.client("s3")
    try:
        deleted = empty(s3, options.bucket)
    except s3.exceptions.NoSuchBucket:
        print(f"{options.bucket} does not exist")
        return command.OK
    s3.delete_bucket(Bucket=options.bucket)
    print(f"deleted {options.bucket} and {deleted} object versions in it")
    return command.OK


def owner(cloudformation: Any, bucket: str, stack_name: str) -> str | None:
    """Return the name of the stack that owns a bucket, or None.

    A stack with the bucket as its output BucketName owns it, whatever its version. A stack whose deployment failed has
    no outputs; therefore the resources of the stack `stack_name` are read too.
    """
    for page in cloudformation.get_paginator("describe_stacks").paginate():
        for stack in page["Stacks"]:
            outputs = {output["OutputKey"]: output["OutputValue"] for output in stack.get("Outputs", ())}
            if outputs.get("BucketName") == bucket and stack["StackStatus"] != "DELETE_COMPLETE":
                return str(stack["StackName"])
    try:
        resources = cloudformation.describe_stack_resources(StackName=stack_name)["StackResources"]
    except ClientError as error:
        if error.response["Error"]["Code"] != "ValidationError":  # "does not exist"
            raise
        return None
    kept = ("DELETE_COMPLETE", "DELETE_SKIPPED")
    mine = (r for r in resources if r.get("PhysicalResourceId") == bucket and r.get("ResourceStatus") not in kept)
    return stack_name if any(mine) else None


def empty(s3: Any, bucket: str) -> int:
    """Delete every object version and delete marker; return their number."""
    deleted = 0
    with tqdm(desc="delete", unit="object", disable=None) as bar:
        for page in s3.get_paginator("list_object_versions").paginate(Bucket=bucket):
            versions = [*page.get("Versions", []), *page.get("DeleteMarkers", [])]
            if versions:
                objects = [{"Key": item["Key"], "VersionId": item["VersionId"]} for item in versions]
                answer = s3.delete_objects(Bucket=bucket, Delete={"Objects": objects, "Quiet": True})
                if errors := answer.get("Errors"):
                    first = errors[0]
                    raise command.UsageError(
                        f"{len(errors)} objects could not be deleted, the first is {first['Key']}: {first['Message']}"
                    )
            deleted += len(versions)
            bar.update(len(versions))
    return deleted


if __name__ == "__main__":
    sys.exit(main())
