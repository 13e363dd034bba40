"""Images' recipes: alike where they should be; and the file of keys that Compose reads."""

import re
import stat
import subprocess
import sys
from pathlib import Path

import pytest

ROOT = Path(__file__).parents[2]
SERVICES = sorted(path.parent.name for path in ROOT.glob("services/*/__main__.py"))
COPIED = "COPY services/{0} services/{0}\n"
#: Where a service's recipe is another than the trigger's, and what stands there instead.
OWN = {
    "batchai": {
        "locks/batchai.txt": "locks/scorer.txt",
        COPIED.format("batchai"): COPIED.format("batchai")
        + "# Its nodes are processes beside it, and jobs are scorers.\n"
        + COPIED.format("scorer"),
    },
    "console": {
        " \\\n    IMPASTO_HEARTBEAT=/tmp/heartbeat": "",
        "HEALTHCHECK --interval=10s --timeout=10s --start-period=60s --start-interval=1s \\\n"
        '    CMD ["python", "-m", "shared.runtime.heartbeat"]\n': "",
    },
}


def recipe(service: str) -> str:
    """What its image is made by, but for the sentence that says what it is for."""
    text = (ROOT / f"services/{service}/Dockerfile").read_text()
    return re.sub(r'description=".+"', "", text)


@pytest.mark.parametrize("service", SERVICES)
def test_all_images_are_made_alike(service: str) -> None:
    expected = recipe("trigger").replace("trigger", service)
    for usual, own in OWN.get(service, {}).items():
        assert usual in expected
        expected = expected.replace(usual, own)
    assert recipe(service) == expected


def test_base_images_are_pinned_by_digest() -> None:
    bases = set()
    for path in [*ROOT.glob("services/*/Dockerfile"), *ROOT.glob("deploy/*/Dockerfile")]:
        text = path.read_text()
        [(name, image)] = re.findall(r"^ARG (\w+_IMAGE)=(.+)$", text, re.MULTILINE)
        assert re.fullmatch(r"(python|node):[\w.-]+@sha256:[0-9a-f]{64}", image), path
        own = {"packages"}  # stages of the same recipe
        assert set(re.findall(r"^FROM (\S+)", text, re.MULTILINE)) <= {f"${{{name}}}", *own}
        bases.add(image)
    assert len(bases) == 2


def test_actions_are_pinned_by_digest() -> None:
    text = (ROOT / ".github/workflows/ci.yml").read_text()
    used = re.findall(r"uses: (\S+)", text)
    assert used
    assert [each for each in used if not re.fullmatch(r"\S+@[0-9a-f]{40}", each)] == []


def test_the_job_that_holds_the_registrys_password_runs_nobody_elses_action() -> None:
    jobs = re.split(r"^  (\w+):$", (ROOT / ".github/workflows/ci.yml").read_text(), flags=re.M)
    holding = [job for job in jobs if "secrets." in job]
    assert len(holding) == 1
    assert all(each.startswith("actions/") for each in re.findall(r"uses: (\S+)", holding[0]))


def connections(file: Path) -> str:
    return subprocess.run(
        [sys.executable, ROOT / "deploy/keys.py", file], capture_output=True, text=True, check=True
    ).stdout


def test_keys_are_made_once_and_are_for_their_owner_alone(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    said = connections(file)
    made = file.read_text()
    assert stat.S_IMODE(file.stat().st_mode) == 0o600
    assert connections(file) == said
    assert file.read_text() == made
    other = tmp_path / "other"
    assert connections(other) != said


def test_what_a_person_wrote_there_stays(tmp_path: Path) -> None:
    file = tmp_path / ".env"
    file.write_text("# mine\nIMPASTO_NODES=2\nBLOB_PORT=1234")
    assert "127.0.0.1:1234/impastomedia;" in connections(file)
    assert file.read_text().startswith("# mine\nIMPASTO_NODES=2\nBLOB_PORT=1234\nMEDIA_KEY=")
