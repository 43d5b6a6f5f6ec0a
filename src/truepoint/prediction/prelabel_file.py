"""Prediction of a pre-labels file with a model. A run that was stopped can be continued.

`<file>.progress.jsonl` beside the file keeps every prediction with the digest of its image. Its first line contains the
identity of the model. The pre-labels file itself is replaced atomically at the end.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from PIL import Image

from truepoint.formats.labels import Instance
from truepoint.jobs.files import write_whole
from truepoint.jobs.images import SourceImage, upright_rgb
from truepoint.prediction.model import Model, PredictionError, checked_instances

VERSION = "1.0"
"""Version of the progress file's format, in its first line."""
Predictions = dict[tuple[str, str], list[Instance]]
"""Instances by the image's name and the MD5 digest of its bytes."""


@dataclass(frozen=True, slots=True)
class Summary:
    """Counts of a run.

    Attributes:
        predicted: number of images that this run predicted.
        kept: number of images whose predictions are from an earlier run.
        instances: number of instances in the file.
        keypoints: number of keypoints in the file.
        empty: number of images without instances.
    """

    predicted: int
    kept: int
    instances: int
    keypoints: int
    empty: int


def progress_path(out: Path) -> Path:
    """Return the path of the progress file for a pre-labels file."""
    return out.with_name(out.name + ".progress.jsonl")


def write_prelabels(
    out: Path,
    images: Sequence[SourceImage],
    model: Model,
    *,
    restart: bool = False,
    progress: Callable[[], Any] = lambda: None,
) -> Summary:
    """Predict every image that is not predicted yet, and write the pre-labels file.

    Args:
        out: the pre-labels file: JSON Lines with one image per line, in the order of `images`.
        images: local images.
        model: the model.
        restart: whether to discard the predictions of earlier runs.
        progress: called once for each image.

    Raises:
        PredictionError: the progress file is from another model or from other settings, or the model fails.
            Predictions until then stay in the progress file.
        OSError: a file cannot be read or written.
    """
    journal = progress_path(out)
    header = {"version": VERSION, "model": json.loads(json.dumps(model.identity))}
    kept = {} if restart else read_progress(journal, header)
    wanted = {(image.name, image.md5) for image in images}
    # Rewrite the progress file without predictions of images that are no longer present and without an incomplete line.
    predictions = {key: instances for key, instances in kept.items() if key in wanted}
    _replace(journal, [header, *(_entry(key, instances) for key, instances in predictions.items())])
    predicted = 0
    with journal.open("a", encoding="utf-8") as file:
        for image in images:
            key = image.name, image.md5
            if key not in predictions:
                predictions[key] = _predict(model, image)
                file.write(_line(_entry(key, predictions[key])))
                file.flush()
                predicted += 1
            progress()
    lists = [predictions[image.name, image.md5] for image in images]
    _replace(out, [{image.name: instances} for image, instances in zip(images, lists, strict=True)])
    predicted_instances = [instance for instances in lists for instance in instances]
    return Summary(
        predicted=predicted,
        kept=len(images) - predicted,
        instances=len(predicted_instances),
        keypoints=sum(len(instance["annotations"]) for instance in predicted_instances),
        empty=sum(not instances for instances in lists),
    )


def read_progress(journal: Path, header: Mapping[str, Any]) -> Predictions:
    """Return the predictions of earlier runs. An incomplete line and all lines after it are ignored.

    Args:
        journal: the progress file; it may not exist.
        header: the expected first line.

    Raises:
        PredictionError: the predictions are from another model, or the file is not a progress file.
    """
    if not journal.exists():
        return {}
    first, *rest = journal.read_text(encoding="utf-8", errors="replace").splitlines() or [""]
    if (given := _decoded(first)) != header:
        actual = "none" if given is None else "those of another model or other settings"
        raise PredictionError(
            f"{journal}: expected predictions of this model and these settings, got {actual}; "
            "write to another file, or delete the earlier predictions with --restart"
        )
    predictions: Predictions = {}
    for line in rest:
        entry = _decoded(line)
        if not isinstance(entry, dict) or not {"name", "md5", "instances"} <= entry.keys():
            break
        predictions[str(entry["name"]), str(entry["md5"])] = entry["instances"]
    return predictions


def _predict(model: Model, image: SourceImage) -> list[Instance]:
    if image.path is None:
        raise PredictionError(f"{image.name}: expected a local image, got one in S3")
    with Image.open(image.path) as file:
        shown = upright_rgb(file)
    return checked_instances(model.predict(shown, image.name), image.name)


def _entry(key: tuple[str, str], instances: list[Instance]) -> dict[str, Any]:
    return {"name": key[0], "md5": key[1], "instances": instances}


def _line(value: Any) -> str:
    return json.dumps(value, ensure_ascii=False, separators=(",", ":")) + "\n"


def _decoded(line: str) -> Any:
    try:
        return json.loads(line)
    except ValueError:
        return None


def _replace(path: Path, values: Sequence[Any]) -> None:
    """Write or replace a file of JSON Lines atomically."""
    write_whole(path, "".join(map(_line, values)).encode())
