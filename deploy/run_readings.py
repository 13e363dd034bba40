"""`make run-readings`: a stack from nothing, simulated readings, models, a round, and a plot."""

import json
import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from services.console.stack import Stack

OUT = Path(os.environ.get("OUTPUT", "out"))
DEVICES = os.environ.get("DEVICES", "1000")
#: The hour that is scored. It is in the past for good, so that the trigger leaves it alone.
HOUR, TRAINED, HOURS = "2026-06-02T12", "2026-06-02T11", "24"


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="impasto-") as folder:
        print(f"starting Azurite and the services in {folder} …", flush=True)
        with Stack(Path(folder)) as stack:
            environment = os.environ | stack.accounts.environment()
            labels = str(OUT / "labels.jsonl")
            simulated = ["--hours", str(int(HOURS) + 1), "--labels", labels]
            readings(environment, "simulate", "--devices", DEVICES, "--last", HOUR, *simulated)
            readings(environment, "train", "--hours", HOURS, "--last", TRAINED, "--wait")
            readings(environment, "score", "--window", HOUR, "--wait")
            readings(environment, "show", "--window", HOUR)
            found = json.loads(
                readings(environment, "show", "--window", HOUR, "--json", show=False)
            )
            worst = found["worst"][0]["device"]
            readings(environment, "plot", worst, "--output", str(OUT / "device.png"))


def readings(environment: dict[str, str], *arguments: str, show: bool = True) -> str:
    """Run `impasto readings` with these arguments; return what it prints."""
    if show:
        print(f"\n$ impasto readings {' '.join(arguments)}", flush=True)
    began = time.monotonic()
    command = [sys.executable, "-m", "workloads.readings.commands", *arguments]
    done = subprocess.run(command, env=environment, check=True, text=True, stdout=subprocess.PIPE)
    if show:
        print(f"{done.stdout}({time.monotonic() - began:.1f} s)", flush=True)
    return done.stdout


if __name__ == "__main__":
    main()
