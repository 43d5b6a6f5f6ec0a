"""Filling of the worker template with the skeleton, the script's URL and the instructions.

Ground Truth renders the result as a Liquid template, so filled values must not contain Liquid tags.
"""

from __future__ import annotations

import html
import re
from pathlib import Path
from string import Template

from truepoint.pose.skeleton import Skeleton

TEMPLATE_PATH = Path(__file__).resolve().parents[2] / "ui" / "worker-task.liquid.html"
TEMPLATE_LIMIT = 128_000
"""Maximum length of a filled template, in characters: the limit of UiTemplate.Content in RenderUiTemplate. AWS states
no limit for labelling jobs."""

PLACEHOLDERS = frozenset(
    {
        "script_url",
        "script_integrity",
        "keypoint_classes",
        "skeleton_rig",
        "skeleton_bounding_box",
        "instructions",
        "language",
        "check_below",
        "offer_below",
    }
)
"""`string.Template` identifiers that the worker template must contain."""

_LIQUID_OPENING = re.compile(r"\{(?=[{%]|\Z)")
"""Matches a brace that may open a Liquid tag: before `{` or `%`, or at the end of a value, where the template may
continue with one of them."""


class WorkerTemplateError(ValueError):
    """A worker template that cannot be filled. The message says what was expected and what the template contains."""


def plain_instructions(text: str) -> str:
    """Convert plain text to HTML: blank lines separate paragraphs, and single line ends become `<br>`."""
    paragraphs = re.split(r"\n\s*\n", text.replace("\r\n", "\n").strip())
    return "".join(f"<p>{html.escape(p).replace(chr(10), '<br>')}</p>" for p in paragraphs if p)


def fill_template(
    source: str,
    skeleton: Skeleton,
    *,
    script_url: str,
    script_integrity: str,
    guide_url: str,
    instructions: str = "",
    language: str = "en",
    check_below: float | None = None,
    offer_below: float | None = None,
) -> str:
    """Return the worker template of one job.

    Args:
        source: the template's text, with every placeholder of `PLACEHOLDERS` at least once.
        skeleton: determines the attributes of the labelling element.
        script_url: URL of the labelling element's script.
        script_integrity: the script's subresource-integrity value, `sha384-…`.
        guide_url: URL of the labeller's guide, to which the instructions link; empty for no link.
        instructions: trusted HTML, from `plain_instructions` or the operator's own file.
        language: language of the labelling element's texts, a BCP 47 tag.
        check_below: keypoints of pre-labels with a lower score are marked for checking; None for the element's default.
        offer_below: keypoints of pre-labels with a lower score are offered instead of placed; None for none.

    Returns:
        A Liquid template. None of its Liquid tags comes from the arguments.

    Raises:
        WorkerTemplateError: a placeholder is missing, unknown or malformed, or the result is longer than
            TEMPLATE_LIMIT.
    """
    template = Template(source)
    try:
        identifiers = set(template.get_identifiers())
        valid = template.is_valid()
    except ValueError as error:
        raise WorkerTemplateError(
            f"the worker template: expected well-formed placeholders, got a malformed one: {error}"
        ) from error
    if not valid or identifiers != PLACEHOLDERS:
        raise WorkerTemplateError(
            f"the worker template: expected well-formed placeholders {_listed(PLACEHOLDERS)}, "
            f"got {_listed(identifiers)}"
        )
    attributes = skeleton.element_attributes()
    # The link opens a new tab, because leaving the page would interrupt the worker's task.
    link = f'<p><a href="{html.escape(guide_url)}" target="_blank" rel="noopener">Labeller\'s guide</a> (new tab)</p>'
    values = {
        "script_url": html.escape(script_url),
        "script_integrity": html.escape(script_integrity),
        "keypoint_classes": html.escape(attributes["keypointClasses"]),
        "skeleton_rig": html.escape(attributes["skeletonRig"]),
        "skeleton_bounding_box": html.escape(attributes.get("skeletonBoundingBox", "")),
        "instructions": instructions + (link if guide_url else ""),
        "language": html.escape(language),
        "check_below": "" if check_below is None else str(check_below),
        "offer_below": "" if offer_below is None else str(offer_below),
    }
    filled = template.substitute({name: _inert(value) for name, value in values.items()})
    if len(filled) > TEMPLATE_LIMIT:
        raise WorkerTemplateError(
            f"the worker template: expected at most {TEMPLATE_LIMIT:,} characters, got {len(filled):,} "
            f"({len(values['keypoint_classes']):,} of them for {len(skeleton.keypoints)} keypoints, "
            f"{len(instructions):,} for the instructions)"
        )
    return filled


def _inert(value: str) -> str:
    # HTML escaping leaves braces unchanged, and Liquid reads the template before the browser does.
    return _LIQUID_OPENING.sub("&#123;", value)


def _listed(names: set[str] | frozenset[str]) -> str:
    return ", ".join(f"${name}" for name in sorted(names)) or "none"
