"""Rendering of worker task templates, as Ground Truth renders them."""

from __future__ import annotations

import json
from collections.abc import Callable, Mapping
from typing import Any

from liquid import Environment
from liquid.exceptions import LiquidError
from markupsafe import Markup

CROWD_SCRIPTS = ("https://assets.crowd.aws/crowd-html-elements.js", "http://assets.crowd.aws/crowd-html-elements.js")


class TaskTemplateError(ValueError):
    """A worker task template that cannot be rendered."""


class TaskTemplate:
    """A job's template, ready to be rendered for each task.

    Args:
        text: the template.
        presign: an `s3://` URI to a URL that the worker's browser may read.
        replaced: other text to put in place of texts in the rendered page (script locations).

    Raises:
        TaskTemplateError: not a Liquid template.
    """

    def __init__(self, text: str, presign: Callable[[str], str], replaced: Mapping[str, str]) -> None:
        # Ground Truth escapes everything that Liquid inserts, also in scripts and URLs, unless the template disables
        # it.
        environment = Environment(autoescape=True)
        environment.add_filter("to_json", lambda value: json.dumps(value, ensure_ascii=False))
        environment.add_filter("skip_autoescape", Markup)
        for name in ("grant_read_access", "s3_presign"):
            environment.add_filter(name, lambda uri: presign(str(uri)) if str(uri).startswith("s3://") else uri)
        for before, after in replaced.items():
            text = text.replace(before, after)
        try:
            self._template = environment.from_string(text)
        except (LiquidError, RecursionError) as error:
            raise TaskTemplateError(
                f"the worker task template: expected Liquid, got something else: {error}"
            ) from error

    def render(self, task_input: Mapping[str, Any]) -> str:
        """Return the page of one task.

        Raises:
            TaskTemplateError: the template uses something that Liquid does not have.
        """
        try:
            return self._template.render(task={"input": task_input})
        except (LiquidError, RecursionError) as error:
            raise TaskTemplateError(f"the worker task template cannot be rendered: {error}") from error
