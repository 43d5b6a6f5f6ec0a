"""Pre-labels with a model's scores: doubtful keypoints look different, are checked first, and may only be offered."""

from __future__ import annotations

import itertools
import json
from typing import Any

import pytest
from driver import NAMES, Task, TaskPage, person
from playwright.sync_api import expect

ALL_KEYS = {"offered", "confirmed", "moved", "added", "removed"}


def scored(low: dict[str, Any], left: float = 100, **more: Any) -> dict[str, Any]:
    """A pre-label whose keypoints have a score of 0.9, except for some."""
    instance = person(left, **more)
    for annotation in instance["annotations"]:
        annotation["score"] = low.get(annotation["label"], 0.9)
    return instance


@pytest.fixture
def doubtful(open_task: TaskPage) -> Task:
    """Two people: a wrist and an ankle of the first one, and an ear of the second one, have low scores."""
    labels = [scored({"left_wrist": 0.2, "right_ankle": 0.05}), scored({"left_ear": 0.29}, left=300)]
    return open_task(initialValues=labels)


def record(task: Task) -> dict[str, dict[str, list[str]]]:
    entries = task.answer()["answer_details"].get("prelabels", [])
    assert all(entry.keys() - {"id"} <= ALL_KEYS for entry in entries)
    return {entry.pop("id"): entry for entry in entries}


def wrist_of(task: Task, field: str) -> dict[str, Any]:
    annotations = task.answer()[field][0]["annotations"]
    return next(one for one in annotations if one["label"] == "left_wrist")


def selected(task: Task) -> str | None:
    at = task.state["selected"]
    return NAMES[at] if at >= 0 else None


def rows(task: Task) -> list[tuple[str, str]]:
    """The list of what is to be checked, by kind and text."""
    task.page.wait_for_timeout(500)
    found: list[list[str]] = task.evaluate(
        "({shadowRoot}) => [...shadowRoot.querySelectorAll('.checks li')]"
        ".map((row) => [row.dataset.check, row.querySelector('.pick').textContent])"
    )
    return [(kind, text) for kind, text in found]


def test_what_the_model_was_not_sure_of_is_listed_first(open_task: TaskPage) -> None:
    crossed = scored({"left_wrist": 0.2, "right_ankle": 0.05})
    places = {one["label"]: one for one in crossed["annotations"]}
    places["left_hip"]["x"], places["right_hip"]["x"] = places["right_hip"]["x"], places["left_hip"]["x"]
    places["left_knee"]["x"] += 300  # a limb as long as the body
    task = open_task(initialValues=[crossed])
    kinds = [kind for kind, _ in rows(task)]
    assert kinds[0] == "low_confidence"
    assert len(kinds) > 1
    assert kinds.count("low_confidence") == 1
    assert "left wrist, right ankle" in rows(task)[0][1]


def test_one_key_leads_from_doubt_to_doubt_and_confirms(doubtful: Task) -> None:
    seen = []
    for _ in range(4):
        doubtful.key(";")
        seen.append((selected(doubtful), doubtful.text(".instances .on .name")))
    assert seen[:3] == [("left_wrist", "Instance 1"), ("right_ankle", "Instance 1"), ("left_ear", "Instance 2")]
    assert record(doubtful) == {
        "p0": {"confirmed": ["left_wrist", "right_ankle"]},
        "p1": {"confirmed": ["left_ear"]},
    }
    doubtful.key(";")
    expect(doubtful.element.locator(".toast")).to_have_text("No keypoint is left to check.")
    assert [kind for kind, _ in rows(doubtful)] == []


def test_undo_takes_a_confirmation_back_and_a_confirmation_is_no_change(doubtful: Task) -> None:
    doubtful.element.locator("footer input").check()
    doubtful.page.locator("body").press(";")
    doubtful.key(";")
    assert record(doubtful) == {"p0": {"confirmed": ["left_wrist"]}}
    answer = doubtful.answer()
    assert answer["no_changes_needed"] == "true"
    assert answer["updated_annotations"][0]["annotations"] == answer["original_annotations"][0]["annotations"]
    assert doubtful.element.locator(".badge").first.inner_text() == "", "it does not count as changed"
    doubtful.key("Control+z")
    expect(doubtful.element.locator(".toast")).to_have_text("Undone: confirm left wrist")
    assert record(doubtful) == {}
    assert doubtful.answer()["no_changes_needed"] == "true"


def test_what_was_moved_added_or_removed_is_recorded_and_needs_no_confirmation(open_task: TaskPage) -> None:
    labels = scored({"left_wrist": 0.2, "right_ankle": 0.1, "nose": 0.1, "left_eye": 0.1})
    labels["annotations"] = [one for one in labels["annotations"] if one["label"] != "left_ear"]
    task = open_task(initialValues=[labels, scored({"nose": 0.1}, left=300)])
    task.drag(task.points()["left_wrist"][:2], (40, 200))
    task.drag(task.points()["right_knee"][:2], (60, 300))  # the model was sure, and wrong
    task.element.locator(".points button.pick").nth(NAMES.index("right_ankle")).click()
    task.key("Delete")
    task.element.locator(".points button.pick").nth(NAMES.index("nose")).click()
    task.key("o")  # covered: the place is the model's
    task.element.locator(".points button.pick").nth(NAMES.index("left_ear")).click()
    task.click(180, 60)
    task.element.locator(".instances .pick").nth(1).click()
    task.key("Shift+Delete")
    expected = {
        "p0": {"moved": ["left_wrist", "right_knee"], "added": ["left_ear"], "removed": ["right_ankle"]},
        "p1": {"removed": NAMES},
    }
    assert record(task) == expected
    assert rows(task)[0][1].endswith("left eye"), "only this one has not been looked at"
    task.key("b")
    task.click(500, 400)
    assert record(task) == expected, "keypoints of a new instance are none of the pre-labels'"


def test_a_confirmed_keypoint_that_is_moved_later_counts_as_moved(doubtful: Task) -> None:
    doubtful.key(";", ";")
    doubtful.drag(doubtful.points()["left_wrist"][:2], (40, 200))
    assert record(doubtful) == {"p0": {"moved": ["left_wrist"]}}
    doubtful.key("Control+z")
    assert record(doubtful) == {"p0": {"confirmed": ["left_wrist"]}}


def test_the_button_in_the_list_confirms_all_doubts_of_an_instance(doubtful: Task) -> None:
    assert len(rows(doubtful)) == 2
    doubtful.element.locator(".checks summary").click()
    doubtful.element.locator(".checks li .ghost").first.click()
    assert record(doubtful) == {"p0": {"confirmed": ["left_wrist", "right_ankle"]}}
    doubtful.element.locator(".checks li .pick").first.click()
    assert selected(doubtful) == "left_ear"
    doubtful.key("Control+z")
    assert record(doubtful) == {}


def test_confirmations_come_back_with_a_draft(open_task: TaskPage) -> None:
    labels = [scored({"left_wrist": 0.2, "right_ankle": 0.05})]
    task = open_task(initialValues=labels, worker="one", offerBelow="0.1")
    task.key(";", ";")
    before = record(task)
    assert before == {"p0": {"confirmed": ["left_wrist"], "offered": ["right_ankle"], "removed": ["right_ankle"]}}
    task.page.wait_for_timeout(700)
    again = open_task(initialValues=labels, worker="one", offerBelow="0.1")
    expect(again.element.locator(".toast")).to_contain_text("is back")
    assert record(again) == before
    again.key(";")
    assert selected(again) == "right_ankle"


# offers --------------------------------------------------------------------------------------------------------------
@pytest.fixture
def offered(open_task: TaskPage) -> Task:
    return open_task(initialValues=[scored({"left_wrist": 0.09, "right_ankle": 0.05, "nose": 0.2})], offerBelow="0.1")


def test_below_a_threshold_a_keypoint_is_offered_and_not_placed(offered: Task) -> None:
    assert len(offered.points()) == len(NAMES) - 2
    assert len(offered.answer()["original_annotations"][0]["annotations"]) == len(NAMES)
    low, offers = rows(offered)
    assert low == ("low_confidence", "Instance 1: Predicted with little confidence: nose")
    assert offers == ("offered_keypoints", "Instance 1: Offered, not placed: left wrist, right ankle")
    both = ["left_wrist", "right_ankle"]
    assert record(offered) == {"p0": {"offered": both, "removed": both}}


@pytest.mark.parametrize("key", ["Enter", ";"])
def test_a_key_places_what_is_offered_where_it_is_offered(offered: Task, key: str) -> None:
    wrist = wrist_of(offered, "original_annotations")
    offered.element.locator(".points button.pick").nth(NAMES.index("left_wrist")).click()
    offered.key(key)
    assert offered.points()["left_wrist"] == (wrist["x"], wrist["y"], 2)
    placed = wrist_of(offered, "updated_annotations")
    assert placed["score"] == 0.09
    assert record(offered)["p0"]["confirmed"] == ["left_wrist"]
    assert record(offered)["p0"]["removed"] == ["right_ankle"]
    assert "left_wrist" in offered.answer()["answer_details"]["time_per_keypoint"]
    offered.key("Control+z")
    assert "left_wrist" not in offered.points()


def test_an_offer_can_be_placed_elsewhere_refused_or_left(offered: Task) -> None:
    offered.element.locator(".points button.pick").nth(NAMES.index("left_wrist")).click()
    offered.click(40, 200)
    offered.element.locator(".points button.pick").nth(NAMES.index("right_ankle")).click()
    offered.key("u")
    both = ["left_wrist", "right_ankle"]
    assert record(offered) == {"p0": {"offered": both, "moved": ["left_wrist"], "removed": ["right_ankle"]}}
    kinds = [kind for kind, _ in rows(offered)]
    assert kinds[0] == "low_confidence"
    assert "offered_keypoints" not in kinds


def test_the_list_places_all_offers_of_an_instance(offered: Task) -> None:
    rows(offered)
    offered.element.locator(".checks summary").click()
    offered.element.locator("[data-check=offered_keypoints] .small").click()
    assert len(offered.points()) == len(NAMES)
    assert record(offered)["p0"]["confirmed"] == ["left_wrist", "right_ankle"]


def test_completing_an_instance_takes_its_offers(offered: Task) -> None:
    wrist = wrist_of(offered, "original_annotations")
    offered.key("f")
    assert offered.points()["left_wrist"][:2] == (wrist["x"], wrist["y"])
    assert record(offered) == {"p0": {"offered": ["left_wrist", "right_ankle"]}}, "placed, but nobody confirmed them"


def test_fetched_pre_labels_have_offers_too(open_task: TaskPage) -> None:
    labels = {"annotations": [scored({"left_wrist": 0.09})]}
    open_task.files["/labels.json"] = ("application/json", json.dumps(labels))
    task = open_task(initialValuesSrc="/labels.json", offerBelow="0.1")
    assert "left_wrist" not in task.points()
    task.key(";")
    assert "left_wrist" not in task.points(), "the first press only leads there"
    task.key(";")
    assert "left_wrist" in task.points()


# what is drawn and said ----------------------------------------------------------------------------------------------
RING = """({shadowRoot}, [x, y]) => {
  const canvas = shadowRoot.querySelectorAll("canvas")[1];
  const ratio = canvas.width / canvas.getBoundingClientRect().width;
  const ctx = canvas.getContext("2d", { willReadFrequently: true });
  const seen = [];
  for (let turn = 0; turn < 360; turn += 2) {
    const at = [7, 7].map((radius, n) => (n ? y : x) + radius * (n ? Math.sin : Math.cos)(turn * Math.PI / 180));
    const [r, g, b, a] = ctx.getImageData(Math.round(at[0] * ratio), Math.round(at[1] * ratio), 1, 1).data;
    seen.push(a < 128 ? "none" : r + g + b > 600 ? "light" : r + g + b < 150 ? "dark" : "other");
  }
  return seen;
}"""


def ring(task: Task, x: float, y: float) -> list[str]:
    """Return the colours on a circle around a point of the image. Its radius is 7 screen pixels."""
    task.page.wait_for_timeout(100)
    at = task.evaluate(
        "({app}, [x, y]) => { const {scale, tx, ty} = app.stage.view; return [x * scale + tx, y * scale + ty] }", [x, y]
    )
    seen: list[str] = task.evaluate(RING, at)
    return seen


def dashes(seen: list[str]) -> int:
    """How often the circle changes its shade."""
    return sum(a != b for a, b in itertools.pairwise(seen))


def test_a_doubtful_keypoint_has_a_dashed_ring_of_dark_and_light(open_task: TaskPage) -> None:
    """Not a matter of colour: a ring is there or not, and its dashes differ in lightness against any background."""
    task = open_task(initialValues=[scored({"left_wrist": 0.2})])
    at = task.points()["left_wrist"][:2]
    doubtful = ring(task, *at)
    for shade in ("dark", "light"):
        assert doubtful.count(shade) > 40, doubtful
    task.key(";", ";")
    assert dashes(doubtful) >= 8
    confirmed = ring(task, *at)
    assert confirmed.count("light") < 5, confirmed


def test_an_offer_is_a_ring_without_a_marker(offered: Task) -> None:
    wrist = wrist_of(offered, "original_annotations")
    at = wrist["x"], wrist["y"]
    assert ring(offered, *at).count("light") > 40
    inside = offered.evaluate(
        """({app, shadowRoot}, [x, y]) => {
          const canvas = shadowRoot.querySelectorAll("canvas")[1];
          const ratio = canvas.width / canvas.getBoundingClientRect().width;
          const {scale, tx, ty} = app.stage.view;
          const spot = [x * scale + tx, y * scale + ty].map((value) => Math.round(value * ratio));
          return canvas.getContext("2d").getImageData(...spot, 1, 1).data[3];
        }""",
        list(at),
    )
    assert inside == 0
    offered.key("b")
    assert ring(offered, *at).count("none") > 100, "offers are shown of the instance in hand only"


def test_the_screen_reader_hears_what_is_to_be_checked(doubtful: Task, offered: Task) -> None:
    doubtful.page.bring_to_front()
    doubtful.key(";")
    expect(doubtful.element.locator(".live")).to_contain_text("left wrist: visible, to check at ")
    expect(doubtful.element.locator(".points .on .soft")).to_have_text("visible, to check")
    doubtful.key(";", "[")
    doubtful.element.locator(".points button.pick").nth(NAMES.index("left_wrist")).click()
    expect(doubtful.element.locator(".points .on .soft")).to_have_text("visible")
    offered.page.bring_to_front()
    offered.key(";", ";", ";")
    assert selected(offered) == "right_ankle"
    expect(offered.element.locator(".live")).to_contain_text("right ankle: not placed, offered")


# where nothing of it applies -----------------------------------------------------------------------------------------
@pytest.mark.parametrize(
    "values",
    [
        {"initialValues": [person()]},
        {"initialValues": [scored({})], "checkBelow": "0.3"},
        {"initialValues": [scored({"nose": 0.2})], "checkBelow": "0"},
        {"initialValues": [scored({"nose": 0.2})], "checkBelow": "no number"},
        {"initialValues": [scored({"nose": "0.2"})], "offerBelow": "0.3"},
        {"initialValues": [scored({"nose": None})], "offerBelow": "0.3"},
        {"initialValues": [scored({"nose": [0.1]})], "offerBelow": "0.3"},
        {"initialValues": [scored({"nose": 0.2}, annotation_options={"editable": False})]},
        {},
    ],
    ids=["no scores", "sure", "threshold 0", "no threshold", "text", "null", "list", "locked", "no pre-labels"],
)
def test_without_a_low_score_nothing_is_to_be_checked(open_task: TaskPage, values: dict[str, Any]) -> None:
    task = open_task(**values)
    task.key(";")
    expect(task.element.locator(".toast")).to_have_text("No keypoint is left to check.")
    assert record(task) == {}
    assert not {kind for kind, _ in rows(task)} & {"low_confidence", "offered_keypoints"}
    if values:
        assert len(task.points()) == len(NAMES)


def test_a_threshold_of_the_jobs_own(open_task: TaskPage) -> None:
    task = open_task(initialValues=[scored({"nose": 0.2, "left_wrist": 0.6})], checkBelow="0.7")
    assert rows(task)[0][1].endswith("nose, left wrist")


def test_without_the_later_script_labels_stay_as_they_came(open_task: TaskPage) -> None:
    del open_task.files["/crowd-2d-skeleton.later.js"]
    labels = [scored({"left_wrist": 0.2, "right_ankle": 0.05})]
    task = open_task(initialValues=labels, offerBelow="0.1", wait=False).ready(later=False)
    expect(task.element.locator(".notices")).to_contain_text("could not be loaded")
    task.key(";")
    expect(task.element.locator(".toast")).to_contain_text("could not be loaded")
    assert set(NAMES) - set(task.points()) == {"right_ankle"}
    task.element.locator(".points button.pick").nth(NAMES.index("right_ankle")).click()
    task.click(120, 420)
    assert set(task.points()) == set(NAMES)
    assert "prelabels" not in task.answer()["answer_details"]


def test_a_crowd_of_doubts_is_painted_in_time(open_task: TaskPage) -> None:
    people = [scored(dict.fromkeys(NAMES, 0.1), left=(37 * n) % 500) for n in range(300)]
    task = open_task(initialValues=people)
    task.key("b")
    took = task.evaluate(
        """async ({app}) => { const start = performance.now(); app.stage.view.zoom(1.1); app.stage.draw();
        return performance.now() - start }"""
    )
    assert took < 1000
    assert len(rows(task)) >= 300
