"""Filling of the worker task template with a skeleton, the script's URL and the instructions, as Liquid-safe HTML."""

from __future__ import annotations

import html
import re
from pathlib import Path
from string import Template

from truepoint.pose.skeleton import Skeleton

TEMPLATE_PATH = Path(__file__).resolve().parents[2] / "ui" / "worker-task.liquid.html"
TEMPLATE_LIMIT = 128_000
"""Maximum length of UiTemplate.Content in RenderUiTemplate, in characters; AWS states no other limit."""

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

# A brace that opens a Liquid tag together with what follows it, in the value or (at its end) in the template.
_LIQUID_OPENING = re.compile(r"\{(?=[{%]|\Z)")


class WorkerTemplateError(ValueError):
    """The worker template cannot be filled. The message says what was expected and what it contains."""


def plain_instructions(text: str) -> str:
    """Return HTML of plain text: blank lines separate paragraphs, and single line ends stay line ends."""
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
        source: the template's text with the `string.Template` placeholders of `PLACEHOLDERS`, each used at least once.
        skeleton: gives the labelling element its attributes.
        script_url: where the labelling element's script is.
        script_integrity: its subresource-integrity value, `sha384-…`.
        guide_url: address of the labeller's guide, or nothing; the instructions, which the help shows, end with a link.
        instructions: trusted HTML, from `plain_instructions` or the operator's own file.
        language: of the labelling element, a BCP 47 tag.
        check_below: keypoints of pre-labels with a lower score are to be checked; None for the element's own threshold.
        offer_below: keypoints of pre-labels with a lower score are offered instead of placed; None for none.

    Returns:
        A Liquid template. No `{{` or `{%` in it comes from the arguments: names of a skeleton are data.

    Raises:
        WorkerTemplateError: missing or unknown placeholders, or more characters than Ground Truth takes.
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
    # A new tab: leaving the page would interrupt the worker's task.
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
    # HTML escaping does not change braces, and Liquid reads the template before the browser does.
    return _LIQUID_OPENING.sub("&#123;", value)


def _listed(names: set[str] | frozenset[str]) -> str:
    return ", ".join(f"${name}" for name in sorted(names)) or "none"
