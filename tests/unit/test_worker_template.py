"""The filled worker template: what a skeleton says arrives in the browser as it was, whatever it says."""

import json
from html.parser import HTMLParser
from typing import Any

import liquid
import pytest
from hypothesis import given
from hypothesis import strategies as st

from truepoint.jobs import worker_template
from truepoint.jobs.worker_template import (
    TEMPLATE_LIMIT,
    TEMPLATE_PATH,
    WorkerTemplateError,
    fill_template,
    plain_instructions,
)
from truepoint.pose.skeleton import Skeleton, SkeletonKeypoint

SOURCE = TEMPLATE_PATH.read_text(encoding="utf-8")
URL, INTEGRITY = "https://d111.cloudfront.net/ui/ab/crowd-2d-skeleton.js", "sha384-AbC+/="
GUIDE = "https://d111.cloudfront.net/ui/guide/ef/labeler-guide.html"
TASK = {
    "image_s3_uri": "s3://bucket/a.jpg",
    "initial_values": '[{"id": "p0", "name": "<b>"}]',
    "initial_values_s3_uri": "",
    "annotation_issues": "[]",
    "labeling_job": "people",
    "worker": "",
    "max_answer_bytes": "",
    "error": "",
}
HOSTILE = (
    '"><script>alert(1)</script>',
    "{{ task.input | to_json }}",
    "{% raw %}",
    "{%- comment -%}",
    "{{{{ '",
    "a{",
    "&#123;{",
    "$script_url ${x} $$",
    "nase_ö_鼻_🙂",
    "--> <!--",
    "\u2028\x00\t\n",
)


class Page(HTMLParser):
    """Collects the start tags with their attributes, and the text of the instructions."""

    def __init__(self) -> None:
        super().__init__(convert_charrefs=True)
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append((tag, dict(attrs)))

    def handle_data(self, data: str) -> None:
        self.text += data

    def the(self, tag: str) -> dict[str, str | None]:
        (attributes,) = [attributes for name, attributes in self.tags if name == tag]
        return attributes


def page(template: str, changes: dict[str, str] | None = None) -> Page:
    """The page as Ground Truth renders it, for `TASK` with changes, and a browser reads it."""
    environment = liquid.Environment(autoescape=True)
    environment.add_filter("grant_read_access", lambda uri: f"https://signed.example/{uri[5:]}?a=1&b=2")
    parsed = Page()
    parsed.feed(environment.from_string(template).render(task={"input": TASK | (changes or {})}))
    parsed.close()
    return parsed


def skeleton_of(*names: str) -> Skeleton:
    keypoints = tuple(SkeletonKeypoint(name, template=(i, 2.5 * i)) for i, name in enumerate(names))
    return Skeleton("test", keypoints, edges=((names[0], names[-1], names[0]),))


def fill(skeleton: Skeleton, **changes: Any) -> str:
    values = {"script_url": URL, "script_integrity": INTEGRITY, "guide_url": GUIDE, **changes}
    return fill_template(SOURCE, skeleton, **values)


def assert_arrives(names: tuple[str, ...]) -> None:
    skeleton = skeleton_of(*names)
    rendered = page(fill(skeleton))
    element = rendered.the("crowd-2d-skeleton")
    assert [c["label"] for c in json.loads(element["keypointclasses"] or "")] == list(names)
    assert json.loads(element["skeletonrig"] or "") == [list(edge) for edge in skeleton.edges]
    assert json.loads(element["initialvalues"] or "") == json.loads(TASK["initial_values"])
    assert element["imgsrc"] == "https://signed.example/bucket/a.jpg?a=1&b=2"
    assert [tag for tag, _ in rendered.tags] == [tag for tag, _ in page(fill(skeleton_of("nose"))).tags]


def test_the_help_links_to_the_guide_in_a_new_tab() -> None:
    """The element's help shows the slot `instructions`."""
    rendered = page(fill(skeleton_of("nose"), guide_url=f'{GUIDE}?"{{{{x}}}}', instructions="<p>Mark noses.</p>"))
    tags = [tag for tag, _ in rendered.tags]
    assert {"slot": "instructions"} in [attributes for tag, attributes in rendered.tags if tag == "div"]
    [link] = [attributes for tag, attributes in rendered.tags if tag == "a"]
    assert link == {"href": f'{GUIDE}?"{{{{x}}}}', "target": "_blank", "rel": "noopener"}
    assert tags.index("div") < tags.index("a")


def test_large_pre_labels_arrive_as_a_signed_address_and_only_if_there_are_any() -> None:
    without = page(fill(skeleton_of("nose"))).the("crowd-2d-skeleton")
    assert "initialvaluessrc" not in without
    assert (without["labelingjob"], without["worker"]) == ("people", "")
    given = page(fill(skeleton_of("nose")), {"initial_values_s3_uri": "s3://bucket/p.json", "worker": "w-1"})
    assert given.the("crowd-2d-skeleton")["initialvaluessrc"] == "https://signed.example/bucket/p.json?a=1&b=2"
    assert given.the("crowd-2d-skeleton")["worker"] == "w-1"


def test_a_smaller_copy_arrives_as_a_signed_address_with_the_originals_size() -> None:
    size = '{"width":4000,"height":3000}'
    copy = {"image_copy_s3_uri": "s3://bucket/copies/a.jpg.jpg", "image_size": size, "max_answer_bytes": "5000000"}
    element = page(fill(skeleton_of("nose")), copy).the("crowd-2d-skeleton")
    assert element["imgsrc"] == "https://signed.example/bucket/copies/a.jpg.jpg?a=1&b=2"
    assert element["images3uri"] == "s3://bucket/a.jpg"
    assert element["imagesize"] == size
    assert page(fill(skeleton_of("nose")), {"expected_size": size}).the("crowd-2d-skeleton")["expectedsize"] == size
    assert element["maxanswerbytes"] == "5000000"


@pytest.mark.parametrize("name", HOSTILE)
def test_hostile_names_arrive_as_they_are(name: str) -> None:
    assert_arrives((name, "other"))


@given(
    st.lists(
        st.text(st.sampled_from("{}%$\"'<>&;#\\ a-") | st.characters(codec="utf-8"), min_size=1), min_size=1, max_size=4
    )
)
def test_any_names_arrive_as_they_are(names: list[str]) -> None:
    assert_arrives(tuple(names))


@pytest.mark.parametrize("variable", sorted(TASK.keys() - {"image_s3_uri", "initial_values_s3_uri"}))
@given(text=st.text(alphabet="<>\"'&/script=onerror ", max_size=40))
def test_hostile_text_makes_no_markup(variable: str, text: str) -> None:
    template = fill(skeleton_of("nose"))
    assert [tag for tag, _ in page(template, {variable: text}).tags] == [tag for tag, _ in page(template).tags]


def test_script_and_integrity_are_attributes_of_one_script() -> None:
    scripts = [a for tag, a in page(fill(skeleton_of("nose"), script_url='https://x/"y"')).tags if tag == "script"]
    assert {"src": 'https://x/"y"', "integrity": INTEGRITY} in [
        {k: v for k, v in a.items() if k in ("src", "integrity")} for a in scripts
    ]


@pytest.mark.parametrize(
    ("given", "lang"), [({}, "en"), ({"language": "de-AT"}, "de-AT"), ({"language": '"><b'}, '"><b')]
)
def test_the_elements_language(given: dict[str, str], lang: str) -> None:
    assert page(fill(skeleton_of("nose"), **given)).the("crowd-2d-skeleton")["lang"] == lang


@pytest.mark.parametrize(
    ("given", "below"),
    [
        ({}, ("", "")),
        ({"check_below": 0.0}, ("0.0", "")),
        ({"check_below": 0.5, "offer_below": 1e-05}, ("0.5", "1e-05")),
    ],
)
def test_below_which_scores_keypoints_are_checked_and_offered(given: dict[str, float], below: tuple[str, str]) -> None:
    element = page(fill(skeleton_of("nose"), **given)).the("crowd-2d-skeleton")
    assert (element["checkbelow"], element["offerbelow"]) == below


def test_without_template_pose_the_bounding_box_is_empty() -> None:
    element = page(fill(Skeleton("test", (SkeletonKeypoint("nose"),)))).the("crowd-2d-skeleton")
    assert element["skeletonboundingbox"] == ""


def test_instructions_are_inert_for_liquid() -> None:
    rendered = page(fill(skeleton_of("nose"), instructions="<p>{{ task.input.error }} {% if x %}</p>"))
    assert "{{ task.input.error }} {% if x %}" in rendered.text


@pytest.mark.parametrize(
    ("text", "html"),
    [
        ("", ""),
        ("  \n ", ""),
        ("one", "<p>one</p>"),
        ("one\ntwo\r\n\r\nthree\n", "<p>one<br>two</p><p>three</p>"),
        ("a < b & \"c\"\n \n'd'", "<p>a &lt; b &amp; &quot;c&quot;</p><p>&#x27;d&#x27;</p>"),
    ],
)
def test_plain_instructions(text: str, html: str) -> None:
    assert plain_instructions(text) == html


def test_as_many_characters_as_ground_truth_takes_and_one_more() -> None:
    skeleton = skeleton_of("nose")
    room = TEMPLATE_LIMIT - len(fill(skeleton))
    assert len(fill(skeleton, instructions="x" * room)) == TEMPLATE_LIMIT
    with pytest.raises(WorkerTemplateError, match=r"at most 128,000 characters, got 128,001"):
        fill(skeleton, instructions="x" * (room + 1))


@pytest.mark.parametrize(
    ("source", "words"),
    [
        (SOURCE.replace("$script_integrity", ""), "got .*script_url"),
        (SOURCE + "$another", r"got \$another"),
        (SOURCE + "$ 5", "well-formed"),
        ("", "got none"),
    ],
)
def test_other_placeholders_are_refused(source: str, words: str) -> None:
    with pytest.raises(WorkerTemplateError, match=words):
        fill_template(source, skeleton_of("nose"), script_url=URL, script_integrity=INTEGRITY, guide_url=GUIDE)


def test_the_placeholders_are_those_of_the_template() -> None:
    assert all(f"${name}" in SOURCE for name in worker_template.PLACEHOLDERS)
