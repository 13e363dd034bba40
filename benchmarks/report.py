"""What a benchmark has to tell: its goals, tables and words, and a plot where there is one."""

from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import NamedTuple

#: Where the page is, and the plots beside it.
FOLDER = Path("benchmarks")


class Goal(NamedTuple):
    what: str
    wanted: str
    reached: str
    #: None where it couldn't be measured.
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
    #: In the order in which they are read.
    parts: Sequence[str | Table | Plot] = ()


def lines(report: Report) -> Iterator[str]:
    """In Markdown; plots are named, and drawn by `draw`."""
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


def draw(report: Report) -> None:
    for part in report.parts:
        if isinstance(part, Plot):
            (FOLDER / part.name).write_text(part.svg)


def tell(report: Report) -> None:
    """On the terminal, for one that is run alone."""
    print("\n".join(lines(report)))
