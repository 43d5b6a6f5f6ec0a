"""The fuzzed targets with every hard case that is kept, and with good input that hypothesis spoils."""

from __future__ import annotations

import re
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from seeds import CORPUS, found, seeds
from targets import TARGETS

TOKENS = [
    token.encode("latin-1").decode("unicode_escape").encode("latin-1")
    for token in re.findall(r'^"(.*)"$', Path(__file__).with_name("json.dict").read_text(), re.MULTILINE)
]
SEEDS = {target: [text for text in seeds(target) if len(text) < 20_000] for target in TARGETS}


@pytest.mark.parametrize(("target", "file"), [(t, f) for t in TARGETS for f in found(t)], ids=lambda p: Path(p).name)
def test_known_inputs_of_earlier_failures(target: str, file: Path) -> None:
    TARGETS[target](file.read_bytes())


def test_every_corpus_folder_belongs_to_a_target() -> None:
    assert {folder.name for folder in CORPUS.iterdir()} <= TARGETS.keys()


@pytest.mark.parametrize("target", TARGETS)
def test_good_input(target: str) -> None:
    assert SEEDS[target]
    for text in SEEDS[target]:
        TARGETS[target](text)


@st.composite
def spoiled(draw: st.DrawFn, target: str) -> bytes:
    """Good input, some spans of which are replaced by other bytes, by tokens of JSON, or by spans of other input."""
    text = draw(st.sampled_from(SEEDS[target]))
    for _ in range(draw(st.integers(1, 4))):
        begin = draw(st.integers(0, len(text)))
        end = draw(st.integers(begin, min(len(text), begin + 50)))
        other = draw(st.sampled_from(SEEDS[target]))
        here = draw(st.integers(0, len(other)))
        piece = other[here : here + draw(st.integers(0, 200))]
        new = draw(st.binary(max_size=8) | st.sampled_from(TOKENS) | st.just(piece))
        text = text[:begin] + new + text[end:]
    return text


@pytest.mark.parametrize("target", TARGETS)
def test_spoiled_input(target: str) -> None:
    costly = target in ("results", "answers", "depth", "cost")

    @settings(max_examples=10 if costly else 100)
    @given(spoiled(target))
    def hold(text: bytes) -> None:
        TARGETS[target](text)

    hold()
