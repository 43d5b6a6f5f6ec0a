"""Where a job's objects are in the bucket (docs/formats.md): the one place that spells these keys."""

from __future__ import annotations

from typing import NamedTuple

OUTPUT_PREFIX = "output/"


class JobKeys(NamedTuple):
    """The S3 keys of one labeling job."""

    manifest: str
    skeleton: str
    template: str
    labeling_job: str
    images: str
    results: str
    results_marker: str
    output_manifest: str


def job_keys(job: str) -> JobKeys:
    """Keys of the job named `job`; `images` and `results` are prefixes that end in a slash."""
    start, results = f"jobs/{job}/", f"results/{job}/"
    return JobKeys(
        manifest=f"{start}input.manifest",
        skeleton=f"{start}skeleton.json",
        template=f"{start}template.liquid.html",
        labeling_job=f"{start}labeling_job.json",
        images=f"{start}images/",
        results=results,
        results_marker=f"{results}results.json",
        output_manifest=f"{OUTPUT_PREFIX}{job}/manifests/output/output.manifest",
    )


def s3_uri(bucket: str, key: str) -> str:
    """The URI `s3://bucket/key`; keys stand in it as they are, unencoded."""
    return f"s3://{bucket}/{key}"


def split_s3_uri(uri: str) -> tuple[str, str]:
    """Bucket and key of an S3 URI.

    Raises:
        ValueError: not an S3 URI with a bucket.
    """
    scheme, _, rest = uri.partition("://")
    bucket, _, key = rest.partition("/")
    if scheme != "s3" or not bucket:
        raise ValueError(f"expected an S3 URI like s3://bucket/prefix, actual {uri!r}")
    return bucket, key
