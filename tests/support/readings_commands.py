"""Runs `impasto readings …` on a stack."""

import os
import subprocess
import sys

from services.console.accounts import Accounts


def readings(accounts: Accounts, *arguments: str) -> str:
    done = subprocess.run(
        [sys.executable, "-m", "workloads.readings.commands", *arguments],
        env=os.environ | accounts.environment(),
        capture_output=True,
        text=True,
        timeout=240,
        check=False,
    )
    assert done.returncode == 0, done.stderr
    return done.stdout
