"""GitHub's workflows: actions are pinned, and nothing deploys with a secret or without approval."""

import re
from typing import Any

import pytest
import yaml

from tests.support.fake_tools import ROOT

FOLDER = ROOT / ".github/workflows"
DEPLOY = FOLDER / "deploy.yml"


def jobs() -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(DEPLOY.read_text())["jobs"]
    return found


@pytest.mark.parametrize("name", sorted(path.name for path in FOLDER.glob("*.yml")))
def test_every_action_is_pinned_by_digest(name: str) -> None:
    text = (FOLDER / name).read_text()
    used = re.findall(r"uses: (\S+)", text)
    assert used
    assert [action for action in used if not re.fullmatch(r"[\w./-]+@[0-9a-f]{40}", action)] == []


def test_deploying_needs_no_secret() -> None:
    text = DEPLOY.read_text()
    assert "secrets." not in text
    assert "--federated-token" in text
    assert "--password" not in text


def test_only_the_job_that_waits_for_approval_gets_a_token() -> None:
    whole = yaml.safe_load(DEPLOY.read_text())
    assert whole["permissions"] == {"contents": "read"}
    for name, job in jobs().items():
        gets_token = "id-token" in job.get("permissions", {})
        assert gets_token == ("environment" in job), name
    assert "environment" in jobs()["deploy"]


def test_what_ci_has_not_passed_is_not_deployed() -> None:
    whole = yaml.safe_load(DEPLOY.read_text())
    assert whole[True] == {"workflow_run": {"workflows": ["CI"], "types": ["completed"]}}
    first = jobs()["template"]
    assert "conclusion == 'success'" in first["if"]
    assert "event == 'push'" in first["if"]  # not of a pull request, whose code anybody may write
    assert jobs()["deploy"]["needs"] == "template"


def test_main_goes_to_dev_and_a_tag_to_prod() -> None:
    ci = yaml.safe_load((FOLDER / "ci.yml").read_text())[True]["push"]
    assert ci == {"branches": ["main"], "tags": ["v*"]}
    choice = "startsWith(github.event.workflow_run.head_branch, 'v') && 'prod' || 'dev'"
    assert choice in jobs()["deploy"]["environment"]
    deploying = jobs()["deploy"]["steps"][-1]
    assert choice in deploying["env"]["ENVIRONMENT"]
    assert deploying["run"].startswith('make deploy ENV="$ENVIRONMENT"')
    for job in jobs().values():
        checkout = job["steps"][0]
        assert checkout["with"]["ref"] == "${{ github.event.workflow_run.head_sha }}"
