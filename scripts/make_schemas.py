"""Write a JSON Schema of every format in docs/formats.md to docs/schemas/.

Example:
    python scripts/make_schemas.py          # or: make schemas
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any, Literal

import msgspec

from truepoint.consensus.consolidation import Consolidated
from truepoint.groundtruth.anchoring import ImageRecord, Settings
from truepoint.groundtruth.annotation import Annotation
from truepoint.groundtruth.batch import AnnotationReference
from truepoint.groundtruth.output_line import NotLabeled
from truepoint.groundtruth.task import TaskInput
from truepoint.measures.anchoring import AnchoringQuality
from truepoint.measures.workers import Workers
from truepoint.pose.instance import Instance
from truepoint.pose.skeleton import Skeleton
from truepoint.results.comments import Comment
from truepoint.results.quality import Quality
from truepoint.results.result_set import AnnotationFile, Results, ResultsReady
from truepoint.results.review import SuspiciousImage
from truepoint.results.table import TableRow
from truepoint.tasks.leads_log import Entry


class CocoImage(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """An image. Width and height are missing if they are unknown. Only coco_workers.json has `rater_list`."""

    id: int
    file_name: str
    s3_uri: str
    width: int | None = None
    height: int | None = None
    rater_list: list[str] | None = None


class CocoAttributes(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """Values for which COCO has no field. Only consolidated instances have `worker_count` and `score`."""

    id: str
    name: str
    comment: str = ""
    worker_count: int | None = None
    score: float | None = None


class CocoAnnotation(msgspec.Struct, forbid_unknown_fields=True, omit_defaults=True):
    """An instance. Only coco_workers.json has `rater_id`."""

    id: int
    image_id: int
    category_id: int
    keypoints: list[float]
    num_keypoints: int
    bbox: tuple[float, float, float, float]
    area: float
    area_source: Literal["box", "hull", "default"]
    iscrowd: Literal[0]
    segmentation: list[list[float]]
    attributes: CocoAttributes
    keypoint_comments: dict[str, str] | None = None
    rater_id: str | None = None


class CocoCategory(msgspec.Struct, forbid_unknown_fields=True):
    """The skeleton. Keypoint numbers start at 1 in edges (`skeleton`) and at 0 in `flip_pairs`."""

    id: int
    name: str
    supercategory: str
    keypoints: list[str]
    skeleton: list[tuple[int, int]]
    sigmas: list[float]
    flip_pairs: list[tuple[int, int]]


class CocoFile(msgspec.Struct, forbid_unknown_fields=True):
    """The content of coco.json and coco_workers.json, which results.coco writes. A test validates real files."""

    info: dict[str, str]
    licenses: list[str]
    categories: list[CocoCategory]
    images: list[CocoImage]
    annotations: list[CocoAnnotation]


FOLDER = Path(__file__).parents[1] / "docs" / "schemas"
SHAPES: dict[str, Any] = {
    "skeleton": Skeleton,
    "instance": Instance,
    "consolidated-instance": Consolidated,
    "task-input": TaskInput,
    "annotation": Annotation,
    "annotation-reference": AnnotationReference,
    "annotation-file": AnnotationFile,
    "quality": Quality,
    "quality-anchoring": AnchoringQuality,
    "anchoring-settings": Settings,
    "anchoring-record": ImageRecord,
    "workers": Workers,
    "rejected": NotLabeled,
    "suspicious": SuspiciousImage,
    "comment": Comment,
    "results": Results,
    "results-ready": ResultsReady,
    "coco": CocoFile,
    "table-row": TableRow,
    "leads-log-entry": Entry,
}


def schemas() -> dict[str, str]:
    """Return the content of each schema file, by file name."""
    return {
        f"{name}.schema.json": json.dumps(
            {"$schema": "https://json-schema.org/draft/2020-12/schema"} | msgspec.json.schema(shape), indent=2
        )
        + "\n"
        for name, shape in SHAPES.items()
    }


def main() -> None:
    """Write the schema files."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in schemas().items():
        (FOLDER / name).write_text(content)
        print(f"docs/schemas/{name}")


if __name__ == "__main__":
    main()
