"""The job that `make demo` works on: a given one, one that the same command created before, or a new one."""

from __future__ import annotations

import hashlib
import re
import sys
import time
from collections.abc import Sequence
from datetime import UTC, datetime
from typing import TYPE_CHECKING

from tqdm import tqdm

from truepoint.demo.deployed_portal import CORRECTION_SECONDS, Ticks
from truepoint.demo.options import PROJECT, DemoError, Options, find_images, say
from truepoint.demo.stored_job import StoredJob
from truepoint.emulator.emulator import Emulator
from truepoint.jobs.images import list_objects
from truepoint.jobs.launch import (
    PreparedJob,
    create_outside_ground_truth,
    describe_outside_ground_truth,
    prepare_job,
)
from truepoint.jobs.prelabels import Instances
from truepoint.jobs.request import JobSettings
from truepoint.jobs.stack import StackOutputs
from truepoint.jobs.status import job_folders
from truepoint.keys import job_keys
from truepoint.pose.skeleton import Skeleton

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

TEMPLATE = PROJECT / "src" / "ui" / "worker-task.liquid.html"
EXAMPLES = PROJECT / "examples"
"""Images to label when no folder is given: one folder for each subject."""
LONGEST_WAIT = CORRECTION_SECONDS + 60
"""Maximum time to wait for the labels of images whose answers can still be corrected, in seconds."""


class JobStart:
    """Finds or creates the job of one run of the demo.

    Args:
        options: the command line.
        emulator: running.
        stack: the deployed stack's outputs.
        ticks: calls a tick.
    """

    def __init__(self, options: Options, emulator: Emulator, stack: StackOutputs, ticks: Ticks) -> None:
        self._options = options
        self._emulator = emulator
        self._stack = stack
        self._ticks = ticks
        self._s3: S3Client = emulator.session().client("s3", endpoint_url=emulator.endpoint)

    def job(self) -> StoredJob:
        """Return the job, which is in the bucket afterwards.

        Raises:
            DemoError: a job that the command line names does not exist.
            JobRefusedError: Ground Truth's limits do not allow the job.
        """
        return self._continue(self._options.job) if self._options.job else self._find_or_create()

    def _find_or_create(self) -> StoredJob:
        options, skeleton = self._options, self._options.skeleton
        folder = options.images or EXAMPLES / ("box-truck" if "truck" in skeleton.name else "person")
        images = options.own_images or find_images(folder)
        names = [image.name for image in images.images]
        content = [image.md5 for image in images.images] + names
        plain = re.sub(r"[^a-z0-9]+", "-", skeleton.name.lower()).strip("-") or "keypoints"

        def name_with(*prelabels: str) -> str:
            name = _job_name(plain, skeleton, options.workers, [*content, *prelabels])
            # An answers file may complete an existing job of people. A job that it creates has another name than
            # theirs.
            if options.answers is None or self._exists(name):
                return name
            return _job_name(plain, skeleton, options.workers, [*content, *prelabels, "scripted"])

        name = name_with()
        before = options.continued
        if before is None and options.prelabels is None and not self._exists(name):
            before = self._offered(_earlier_job(self._s3, self._stack.bucket, f"demo-{plain[:32]}-", names))
        labels: dict[str, Instances] = {}
        if options.prelabels is not None:
            for line in options.prelabels.report:
                say(f"Pre-labels: {line}")
            labels = options.prelabels.instances
            name = name_with(repr(sorted(labels.items())))
        elif before is not None:
            labels = self._labels(before, names)
            name = name_with(before)
        settings = JobSettings(name=name, workers_per_object=options.workers, task_time_limit_seconds=3600)
        template = TEMPLATE.read_text("utf-8")
        prepared = prepare_job(
            settings, self._stack, skeleton, images.images, template_source=template, prelabels=labels
        )
        for reason in prepared.omitted:
            say(f"Left out {reason}")
        if not self._create(prepared):
            return self._continue(prepared.name)
        also = f", {len(labels)} of them with the labels of {before} to start from" if before else ""
        also = f", {len(labels)} of them with pre-labels" if options.prelabels else also
        say(f"Created job {prepared.name}: {prepared.object_count} images from {folder}{also}")
        return self._stored(prepared.name)

    def _continue(self, name: str) -> StoredJob:
        if not self._exists(name):
            raise DemoError(f"There is no job {name!r} in the demo's account (`make demo-reset` deletes all jobs).")
        job = self._stored(name)
        progress = job.progress()
        say(f"Continuing job {name}: {progress.full} of {progress.lines} images are done")
        return job

    def _create(self, prepared: PreparedJob) -> bool:
        """Create the job, and return whether it is new."""
        # An existing job keeps its template, and so its version of the element. A change of images, skeleton or number
        # of workers changes the job's name.
        if self._exists(prepared.name):
            return False
        with tqdm(total=len(prepared.images), desc="uploading", unit="image", leave=False) as bar:
            return create_outside_ground_truth(prepared, self._s3, self._stack, datetime.now(UTC), bar.update)[1]

    def _offered(self, name: str | None) -> str | None:
        """Tell the user about an earlier job with these images, and return its name if the user wants its labels."""
        progress = self._stored(name).progress() if name else None
        if name is None or progress is None or not progress.started:
            return None
        say(
            "The images, the skeleton, the number of workers or who labels (you or an answers file) changed since job "
            f"{name} ({progress.full} of {progress.lines} images done), so this is a new job. "
            "The earlier one stays as it is."
        )
        say(f"Continue with the earlier job instead:           make demo JOB={name}")
        say(f"Start the new job with the earlier job's labels:  add CONTINUE={name} to the command")
        # Scripted workers do not confirm pre-labels, and there may be nobody to ask.
        if self._options.answers is not None or not sys.stdin.isatty():
            say("Starting without the earlier labels, because nobody can answer the question here")
            return None
        wanted = input("  Start with the earlier labels? They are shown as pre-labels to confirm. [Y/n] ")
        return None if wanted.strip().lower().startswith("n") else name

    def _labels(self, name: str, images: Sequence[str]) -> dict[str, Instances]:
        """Return the labels of a job by image name, for the named images. An open job stays open."""
        job = self._stored(name)
        self._consolidate(job)
        labels: dict[str, Instances] = {}
        for source, label in job.labels().items():
            image = source.partition("/images/")[2]
            if image in images and label.get("valid", True):
                labels[image] = tuple(label["updated_annotations"])
        return labels

    def _consolidate(self, job: StoredJob) -> None:
        """Wait until every image with all its answers has its label, within a time limit."""
        deadline, told = time.monotonic() + LONGEST_WAIT, False
        while not job.described.ended and job.unconsolidated() and time.monotonic() < deadline:
            self._ticks.once()
            if job.unconsolidated() and not told:
                say(f"Waiting for the labels of the last images: answers can be corrected for {CORRECTION_SECONDS} s")
                told = True
            time.sleep(1 if told else 0)

    def _exists(self, name: str) -> bool:
        return describe_outside_ground_truth(self._s3, self._stack.bucket, name) is not None

    def _stored(self, name: str) -> StoredJob:
        return StoredJob(self._emulator, self._stack.bucket, name)


def _job_name(plain: str, skeleton: Skeleton, workers: int, content: list[str]) -> str:
    digest = hashlib.sha256(repr([skeleton, workers, content]).encode()).hexdigest()[:8]
    return f"demo-{plain[:32]}-{digest}"


def _earlier_job(s3: S3Client, bucket: str, prefix: str, names: Sequence[str]) -> str | None:
    """Return the newest job whose name starts with `prefix` and that has an image with one of these names, or None."""
    newest: tuple[str, str] | None = None
    for job in job_folders(s3, bucket):
        described = describe_outside_ground_truth(s3, bucket, job) if job.startswith(prefix) else None
        if described is None or (newest is not None and described["CreationTime"] <= newest[0]):
            continue
        images = job_keys(job).images
        keys = (key.removeprefix(images) for key, _, _ in list_objects(s3, bucket, images))
        if not set(names).isdisjoint(keys):
            newest = (described["CreationTime"], job)
    return newest and newest[1]
