"""Reads tables that the console prints."""

from itertools import groupby


def only_rows(printed: str) -> list[list[str]]:
    """The cells of each table with one row. On a narrow screen a row has several lines."""
    found = []
    for in_table, lines in groupby(printed.splitlines(), lambda line: "│" in line):
        if in_table:
            parts = zip(*(line.split("│")[1:-1] for line in lines), strict=True)
            found.append(["".join(part.strip() for part in cell) for cell in parts])
    return found
