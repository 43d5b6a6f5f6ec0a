"""The parts of a worker template that the portal's own page shows."""

from __future__ import annotations

import json

import pytest

from truepoint.jobs.worker_template import TEMPLATE_PATH, fill_template, plain_instructions
from truepoint.pose.skeleton import Skeleton, parse_skeleton
from truepoint.tasks.worker_page import WorkerPageError, parse_template


def skeleton(name: str = "nose") -> Skeleton:
    keypoints = [{"name": name, "template": [1, 2]}, {"name": "tail", "template": [3, 9]}]
    return parse_skeleton(json.dumps({"name": "fish", "keypoints": keypoints, "edges": [[name, "tail"]]}))


def filled(fish: Skeleton, instructions: str = "", language: str = "en", guide_url: str = "") -> str:
    return fill_template(
        TEMPLATE_PATH.read_text(),
        fish,
        script_url="https://d1.example/ui/1/crowd-2d-skeleton.js",
        script_integrity="sha384-abc",
        guide_url=guide_url,
        instructions=instructions,
        language=language,
    )


@pytest.mark.parametrize("name", ["nose", 'a "quoted" <b> & {{ name }} {% x %}'])
def test_a_jobs_page_shows_what_its_worker_template_does(name: str) -> None:
    page = parse_template(filled(skeleton(name), plain_instructions("One <b>.\nTwo & {{ three }}."), "de"))
    assert page.attributes == skeleton(name).element_attributes()
    assert page.language == "de"
    assert page.instructions == "<p>One &lt;b&gt;.<br>Two &amp; &#123;{ three }}.</p>"


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("", ""),
        ("<div><div>a</div><img src=x><br/></div> b", "<div><div>a</div><img src=x><br/></div> b"),
        ("<div><p>left open", "<div><p>left open"),
        ("</p></b> stray", "stray"),
        ("<!-- a comment -->text", "text"),
        ("<ul><li>one<li>two</ul>three", "<ul><li>one<li>two</ul>three"),
    ],
)
def test_instructions_are_handed_on_whatever_they_are(given: str, kept: str) -> None:
    page = parse_template(filled(skeleton(), given))
    assert page.instructions.startswith(kept)
    assert page.attributes == skeleton().element_attributes()


def test_the_link_to_the_guide_is_part_of_the_instructions() -> None:
    page = parse_template(filled(skeleton(), "<p>a</p>", guide_url="https://d1.example/ui/guide/1/labeler-guide.html"))
    assert page.instructions.startswith("<p>a</p><p><a href=")


@pytest.mark.parametrize(
    "text",
    [
        "",
        "<crowd-form></crowd-form>",
        "<crowd-2d-skeleton skeletonRig='[]'></crowd-2d-skeleton>",
        "<crowd-2d-skeleton keypointClasses='{{ task.input.classes }}'></crowd-2d-skeleton>",
        "<!-- <crowd-2d-skeleton keypointClasses='[]'> -->",
        "<crowd-2d-skeleton keypointClasses=",
    ],
)
def test_a_template_without_a_skeleton_is_refused(text: str) -> None:
    with pytest.raises(WorkerPageError, match="expected a worker template"):
        parse_template(text)
