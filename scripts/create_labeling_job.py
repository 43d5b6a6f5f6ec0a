#!/usr/bin/env python3
"""Create a keypoint labelling job from a folder of images, or from the images under an S3 prefix.

Checks every limit of Ground Truth before the first call, uploads missing files, and calls CreateLabelingJob. With
--outside-ground-truth, creates the job for Truepoint's own portal instead. The command is idempotent.
"""

from __future__ import annotations

import argparse
import json
import math
import re
import sys
from datetime import UTC, datetime
from pathlib import Path
from typing import TYPE_CHECKING

from tqdm import tqdm

from truepoint.formats.names import unpaired_sides
from truepoint.jobs import anchoring, command, prelabels
from truepoint.jobs.images import LEAST_COPY, FoundImages, images_in_folder, images_under_prefix
from truepoint.jobs.launch import (
    Document,
    PreparedJob,
    create_in_ground_truth,
    create_outside_ground_truth,
    prepare_job,
)
from truepoint.jobs.request import DEFAULT_LABEL_ATTRIBUTE, JobSettings
from truepoint.jobs.stack import read_stack
from truepoint.jobs.worker_template import TEMPLATE_PATH, plain_instructions
from truepoint.keys import split_s3_prefix
from truepoint.pose.skeleton import parse_skeleton

if TYPE_CHECKING:
    from mypy_boto3_s3 import S3Client

EXAMPLE = (
    "%(prog)s photos/ --name people-1 --skeleton skeletons/coco-person.json \\\n"
    "      --workteam-arn arn:aws:sagemaker:eu-west-1:123456789012:workteam/private-crowd/team"
)
SHOWN_LINES = 3
"""Number of manifest lines that a dry run prints."""
DEFAULTS = JobSettings(name="")


def arguments() -> argparse.ArgumentParser:
    """Return the parser of the command line."""
    parser = command.parser(__doc__, EXAMPLE)
    parser.add_argument("images", metavar="IMAGES", help="folder of images, or s3://bucket/prefix")
    parser.add_argument("--name", required=True, help="the job's name, lower case; can never be used again")
    parser.add_argument(
        "--skeleton", required=True, type=Path, metavar="FILE", help="skeleton file: the keypoints to label"
    )
    where = parser.add_mutually_exclusive_group(required=True)
    where.add_argument("--workteam-arn", metavar="ARN", help="Ground Truth team that labels")
    where.add_argument("--outside-ground-truth", action="store_true", help="create the job for Truepoint's own portal")
    parser.add_argument("--dry-run", action="store_true", help="print the request and the first lines; write nothing")
    parser.add_argument("--skip-refused", action="store_true", help="leave out images that cannot be used")
    task = parser.add_argument_group("the task")
    task.add_argument("--title", default=DEFAULTS.title, help="default: %(default)s")
    task.add_argument("--description", default=DEFAULTS.description, help="default: %(default)s")
    task.add_argument(
        "--keyword", action="append", metavar="WORD", help="up to five; default: " + " ".join(DEFAULTS.keywords)
    )
    task.add_argument("--instructions", type=Path, metavar="FILE", help="plain text, or trusted .html")
    task.add_argument(
        "--language",
        type=_language,
        default="en",
        metavar="TAG",
        help="language of the labelling page, such as de; default: en",
    )
    task.add_argument(
        "--copies",
        type=_longer_side,
        metavar="PIXELS",
        help="for slow connections: show smaller copies with this longer side; labels stay in pixels of the original;"
        " default: no copies",
    )
    task.add_argument(
        "--check-below",
        type=_score,
        metavar="S",
        help="mark keypoints of pre-labels with a lower score, and list them to be checked; default: 0.3; 0: none",
    )
    task.add_argument(
        "--offer-below",
        type=_score,
        metavar="S",
        help="offer keypoints of pre-labels with a lower score instead of placing them; default: 0, none",
    )
    task.add_argument("--workers", type=int, default=1, metavar="N", help="workers for each image, 1 to 9 (1)")
    task.add_argument(
        "--task-time-limit", type=int, default=DEFAULTS.task_time_limit_seconds, metavar="SECONDS",
        help="time in which a worker must submit an image; default: %(default)s",
    )  # fmt: skip
    task.add_argument(
        "--availability", type=int, default=DEFAULTS.availability_seconds, metavar="SECONDS",
        help="time after which images without an answer fail; default: %(default)s",
    )  # fmt: skip
    task.add_argument("--label-attribute", default=DEFAULT_LABEL_ATTRIBUTE, metavar="NAME", help="default: %(default)s")
    prelabels.add_options(parser)
    anchoring.add_options(parser)
    return parser


def main(given: list[str] | None = None) -> int:
    """Run the command."""
    options = arguments().parse_args(given)
    return command.run(lambda: create(options))


def create(options: argparse.Namespace) -> int:
    """Prepare the job, and create it unless it is a dry run."""
    # Files on the command line are read first, so that a mistake in them is reported before any call to AWS.
    skeleton = parse_skeleton(options.skeleton.read_bytes())
    if note := unpaired_sides(skeleton):
        print(note, file=sys.stderr)
    chosen = prelabels.choices(options)
    shares = anchoring.shares(options)
    labels = None if options.prelabels is None else prelabels.read_file(options.prelabels, skeleton, chosen)
    instructions = _instructions(options.instructions)
    session = command.session(options)
    s3 = session.client("s3")
    folder_images = _images(options.images, s3, whole=options.copies is not None)
    for refused in folder_images.refused:
        print(f"refused: {refused.name}: {refused.reason}", file=sys.stderr)
    if folder_images.refused and not options.skip_refused:
        raise command.UsageError(f"{len(folder_images.refused)} images cannot be used; --skip-refused leaves them out")
    matched: dict[str, prelabels.Instances] = {}
    sizes = {image.name: (image.width, image.height) for image in folder_images.images}
    if labels is not None:
        fitted = prelabels.fit(labels, prelabels.Job(skeleton, sizes), chosen, options.prelabels.name)
        matched = fitted.instances
        print(*(f"pre-labels: {line}" for line in fitted.report), sep="\n")
    stack = read_stack(session.client("cloudformation"), options.stack_name)
    documents: tuple[Document, ...] = ()
    if shares is not None:
        seed = anchoring.seed_of(s3, stack.bucket, options.name)
        treated = anchoring.treat(matched, sizes, skeleton, options.name, shares, seed=seed)
        matched, documents = treated.prelabels, treated.documents
        print(*(f"anchoring: {line}" for line in treated.report), sep="\n")
    prepared = prepare_job(
        _settings(options),
        stack,
        skeleton,
        folder_images.images,
        template_source=TEMPLATE_PATH.read_text(encoding="utf-8"),
        instructions=instructions,
        prelabels=matched,
        copies=options.copies,
        documents=documents,
    )
    command.say_omitted(prepared.omitted)
    if options.dry_run:
        _show(prepared)
        return command.OK
    with tqdm(total=len(prepared.images), desc="upload", unit="image", disable=None) as bar:
        if options.outside_ground_truth:
            document, created = create_outside_ground_truth(prepared, s3, stack, datetime.now(UTC), bar.update)
            arn = str(document["LabelingJobArn"])
        else:
            arn, created = create_in_ground_truth(prepared, s3, session.client("sagemaker"), bar.update)
    state = "created" if created else "already exists, unchanged"
    print(f"{arn}\n{state}: {len(prepared.images)} images, {len(matched)} of them with pre-labels")
    if options.outside_ground_truth and stack.portal_url:
        print(f"the portal has it within two minutes: {stack.portal_url}")
    return command.OK


def _settings(options: argparse.Namespace) -> JobSettings:
    return JobSettings(
        name=options.name,
        title=options.title,
        description=options.description,
        keywords=tuple(options.keyword or DEFAULTS.keywords),
        workers_per_object=options.workers,
        task_time_limit_seconds=options.task_time_limit,
        availability_seconds=options.availability,
        label_attribute_name=options.label_attribute,
        workteam_arn=options.workteam_arn,
        language=options.language,
        check_below=options.check_below,
        offer_below=options.offer_below,
    )


def _longer_side(text: str) -> int:
    if not re.fullmatch("[0-9]{1,6}", text) or int(text) < LEAST_COPY:
        raise argparse.ArgumentTypeError(f"expected at least {LEAST_COPY} pixels, got {text!r}")
    return int(text)


def _score(text: str) -> float:
    try:
        score = float(text)
    except ValueError:
        score = math.nan
    if not 0 <= score < math.inf:
        raise argparse.ArgumentTypeError(f"expected a number from 0, got {text!r}")
    return score


def _language(text: str) -> str:
    if not re.fullmatch("[A-Za-z]{2,8}(-[A-Za-z0-9]{1,8})*", text):
        raise argparse.ArgumentTypeError(f"expected a language tag such as de or pt-BR, got {text!r}")
    return text


def _images(source: str, s3: S3Client, *, whole: bool) -> FoundImages:
    with tqdm(desc="check images", unit="image", disable=None) as bar:

        def advance() -> None:
            bar.update()

        if "://" not in source:
            return images_in_folder(Path(source), advance)
        try:
            bucket, prefix = split_s3_prefix(source)
        except ValueError as error:
            raise command.UsageError(str(error)) from error
        return images_under_prefix(s3, bucket, prefix, advance, whole=whole)


def _instructions(path: Path | None) -> str:
    if path is None:
        return ""
    text = path.read_text(encoding="utf-8")
    return text if path.suffix.lower() in (".html", ".htm") else plain_instructions(text)


def _show(prepared: PreparedJob) -> None:
    print(json.dumps(prepared.request, indent=2, ensure_ascii=False))
    lines = prepared.manifest.splitlines()
    print(f"\ninput.manifest, {len(lines)} lines:")
    for line in lines[:SHOWN_LINES]:
        print(line if len(line) <= 400 else f"{line[:400]} … ({len(line):,} characters)")
    print("\ndry run: nothing was written")


if __name__ == "__main__":
    sys.exit(main())
