"""The commands that the README and the pages in docs contain."""

import re
from pathlib import Path

ROOT = Path(__file__).parents[2]
BLOCK = re.compile(r"^```(\w+)\n(.*?)^```", re.DOTALL | re.MULTILINE)
IN_A_SENTENCE = re.compile(r"`((?:impasto|make) [^`]+)`")


def blocks(language: str) -> list[str]:
    return [code for kind, code in BLOCK.findall(text()) if kind == language]


def commands() -> set[str]:
    """From shell blocks, sentences and tables."""
    lines = [line.partition(" #")[0].strip() for code in blocks("sh") for line in code.splitlines()]
    return {*lines, *IN_A_SENTENCE.findall(BLOCK.sub("", text()))} - {""}


def pages() -> list[Path]:
    return [ROOT / "README.md", *sorted((ROOT / "docs").glob("*.md"))]


def text() -> str:
    return "\n".join(page.read_text() for page in pages())
