"""The report of a benchmark, with goals, tables, text and plots, and its Markdown."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

#: The folder of the page and its plots.
FOLDER = Path("benchmarks")


class Goal(NamedTuple):
    what: str
    wanted: str
    reached: str
    #: None if it couldn't be measured.
    met: bool | None


class Table(NamedTuple):
    columns: Sequence[str]
    rows: Sequence[Sequence[str]]


class Plot(NamedTuple):
    name: str
    what: str
    svg: str


class Report(NamedTuple):
    goals: Sequence[Goal] = ()
    #: In the page's order.
    parts: Sequence[str | Table | Plot] = ()


def lines(report: Report) -> Iterator[str]:
    """In Markdown, with links to the plots that `show` writes."""
    goals = goal_table(report.goals) if report.goals else None
    for part in [*([goals] if goals else []), *report.parts]:
        if isinstance(part, Table):
            yield from table_lines(part)
        elif isinstance(part, Plot):
            yield f"![{part.what}]({part.name})"
        else:
            yield part
        yield ""


def goal_table(goals: Sequence[Goal]) -> Table:
    rows = [(goal.what, goal.wanted, goal.reached, VERDICTS[goal.met]) for goal in goals]
    return Table(("", "must reach", "reached", ""), rows)


VERDICTS = {True: "yes", False: "**no**", None: "not measured"}


def table_lines(table: Table) -> Iterator[str]:
    yield row(table.columns)
    yield row(["---"] * len(table.columns))
    for cells in table.rows:
        yield row(cells)


def row(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cell.replace('|', '¦') for cell in cells)} |"


def show(report: Report) -> None:
    """Print the report and write its plots."""
    print("\n".join(lines(report)))
    for part in report.parts:
        if isinstance(part, Plot):
            (FOLDER / part.name).write_text(part.svg)
