"""Runs programs that need a workload's libraries: publishing and listing models, its commands."""

import subprocess
import sys
from collections.abc import Mapping, Sequence

PUBLISH = [sys.executable, "-m", "services.scorer.publish"]


def publish(environment: Mapping[str, str]) -> None:
    """Publish the models that come with the workloads to a stack."""
    subprocess.run(PUBLISH, env=environment, check=True)


def shipped_models() -> list[str]:
    """A line of JSON for each model that comes with a workload."""
    return subprocess.run(
        [*PUBLISH, "--list"], capture_output=True, text=True, check=True
    ).stdout.splitlines()


def run_program(module: str, arguments: Sequence[str], environment: Mapping[str, str]) -> int:
    command = [sys.executable, "-m", module, *arguments]
    return subprocess.run(command, env=environment, check=False).returncode
