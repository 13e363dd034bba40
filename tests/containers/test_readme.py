"""The README's commands for containers, typed as they stand there, in a copy of the project."""

import os
import re
import shutil
import subprocess
import sys
from pathlib import Path

from services.console.accounts import free_ports
from tests import readme
from tests.containers.compose import TAG, Compose, stand_ins
from tests.media import make_clip
from tests.tables import only_rows

PARTS = ["Makefile", "docker-compose.yml", ".dockerignore", "pyproject.toml", "README.md"]
FOLDERS = ["deploy", "docs", "services", "shared"]
LATER = "v2"


def typed() -> str:
    """What stands in the section, with a newer splitter before all is taken down."""
    [block] = [code for code in readme.blocks("sh") if "make up" in code]
    [newer] = [code for code in readme.blocks("sh") if f"TAG={LATER}" in code]
    before, down = block.split("make down")
    return "\n".join(
        [
            "make image SERVICE=splitter",
            "make images",
            before,
            f"docker tag impasto/splitter:$TAG impasto/splitter:{LATER}",
            newer,
            f"make down {down}",
        ]
    )


def test_a_strangers_path(built: Compose, tmp_path: Path) -> None:
    for name in PARTS:
        shutil.copy(readme.ROOT / name, tmp_path / name)
    for name in FOLDERS:
        ignored = shutil.ignore_patterns("node_modules", "__pycache__")
        shutil.copytree(readme.ROOT / name, tmp_path / name, ignore=ignored)
    blob_port, queue_port = free_ports(2)
    (tmp_path / ".env").write_text(f"BLOB_PORT={blob_port}\nQUEUE_PORT={queue_port}\n")
    make_clip(tmp_path / "my.mp4", seconds=1, size="96x64")
    stranger = {name: value for name, value in os.environ.items() if not name.startswith("MAKE")}
    environment = stranger | {
        "PATH": f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        "COMPOSE_PROJECT_NAME": f"impasto-reader-{os.getpid()}",
        "TAG": TAG,
        **stand_ins(),
    }
    try:
        done = subprocess.run(
            ["bash", "-euo", "pipefail", "-c", typed()],
            cwd=tmp_path,
            env=environment,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            check=False,
        )
        assert done.returncode == 0, done.stdout[-4000:]
        before, after = only_rows(done.stdout)
        assert before == after
        assert re.fullmatch(r"my-[0-9a-f]{12}", before[0])
        assert "great-wave/my.mp4" in before
    finally:
        down = ["docker", "compose", "--profile", "*", "down", "--volumes", "--timeout", "15"]
        subprocess.run(down, cwd=tmp_path, env=environment, check=True, capture_output=True)
