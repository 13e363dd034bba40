"""Tables as people read them."""


def only_row(printed: str) -> list[str]:
    """The cells of a table's one row, of which a narrow screen makes several lines."""
    lines = [line.split("│")[1:-1] for line in printed.splitlines() if "│" in line]
    return ["".join(part.strip() for part in cell) for cell in zip(*lines, strict=True)]
