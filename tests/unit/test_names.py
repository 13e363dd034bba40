import re

import pytest
from hypothesis import given
from hypothesis import strategies as st

from shared import names
from shared.errors import Refused
from workloads.video.output_names import output_name


@given(st.text(), st.text(max_size=20))
def test_a_job_id_is_always_safe(blob: str, etag: str) -> None:
    assert re.fullmatch(names.JOB_PATTERN, names.job_id(blob, etag))


def test_the_same_content_of_the_same_blob_is_the_same_job() -> None:
    assert names.job_id("a/b.mp4", '"0x1"') == names.job_id("a/b.mp4", "0x1")
    assert names.job_id("a/b.mp4", "0x1") != names.job_id("a/b.mp4", "0x2")
    assert names.job_id("a/b.mp4", "0x1") != names.job_id("c/b.mp4", "0x1")
    assert names.job_id("a/Mein Urlaub.mp4", "0x1").startswith("mein-urlaub-")


def test_look_alikes_are_different_jobs() -> None:
    latin, cyrillic = "great-wave/a.mp4", "great-wave/а.mp4"
    assert names.job_id(latin, "0x1") != names.job_id(cyrillic, "0x1")
    assert "\\u0430" in names.shown(cyrillic)


@pytest.mark.parametrize(
    "name",
    [
        "",
        "../x",
        "a/../../work/x",
        "a/./x",
        "a//x",
        "/x",
        "a/",
        "a\\x",
        "a/\x00x",
        "a/\x1b[31mx",
        "a/\x85x",
        "x" * 1025,
    ],
)
def test_hostile_names_are_refused(name: str) -> None:
    with pytest.raises(Refused):
        names.check_blob_name(name)


@pytest.mark.parametrize(
    "name", ["a/b.mp4", "ünï/çødé 影.mp4", "..a/b..", "x" * 1024, "a/#?%20.mp4"]
)
def test_odd_names_are_accepted(name: str) -> None:
    assert names.check_blob_name(name) == name


@pytest.mark.parametrize(
    ("source", "output"),
    [
        ("a/b.mp4", "a/b.mp4"),
        ("a/b.MP4", "a/b.MP4"),
        ("a/b", "a/b.painted.mp4"),
        ("a/b.mov", "a/b.mov.painted.mp4"),
        ("a/b.mov.mp4", "a/b.mov.mp4"),
        ("a/b.painted.mp4", "a/b.painted.mp4.painted.mp4"),
    ],
)
def test_output_names(source: str, output: str) -> None:
    assert output_name(source, ".mp4") == output


endings = st.sampled_from(["", ".mp4", ".mov", ".painted.mp4", ".mov.mp4", "-0123456789abcdef"])
any_name = st.builds(
    lambda stem, one, two: (stem + one + two)[-1024:],
    st.one_of(st.text(min_size=1, max_size=1024), st.sampled_from(["a", "x" * 1020])),
    endings,
    endings,
)


@given(any_name, any_name)
def test_no_two_sources_share_an_output(one: str, other: str) -> None:
    outputs = {output_name(name, ".mp4") for name in (one, other)}
    assert all(len(output) <= 1024 for output in outputs)
    if one != other:
        assert len(outputs) == 2


def test_no_name_can_take_the_output_of_a_shortened_one() -> None:
    taken = output_name("x" * 1024, ".mp4")
    for rival in (taken, taken.removesuffix(".painted.mp4")):
        assert output_name(rival, ".mp4") != taken


def test_a_shown_name_is_short_and_ascii() -> None:
    shown = names.shown("é" * 5000 + "\n")
    assert len(shown) < 130
    assert shown.isascii()
    assert "\n" not in shown
