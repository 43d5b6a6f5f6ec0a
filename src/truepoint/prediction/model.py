"""The interface of a pose model, a model that is a Python function, and the validation of predictions."""

from __future__ import annotations

import importlib
import inspect
import json
import math
import sys
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any, Protocol

from PIL import Image

from truepoint.formats.labels import Instance
from truepoint.jobs.files import sha256
from truepoint.pose.instance import InstanceError, parse_instances

SCORE_DIGITS = 4
"""Decimal places to which scores are rounded."""
COORDINATE_DIGITS = 2
"""Decimal places to which coordinates in pixels are rounded. Models are far less precise."""


class PredictionError(ValueError):
    """A model or a prediction that cannot be used. The message says what was expected and what was returned."""


class Model(Protocol):
    """A pose model that returns the instances in an image."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """Return the type, the digest of the weights and the settings.

        Two models with equal identities predict the same, so a stopped run can continue with earlier predictions.
        """

    def predict(self, image: Image.Image, name: str) -> Any:
        """Return the instances in an upright RGB image, in its pixels. `name` is the image's name in the job."""

    def close(self) -> None:
        """Free the model's resources."""


def checked_instances(value: Any, where: str) -> list[Instance]:
    """Validate a prediction and return its instances as plain JSON, in the format of docs/formats.md.

    Numbers and arrays of NumPy and of other libraries become plain numbers. Coordinates and scores are rounded.

    Args:
        value: what the model returned.
        where: the image's name, for the message.

    Raises:
        PredictionError: `value` is not a list of instances, or a number is not finite.
    """
    try:
        instances = json.loads(json.dumps(value, default=_plain, allow_nan=False))
        parse_instances(instances)
        return [_rounded(instance) for instance in instances]
    except (InstanceError, TypeError, ValueError) as error:
        raise PredictionError(f"{where}: expected a list of instances from the model: {error}") from error


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):  # an array or a number of NumPy, or a tensor
        return value.tolist()
    raise TypeError(f"got {type(value).__name__}, which JSON does not have")


def _rounded(instance: Instance) -> Instance:
    rounded = dict(instance)
    rounded["annotations"] = [
        point
        | {"x": round(point["x"], COORDINATE_DIGITS), "y": round(point["y"], COORDINATE_DIGITS)}
        | ({"score": _score(point["score"])} if "score" in point else {})
        for point in instance["annotations"]
    ]
    if instance.get("box") is not None:
        rounded["box"] = [round(side, COORDINATE_DIGITS) for side in instance["box"]]
    if "score" in instance:
        rounded["score"] = _score(instance["score"])
    return rounded


def _score(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"expected a finite number as score, got {value!r}")
    return round(float(value), SCORE_DIGITS)


class EntryPoint:
    """A model that is a Python function `predict(image) -> instances`.

    Its name is `module:function` or `file.py:function`. Modules are also imported from the working directory.
    """

    def __init__(self, name: str) -> None:
        module_name, _, function = name.rpartition(":")
        if not module_name or not function.isidentifier():
            raise PredictionError(
                f"expected movenet, an ONNX file, or a model as module:function or file.py:function, got {name!r}"
            )
        module = _module(module_name)
        predict = getattr(module, function, None)
        if not callable(predict):
            actual = "nothing" if predict is None else type(predict).__name__
            raise PredictionError(f"expected a function {function!r} in {module_name}, got {actual}")
        self._predict: Callable[[Image.Image], Any] = predict
        source = inspect.getsourcefile(module)
        self.identity: Mapping[str, Any] = {
            "entry": name,
            "source": None if source is None else sha256(Path(source)),
        }

    def predict(self, image: Image.Image, name: str) -> Any:
        """Return what the function returns."""
        try:
            return self._predict(image)
        except Exception as error:  # the user's function may raise anything
            raise PredictionError(f"{name}: the model failed: {type(error).__name__}: {error}") from error

    def close(self) -> None:
        """Do nothing: a function has no resources."""


def _module(name: str) -> Any:
    path = Path(name)
    if path.suffix == ".py" and not path.is_file():
        raise PredictionError(f"expected a Python file, got {name!r}, which is no file")
    try:
        if path.suffix != ".py":
            if (here := str(Path.cwd())) not in sys.path:
                sys.path.insert(0, here)
            return importlib.import_module(name)
        # Python also puts a script's folder first, so that it can import modules beside it.
        sys.path.insert(0, str(path.resolve().parent))
        return importlib.import_module(path.stem)
    except Exception as error:  # the user's module may raise anything
        raise PredictionError(f"{name}: the model's module cannot be imported: {error}") from error
