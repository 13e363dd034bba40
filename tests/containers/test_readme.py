"""The commands of docs/containers.md work in a copy of the project."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

import pytest

from tests.containers.compose import TAG, Compose, own_ports, stand_ins
from tests.support import readme
from tests.support.media import facts, make_clip

PARTS = ["Makefile", "docker-compose.yml", ".dockerignore", "pyproject.toml", "README.md"]
FOLDERS = ["deploy", "docs", "services", "shared"]
BASH = str(shutil.which("bash"))


@pytest.fixture
def checkout(built: Compose, tmp_path: Path) -> Path:
    """A copy of the project, with a video."""
    for name in PARTS:
        shutil.copy(readme.ROOT / name, tmp_path / name)
    for name in FOLDERS:
        ignored = shutil.ignore_patterns("node_modules", "__pycache__")
        shutil.copytree(readme.ROOT / name, tmp_path / name, ignore=ignored)
    (tmp_path / ".env").write_text(f"IMAGES=impasto\n{own_ports()}")
    make_clip(tmp_path / "my.mp4", seconds=1, size="96x64")
    return tmp_path


def output_of(folder: Path, script: str, path: str) -> str:
    """The output of a script that can use only the commands on this path."""
    ours = re.compile("(MAKE|IMPASTO|IDENTITY|COMPOSE).*")
    stranger = {name: value for name, value in os.environ.items() if not ours.fullmatch(name)}
    project = f"impasto-reader-{os.getpid()}"
    environment = stranger | stand_ins() | {"COMPOSE_PROJECT_NAME": project, "TAG": TAG}
    try:
        done = subprocess.run(
            [BASH, "-euo", "pipefail", "-c", script],
            cwd=folder,
            env=environment | {"PATH": path},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-4000:]
        return done.stdout
    finally:
        down = ["docker", "compose", "--profile", "*", "down", "--volumes", "--timeout", "15"]
        subprocess.run(down, cwd=folder, env=environment, check=True, capture_output=True)


def block(words: str) -> str:
    [found] = [code for code in readme.blocks("sh") if words in code]
    return found


def test_commands_without_make_need_only_docker(checkout: Path) -> None:
    only_docker = checkout / "bin"
    only_docker.mkdir()
    (only_docker / "docker").symlink_to(str(shutil.which("docker")))
    before, down = block("docker compose --profile console build").split("docker compose down")
    script = [before, f"docker tag impasto/splitter:{TAG} impasto/splitter:v2"]
    script += [
        block("SPLITTER_TAG=v2"),
        "echo NOW; docker compose ps; echo THEN",
        f"docker compose down {down}",
    ]
    said = output_of(checkout, "\n".join(script), str(only_docker))
    assert facts(checkout / "painted/my.mp4").times == facts(checkout / "my.mp4").times
    assert (checkout / "painted/my.mp4").stat().st_uid == os.getuid()
    assert re.search(r"worker-0001 +\| ", said)
    up = said.split("NOW\n")[1].split("THEN\n")[0]
    assert up.count("impasto/splitter:v2") == 1
    assert f"impasto/splitter:{TAG} " not in up


def test_commands_with_make(checkout: Path) -> None:
    path = f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}"
    script = (
        f"make image SERVICE=splitter\nmake images\n{block('make up')}echo NOW; docker volume ls"
    )
    said = output_of(checkout, script, path)
    assert "painters: " in said
    project = f"impasto-reader-{os.getpid()}"
    kept = said.split("NOW\n")[1]
    assert f"{project}_azurite" in kept
    assert f"{project}_scratch" not in kept  # temporary files of stitchers
