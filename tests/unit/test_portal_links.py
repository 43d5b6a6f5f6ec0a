"""Links stay the same as long as a browser may find them in its cache, and no longer."""

from __future__ import annotations

from itertools import count

from truepoint.portal.cloud import LINK_SECONDS
from truepoint.portal.links import SAME_SECONDS, Links


def test_a_link_is_the_same_for_a_while_and_then_new() -> None:
    number, time = count(), [0.0]
    links = Links(lambda uri: f"{uri}?signature={next(number)}", lambda: time[0])
    first = links("s3://bucket/a")
    assert links("s3://bucket/b") != first
    time[0] = SAME_SECONDS - 1
    assert links("s3://bucket/a") == first == "s3://bucket/a?signature=0"
    time[0] = SAME_SECONDS
    assert links("s3://bucket/a") == "s3://bucket/a?signature=2"


def test_a_link_given_out_again_has_most_of_its_time_left() -> None:
    assert 4 * SAME_SECONDS <= LINK_SECONDS
