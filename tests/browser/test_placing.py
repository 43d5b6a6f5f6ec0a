"""Placing, moving, marking: the daily work."""

import pytest
from driver import NAMES, TEMPLATE, Task, TaskPage, person, until


def test_seventeen_clicks_and_no_key_make_a_person(task: Task) -> None:
    task.place_person()
    points = task.points()
    assert list(points) == NAMES
    for name, (x, y) in zip(NAMES, TEMPLATE, strict=True):
        assert points[name] == (pytest.approx(100 + x, abs=0.6), pytest.approx(40 + y, abs=0.6), 2)


def test_the_next_click_after_a_whole_person_starts_another(task: Task) -> None:
    task.place_person()
    task.click(400, 60)
    doc = task.doc
    assert [instance["id"] for instance in doc["instances"]] == ["n1", "n2"]
    assert list(task.points(1)) == ["nose"]


def test_a_click_places_the_waiting_keypoint_even_on_top_of_another(task: Task) -> None:
    """In a profile left and right coincide; choosing instead would shift every keypoint after it by one."""
    for _ in range(len(NAMES)):
        task.click(200, 200)
    assert list(task.points()) == NAMES
    assert len(task.doc["instances"]) == 1
    task.click(200, 200)
    assert len(task.doc["instances"]) == 1, "a whole instance's own marker is chosen, not the start of the next"


def test_right_click_places_as_occluded(task: Task) -> None:
    task.click(100, 100)
    task.click(120, 90, button="right")
    assert [v for _, _, v in task.points().values()] == [2, 1]


def test_one_key_changes_visibility(task: Task) -> None:
    task.click(100, 100)
    task.key("o")
    assert task.points()["nose"][2] == 1
    task.key("o")
    assert task.points()["nose"][2] == 2
    task.key("Space")
    assert task.points()["nose"][2] == 1


def test_reasons_why_a_keypoint_is_not_placed(task: Task) -> None:
    task.click(100, 100)
    task.key("u", "i")
    task.click(140, 100)
    task.key("Shift+u")
    answer = task.answer()
    assert list(task.points()) == ["nose", "left_ear"]
    reasons = {entry["label"]: entry["reason"] for entry in answer["answer_details"]["not_labeled"]}
    assert reasons["left_eye"] == "not_visible"
    assert reasons["right_eye"] == "outside_image"
    assert len(reasons) == len(NAMES) - 2


def test_after_a_reason_given_by_button_the_next_click_is_for_the_next_keypoint(task: Task) -> None:
    task.click(100, 100)
    task.key("w")
    task.key("s")
    task.element.get_by_role("button", name="Outside").click()
    task.click(140, 100)
    assert task.answer()["answer_details"]["not_labeled"] == [{"id": "n1", "label": "nose", "reason": "outside_image"}]
    assert list(task.points()) == ["left_eye"]


def test_dragging_moves_a_keypoint_by_the_pointers_distance(task: Task) -> None:
    task.click(200, 200)
    x, y, _ = task.points()["nose"]
    scale = task.state["view"]["scale"]
    at = task.screen(x, y)
    mouse = task.page.mouse
    mouse.move(at[0] + 3, at[1] + 2)
    mouse.down()
    mouse.move(at[0] + 33, at[1] + 42, steps=5)
    mouse.up()
    moved = task.points()["nose"]
    assert moved[0] == pytest.approx(x + 30 / scale, abs=0.02)
    assert moved[1] == pytest.approx(y + 40 / scale, abs=0.02)


def test_shift_drag_moves_the_attached_keypoints_too(open_task: TaskPage) -> None:
    task = open_task(initialValues=[person(100, 40)])
    before = task.points()
    task.page.keyboard.down("Shift")
    task.drag(before["left_elbow"][:2], (before["left_elbow"][0] + 40, before["left_elbow"][1] + 20))
    task.page.keyboard.up("Shift")
    after = task.points()
    moved = [name for name in NAMES if before[name] != after[name]]
    assert moved == ["left_elbow", "left_wrist"]
    for axis in (0, 1):
        assert after["left_wrist"][axis] - before["left_wrist"][axis] == pytest.approx(
            after["left_elbow"][axis] - before["left_elbow"][axis], abs=0.02
        )


def test_escape_takes_a_drag_back(task: Task) -> None:
    task.click(200, 200)
    before = task.doc
    mouse = task.page.mouse
    mouse.move(*task.screen(200, 200))
    mouse.down()
    mouse.move(*task.screen(300, 300), steps=3)
    task.key("Escape")
    mouse.up()
    assert task.doc == before


def test_drag_elsewhere_and_middle_button_move_the_image(task: Task) -> None:
    task.key("c", "c", "c")
    before = task.state["view"]
    task.drag((300, 200), (280, 190))
    after = task.state["view"]
    assert after["tx"] - before["tx"] == pytest.approx(-20 * before["scale"], abs=1)
    task.drag((300, 200), (320, 200), button="middle")
    assert task.state["view"]["tx"] > after["tx"]
    assert task.doc["instances"] == []


def test_swap_a_keypoint_a_limb_and_all(open_task: TaskPage) -> None:
    task = open_task(initialValues=[person(100, 40)])
    before = task.points()
    task.page.keyboard.down("Control")
    task.click(*before["left_shoulder"][:2])
    task.page.keyboard.up("Control")
    task.key("r")
    swapped = task.points()
    assert swapped["left_shoulder"] == before["right_shoulder"]
    assert swapped["left_elbow"] == before["left_elbow"]
    task.key("r", "Shift+r")
    limb = task.points()
    assert limb["left_wrist"] == before["right_wrist"]
    assert limb["left_hip"] == before["left_hip"]
    task.key("Shift+r", "t")
    everything = task.points()
    assert everything["left_ankle"] == before["right_ankle"]
    assert everything["nose"] == before["nose"]


def test_copy_a_pose_to_the_pointer(open_task: TaskPage) -> None:
    task = open_task(initialValues=[person(50, 40, 0.5)])
    task.page.mouse.move(*task.screen(400, 240))
    task.key("p")
    first, second = task.points(0), task.points(1)
    shift = second["nose"][0] - first["nose"][0]
    assert shift > 100
    for name in NAMES:
        assert second[name][0] - first[name][0] == pytest.approx(shift, abs=0.02)


def test_complete_from_a_few(task: Task) -> None:
    for index in (0, 1, 2):
        x, y = TEMPLATE[index]
        task.click(100 + x, 40 + y)
    task.key("f")
    points = task.points()
    assert len(points) == len(NAMES)
    assert points["left_ankle"][0] == pytest.approx(100 + 96, abs=25)


def test_move_scale_and_turn_a_whole_instance(open_task: TaskPage) -> None:
    task = open_task(initialValues=[person(200, 60, 0.6)])
    before = task.points()
    task.key("n")
    task.drag((250, 150), (300, 170))
    moved = task.points()
    for name in NAMES:
        assert moved[name][0] - before[name][0] == pytest.approx(50, abs=0.6)
    xs = [x for x, _, _ in moved.values()]
    ys = [y for _, y, _ in moved.values()]
    pad = 18 / task.state["view"]["scale"]
    task.drag((max(xs) + pad, max(ys) + pad), (max(xs) + pad + 50, max(ys) + pad))
    wider = task.points()
    assert max(x for x, _, _ in wider.values()) == pytest.approx(max(xs) + 50, abs=0.6)
    assert min(x for x, _, _ in wider.values()) == pytest.approx(min(xs), abs=0.02)
    assert task.doc["instances"][0]["points"][0]["v"] == 2
    task.key("Control+z", "Control+z")
    assert task.points() == before


def test_a_box_independent_of_the_keypoints(task: Task) -> None:
    task.click(100, 100)
    task.key("g")
    task.drag((80, 60), (260, 400))
    instance = task.answer()["updated_annotations"][0]
    assert instance["box"] == [pytest.approx(v, abs=1) for v in (80, 60, 180, 340)]
    task.drag((100, 100), (120, 120))
    assert task.answer()["updated_annotations"][0]["box"] == instance["box"]


def test_hide_and_isolate(open_task: TaskPage) -> None:
    task = open_task(initialValues=[person(20, 40, 0.5), person(300, 40, 0.5)])
    task.key("h")
    assert task.state["hidden"] == ["p0"]
    task.key("h", "j")
    assert task.state["hidden"] == ["p1"]
    task.key("j", "m")
    assert sorted(task.state["hidden"]) == ["p0", "p1"]
    task.key("m")
    assert task.state["hidden"] == []


def test_the_list_shows_the_keypoint_in_hand(open_task: TaskPage) -> None:
    task = open_task()
    task.page.set_viewport_size({"width": 1280, "height": 600})
    for number, (x, y) in enumerate(TEMPLATE):
        task.click(100 + x, 40 + y)
        is_shown = f"""() => {{
          const list = document.querySelector("crowd-2d-skeleton").shadowRoot.querySelector(".points");
          const [outer, row] = [list, list.children[{number}]].map((node) => node.getBoundingClientRect());
          return list.children[{number}].matches(".on") && outer.top <= row.top && row.bottom <= outer.bottom;
        }}"""
        until(task.page, is_shown)
    assert task.element.locator(".points").evaluate("list => list.scrollTop") > 100
