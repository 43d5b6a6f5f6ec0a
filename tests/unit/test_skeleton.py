from __future__ import annotations

import json
import re
from pathlib import Path
from typing import Any

import pytest

from truepoint.pose.instance import MOST_KEYPOINTS
from truepoint.pose.skeleton import LEAST_SIGMA, MOST_EDGES, SkeletonError, parse_skeleton

SKELETONS = sorted((Path(__file__).parents[2] / "skeletons").glob("*.json"))
MINIMAL: dict[str, Any] = {
    "name": "pen",
    "keypoints": [{"name": "tip"}, {"name": "left", "pair": "right"}, {"name": "right", "pair": "left"}],
    "edges": [["tip", "left"], ["tip", "right", "#ff0000"]],
}


@pytest.mark.parametrize("file", SKELETONS, ids=lambda f: f.stem)
def test_the_skeletons_that_ship(file: Path) -> None:
    skeleton = parse_skeleton(file.read_bytes())
    flip = skeleton.flip_indices
    assert all(flip[flip[i]] == i for i in range(len(flip)))
    for name, pair in ((k.name, k.pair) for k in skeleton.keypoints):
        if pair and name.startswith("left_"):
            assert pair == name.replace("left_", "right_", 1)
    assert all(k.template and k.color for k in skeleton.keypoints)
    linked = {name for edge in skeleton.edges for name in edge[:2]}
    assert linked == set(skeleton.keypoint_names)


def test_coco_person_has_cocos_order_and_sigmas() -> None:
    person = parse_skeleton(next(f for f in SKELETONS if f.stem == "coco-person").read_bytes())
    assert person.keypoint_names[:3] == ("nose", "left_eye", "right_eye")
    assert person.sigmas == (
        .026, .025, .025, .035, .035, .079, .079, .072, .072, .062, .062, .107, .107, .087, .087, .089, .089,
    )  # fmt: skip
    assert len(person.edges) == 19


def test_element_attributes() -> None:
    attributes = parse_skeleton(json.dumps(MINIMAL)).element_attributes()
    assert json.loads(attributes["keypointClasses"])[1] == {
        "id": "left", "label": "left", "x": 0, "y": 0, "pair": "right",
    }  # fmt: skip
    assert json.loads(attributes["skeletonRig"]) == MINIMAL["edges"]
    assert "skeletonBoundingBox" not in attributes


def test_display_names_by_language_reach_the_element() -> None:
    named = MINIMAL | {"keypoints": [{"name": "tip", "display_names": {"de": "Spitze", "pt-br": "Ponta"}}], "edges": []}
    skeleton = parse_skeleton(json.dumps(named))
    (entry,) = json.loads(skeleton.element_attributes()["keypointClasses"])
    assert (entry["label"], entry["display_names"]) == ("tip", {"de": "Spitze", "pt-br": "Ponta"})
    assert skeleton.keypoint_names == ("tip",)
    for names in ({"": "x"}, {"DE": "x"}, {"de": ""}, {"de": 1}, ["de"]):
        named["keypoints"][0]["display_names"] = names
        with pytest.raises(SkeletonError, match="display_names"):
            parse_skeleton(json.dumps(named))


def test_the_skeletons_that_ship_have_german_names() -> None:
    for file in SKELETONS:
        named = [(keypoint.display_names or {}).get("de") for keypoint in parse_skeleton(file.read_bytes()).keypoints]
        assert all(named)
        assert len(set(named)) == len(named)


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"keypoints": []}, "length >= 1"),
        ({"keypoints": [{"name": "tip"}, {"name": "tip"}]}, "expected keypoint names that differ, got 'tip' twice"),
        ({"keypoints": [{"name": "tip", "pair": "end"}], "edges": []}, "there is no 'end'"),
        ({"keypoints": [{"name": "a", "pair": "b"}, {"name": "b"}], "edges": []}, "that of 'b' is None"),
        ({"keypoints": [{"name": "a", "pair": "a"}], "edges": []}, "expected mutual pairs"),
        ({"edges": [["tip", "cap"]]}, "got one with 'cap'"),
        ({"edges": [["tip"]]}, "length >= 2"),
        ({"keypoints": [{"name": ""}]}, "length >= 1"),
        ({"keypoints": [{"name": "a", "sigma": 0}]}, ">= 1e-06"),
        ({"keypoints": [{"name": "a", "sigma": 1e-163}]}, ">= 1e-06"),
        ({"name": 5}, "Expected `str`"),
    ],
)
def test_a_skeleton_that_contradicts_itself(change: dict[str, Any], message: str) -> None:
    with pytest.raises(SkeletonError, match=message):
        parse_skeleton(json.dumps(MINIMAL | change))


def test_an_invalid_skeleton_is_refused() -> None:
    for text in (b"", b"[]", b"\xff", b"{", b"null"):
        with pytest.raises(SkeletonError, match="expected a skeleton definition"):
            parse_skeleton(text)


def test_the_element_has_the_same_limits() -> None:
    text = (Path(__file__).parents[2] / "src/ui/lib/skeleton.js").read_text()
    for name, value in (("MOST_KEYPOINTS", MOST_KEYPOINTS), ("MOST_EDGES", MOST_EDGES), ("LEAST_SIGMA", LEAST_SIGMA)):
        (found,) = re.findall(rf"export const {name} = ([\d.e-]+);", text)
        assert float(found) == value
