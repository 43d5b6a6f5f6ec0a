"""A model: what turns one image into instances, and how a file of predictions says which model made it."""

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
"""Decimal places of a score that is written."""
PLACE_DIGITS = 2
"""Decimal places of a coordinate, in pixels: models are less precise by far."""


class PredictionError(ValueError):
    """A model that cannot be used, or a prediction that is none; says what was expected and what was found."""


class Model(Protocol):
    """Turns an image into instances."""

    @property
    def identity(self) -> Mapping[str, Any]:
        """Return what decides the predictions: kind, digest of the weights, settings. Equal for equal predictions."""

    def predict(self, image: Image.Image, name: str) -> Any:
        """Return the instances of an upright RGB image, in its pixels. `name` is the image's name in the job."""

    def close(self) -> None:
        """Free what the model holds."""


def checked_instances(value: Any, where: str) -> list[Instance]:
    """Return a prediction as instances of plain JSON, in the shape of docs/formats.md.

    Numbers and arrays of NumPy and other libraries become plain numbers. Coordinates and scores are rounded.

    Raises:
        PredictionError: not a list of instances, or a number that is not finite.
    """
    try:
        instances = json.loads(json.dumps(value, default=_plain, allow_nan=False))
        parse_instances(instances)
        return [_rounded(instance) for instance in instances]
    except (InstanceError, TypeError, ValueError) as error:
        raise PredictionError(f"{where}: expected a list of instances from the model: {error}") from error


def _plain(value: Any) -> Any:
    if hasattr(value, "tolist"):  # an array or a number of NumPy, a tensor
        return value.tolist()
    raise TypeError(f"got {type(value).__name__}, which JSON does not have")


def _rounded(instance: Instance) -> Instance:
    made = dict(instance)
    made["annotations"] = [
        point
        | {"x": round(point["x"], PLACE_DIGITS), "y": round(point["y"], PLACE_DIGITS)}
        | ({"score": _score(point["score"])} if "score" in point else {})
        for point in instance["annotations"]
    ]
    if instance.get("box") is not None:
        made["box"] = [round(side, PLACE_DIGITS) for side in instance["box"]]
    if "score" in instance:
        made["score"] = _score(instance["score"])
    return made


def _score(value: Any) -> float:
    if isinstance(value, bool) or not isinstance(value, int | float) or not math.isfinite(value):
        raise ValueError(f"expected a finite number as score, got {value!r}")
    return round(float(value), SCORE_DIGITS)


class EntryPoint:
    """A Python function `predict(image) -> instances`, named `module:function` or `file.py:function`.

    The module is looked for in the working directory too.
    """

    def __init__(self, name: str) -> None:
        module_name, _, function = name.rpartition(":")
        if not module_name or not function.isidentifier():
            raise PredictionError(f"expected a model as module:function or file.py:function, got {name!r}")
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
        except Exception as error:  # the function is the user's: whatever it raises is said with the image's name
            raise PredictionError(f"{name}: the model failed: {type(error).__name__}: {error}") from error

    def close(self) -> None:
        """Do nothing."""


def _module(name: str) -> Any:
    path = Path(name)
    if path.suffix == ".py" and not path.is_file():
        raise PredictionError(f"expected a Python file, got {name!r}, which is no file")
    try:
        if path.suffix != ".py":
            if (here := str(Path.cwd())) not in sys.path:
                sys.path.insert(0, here)
            return importlib.import_module(name)
        # The file's folder comes first, as when Python runs it: it may import its neighbours.
        sys.path.insert(0, str(path.resolve().parent))
        return importlib.import_module(path.stem)
    except Exception as error:  # the module is the user's
        raise PredictionError(f"{name}: the model's module cannot be imported: {error}") from error
