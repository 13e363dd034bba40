"""Relative links in the documentation."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
LINK = re.compile(r"\]\((?!https?:|#)([^)#]+)")
PAGES = [
    page
    for pattern in (
        "*.md",
        "docs/*.md",
        "deploy/*.md",
        "deploy/azure/*.md",
        "benchmarks/*.md",
        "services/**/*.md",
    )
    for page in sorted(ROOT.glob(pattern))
]


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_links_lead_to_existing_files(page: Path) -> None:
    missing = [link for link in LINK.findall(page.read_text()) if not (page.parent / link).exists()]
    assert not missing
