"""Write a model's predictions for a folder of images as pre-labels.

A run that was stopped continues from there. See docs/prelabels.md.
"""

from __future__ import annotations

import argparse
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from tqdm import tqdm

from truepoint.commands import console
from truepoint.formats.detection import read_labels
from truepoint.formats.labels import shown
from truepoint.formats.names import match_images
from truepoint.jobs.files import is_stream

if TYPE_CHECKING:
    from truepoint.prediction.model import Model

USAGE = "%(prog)s DIR --model MODEL --out FILE [options]"
EXAMPLE = "%(prog)s photos --model my.py:predict --out people.jsonl"
MOVENET = "movenet"
Box = tuple[float, float, float, float]


def main(given: list[str] | None = None, prog: str | None = None) -> int:
    """Run the command."""
    parser = console.parser(__doc__, USAGE, EXAMPLE, prog)
    parser.add_argument("images", type=Path, metavar="DIR", help="a folder of images")
    parser.add_argument("--model", required=True, metavar="M", help="movenet, an ONNX file, or file.py:function")
    parser.add_argument("--out", type=Path, required=True, metavar="FILE", help="the pre-labels file (JSON Lines)")
    parser.add_argument("--restart", action="store_true", help="delete the predictions of earlier runs")
    parser.add_argument("--skip-refused", action="store_true", help="continue without unusable images")
    parser.add_argument("--skeleton", metavar="S", help="ONNX: skeleton in the model's order, file or coco-person")
    parser.add_argument("--min-instance-score", type=float, metavar="S", help="leave out instances with a lower score")
    parser.add_argument("--boxes", type=Path, metavar="F", help="top-down: labels with boxes (default: whole image)")
    parser.add_argument("--detector", type=Path, metavar="F", help="top-down: YOLO detector as an ONNX file")
    parser.add_argument("--biased-heatmaps", action="store_true", help="decode heatmaps of a model trained without UDP")
    options = parser.parse_args(given)
    least = options.min_instance_score
    is_onnx = options.model.lower().endswith(".onnx")
    if least is not None and not 0 <= least <= 1:
        parser.error(f"argument --min-instance-score: expected a number from 0 to 1, got {least}")
    if least is not None and not is_onnx and options.model != MOVENET:
        parser.error("argument --min-instance-score: expected only with an ONNX model or movenet, got a function")
    for name in ("skeleton", "boxes", "detector", "biased_heatmaps"):
        if getattr(options, name) not in (None, False) and not is_onnx:
            option = name.replace("_", "-")
            parser.error(f"argument --{option}: expected only with an ONNX model, got {options.model!r}")
    if options.boxes is not None and options.detector is not None:
        parser.error("argument --detector: expected only without --boxes, got both")
    if is_onnx and options.skeleton is None:
        parser.error("argument --skeleton: expected a skeleton for the ONNX model's keypoint names, got none")
    kept = "finished predictions are kept; run the command again, without --restart, to continue"
    return console.run(lambda: _prelabel(options), if_stopped=kept)


def _prelabel(options: argparse.Namespace) -> int:
    try:
        # Pillow and onnxruntime are extras of the package.
        from truepoint.jobs.images import images_in_folder  # noqa: PLC0415
        from truepoint.prediction.model import PredictionError  # noqa: PLC0415
        from truepoint.prediction.prelabel_file import write_prelabels  # noqa: PLC0415
    except ModuleNotFoundError as error:
        raise console.InputError(
            f"expected the package {error.name}, which reads images, got none; pip install 'truepoint[images]'"
        ) from error
    code = Path(options.model.rpartition(":")[0] or options.model)
    console.check_output(options.out, code, options.boxes, options.detector, options.skeleton)
    if is_stream(options.out):
        raise console.InputError(
            f"argument --out: expected a file, because the progress is stored beside it, got {str(options.out)!r}"
        )
    if not options.out.parent.is_dir():
        raise console.InputError(f"argument --out: expected a file in an existing folder, got {str(options.out)!r}")
    with tqdm(desc="check images", unit="image", leave=False, disable=None) as bar:
        folder = images_in_folder(options.images, bar.update)
    if folder.refused and not options.skip_refused:
        refused = "; ".join(f"{image.name}: {image.reason}" for image in folder.refused[:3])
        raise console.InputError(
            f"expected usable images, got {len(folder.refused)} others ({refused}); --skip-refused leaves them out"
        )
    if not folder.images:
        raise console.InputError(f"expected images in {str(options.images)!r}, got none")
    try:
        model = _model(options, {image.name: (image.width, image.height) for image in folder.images})
        try:
            with tqdm(total=len(folder.images), desc="predict", unit="image", leave=False, disable=None) as bar:
                done = write_prelabels(options.out, folder.images, model, restart=options.restart, progress=bar.update)
        finally:
            model.close()
    except PredictionError as error:
        raise console.InputError(str(error)) from error
    print(
        f"{options.out}: {console.count(len(folder.images), 'image')} ({done.predicted} predicted now, {done.kept} "
        f"earlier), {done.instances} instances, {done.keypoints} keypoints; {done.empty} images have no instance"
    )
    return console.OK


def _model(options: argparse.Namespace, sizes: Mapping[str, tuple[int, int]]) -> Model:
    # Each kind of model needs different packages, so its module is imported only when it is used.
    least: dict[str, Any] = {} if options.min_instance_score is None else {"least_score": options.min_instance_score}
    if options.model == MOVENET:
        from truepoint.prediction.movenet import MoveNet  # noqa: PLC0415

        return MoveNet(**least)
    if not options.model.lower().endswith(".onnx"):
        from truepoint.prediction.model import EntryPoint  # noqa: PLC0415

        return EntryPoint(options.model)
    from truepoint.prediction.onnx_model import open_onnx  # noqa: PLC0415

    names = console.skeleton(options.skeleton).keypoint_names
    return open_onnx(
        Path(options.model),
        names,
        boxes=None if options.boxes is None else read_boxes(options.boxes, sizes, len(names)),
        detector=options.detector,
        unbiased=not options.biased_heatmaps,
        **least,
    )


def read_boxes(path: Path, sizes: Mapping[str, tuple[int, int]], keypoints: int) -> dict[str, list[Box]]:
    """Return the boxes of a label file in pixels, by image name.

    An instance without a box gets the bounding box of its keypoints.

    Args:
        path: labels of any format.
        sizes: width and height of the images in pixels, by name.
        keypoints: the skeleton's number of keypoints, for formats that do not give it.

    Raises:
        InputError: the file labels none of the images.
    """
    labels = read_labels(path, keypoints)
    matched = match_images(labels.images, sizes)
    if not matched.images:
        names = shown([image.name for image in labels.images])
        raise console.InputError(f"{path}: expected boxes for the images {shown(sorted(sizes))}, got boxes for {names}")
    boxes: dict[str, list[Box]] = {}
    for name, image in matched.images.items():
        width, height = sizes[name] if image.in_shares else (1, 1)
        for subject in image.subjects:
            if box := _box(subject.instance):
                boxes.setdefault(name, []).append((box[0] * width, box[1] * height, box[2] * width, box[3] * height))
    return boxes


def _box(instance: Mapping[str, Any]) -> Sequence[float] | None:
    if instance.get("box"):
        return list(instance["box"])
    xs, ys = [p["x"] for p in instance["annotations"]], [p["y"] for p in instance["annotations"]]
    if not xs or max(xs) == min(xs) or max(ys) == min(ys):
        return None
    return [min(xs), min(ys), max(xs) - min(xs), max(ys) - min(ys)]
