"""A made-up job in every format, and the environments in which other projects' readers run."""

from __future__ import annotations

import json
from typing import Any

import pytest
from folders import PERSON, random_records, write_results
from PIL import Image
from reading import READERS, Read, Sample, run_reader

import export
from truepoint.jobs.exports.finished import data_set

FORMATS = "yolo,coco,mmpose,cvat,labelstudio,deeplabcut,csv"


@pytest.fixture(scope="session")
def read() -> Read:
    """Runs a script of readers/ and gives what it printed as JSON."""

    def run(script: str, *arguments: object, environment: str = ".venv-readers") -> Any:
        return json.loads(run_reader(environment, READERS / script, *arguments))

    return run


@pytest.fixture(scope="session")
def sample(tmp_path_factory: pytest.TempPathFactory) -> Sample:
    """Forty images without folders (sleap-io looks into none), with pictures of their sizes for the YOLO readers."""
    folder = tmp_path_factory.mktemp("job")
    records = random_records(40)
    for number, record in enumerate(records):
        record["source-ref"] = f"s3://bucket-name/jobs/people/images/{number:02}.jpg"
    write_results(folder / "results", PERSON, records)
    arguments = ["--results", str(folder / "results"), "--out", str(folder / "exports")]
    assert export.main([*arguments, "--format", FORMATS]) == 0
    images = list(data_set([folder / "results"]).images())
    for image in images:
        assert image.size
        for pictures in ("yolo/images/train", "deeplabcut/labeled-data/people"):
            Image.new("L", image.size).save(folder / "exports" / pictures / image.path)
    return Sample(folder, records, [image.path for image in images])
