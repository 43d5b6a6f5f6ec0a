"""Pre-labels: labels of any format, made into a job's instances, and everything that may be wrong with them."""

import json
import re
import unicodedata
from pathlib import Path
from typing import Any

import pytest

from truepoint.jobs.prelabels import Choices, PrelabelError, Prelabels, read_prelabels
from truepoint.pose.skeleton import Skeleton, SkeletonKeypoint

SKELETON = Skeleton("face", (SkeletonKeypoint("nose"), SkeletonKeypoint("left_eye"), SkeletonKeypoint("right_eye")))
SIZES = {"a.jpg": (100, 50), "b.jpg": (200, 100)}


@pytest.fixture
def read(tmp_path: Path) -> Any:
    """Reads a text as a file of pre-labels."""

    def run(text: Any, name: str = "labels.json", sizes: Any = SIZES, **chosen: Any) -> Prelabels:
        file = tmp_path / name
        file.parent.mkdir(parents=True, exist_ok=True)
        file.write_bytes(text if isinstance(text, bytes) else str(text).encode())
        return read_prelabels(file, SKELETON, sizes, Choices(**chosen))

    return run


def instance(**keypoints: tuple[float, float, int]) -> dict[str, Any]:
    places = [{"label": k, "x": x, "y": y, "visibility": v} for k, (x, y, v) in keypoints.items()]
    return {"id": "p0", "name": "Ann", "annotations": places}


# ---------------------------------------------------------------------------------------------------------- ours


def test_our_own_shape_as_one_object_or_as_lines(read: Any) -> None:
    a, b = [instance(nose=(1.5, 2, 2))], [instance(left_eye=(0, 0.25, 1), nose=(3, 4, 0))]
    eye = {"label": "left_eye", "x": 0, "y": 0.25, "visibility": 1}
    wanted = {"a.jpg": tuple(a), "b.jpg": ({"id": "p0", "name": "Ann", "annotations": [eye]},)}
    assert read(json.dumps({"a.jpg": a, "b.jpg": b}, indent=1)).instances == wanted
    assert read(f"\ufeff{json.dumps({'a.jpg': a})}\r\n\r\n{json.dumps({'b.jpg': b})}\r\n").instances == wanted


def test_absent_keys_stay_absent_and_others_stay_unchanged(read: Any) -> None:
    bare = {
        "annotations": [{"label": "nose", "x": 1.0, "y": 2.0, "score": 0.5, "comment": "dim"}],
        "comment": "far",
        "score": 0.75,
    }
    [found] = read(json.dumps({"a.jpg": [bare]})).instances["a.jpg"]
    assert found == bare | {"annotations": [bare["annotations"][0] | {"visibility": 2}]}


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("", "expected our own pre-labels .*; got nothing"),
        ("[]", "got an empty list"),
        ("[1]", "got a list of 1"),
        ("a,b\n", "expected our own pre-labels .*; got b'a,b"),
        ('{"a.jpg": []}\nnope', "line 2: expected JSON"),
        ('{"a.jpg": []}\n[1]', "line 2: expected an object of file names, got a list"),
        ('{"a.jpg": []}\n{"a.jpg": []}', "line 2: expected every image once, got 'a.jpg' again"),
        ('{"a.jpg": {"annotations": []}}', "'a.jpg': expected a list of instances, got an object"),
        ('{"a.jpg": [{"id": "p0"}]}', "'a.jpg': expected a list of instances.*annotations"),
        ('{"a.jpg": [{"annotations": [{"label": "nose", "x": "1", "y": 2}]}]}', "Expected `float`"),
        ('{"a.jpg": [{"annotations": [{"label": "nose", "x": 1, "y": 2, "visibility": 3}]}]}', "Expected `int` <= 2"),
        ('{"a.jpg": [{"annotations": [{"label": "ear", "x": 1, "y": 2}]}]}', "skeleton .*nose.*, got '': ear"),
        (
            '{"a.jpg": [{"annotations": [{"label": "nose", "x": 1, "y": 2}, {"label": "nose", "x": 1, "y": 2}]}]}',
            "'a.jpg': instance 0: expected each keypoint once, got 'nose' twice",
        ),
        ("[" * 100 + "]" * 100, "levels of nesting"),
    ],
)  # fmt: skip
def test_unusable_prelabels(read: Any, text: str, words: str) -> None:
    with pytest.raises(PrelabelError, match=words):
        read(text)


def test_the_documented_example(read: Any) -> None:
    text = (Path(__file__).parents[2] / "docs" / "formats.md").read_text(encoding="utf-8")
    (example,) = re.findall(r"## Pre-labels file\n.+?```json\n(.+?)```", text, re.DOTALL)
    found = read(example, sizes={"a.jpg": (1, 1), "more/b.jpg": (1, 1)}).instances
    assert found == {
        "a.jpg": ({"id": "p0", "annotations": [{"label": "nose", "x": 1998.25, "y": 299.5, "visibility": 1}]},)
    }


# ---------------------------------------------------------------------------------------------------------- COCO


def coco(**changes: Any) -> str:
    document = {
        "images": [{"id": 7, "file_name": "a.jpg"}, {"id": 8, "file_name": "b.jpg"}],
        "categories": [
            {"id": 1, "name": "dog", "keypoints": ["tail"]},
            {"id": 2, "name": "face", "keypoints": ["right_eye", "left_eye", "nose"]},
        ],
        "annotations": [
            {"id": 70, "image_id": 7, "category_id": 2, "keypoints": [1, 2, 1, 0, 0, 0, 3.5, 4, 2]},
            {"id": 71, "image_id": 7, "category_id": 2, "keypoints": [0] * 9},
            {"id": 72, "image_id": 7, "category_id": 1, "keypoints": [1, 1, 2]},
            {"id": 73, "image_id": 99, "category_id": 2, "keypoints": [1, 1, 2] * 3},
        ],
        **changes,
    }
    return json.dumps(document)


def face(annotation_id: int = 5, **more: Any) -> dict[str, Any]:
    keypoints = [5, 6, 2, 7, 8, 1, 0, 0, 0]
    return {"id": annotation_id, "image_id": 7, "category_id": 2, "keypoints": keypoints} | more


def points(found: Prelabels, image: str = "a.jpg") -> list[list[tuple[Any, ...]]]:
    return [
        [(p["label"], p["x"], p["y"], p.get("visibility"), p.get("score")) for p in i["annotations"]]
        for i in found.instances.get(image, ())
    ]


def test_coco_keypoints_go_by_name_and_every_dropped_item_is_named(read: Any) -> None:
    found = read(coco())
    assert points(found) == [[("right_eye", 1, 2, 1, None), ("nose", 3.5, 4, 2, None)]]
    assert found.instances["a.jpg"][0]["id"] == "70"
    report = "\n".join(found.report)
    for line in (
        "labels.json: COCO annotations: read 2 images, 2 instances, 3 keypoints",
        "matched 2 images, 1 instances, 2 keypoints",
        "1 annotations left out, because the file does not list their image: annotation 73",
        "1 annotations left out, because they have neither keypoints nor a box: annotation 71",
        "1 instances left out, because their category 'dog' does not match the skeleton: a.jpg 72",
    ):
        assert line in report


def test_coco_boxes_names_comments_crowds_and_masks(read: Any) -> None:
    boxed = face(bbox=[1, 2, 30, 40], attributes={"id": "n5", "name": "Bo", "comment": "far"})
    found_by_three = {"id": "", "worker_count": 3, "score": 0.5, "hat": 1}
    found = read(
        coco(
            annotations=[
                boxed | {"keypoint_comments": {"left_eye": "dim"}},
                {"id": 6, "image_id": 7, "category_id": 2, "bbox": [1, 2, 3, 4]},
                face(7, iscrowd=1, segmentation={"counts": [0, 20], "size": [10, 2]}),
                face(8, bbox=[1, 2, 0, 4], segmentation=[[0, 0, 1, 1, 2, 2]]),
                face(9, bbox=[1, 2, 9, 9], area_source="hull", attributes=found_by_three),
            ]
        )
    )  # fmt: skip
    first, second, third, fourth = found.instances["a.jpg"]
    assert (first["id"], first["name"], first["comment"], first["box"]) == ("n5", "Bo", "far", [1, 2, 30, 40])
    assert first["annotations"][1] == {"label": "left_eye", "x": 7.0, "y": 8.0, "visibility": 1, "comment": "dim"}
    assert second == {"id": "6", "annotations": [], "box": [1, 2, 3, 4]}
    assert "box" not in third
    assert "box" not in fourth  # made from keypoints, not drawn
    assert not fourth.keys() & {"id", "score"}  # the instance had no id; this score is of the consolidation
    report = "\n".join(found.report)
    assert "1 crowd regions left out (iscrowd): annotation 7" in report
    assert "1 boxes left out, because they have no area: annotation 8" in report
    assert "1 segmentation masks left out: pre-labels have none: annotation 8" in report
    assert "1 attributes 'hat' left out: instances have none: annotation 9" in report


@pytest.mark.parametrize(
    ("chosen", "expected", "words"),
    [
        ({}, [2, 2, 2], "a score above 0 are labelled, and are visible"),
        ({"min_score": 0.5}, [2, 2], "of at least 0.5"),
        ({"occluded_below": 0.95}, [1, 2, 1], "occluded below 0.95, otherwise visible"),
    ],
)
def test_scores_are_kept_and_their_visibility_is_a_choice(read: Any, chosen: Any, expected: Any, words: str) -> None:
    scored = face(keypoints=[5, 6, 0.9, 7, 8, 1.0, 9, 9, 0.3], score=0.8)
    found = read(coco(annotations=[scored, face(6)]), **chosen)
    first, second = points(found)
    assert [p[3] for p in first] == expected
    assert [p[4] for p in first] == [0.9, 1.0, 0.3][: len(expected)]
    assert [p[3:] for p in second] == [(2, None), (1, None)]  # an annotation with a 2 has visibilities
    assert found.instances["a.jpg"][0]["score"] == 0.8
    assert words in "\n".join(found.report)


def test_instances_with_a_low_score_are_left_out_on_request(read: Any) -> None:
    given = coco(annotations=[face(5, score=0.2), face(6, score=0.4)])
    assert [i["id"] for i in read(given, min_instance_score=0.3).instances["a.jpg"]] == ["6"]


def test_a_coco_results_list(read: Any, tmp_path: Path) -> None:
    result = {"image_id": 7, "category_id": 2, "keypoints": [5, 6, 0.9, 7, 8, 1, 0, 0, 0], "score": 0.9}
    by_number = read(json.dumps([result]), sizes={"x/a-0007.jpg": (1, 1), "x/b-8.jpg": (1, 1)})
    assert points(by_number, "x/a-0007.jpg") == [[("nose", 5, 6, 2, 0.9), ("left_eye", 7, 8, 2, 1)]]
    assert "assumed to be in the order of the skeleton" in "\n".join(by_number.report)
    (tmp_path / "truth.json").write_text(coco())
    by_file = read(json.dumps([result]), images=tmp_path / "truth.json")
    assert points(by_file) == [[("right_eye", 5, 6, 2, 0.9), ("left_eye", 7, 8, 2, 1)]]
    assert by_file.instances["a.jpg"][0]["score"] == 0.9


@pytest.mark.parametrize(
    ("edges", "wanted"), [([[1, 2], [2, 3]], ((0, 1), (1, 2))), ([[0, 1], [1, 2]], ((0, 1), (1, 2)))]
)
def test_edges_count_from_one_or_from_zero(edges: Any, wanted: Any, tmp_path: Path) -> None:
    from truepoint.formats.detection import read_labels

    names = ["nose", "left_eye", "right_eye"]
    (tmp_path / "c.json").write_text(coco(categories=[{"id": 2, "name": "f", "keypoints": names, "skeleton": edges}]))
    assert read_labels(tmp_path / "c.json", 3).categories[0].edges == wanted


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"categories": [{"id": 2, "name": "dog", "keypoints": ["a", "b", "c"]}]}, "got 'dog': a, b, c"),
        ({"images": [{"id": 1}]}, "expected images with id and file_name"),
        ({"images": [{"id": 7, "file_name": "a.jpg"}, {"id": 8, "file_name": "a.jpg"}]}, "every file_name once"),
        ({"images": [{"id": 7, "file_name": "a.jpg"}, {"id": 7, "file_name": "b.jpg"}]}, "every image id once"),
        ({"annotations": [face(keypoints=[1, 2, 2])]}, "labels.json: expected 9 numbers in keypoints.*, got 3"),
        ({"annotations": ["x"]}, "expected a list of objects, got 'x' at position 0"),
        ({"images": [], "annotations": []}, "expected labels of images, got none"),
    ],
)
def test_unusable_coco(read: Any, changes: dict[str, Any], words: str) -> None:
    with pytest.raises(PrelabelError, match=words):
        read(coco(**changes))


@pytest.mark.parametrize("encoding", ["utf-8-sig", "utf-16-le", "utf-16-be", "utf-16"])
def test_encodings_with_a_byte_order_mark(read: Any, encoding: str) -> None:
    mark = {"utf-16-le": b"\xff\xfe", "utf-16-be": b"\xfe\xff"}.get(encoding, b"")
    text = coco(annotations=[face(5)]).replace('"a.jpg"', '"å.jpg"')
    assert points(read(mark + text.encode(encoding), sizes={"å.jpg": (9, 9)}), "å.jpg")


@pytest.mark.parametrize(
    ("image", "category"), [("7", "2"), (7.0, 2.0), ("7", 2), (7, "2")], ids=["text", "points", "image", "category"]
)
def test_ids_are_the_same_however_they_are_written(read: Any, image: Any, category: Any) -> None:
    found = read(coco(annotations=[face(5, image_id=image, category_id=category)]))
    assert points(found) == [[("right_eye", 5, 6, 2, None), ("left_eye", 7, 8, 1, None)]]


def test_a_damaged_annotation_does_not_affect_others(read: Any) -> None:
    found = read(coco(annotations=[face(5), face(6, keypoints=[1, 2, 2]), face(7, keypoints="x", bbox=[1, 2, 3, 4])]))
    assert [i["id"] for i in found.instances["a.jpg"]] == ["5", "7"]
    assert (
        "2 annotations whose keypoints were left out, because they are not 9 numbers: annotation 6, annotation 7"
        in "\n".join(found.report)
    )


def test_several_raters_are_a_choice(read: Any) -> None:
    given = coco(annotations=[face(5, rater_id="ada"), face(6, rater_id=3)])
    with pytest.raises(PrelabelError, match=r"one rater, got those of 2 \(3, ada\); choose with --rater"):
        read(given)
    assert [i["id"] for i in read(given, rater="3").instances["a.jpg"]] == ["6"]
    with pytest.raises(PrelabelError, match="labels of the rater 'eve', got those of 3, ada"):
        read(given, rater="eve")


# --------------------------------------------------------------------------------------- names of images, keypoints

DECOMPOSED = unicodedata.normalize("NFD", "é.jpg")


@pytest.mark.parametrize(
    ("given", "image"),
    [
        ("é.jpg", DECOMPOSED),
        (DECOMPOSED, "x/é.jpg"),
        ("A.JPG", "a.jpg"),
        (r"cam1\a.jpg", "cam1/a.jpg"),
        (r"C:\photos\cam1\a.jpg", "cam1/a.jpg"),
        ("./a.jpg", "a.jpg"),
        ("val/a.jpg", "a.jpg"),
        ("a.jpg", "deep/a.jpg"),
    ],
)
def test_a_name_is_found_however_it_is_spelled(read: Any, given: str, image: str) -> None:
    found = read(json.dumps({given: [instance(nose=(1, 1, 2))]}), sizes={image: (9, 9), "other.jpg": (9, 9)})
    assert list(found.instances) == [image]


def test_the_longest_common_path_wins_and_a_better_match_is_kept(read: Any) -> None:
    one, two, three, four = ([instance(nose=(n, n, 2))] for n in range(4))
    images = ["x/cam1/a.jpg", "x/cam2/a.jpg", "b.jpg"]
    given = {"cam1/a.jpg": one, "y/cam2/a.jpg": two, "b.jpg": three, "old/b.jpg": four}
    found = read(json.dumps(given), sizes=dict.fromkeys(images, (9, 9)))
    assert {name: i[0]["annotations"][0]["x"] for name, i in found.instances.items()} == {
        "x/cam1/a.jpg": 0, "x/cam2/a.jpg": 1, "b.jpg": 2,
    }  # fmt: skip
    assert "left out the labels of 1 images that do not exist: old/b.jpg" in found.report


@pytest.mark.parametrize(
    ("given", "images", "words"),
    [
        (["a.jpg"], ["x/a.jpg", "y/a.jpg"], "'a.jpg': expected one image of that name, got x/a.jpg, y/a.jpg"),
        (["A.jpg"], ["a.jpg", "a.JPG"], "expected one image of that name"),
        (["p/a.jpg", "q/a.jpg"], ["a.jpg"], "image 'a.jpg': expected labels once, got two entries: p/a.jpg, q/a.jpg"),
        (["é.jpg", DECOMPOSED], ["É.JPG", "b.jpg"], "expected labels once"),
    ],
)
def test_two_images_are_never_merged(read: Any, given: list[str], images: list[str], words: str) -> None:
    with pytest.raises(PrelabelError, match=words):
        read(json.dumps({name: [instance(nose=(1, 1, 2))] for name in given}), sizes=dict.fromkeys(images, (9, 9)))


def test_no_name_at_all_shows_three_of_each_side(read: Any) -> None:
    given = json.dumps({f"{n}.png": [] for n in "vwxyz"})
    with pytest.raises(PrelabelError, match=r"a\.jpg, b\.jpg, got v\.png, w\.png, x\.png and 2 more\. Nothing was"):
        read(given)


def names_file(names: list[str]) -> str:
    return coco(
        categories=[{"id": 2, "name": "face", "keypoints": names}],
        annotations=[face(keypoints=[n for i in range(len(names)) for n in (i + 1, 1, 2)])],
    )


@pytest.mark.parametrize(
    "names",
    [
        ["Nose", "LEye", "REye"], ["nose", "eye_l", "eye_r"], ["NOSE", "leftEye", "rightEye"],
        ["nose", "left-eye", "Right Eye"], ["nose", "lefteye", "eyeright"], ["nose", "l_eye", "r_eye"],
    ],
)  # fmt: skip
def test_keypoint_names_by_alias(read: Any, names: list[str]) -> None:
    found = read(names_file(names))
    assert [p[:2] for p in points(found)[0]] == [("nose", 1), ("left_eye", 2), ("right_eye", 3)]
    assert "keypoints renamed:" in "\n".join(found.report)


def test_subsets_supersets_and_a_mapping_file(read: Any) -> None:
    found = read(names_file(["snout", "left_eye", "tail"]), keypoint_names={"snout": "nose", "tail": None})
    assert [p[0] for p in points(found)[0]] == ["nose", "left_eye"]
    report = "\n".join(found.report)
    assert "warning: the labels lack 1 keypoints of the skeleton: right_eye" in report
    assert "warning: the skeleton lacks 1 keypoints of the labels: tail" in report
    assert "1 keypoints 'tail' left out: the skeleton does not have them: a.jpg 5" in report
    with pytest.raises(PrelabelError, match=r"expected a name of the skeleton .*, got 'ear'"):
        read(names_file(["snout", "left_eye"]), keypoint_names={"snout": "ear"})
    with pytest.raises(PrelabelError, match="'left_eye': expected one name in the labels, got LEye, eyeLeft"):
        read(names_file(["LEye", "eyeLeft", "nose"]))


def test_an_order_without_names_needs_as_many_or_a_list(read: Any) -> None:
    result = {"image_id": "a.jpg", "keypoints": [1, 1, 0.9, 2, 2, 0.9], "score": 0.9}
    with pytest.raises(PrelabelError, match="expected 3, as in the skeleton, got 2; give a JSON list"):
        read(json.dumps([result]))
    assert [p[0] for p in points(read(json.dumps([result]), keypoint_names=["left_eye", "nose"]))[0]] == [
        "left_eye",
        "nose",
    ]


# ------------------------------------------------------------------------------------------------- other formats


def test_yolo_labels_and_predictions(read: Any, tmp_path: Path) -> None:
    (tmp_path / "data.yaml").write_text(
        "kpt_shape: [3, 3]\nnames: {0: face}\nkpt_names: {0: [right_eye, nose, left_eye]}\n"
    )
    rows = "0 0.5 0.5 0.2 0.4 0.25 0.5 2 0.1 0.3 1 0 0 0\n0 0.5 0.5 1 1\n"
    (tmp_path / "labels" / "train").mkdir(parents=True)
    (tmp_path / "labels" / "train" / "a.txt").write_text(rows)
    (tmp_path / "labels" / "train" / "b.txt").write_text("")
    found = read_prelabels(tmp_path, SKELETON, SIZES, Choices())
    assert points(found) == [[("right_eye", 25, 25, 2, None), ("nose", 10, 15, 1, None)], []]
    assert [i["box"] for i in found.instances["a.jpg"]] == [[40, 15, 20, 20], [0, 0, 100, 50]]
    assert read_prelabels(tmp_path / "data.yaml", SKELETON, SIZES, Choices()).instances == found.instances

    predicted = read("0 0.5 0.5 0.2 0.4 0.25 0.5 0.75 0.1 0.3 0.5 0 0 0.25 0.875 4\n", "run/a.txt")
    assert points(predicted) == [[("nose", 25, 25, 2, 0.75), ("left_eye", 10, 15, 2, 0.5)]]
    assert (predicted.instances["a.jpg"][0]["score"], predicted.instances["a.jpg"][0]["name"]) == (0.875, "track 4")
    assert "keypoints left out, because they are at (0, 0)" in "\n".join(predicted.report)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        ("0 0.5 x\n", r"a\.txt:1: expected numbers, got '0 0.5 x'"),
        ("0 0.5\n", "expected at least 5 numbers, got 2"),
        ("0.5 0.5 0.5 0.5 0.5\n", "expected the class as a whole number, got 0.5"),
        ("0 1 1 1 1 1 1 1\n0 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1 1\n", "expected rows of the same length"),
    ],
)
def test_unusable_yolo(read: Any, text: str, words: str) -> None:
    with pytest.raises(PrelabelError, match=words):
        read(text, "a.txt")


CVAT = """<annotations><version>1.1</version><meta><task><labels>
<label><name>face</name><type>skeleton</type></label>
<label><name>nose</name><type>points</type><parent>face</parent></label>
<label><name>left_eye</name><type>points</type><parent>face</parent></label></labels></task></meta>
<image id="0" name="a.jpg" width="100" height="50">
<skeleton label="face" group_id="1"><points label="nose" outside="0" occluded="1" points="1.5,2.5"/>
<points label="left_eye" outside="1" occluded="0" points="9,9"/><attribute name="name">Ann</attribute></skeleton>
<box label="anything" group_id="1" xtl="10.1" ytl="0.2" xbr="10.3" ybr="0.5"/>
<box label="face-box" group_id="2" xtl="0" ytl="0" xbr="5" ybr="5"/>
<points label="nose" group_id="3" points="3,4"/><points label="left_eye" group_id="3" points="5,6"/>
<polygon label="face" points="0,0;1,1;2,2"/></image><image id="1" name="b.jpg" width="9" height="9"/></annotations>"""


def test_cvat(read: Any) -> None:
    found = read(CVAT, "annotations.xml")
    assert points(found) == [
        [("nose", 1.5, 2.5, 1, None)], [], [("nose", 3, 4, 2, None), ("left_eye", 5, 6, 2, None)],
    ]  # fmt: skip
    first, boxed, _ = found.instances["a.jpg"]
    assert (first["name"], first["box"], boxed["box"]) == ("Ann", [10.1, 0.2, 0.2, 0.3], [0, 0, 5, 5])
    assert "1 shapes left out, because a polygon is neither a skeleton, a box nor a keypoint" in "\n".join(found.report)


def test_cvat_keeps_the_order_of_shapes(read: Any) -> None:
    box, nose = '<box label="face" xtl="0" ytl="0" xbr="5" ybr="5"/>', '<points label="nose" points="1,2"/>'
    shapes = f'{box}<skeleton label="face">{nose}</skeleton>{nose}{box}<skeleton label="face"/>'
    found = read(f'<annotations><image name="a.jpg">{shapes}</image></annotations>', "a.xml")
    assert [len(p) for p in points(found)] == [0, 1, 1, 0]


@pytest.mark.parametrize(
    "text",
    [
        "<annotations>", "<html/>", "no xml", '<annotations xmlns="urn:x"/>',
        '<?xml version="1.0" encoding="shift_jis"?><annotations/>',
        '<?xml version="1.0" encoding="hex"?><annotations/>',
        '<!DOCTYPE a [<!ENTITY a SYSTEM "file:///etc/passwd">]><annotations>&a;</annotations>',
        '<!DOCTYPE a [<!ENTITY a "' + "a" * 100_000 + '">]><annotations>' + "&a;" * 1000 + "</annotations>",
    ],
)  # fmt: skip
def test_unusable_cvat(read: Any, text: str) -> None:
    with pytest.raises(PrelabelError, match="expected CVAT's"):
        read(text, "a.xml")


def region(name: str, kind: str, **value: Any) -> dict[str, Any]:
    return {"id": name, "type": kind, "original_width": 100, "original_height": 50, "value": value}


def test_label_studio(read: Any) -> None:
    result = [
        region("r", "rectanglelabels", x=10, y=20, width=30, height=40, rectanglelabels=["face"]) | {"score": 0.9},
        region("k", "keypointlabels", x=10.1, y=20.2, keypointlabels=["nose"]) | {"score": 0.5},
        region("l", "keypointlabels", x=50, y=50, keypointlabels=["left_eye"])
        | {"meta": {"text": ["occluded"]}, "parentID": "r"},
        {"type": "relation", "from_id": "k", "to_id": "r"},
        region("c", "brushlabels"),
    ]  # fmt: skip
    task = {"data": {"image": "/data/upload/3/0a1b2c3d-a.jpg"}, "predictions": [{"result": result}]}
    found = read(json.dumps([task]))
    assert points(found) == [[("nose", 10.1, 10.1, 2, 0.5), ("left_eye", 50, 25, 1, None)]]
    assert (found.instances["a.jpg"][0]["box"], found.instances["a.jpg"][0]["score"]) == ([10, 10, 30, 20], 0.9)
    assert "'brushlabels' is neither a keypoint nor a rectangle" in "\n".join(found.report)


@pytest.mark.parametrize("ids", [(None, None), ("r", "r"), ([], {}), (["r"], ["s"])])
def test_label_studios_rectangles_without_usable_ids_are_kept(read: Any, ids: Any) -> None:
    boxes = [region(i, "rectanglelabels", x=n, y=1, width=5, height=5) for n, i in enumerate(ids)]
    nose = region("k", "keypointlabels", x=10, y=20, keypointlabels=["nose", "left_eye"])
    found = read(json.dumps([{"data": {"image": "a.jpg"}, "annotations": [{"result": [*boxes, nose]}]}]))
    assert [(i.get("box", [None])[0], len(i["annotations"])) for i in found.instances["a.jpg"]] == [
        (0, 0), (1, 0), (None, 1),
    ]  # fmt: skip
    assert "1 labels left out: only the first label of a region is read: a.jpg k" in "\n".join(found.report)


@pytest.mark.parametrize(
    "relations",
    [[("k", "r1"), ("l", "r2")], [("r1", "k"), ("r2", "l")], [("k", "r1"), ("k", "l"), ("r2", "l"), ("r1", "r2")]],
)
def test_label_studios_relations_have_any_direction(read: Any, relations: list[tuple[str, str]]) -> None:
    boxes = [region(f"r{n}", "rectanglelabels", x=n, y=1, width=5, height=5) for n in (1, 2)]
    noses = [region(i, "keypointlabels", x=10, y=20, keypointlabels=["nose"]) for i in "kl"]
    lines = [{"type": "relation", "from_id": a, "to_id": b} for a, b in relations]
    found = read(json.dumps([{"data": {"image": "a.jpg"}, "annotations": [{"result": [*boxes, *noses, *lines]}]}]))
    assert [len(p) for p in points(found)] == [1, 1]


def test_label_studio_one_task_drafts_and_cancelled_annotations(read: Any) -> None:
    def nose(x: float) -> list[dict[str, Any]]:
        return [region("k", "keypointlabels", x=x, y=50, keypointlabels=["nose"])]

    task = {
        "data": {"image": "a.jpg"},
        "annotations": [{"result": nose(10)}, {"result": nose(20), "was_cancelled": True}],
        "drafts": [{"result": nose(30)}],
    }
    found = read(json.dumps(task))
    assert points(found) == [[("nose", 10, 25, None, None)]]
    report = "\n".join(found.report)
    assert "1 annotations left out, because they were cancelled: a.jpg" in report
    assert "1 drafts left out, because nobody submitted them: a.jpg" in report


def test_label_studios_minimal_json_is_refused(read: Any) -> None:
    minimal = [{"image": "a.jpg", "kp-1": [{"x": 1, "y": 2}], "annotator": 1, "annotation_id": 2}]
    with pytest.raises(PrelabelError, match="expected Label Studio's JSON, got JSON-MIN"):
        read(json.dumps(minimal))


def test_deeplabcut_tables_of_several_scorers_are_several_raters(read: Any) -> None:
    table = (
        "scorer,ada,ada,bo,bo\nbodyparts,nose,nose,nose,nose\ncoords,x,y,x,y\nlabeled-data/cam/a.jpg,1,2,3,4\n,,,,\n"
    )
    with pytest.raises(PrelabelError, match=r"labels of one rater, got those of 2 \(ada, bo\)"):
        read(table, "t.csv")
    assert points(read(table, "t.csv", rater="bo")) == [[("nose", 3, 4, None, None)]]


def test_deeplabcut_labels_and_predictions(read: Any) -> None:
    header = "scorer,,,s,s,s,s\nindividuals,,,a,a,b,b\nbodyparts,,,nose,nose,nose,nose\ncoords,,,x,y,x,y\n"
    found = read(header + "labeled-data,cam,a.jpg,1.5,2,,\nlabeled-data,cam,b.jpg,3,4,5,6\n", "t.csv")
    assert points(found) == [[("nose", 1.5, 2, None, None)]]
    assert [i["name"] for i in found.instances["b.jpg"]] == ["a", "b"]
    header = "scorer,m,m,m\nbodyparts,nose,nose,nose\ncoords,x,y,likelihood\n"
    predicted = read(header + "12,1,2,0.5\n", "p.csv", sizes={"img0012.png": (9, 9), "img0013.png": (9, 9)})
    assert points(predicted, "img0012.png") == [[("nose", 1, 2, 2, 0.5)]]
    with pytest.raises(PrelabelError, match="expected DeepLabCut's header rows"):
        read("a,b\n1,2\n", "x.csv")
    with pytest.raises(PrelabelError, match=r"p\.csv:4: expected 4 columns, got 2"):
        read(header + "12,1\n", "p.csv")


def test_mmpose_predictions(read: Any, tmp_path: Path) -> None:
    person = {
        "keypoints": [[1, 2], [3, 4], [5, 6]], "keypoint_scores": [0.5, 0.25, 1.0], "bbox": [[1.1, 2, 4.4, 8]],
        "bbox_score": 0.75,
    }  # fmt: skip
    for name, text in (("a.json", [person]), ("b.json", [])):
        (tmp_path / name).write_text(json.dumps(text))
    found = read_prelabels(tmp_path, SKELETON, SIZES, Choices(min_score=0.3))
    assert points(found) == [[("nose", 1, 2, 2, 0.5), ("right_eye", 5, 6, 2, 1.0)]]
    assert (found.instances["a.jpg"][0]["box"], found.instances["a.jpg"][0]["score"]) == ([1.1, 2, 3.3, 6], 0.75)
    meta = {"keypoint_id2name": {"0": "left_eye", "1": "nose", "2": "right_eye"}}
    named = read(json.dumps({"meta_info": meta, "instance_info": [person]}), "results_b.json")
    assert [p[0] for p in points(named, "b.jpg")[0]] == ["left_eye", "nose", "right_eye"]
    with pytest.raises(PrelabelError, match="expected 3 keypoint_scores"):
        read(json.dumps([person | {"keypoint_scores": [1]}]))


@pytest.mark.parametrize(
    ("name", "words"),
    [("a.pkl", "got a pickle"), ("a.zip", "got an archive"), ("a.h5", "a.h5: "), ("a.slp", "a.slp: ")],
)
def test_unsupported_files_are_refused(read: Any, name: str, words: str) -> None:
    with pytest.raises(PrelabelError, match=words):
        read("x", name)


# ------------------------------------------------------------------------------- relatives of damaged and odd files

ROW = "0 0.5 0.5 0.2 0.4 0.25 0.5 2 0.1 0.3 1 0 0 0\n"
DATA = "kpt_shape: [3, 3]\nnames: {0: face}\nkpt_names: {0: [nose, left_eye, right_eye]}\n"
POINTS = [("nose", 25, 25, 2, None), ("left_eye", 10, 15, 1, None)]


def read_files(folder: Path, files: dict[str, str], given: str, sizes: Any = SIZES, **chosen: Any) -> Prelabels:
    for name, text in files.items():
        (folder / name).parent.mkdir(parents=True, exist_ok=True)
        (folder / name).write_text(text)
    return read_prelabels(folder / given, SKELETON, sizes, Choices(**chosen))


@pytest.mark.parametrize(
    "files",
    [
        {"cfg/data.yaml": DATA + "path: ../ds\ntrain: images/train\n", "ds/labels/train/a.txt": ROW, "cfg/x.txt": "x"},
        {"cfg/data.yaml": DATA + "train: [p/images]\nval: p/images\n", "cfg/p/labels/a.txt": ROW},
        {"cfg/data.yaml": DATA + "train: list.txt\n", "cfg/list.txt": "./x/images/a.jpg\n", "cfg/x/labels/a.txt": ROW},
        {"cfg/data.yaml": DATA + "train: ../t/images\n", "cfg/t/labels/a.txt": ROW, "cfg/README.dataset.txt": "x y"},
        {"cfg/data.yaml": DATA + "train: /elsewhere/images\n", "cfg/labels/a.txt": ROW, "cfg/labels/.hidden.txt": "x"},
        {"cfg/data.yaml": DATA.replace("{0:", "{'0':") + "skeleton: 5\n", "cfg/labels/a.txt": ROW},
        {"cfg/data.yaml": DATA, "cfg/all.txt": "images/a.jpg\n", "cfg/train2017.txt": "a.jpg\n", "cfg/a.txt": ROW},
    ],
    ids=["path", "list of folders", "list of images", "roboflow", "another machine", "text keys", "lists beside"],
)  # fmt: skip
def test_yolo_labels_are_found_where_data_yaml_says(tmp_path: Path, files: dict[str, str]) -> None:
    assert points(read_files(tmp_path, files, "cfg/data.yaml")) == [POINTS]


@pytest.mark.parametrize(
    ("rows", "expected", "words"),
    [
        (ROW + "0 0.1 0.1 0.2 0.2 0.3 0.3 0.4 0.4\n", [POINTS], "1 rows left out, because they have neither 5 nor 14"),
        (ROW + "0 0.5 0.5 0.2 0.4 0.9\n", [POINTS, []], "scores of 1 instances were read"),
        (ROW.replace("0 0 0\n", "-1 -1 -1\n"), [POINTS], "their visibility is not above 0: a.txt:1 right_eye"),
        (ROW.replace("0.5 2", "0.5 nan"), [[(*POINTS[1][:3], 1, None)]], "third value is not a number: a.txt:1 nose"),
        (
            "0 0.5 0.5 0.2 0.4 0.25 0.5 1 0.1 0.3 1 0 0 0 0.75\n",
            [[(*POINTS[0][:3], 2, 1), (*POINTS[1][:3], 2, 1)]],
            "scores of 2 keypoints were read",
        ),
    ],
    ids=["segment", "box with confidence", "-1", "nan", "predictions of 1"],
)  # fmt: skip
def test_invalid_yolo_rows_do_not_affect_others(tmp_path: Path, rows: str, expected: Any, words: str) -> None:
    found = read_files(tmp_path, {"data.yaml": DATA, "labels/a.txt": rows}, "data.yaml")
    assert points(found) == expected
    assert words in "\n".join(found.report)


def test_yolo_rows_in_pixels_are_refused(tmp_path: Path) -> None:
    with pytest.raises(PrelabelError, match=r"a\.txt:1: expected a box relative to the image's size, .*got \[50"):
        read_files(tmp_path, {"a.txt": "0 50 25 10 10 25 5 2 10 3 1 0 0 0\n"}, "a.txt")


@pytest.mark.parametrize(
    ("given", "image"),
    [
        ("http://x.org/p/a.jpg?sig=%2F1", "a.jpg"), ("https://x.org/p/a%20b.jpg", "a b.jpg"),
        ("s3://bucket/p/a%20#b.jpg", "a%20#b.jpg"), (r"\\\\server\share\a.jpg", "a.jpg"),
    ],
)  # fmt: skip
def test_urls_are_names_too(read: Any, given: str, image: str) -> None:
    found = read(coco(images=[{"id": 7, "file_name": given}], annotations=[face()]), sizes={image: (9, 9)})
    assert list(found.instances) == [image]


def test_a_frame_is_in_the_folder_of_its_video(read: Any) -> None:
    table = "scorer,m,m,m\nbodyparts,nose,nose,nose\ncoords,x,y,likelihood\n1,1,2,0.5\n2,1,2,0\n"
    sizes = dict.fromkeys(["v/img01.png", "w/img01.png", "v/img02.png"], (9, 9))
    found = read(table, "vDLC_resnet50_x.csv", sizes=sizes)
    assert list(found.instances) == ["v/img01.png"]
    report = "\n".join(found.report)
    assert "2 images were matched by the number at the end of their name: v/1, v/2" in report
    assert "1 keypoints left out, because their score is not above 0: v/2 nose" in report
    with pytest.raises(PrelabelError, match=r"expected one image of that name, got v/img01\.png, w/img01\.png"):
        read(table, "other.csv", sizes=sizes)


def test_another_size_of_the_image_is_a_warning_except_for_shares(read: Any) -> None:
    found = read(coco(images=[{"id": 7, "file_name": "a.jpg", "width": 50, "height": 100}], annotations=[face()]))
    assert "warning: the size of 1 images differs from the size in the labels" in "\n".join(found.report)
    assert "a.jpg (50x100 in the labels, 100x50 upright)" in "\n".join(found.report)
    nose = region("k", "keypointlabels", x=10, y=20, keypointlabels=["nose"]) | {"original_width": 5000}
    task = {"data": {"title": "one", "photo": "gs://b/a.jpg"}, "annotations": [{"result": [nose]}]}
    of_shares = read(json.dumps([task]))
    assert points(of_shares) == [[("nose", 10, 10, None, None)]]
    assert "another size" not in "\n".join(of_shares.report)


def test_a_rater_of_some_tasks_is_a_rater_of_all(read: Any) -> None:
    def answer(rater: int, x: float) -> dict[str, Any]:
        nose = region("k", "keypointlabels", x=x, y=50, keypointlabels=["nose"])
        return {"completed_by": rater, "result": [nose]}

    tasks = [
        {"data": {"image": "a.jpg"}, "annotations": [answer(1, 10)]},
        {"data": {"image": "b.jpg"}, "annotations": [answer(1, 20), answer(2, 30)]},
    ]
    assert list(read(json.dumps(tasks), rater="1").instances) == ["a.jpg", "b.jpg"]
    assert list(read(json.dumps(tasks), rater="2").instances) == ["b.jpg"]


def test_label_studios_labels_may_be_regions_of_their_own(read: Any) -> None:
    result = [
        region("k", "keypoint", x=10, y=20),
        region("k", "labels", x=10, y=20, labels=["nose"]),
        region("r", "rectangle", x=10, y=20, width=5, height=5),
        region("r", "labels", labels=["face"]),
        {"type": "relation", "from_id": "k", "to_id": "r"},
    ]
    task = {"data": {"image": "/tasks/5/presign/?fileuri=czM6Ly9iL2EuanBn"}, "annotations": [{"result": result}]}
    [found] = read(json.dumps([task])).instances["a.jpg"]
    assert (found["annotations"], found["box"]) == ([{"label": "nose", "x": 10, "y": 10}], [10, 10, 5, 2.5])


def test_cvat_subsets_and_repeated_keypoints(read: Any) -> None:
    image = '<image name="a.jpg" subset="{0}"><skeleton label="face">{1}</skeleton></image>'
    nose = '<points label="nose" points="1,2"/>'
    text = f"<annotations>{image.format('train', nose)}{image.format('val', nose * 2)}</annotations>"
    found = read(text, "a.xml", sizes={"train/a.jpg": (9, 9), "val/a.jpg": (9, 9)})
    assert [points(found, f"{part}/a.jpg") for part in ("train", "val")] == [[[("nose", 1, 2, 2, None)]]] * 2
    assert "1 keypoints left out, because the instance has their label twice: val/a.jpg nose" in "\n".join(found.report)
    with pytest.raises(PrelabelError, match=r"got none .*1 tracks left out"):
        read('<annotations><track label="face"/></annotations>', "a.xml")


@pytest.mark.parametrize("wrap", [lambda p: [p], lambda p: [[p]], lambda p: {"predictions": [[p]]}])
def test_mmpose_predictions_nested_and_without_scores(read: Any, wrap: Any) -> None:
    found = read(json.dumps(wrap({"keypoints": [[1, 2], [3, 4], [5, 6]]})), "a.json")
    assert [p[:3] for p in points(found)[0]] == [("nose", 1, 2), ("left_eye", 3, 4), ("right_eye", 5, 6)]


@pytest.mark.parametrize("score", ["NaN", "Infinity", '"x"', "true", "1e999"])
def test_a_score_that_is_no_number_is_left_out(read: Any, score: str) -> None:
    point = f'{{"label": "nose", "x": 1, "y": 1, "visibility": 2, "score": {score}}}'
    found = read(f'{{"a.jpg": [{{"score": {score}, "annotations": [{point}]}}]}}')
    assert json.dumps(found.instances["a.jpg"]).count("score") == 0
    assert "2 scores left out, because they are not numbers" in "\n".join(found.report)


def test_a_score_that_is_text_becomes_a_number(read: Any) -> None:
    point = {"label": "nose", "x": 1, "y": 1, "score": "0.25"}
    found = read(json.dumps({"a.jpg": [{"score": "0.5", "annotations": [point]}]}))
    [instance] = found.instances["a.jpg"]
    assert (instance["score"], instance["annotations"][0]["score"]) == (0.5, 0.25)
    assert json.dumps(found.instances["a.jpg"]).count('"score": 0.') == 2


@pytest.mark.parametrize("text", ['{"a.jpg": [], "a.jpg": []}', '{"b.jpg": []}\n{"a.jpg": [], "a.jpg": []}'])
def test_an_image_twice_in_one_object_is_refused(read: Any, text: str) -> None:
    with pytest.raises(PrelabelError, match=r"expected every name once in an object, got 'a\.jpg' twice"):
        read(text)


def test_two_categories_of_one_name_and_long_ids(read: Any) -> None:
    two = [{"id": 1, "name": "face", "keypoints": ["nose"]}, {"id": 2, "name": "face", "keypoints": ["left_eye"]}]
    first = {"id": 1, "image_id": 7, "category_id": 1, "keypoints": [1, 2, 2], "attributes": {"id": "x" * 200}}
    second = {"id": 2, "image_id": 7, "category_id": 2, "keypoints": [3, 4, 2]}
    found = read(coco(categories=two, annotations=[first, second]))
    assert [p[0][0] for p in points(found)] == ["nose", "left_eye"]
    assert "id" not in found.instances["a.jpg"][0]
    assert "1 ids left out, because they have more than 128 characters" in "\n".join(found.report)


@pytest.mark.parametrize(
    "names", [[{"id": 0, "name": "nose"}], ["nose", 1, 2], ["nose", "", "x"], {"0": "nose"}, "nose", [["nose"]]]
)
def test_names_of_another_shape_are_not_taken_for_no_names(read: Any, names: Any) -> None:
    with pytest.raises(PrelabelError, match="category 'face': expected keypoints as a list of names, got "):
        read(coco(categories=[{"id": 2, "name": "face", "keypoints": names}], annotations=[face()]))


@pytest.mark.parametrize("names", [None, [], [1, 2, 3]])
def test_keypoints_without_names_are_in_order(read: Any, names: Any) -> None:
    found = read(coco(categories=[{"id": 2, "name": "face", "keypoints": names}], annotations=[face()]))
    assert [p[0] for p in points(found)[0]] == ["nose", "left_eye"]
    assert any("the keypoints in the labels have no names" in line for line in found.report)


def test_several_categories_become_one_with_a_note(read: Any) -> None:
    two = [{"id": n, "name": name, "keypoints": ["nose"]} for n, name in ((1, "cat"), (2, "dog"), (3, "bird"))]
    entries = [{"id": n, "image_id": 7, "category_id": n, "keypoints": [1, 2, 2]} for n in (1, 2)]
    found = read(coco(categories=two, annotations=entries))
    assert "note: 2 categories were read as one: cat, dog" in found.report


@pytest.mark.parametrize("half", ["\\ud83d", "\\udc4d", b"\xed\xa0\xbd".decode(errors="surrogateescape")])
def test_half_a_surrogate_pair_becomes_the_replacement_character(read: Any, half: str) -> None:
    own = {"a.jpg": [{"name": "HERE", "annotations": [{"label": "nose", "x": 1, "y": 2, "comment": "HERE"}]}]}
    document = coco(annotations=[face(attributes={"id": "HERE", "name": "HERE"})])
    for text in (json.dumps(own), document):
        given = text.replace("HERE", f"{half}|\\ud83d\\udc4d").encode(errors="surrogateescape")
        [instance] = read(given).instances["a.jpg"]
        assert re.fullmatch("\ufffd+\\|\U0001f44d", instance["name"])


@pytest.mark.parametrize(
    ("name", "text", "words"),
    [
        ("a.txt", ROW.replace("0.25", "0_25"), "expected numbers"),
        ("a.txt", ROW.replace("0.25", "٣"), "expected numbers"),
        ("t.csv", "scorer,me,me\nbodyparts,nose,nose\ncoords,x,y\na.jpg,1_0,2\n", "expected a number, got '1_0'"),
    ],
)
def test_only_ascii_digits_are_numbers(read: Any, name: str, text: str, words: str) -> None:
    with pytest.raises(PrelabelError, match=words):
        read(text, name)


@pytest.mark.parametrize(
    "data",
    [
        'x: !!int ""', "x: !!bool y", "x: " + "[" * 2000, "x: !!float y",
        "<<: 1", "kpt_shape: &a [*a, 3]",
        "a: &a [x, x, x, x, x, x, x, x, x]\n"
        + "".join(f"{b}: &{b} [{', '.join([f'*{a}'] * 9)}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True))
        + "kpt_shape: *i",
    ],
)  # fmt: skip
def test_damaged_yaml_is_refused(tmp_path: Path, data: str) -> None:
    with pytest.raises(PrelabelError, match=r"data\.yaml: expected (YAML|kpt_shape)"):
        read_files(tmp_path, {"data.yaml": data, "labels/a.txt": ROW}, "data.yaml")


def test_six_numbers_of_nine_are_no_pairs(read: Any) -> None:
    found = read(coco(annotations=[face(5), face(6, keypoints=[1, 2, 2, 3, 4, 1], bbox=[1, 1, 5, 5])]))
    assert [len(p) for p in points(found)] == [2, 0]
    pairs = read(coco(annotations=[face(5, keypoints=[1, 2, 3, 4, 5, 6])]))
    assert [p[:3] for p in points(pairs)[0]] == [("right_eye", 1, 2), ("left_eye", 3, 4), ("nose", 5, 6)]
