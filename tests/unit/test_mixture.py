"""Texts that name a model, a mixture or a strength are parsed or refused."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared.errors import Refused
from workloads.video.mixture import Mixture


@pytest.mark.parametrize(
    ("text", "parts", "strength", "fine"),
    [
        ("auvers", {"auvers": 1}, 1, False),
        ("great-wave:0.7+auvers:0.3", {"great-wave": 0.7, "auvers": 0.3}, 1, False),
        ("a+b", {"a": 0.5, "b": 0.5}, 1, False),
        ("a:3+b", {"a": 0.75, "b": 0.25}, 1, False),
        ("great-wave@0.6", {"great-wave": 1}, 0.6, False),
        ("a:1+b:1@0.25", {"a": 0.5, "b": 0.5}, 0.25, False),
        ("auvers!fine", {"auvers": 1}, 1, True),
        ("a+b:3@0.25!fine", {"a": 0.25, "b": 0.75}, 0.25, True),
    ],
)
def test_parsed(text: str, parts: dict[str, float], strength: float, fine: bool) -> None:
    found = Mixture.parse(text)
    assert found.parts == pytest.approx(parts)
    assert found.strength == strength
    assert found.fine == fine


@pytest.mark.parametrize(
    ("text", "reason"),
    [
        ("", "no model is called ''"),
        ("a+", r"no model is called '' in 'a\+'"),
        ("!fine", "no model is called '' in '!fine'"),
        ("starry-night!fin", "'!fin' in 'starry-night!fin' isn't known; only !fine is"),
        ("a!", "'!' in 'a!' isn't known"),
        ("a!fine!fine", "'!fine!fine' in"),
        ("a!fine@0.5", "'!fine@0.5' in"),
        ("a!fine+b", r"'!fine\+b' in"),
        ("A", "no model is called 'A'"),
        ("a/b", "no model is called 'a/b'"),
        ("a:0", "'0' in 'a:0' isn't above 0"),
        ("a:-1+b", "isn't above 0"),
        ("a:1e308+b:1e308", "at most 1000"),
        ("a:nan", "isn't above 0"),
        ("a:much", "'much'"),
        ("a@", "'' in 'a@'"),
        ("a@2", "more than 1"),
        ("a+a", "a in it twice"),
        ("+".join("abcdefghi"), "mixes 9 models; 8 is the most"),
    ],
)
def test_refused(text: str, reason: str) -> None:
    with pytest.raises(Refused, match=reason):
        Mixture.parse(text)


@given(st.text())
def test_any_text_is_parsed_or_refused(text: str) -> None:
    try:
        found = Mixture.parse(text)
    except Refused:
        return
    assert sum(found.parts.values()) == pytest.approx(1)
    assert 0 < found.strength <= 1
