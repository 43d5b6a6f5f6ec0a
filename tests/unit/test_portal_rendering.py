"""Templates are rendered as Ground Truth renders them: everything is escaped unless the template says otherwise."""

from __future__ import annotations

import json
from html.parser import HTMLParser
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truepoint.portal.rendering import TaskTemplate, TaskTemplateError

NOTHING: dict[str, str] = {}


def sign(uri: str) -> str:
    return f"{uri.replace('s3://', 'http://127.0.0.1/')}?a=1&b=2"


def render(template: str, **task_input: Any) -> str:
    return TaskTemplate(template, sign, NOTHING).render(task_input)


class Attributes(HTMLParser):
    """Reads what a browser would make of the page's attributes."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.found: dict[str, str | None] = {}
        self.tags: list[str] = []
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        self.tags.append(tag)
        self.found.update(attrs)


def test_links_are_signed_and_escaped() -> None:
    page = render('<img src="{{ task.input.uri | grant_read_access }}">', uri="s3://b/a.jpg")
    assert page == '<img src="http://127.0.0.1/b/a.jpg?a=1&amp;b=2">'
    assert render("{{ task.input.uri | s3_presign }}", uri="s3://b/a") == "http://127.0.0.1/b/a?a=1&amp;b=2"


def test_only_s3_locations_are_signed() -> None:
    assert render("{{ task.input.uri | grant_read_access }}", uri="https://x/") == "https://x/"


def test_hyphenated_members_work() -> None:
    page = TaskTemplate("{{ task.input.source-ref }}", sign, NOTHING).render({"source-ref": "s3://b/a"})
    assert page == "s3://b/a"


def test_skip_autoescape_disables_escaping() -> None:
    assert render("{{ task.input.o | to_json | skip_autoescape }}", o={"a": "<&"}) == '{"a": "<&"}'


@given(value=st.recursive(st.text() | st.integers(), lambda inner: st.lists(inner, max_size=3), max_leaves=5))
def test_json_survives_an_attribute_once_and_only_once_escaped(value: Any) -> None:
    template = '<x a="{{ task.input.v | to_json }}" b="{{ task.input.v | to_json | escape }}">'
    read = Attributes(render(template, v=value))
    assert read.tags == ["x"]
    assert json.loads(read.found["a"] or "") == json.loads(read.found["b"] or "") == value


@given(text=st.text(alphabet="<>\"'&/script=onerror ", max_size=40))
def test_hostile_text_makes_no_markup(text: str) -> None:
    assert Attributes(render("<p>{{ task.input.t }}</p>", t=text)).tags == ["p"]


def test_script_locations_are_put_in_place() -> None:
    template = TaskTemplate(
        '<script src="https://d1.cloudfront.net/ui/a.js">', sign, {"https://d1.cloudfront.net/": "/"}
    )
    assert template.render({}) == '<script src="/ui/a.js">'


@pytest.mark.parametrize("bad", ["{% if %}", "{% unknown %}", "{{ task.input.a | unknown_filter }}"])
def test_the_error_of_a_broken_template_names_it(bad: str) -> None:
    with pytest.raises(TaskTemplateError, match="worker task template"):
        render(bad)
