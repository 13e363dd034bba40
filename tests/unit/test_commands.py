"""What is said to be typed can be typed."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SAYING = [
    "README.md",
    "docs/containers.md",
    "docs/costs.md",
    "CONTRIBUTING.md",
    ".github/workflows/ci.yml",
]


@pytest.mark.parametrize("name", SAYING)
def test_every_target_that_is_named_is_one_of_the_makefile(name: str) -> None:
    targets = re.findall(r"^([a-z][a-z-]*):", (ROOT / "Makefile").read_text(), re.MULTILINE)
    named = re.findall(r"(?:^|`|run: |\(|\")make ([a-z][a-z-]*)", (ROOT / name).read_text(), re.M)
    assert named
    assert set(named) <= set(targets)
