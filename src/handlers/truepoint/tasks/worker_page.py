"""Parsing of a job's worker template for the portal's page: the labelling element's attributes and the instructions.

Only the template contains them in the form that workers of Ground Truth would see: the skeleton, the language and the
instructions, which may be the operator's own HTML.
"""

from __future__ import annotations

from html.parser import HTMLParser
from typing import Any, NamedTuple

from truepoint.json_text import JsonError, decode

ELEMENT = "crowd-2d-skeleton"
ATTRIBUTES = (
    "keypointClasses", "skeletonRig", "skeletonBoundingBox", "uniqueSkeletonColors", "checkBelow", "offerBelow"
)  # fmt: skip
"""Attributes of the element that are the same for every image. The task input contains the others."""
_VOID = frozenset({"area", "base", "br", "col", "embed", "hr", "img", "input", "link", "meta", "source", "wbr"})
"""HTML elements without an end tag."""


class WorkerPageError(ValueError):
    """A worker template without a labelling element that has a skeleton."""


class WorkerPage(NamedTuple):
    """The parts of a worker template that a job's page shows.

    Attributes:
        attributes: the element's attributes, by name.
        language: a BCP 47 tag; empty if the template has none.
        instructions: the HTML in the template. It is not safe to insert as markup.
    """

    attributes: dict[str, str]
    language: str
    instructions: str


def parse_template(text: str) -> WorkerPage:
    """Parse a filled worker template.

    Raises:
        WorkerPageError: the template has no element with keypoints.
    """
    reader = _Reader()
    reader.feed(text)
    reader.close()
    names = {name.lower(): name for name in ATTRIBUTES}
    attributes = {names[name]: value for name, value in reader.attributes.items() if name in names and value}
    try:
        decode(attributes.get("keypointClasses", ""), list[dict[str, Any]])
    except JsonError as error:  # for example, a template that sets them for each image
        raise WorkerPageError(f"expected a worker template with <{ELEMENT} keypointClasses=…>, got none") from error
    return WorkerPage(attributes, reader.attributes.get("lang") or "", "".join(reader.instructions).strip())


class _Reader(HTMLParser):
    """A parser that collects the element's attributes, and the markup in its slot for instructions."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=False)
        self.attributes: dict[str, str] = {}
        self.instructions: list[str] = []
        self._open: list[str] = []  # the element with the slot, then the open elements within it

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._open:
            self.instructions.append(self.get_starttag_text() or "")
            if tag not in _VOID:
                self._open.append(tag)
        elif tag == ELEMENT:
            self.attributes = {name: value or "" for name, value in attrs}
        elif ("slot", "instructions") in attrs:
            self._open.append(tag)

    def handle_startendtag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        if self._open:
            self.instructions.append(self.get_starttag_text() or "")
        elif tag == ELEMENT:
            self.handle_starttag(tag, attrs)

    def handle_endtag(self, tag: str) -> None:
        if tag == ELEMENT:
            self._open.clear()  # elements that the operator's HTML did not close
        elif tag in self._open:
            while self._open.pop() != tag:
                pass
            if self._open:
                self.instructions.append(f"</{tag}>")

    def handle_data(self, data: str) -> None:
        self._keep(data)

    def handle_entityref(self, name: str) -> None:
        self._keep(f"&{name};")

    def handle_charref(self, name: str) -> None:
        self._keep(f"&#{name};")

    def _keep(self, text: str) -> None:
        if self._open:
            self.instructions.append(text)
