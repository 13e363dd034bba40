"""Makes the page of all benchmarks, in Markdown, from the results of one run."""

from collections.abc import Callable, Iterator, Mapping
from typing import NamedTuple

from benchmarks.report import VERDICTS, Report, Table, lines, table_lines

HEAD = """# Benchmarks

`make bench` wrote this page and its plots in one run on this machine. Don't edit it.
"""


class Part(NamedTuple):
    """One benchmark of the page; `python -m benchmarks.NAME` runs it alone."""

    name: str
    title: str
    report: Callable[[], Report]


class Failed(NamedTuple):
    why: str


Outcome = Report | Failed


def page(machine: Table, found: Mapping[Part, Outcome]) -> str:
    return "\n".join([HEAD, *table_lines(machine), "", *summary(found), *sections(found)])


def summary(found: Mapping[Part, Outcome]) -> Iterator[str]:
    yield "## Goals"
    yield ""
    rows = [
        (part.title, goal.what, goal.wanted, goal.reached, VERDICTS[goal.met])
        for part, outcome in found.items()
        if isinstance(outcome, Report)
        for goal in outcome.goals
    ]
    yield from table_lines(Table(("", "", "must reach", "reached", ""), rows))
    yield ""


def sections(found: Mapping[Part, Outcome]) -> Iterator[str]:
    for part, outcome in found.items():
        yield f"## {part.title}"
        yield ""
        yield f"Alone: `python -m benchmarks.{part.name}`"
        yield ""
        if isinstance(outcome, Failed):
            yield f"**It failed**: {outcome.why}"
            yield ""
        else:
            yield from lines(outcome)
