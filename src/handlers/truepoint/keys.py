"""The S3 keys of a job's objects (docs/formats.md), and the parser of S3 URIs.

Job names that differ only in case name the same job: Ground Truth refuses the second one and lower-cases names in ARNs.
Our own keys therefore hold the name in lower case. Only Ground Truth's output keeps the case given at creation.
"""

from __future__ import annotations

import re
from functools import lru_cache
from typing import NamedTuple

OUTPUT_PREFIX = "output/"
JOBS_PREFIX = "jobs/"
LEADS_LOG = "portal/log"
"""The folder of the log of what leads did in the portal."""
JOB_NAME = re.compile(r"[a-zA-Z0-9]([a-zA-Z0-9-]{0,61}[a-zA-Z0-9])?")
"""The pattern of job names that Ground Truth allows."""

_S3_URI = re.compile(r"s3://([a-z0-9][a-z0-9.\-]{1,61}[a-z0-9])(?:/(.*))?", re.DOTALL)

_MANIFEST = re.compile(r"(.*/manifests/)(?:output|intermediate/[^/]+)/output\.manifest", re.DOTALL)


class JobKeys(NamedTuple):
    """The S3 keys of one labelling job.

    `anchoring_records`, `images`, `copies`, `prelabels`, `results` and `runs` are prefixes that end in a slash. Smaller
    copies of the images are below `copies`. The runs that write the results keep their intermediate files below `runs`.
    """

    manifest: str
    skeleton: str
    gold: str
    anchoring: str
    anchoring_records: str
    template: str
    labeling_job: str
    images: str
    copies: str
    prelabels: str
    results: str
    results_marker: str
    runs: str
    write_lock: str
    output_manifest: str


@lru_cache(16)  # called once for each image while a job's results are written
def job_keys(job: str) -> JobKeys:
    """Return the keys of the job named `job`."""
    name = job.lower()
    start, results, runs = f"{JOBS_PREFIX}{name}/", f"results/{name}/", f"tmp/results/{name}/"
    return JobKeys(
        manifest=f"{start}input.manifest",
        skeleton=f"{start}skeleton.json",
        gold=f"{start}gold.json",
        anchoring=f"{start}anchoring.json",
        anchoring_records=f"{start}anchoring/",
        template=f"{start}template.liquid.html",
        labeling_job=f"{start}labeling_job.json",
        images=f"{start}images/",
        copies=f"{start}copies/",
        prelabels=f"{start}prelabels/",
        results=results,
        results_marker=f"{results}results.json",
        runs=runs,
        write_lock=f"{runs}turn.json",
        output_manifest=f"{OUTPUT_PREFIX}{job}/manifests/output/output.manifest",
    )


def output_folder(job: str) -> str:
    """Return the folder of a job's output, with a trailing slash. The name keeps its case."""
    return f"{OUTPUT_PREFIX}{job}/"


def open_lines(job: str) -> str:
    """Return the key of the portal's list of lines that still need labels (see truepoint.tasks.loading)."""
    return f"{JOBS_PREFIX}{job.lower()}/portal/open-lines"


def skip(job: str, line: int, worker: str) -> str:
    """Return the key of the file that holds a worker's reason for skipping an image in the portal."""
    return f"{JOBS_PREFIX}{job.lower()}/portal/skips/{line}/{worker}.json"


def leads_log_entry(time: float, unique: str) -> str:
    """Return the key of an entry of the log of what leads did. Newer entries have smaller keys and are listed first."""
    return f"{LEADS_LOG}/{9_999_999_999_999 - round(time * 1000):013d}-{unique}.json"


def portal_settings(job: str) -> str:
    """Return the key of what leads have set for a job in the portal (truepoint.tasks.lead_actions)."""
    return f"{JOBS_PREFIX}{job.lower()}/portal/settings.json"


def output_segment(job: str, generation: int, number: int) -> str:
    """Return the key of a part of a large job's output, until the parts are joined."""
    return f"tmp/portal/{job.lower()}/output-{generation}-{number:05d}"


def manifests_folder(output_manifest: str) -> str | None:
    """Return the folder of all of a job's manifests, with a trailing slash.

    Args:
        output_manifest: key of one of the job's manifests as Ground Truth names them:
            `…/<job>/manifests/output/output.manifest` or `…/<job>/manifests/intermediate/<n>/output.manifest`.

    Returns:
        The folder `…/<job>/manifests/`, or None for any other key.
    """
    match = _MANIFEST.fullmatch(output_manifest)
    return match[1] if match else None


def spelled(job: str, key: str) -> tuple[str, ...]:
    """Return the keys at which an object below `jobs/<job>/` may be stored, in the order in which to try them.

    Our scripts write below the lower-case name. A person who created a job by other means may have written below the
    name with its capitals, where earlier versions of this package read it.
    """
    lower = f"{JOBS_PREFIX}{job.lower()}/"
    return tuple(dict.fromkeys((key, f"{JOBS_PREFIX}{job}/{key.removeprefix(lower)}")))


def job_of_image(key: str) -> str | None:
    """Return the name of the job whose image folder contains the image, in lower case; None for any other image."""
    start, job, images, rest = [*key.split("/", 3), "", "", ""][:4]
    return job.lower() if f"{start}/" == JOBS_PREFIX and job and images == "images" and rest else None


def below_images(job: str, key: str) -> str:
    """Return an image's path below the job's image folder, or the whole key of an image outside that folder.

    The key may spell the job's name in any case.
    """
    folder = job_keys(job).images
    return key[len(folder) :] if key[: len(folder)].lower() == folder else key


def s3_uri(bucket: str, key: str) -> str:
    """Return the URI `s3://bucket/key`. The key is not percent-encoded."""
    return f"s3://{bucket}/{key}"


def split_s3_uri(uri: str) -> tuple[str, str]:
    """Return the bucket and the key of an S3 URI.

    Raises:
        ValueError: not `s3://bucket/key`. The message holds no query, because that may be a signature.
    """
    bucket, key = split_s3_prefix(uri)
    if not key:
        raise ValueError(f"expected an S3 URI like s3://bucket/key, got {uri.split('?', 1)[0][:200]!r}")
    return bucket, key


def split_s3_prefix(uri: str) -> tuple[str, str]:
    """Return the bucket and the prefix of an S3 URI; the prefix is empty for a whole bucket.

    Raises:
        ValueError: neither `s3://bucket` nor `s3://bucket/prefix`.
    """
    match = _S3_URI.fullmatch(uri)
    if not match:
        raise ValueError(f"expected an S3 URI like s3://bucket/key, got {uri.split('?', 1)[0][:200]!r}")
    return match[1], match[2] or ""
