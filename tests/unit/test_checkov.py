"""Checkov finds nothing open in the templates of Azure, and what it skips has a reason beside it.

It isn't one of the project's packages: it pins an older pycep-parser, which doesn't parse lambdas,
and it skips a file that doesn't parse in silence. CI installs it with a newer one (ci.yml).
"""

import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

import pytest

AZURE = Path(__file__).parents[2] / "deploy/azure"
#: The files with resources that checkov knows checks for.
CHECKED = {"eventhubs", "network", "registry", "storage", "workspace"}

pytestmark = [
    pytest.mark.slow,
    pytest.mark.skipif(not shutil.which("checkov"), reason="checkov isn't installed"),
]


def found_in(folder: Path) -> dict[str, list[dict[str, Any]]]:
    """Its findings in the templates, by outcome."""
    words = ["checkov", "--directory", str(folder), "--framework", "bicep", "--output", "json"]
    done = subprocess.run(words, capture_output=True, text=True, check=False)
    report = json.loads(done.stdout)
    assert report["summary"]["parsing_errors"] == 0
    found: dict[str, list[dict[str, Any]]] = report["results"]
    return found


def files_in(checks: list[dict[str, Any]]) -> set[str]:
    return {Path(check["file_path"]).stem for check in checks}


def test_nothing_is_open() -> None:
    found = found_in(AZURE)
    assert found["failed_checks"] == []
    assert files_in(found["passed_checks"]) >= CHECKED  # else they weren't read
    for check in found["skipped_checks"]:
        assert len(check["check_result"]["suppress_comment"]) > 10, check["check_id"]


@pytest.mark.parametrize(
    ("module", "good", "bad"),
    [
        ("storage", "minimumTlsVersion: 'TLS1_2'", "minimumTlsVersion: 'TLS1_0'"),
        ("registry", "adminUserEnabled: false", "adminUserEnabled: true"),
        ("eventhubs", "minimumTlsVersion: '1.2'", "minimumTlsVersion: '1.0'"),
    ],
)
def test_it_finds_what_is_broken_on_purpose(
    tmp_path: Path, module: str, good: str, bad: str
) -> None:
    text = (AZURE / f"modules/{module}.bicep").read_text()
    assert good in text
    (tmp_path / f"{module}.bicep").write_text(text.replace(good, bad))
    assert files_in(found_in(tmp_path)["failed_checks"]) == {module}
