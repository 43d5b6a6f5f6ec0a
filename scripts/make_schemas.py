"""Write the JSON Schema of every shape in docs/formats.md to docs/schemas/.

Example:
    python scripts/make_schemas.py          # or: make schemas
"""

from __future__ import annotations

import argparse
import json
from pathlib import Path
from typing import Any

import msgspec

from truepoint.consensus.consolidation import Consolidated
from truepoint.groundtruth.annotation import Annotation
from truepoint.groundtruth.batch import AnnotationReference
from truepoint.groundtruth.output_line import NotLabeled
from truepoint.groundtruth.task import TaskInput
from truepoint.measures.workers import Workers
from truepoint.pose.instance import Instance
from truepoint.pose.skeleton import Skeleton
from truepoint.results.comments import Comment
from truepoint.results.quality import Quality
from truepoint.results.result_set import AnnotationFile, Results
from truepoint.results.review import SuspiciousImage

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
    "workers": Workers,
    "rejected": NotLabeled,
    "suspicious": SuspiciousImage,
    "comment": Comment,
    "results": Results,
}


def schemas() -> dict[str, str]:
    """File name to content."""
    return {
        f"{name}.schema.json": json.dumps(
            {"$schema": "https://json-schema.org/draft/2020-12/schema"} | msgspec.json.schema(shape), indent=2
        )
        + "\n"
        for name, shape in SHAPES.items()
    }


def main() -> None:
    """Write the files."""
    argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter).parse_args()
    FOLDER.mkdir(parents=True, exist_ok=True)
    for name, content in schemas().items():
        (FOLDER / name).write_text(content)
        print(f"docs/schemas/{name}")


if __name__ == "__main__":
    main()
