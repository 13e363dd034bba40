"""The page of benchmarks shows their goals and results."""

from pathlib import Path

import pytest

from benchmarks import __main__ as bench
from benchmarks.chart import COLOURS
from benchmarks.flat import SERVICES
from benchmarks.page import Failed, Outcome, Part, page
from benchmarks.painter.steadiness import Steadiness, goal
from benchmarks.report import Goal, Plot, Report, Table, lines

MACHINE = Table(("", ""), [("processor", "a slow one")])


def nothing() -> Report:
    return Report()


def test_the_page_begins_with_the_goals_and_has_every_report() -> None:
    fast = Part("fast", "How fast", nothing)
    slow = Part("slow", "How slow", nothing)
    goals = [Goal("speed", "≥ 2", "1.5", False), Goal("calm", "≤ 1", "–", None)]
    words = "In words."
    plot = Plot("fast.svg", "speed over size", "<svg/>")
    table = Table(("a", "b"), [("1", "2|3")])
    found: dict[Part, Outcome] = {
        fast: Report(goals, [words, table, plot]),
        slow: Failed("OSError: no more"),
    }
    text = page(MACHINE, found).splitlines()
    assert "| processor | a slow one |" in text
    assert "| How fast | speed | ≥ 2 | 1.5 | **no** |" in text
    assert "| How fast | calm | ≤ 1 | – | not measured |" in text
    assert "| speed | ≥ 2 | 1.5 | **no** |" in text
    assert "| 1 | 2¦3 |" in text
    assert "![speed over size](fast.svg)" in text
    assert text.index("## How fast") < text.index(words) < text.index("## How slow")
    assert "Alone: `python -m benchmarks.slow`" in text
    assert "**It failed**: OSError: no more" in text


def test_the_page_has_the_other_parts_when_one_fails(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def broken() -> Report:
        raise OSError("no more")

    def fine() -> Report:
        return Report([Goal("speed", "≥ 2", "3", True)])

    parts = (Part("broken", "Broken", broken), Part("fine", "Fine", fine))
    monkeypatch.setattr(bench, "PARTS", parts)
    monkeypatch.setattr(bench, "PAGE", tmp_path / "page.md")
    with pytest.raises(SystemExit) as left:
        bench.main()
    assert left.value.code == 1
    text = (tmp_path / "page.md").read_text()
    assert "**It failed**: OSError: no more" in text
    assert "| Fine | speed | ≥ 2 | 3 | yes |" in text


def test_each_part_can_be_run_alone() -> None:
    for part in bench.PARTS:
        place = Path(bench.__file__).parent / part.name
        module = place / "__main__.py" if place.is_dir() else place.with_suffix(".py")
        assert "__main__" in module.read_text()


def test_steadiness_is_a_ratio_if_there_are_weights_to_compare_with() -> None:
    ours = Steadiness(warping=0.002, brush=0.25)
    alone = goal(ours, None, plain=0.001, clips=2)
    assert alone.met is None
    assert "no weights to compare with" in alone.reached
    beside = goal(ours, Steadiness(warping=0.005, brush=0.24), plain=0.001, clips=2)
    assert beside.met is True
    assert beside.reached.startswith("0.40 (2.00 at brush 0.25 over 5.00 at brush 0.24")
    assert goal(ours, Steadiness(0.003, 0.24), plain=0.001, clips=2).met is False


def test_a_chart_has_a_colour_for_each_service() -> None:
    assert len(COLOURS) >= len(SERVICES)


def test_each_part_of_a_report_ends_with_an_empty_line() -> None:
    assert list(lines(Report(parts=["one", "two"]))) == ["one", "", "two", ""]
