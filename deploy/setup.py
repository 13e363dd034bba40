"""Installs everything that Impasto needs into this folder. Only Python is required.

Each step stores a hash of its inputs, and is skipped until they change.
"""

import hashlib
import os
import shutil
import subprocess
import sys
import time
import venv
from collections.abc import Callable
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
VENV = ROOT / ".venv"
BIN = VENV / ("Scripts" if os.name == "nt" else "bin")
LOCKS = ROOT / "deploy" / "locks"
AZURITE = ROOT / "deploy" / "azurite"
#: What tests of the page find faults of accessibility with.
AXE = ROOT / "tests" / "e2e" / "web" / "axe"
OLDEST_NODE = 18


def say(text: str) -> None:
    print(f"setup: {text}", flush=True)


def run(*command: str | Path) -> None:
    subprocess.run([str(part) for part in command], cwd=ROOT, env=environment(), check=True)


def environment() -> dict[str, str]:
    return os.environ | {
        "VIRTUAL_ENV": str(VENV),
        "PATH": f"{BIN}{os.pathsep}{os.environ.get('PATH', '')}",
    }


def step(name: str, title: str, inputs: list[Path], work: Callable[[], None]) -> None:
    stamp = VENV / f".{name}"
    digest = hashlib.sha256(sys.version.encode())
    for path in inputs:
        digest.update(path.read_bytes())
    if stamp.exists() and stamp.read_text() == digest.hexdigest():
        return
    say(title)
    started = time.monotonic()
    work()
    stamp.write_text(digest.hexdigest())
    say(f"… done in {time.monotonic() - started:.0f} s")


def make_venv() -> None:
    venv.create(VENV, with_pip=True, clear=VENV.exists())
    run(BIN / "python", "-m", "pip", "install", "-q", "--require-hashes", "-r", LOCKS / "uv.txt")


def install_packages() -> None:
    # Without bytecode, which uv doesn't make by itself, processes start in twice the time.
    sync = (BIN / "uv", "pip", "sync", "-q", "--compile-bytecode")
    run(*sync, LOCKS / "dev.txt", LOCKS / "uv.txt")
    run(BIN / "uv", "pip", "install", "-q", "--no-deps", "--no-build-isolation", "-e", ROOT)


def install_from_npm() -> None:
    if not node_is_good():
        say("installing Node.js from PyPI")
        run(BIN / "uv", "pip", "install", "-q", "--require-hashes", "-r", LOCKS / "node.txt")
    for folder in (AZURITE, AXE):
        run("npm", "ci", "--prefix", folder, "--no-audit", "--no-fund", "--loglevel=error")


def node_is_good() -> bool:
    path = environment()["PATH"]
    node, npm = shutil.which("node", path=path), shutil.which("npm", path=path)
    if node is None or npm is None:
        return False
    version = subprocess.run([node, "--version"], capture_output=True, text=True, check=False)
    major = version.stdout.strip().lstrip("v").split(".")[0]
    return major.isdecimal() and int(major) >= OLDEST_NODE


def main() -> None:
    if sys.version_info < (3, 11):
        sys.exit(f"setup: Impasto needs Python 3.11 or newer, this is {sys.version.split()[0]}")
    try:
        step("made", "making a virtual environment in .venv", [LOCKS / "uv.txt"], make_venv)
        step(
            "packages",
            "installing Python packages (torch is several GB)",
            [LOCKS / "uv.txt", LOCKS / "dev.txt", ROOT / "pyproject.toml"],
            install_packages,
        )
        step(
            "azurite",
            "installing Azurite, the local Azure Storage",
            [LOCKS / "node.txt", AZURITE / "package-lock.json", AXE / "package-lock.json"],
            install_from_npm,
        )
    except subprocess.CalledProcessError as error:
        sys.exit(f"setup: {' '.join(error.cmd[:4])} … failed; see its message above")


if __name__ == "__main__":
    main()
