"""A job leaves no processes and no files behind, and gets none of the server's secrets."""

import json
import os
import signal
import socket
from pathlib import Path
from typing import Any

import psutil
import pytest
from azure.mgmt.batchai import models

from tests.integration.batchai.conftest import (
    ALL,
    LOOP,
    LocalBatchAI,
    running,
)
from tests.support.waiting import eventually

#: A process that leaves its parent, group and session, and clears its environment.
HIDDEN = "env -i setsid sh -c 'echo $$ > {place}; exec sleep 1000' < /dev/null > /dev/null 2>&1 &"
#: The same with its environment, so with the job's mark.
MARKED = "setsid sh -c 'echo $$ > {place}; exec sleep 1000' < /dev/null > /dev/null 2>&1 &"

pytestmark = pytest.mark.skipif(not Path("/proc/self/environ").exists(), reason="needs /proc")


def hidden(server: LocalBatchAI, what: str = HIDDEN) -> tuple[str, Path]:
    place = server.folder / "mounts" / "hidden"
    wait = f'while [ ! -s "{place}" ]; do sleep 0.02; done'
    return f"{what.format(place=place)} {wait}", place


def test_hidden_processes_end_with_the_command(server: LocalBatchAI) -> None:
    server.create_cluster()
    command, place = hidden(server)
    server.submit("leaves", command)
    server.wait_for("leaves", "succeeded")
    assert not running(int(place.read_text()))


def test_hidden_processes_end_when_the_job_is_terminated(server: LocalBatchAI) -> None:
    server.create_cluster()
    command, place = hidden(server)
    server.submit("leaves", f"{command}; echo on; sleep 1000")
    eventually(lambda: server.output("leaves"), "it to go on")
    server.client.jobs.begin_terminate(*ALL, "leaves").result()
    assert server.job("leaves").execution_state == "failed"
    assert not running(int(place.read_text()))


def test_hidden_processes_end_when_the_agent_gets_several_signals(server: LocalBatchAI) -> None:
    server.create_cluster()
    command, place = hidden(server)
    server.submit("polite", f"trap 'sleep 0.5; echo bye; exit 3' TERM; {command}; echo on; {LOOP}")
    eventually(lambda: server.output("polite"), "it to go on")
    [agent] = server.folder.glob("runs/*/agent")
    for _ in range(3):
        os.kill(int(agent.read_text()), signal.SIGTERM)
    server.wait_for("polite", "failed")
    assert server.output("polite") == "on\nbye\n"
    assert not running(int(place.read_text()))


@pytest.mark.parametrize("server_too", [False, True])
def test_all_processes_end_when_the_agent_is_killed(server: LocalBatchAI, server_too: bool) -> None:
    server.create_cluster()
    command, place = hidden(server, MARKED)
    server.submit("leaves", f"{command}; echo $$; sleep 1000")
    eventually(lambda: server.output("leaves"), "it to go on")
    [agent] = server.folder.glob("runs/*/agent")
    if server_too:
        server.stop(signal.SIGKILL)
    os.kill(int(agent.read_text()), signal.SIGKILL)
    if server_too:
        server.restart(signal.SIGKILL)
    [error] = server.wait_for("leaves", "failed").execution_info.errors
    assert error.code == "NodeLost"
    assert not running(int(place.read_text()))
    assert not running(int(server.output("leaves")))


def test_orphans_leave_no_zombies(server: LocalBatchAI) -> None:
    server.create_cluster()
    orphans = "for n in 1 2 3 4 5 6 7 8 9; do (sleep 0.01 &); done"
    server.submit("parent", f"{orphans}; echo on; sleep 1000")
    eventually(lambda: server.output("parent"), "it to go on")
    [agent] = server.folder.glob("runs/*/agent")
    node = psutil.Process(int(agent.read_text()))
    eventually(lambda: len(node.children()) == 1, "only the command to be left")


def test_a_job_gets_none_of_the_servers_secrets(
    server: LocalBatchAI, monkeypatch: pytest.MonkeyPatch
) -> None:
    secret = {"IMPASTO_BATCHAI_SECRET": "hush", "IDENTITY_HEADER": "hush", "AWS_KEY": "hush"}
    server.restart(signal.SIGTERM, **secret, LANG="C.UTF-8")
    server.create_cluster()
    server.submit("told", "env; cat /proc/$PPID/environ | tr '\\0' '\\n'; pwd; ls -A; touch here")
    server.wait_for("told", "succeeded")
    said = server.output("told")
    assert "hush" not in said
    assert "LANG=C.UTF-8\n" in said
    place = said.splitlines()[-1]
    assert place == str(server.folder / "runs" / Path(place).parent.name / "work")
    assert f"AZ_BATCHAI_JOB_TEMP={place}\n" in said
    assert not Path(place).parent.exists()
    assert not Path("here").exists()


def test_secrets_are_in_no_file_once_the_job_runs(server: LocalBatchAI) -> None:
    server.create_cluster()
    secret = models.EnvironmentVariableWithSecretValue(name="KEY", value="hush")
    server.submit("told", "echo on; sleep 1000", secrets=[secret])
    eventually(lambda: server.output("told"), "it to run")
    for path in server.folder.glob("runs/*/*"):
        assert path.is_dir() or "hush" not in path.read_text()


def test_a_job_that_sets_its_own_python_path_runs(server: LocalBatchAI, tmp_path: Path) -> None:
    """The agent doesn't use the job's environment for itself."""
    (tmp_path / "json.py").write_text("raise SystemExit('astray')")
    server.create_cluster()
    path = models.EnvironmentVariable(name="PYTHONPATH", value=str(tmp_path))
    server.submit("told", "echo $PYTHONPATH", environment_variables=[path])
    server.wait_for("told", "succeeded")
    assert server.output("told") == f"{tmp_path}\n"


def test_files_can_be_listed_while_others_come_and_go(server: LocalBatchAI) -> None:
    server.create_cluster()
    art = models.OutputDirectory(id="ART", path_prefix="$AZ_BATCHAI_MOUNT_ROOT", path_suffix="x")
    odd = (
        "cd $AZ_BATCHAI_OUTPUT_ART; ln -s nowhere dangling; ln -s loop loop; ln -s /etc/passwd out;"
        " mkfifo pipe; mkdir inner; echo a > inner/b; echo fine > fine;"
        " echo odd > $(printf 'o\\377'); echo sub > 'a b%2Fc'; echo on;"
        " i=0; while [ ! -e stop ]; do i=$((i + 1)); touch go-$i; rm -f go-$((i - 5)); done"
    )
    server.submit("artist", odd, output_directories=[art])
    eventually(lambda: server.output("artist"), "it to go on")
    options = models.JobsListOutputFilesOptions(outputdirectoryid="ART")
    for _ in range(20):
        listed: Any = server.client.jobs.list_output_files(*ALL, "artist", options)
        names = {file.name for file in listed}
    assert {"fine", "inner", "a b%2Fc", "o\ufffd"} <= names
    assert not names & {"dangling", "loop", "out"}
    server.client.jobs.begin_terminate(*ALL, "artist").result()
    assert server.job("artist").execution_state == "failed"


def test_queued_jobs_survive_a_restart_and_running_jobs_dont(server: LocalBatchAI) -> None:
    server.create_cluster(maximum=1)
    server.submit("runs", "sleep 1000")
    server.wait_for("runs", "running")
    waits: Any = server.submit("waits", "echo at last")
    assert waits.execution_state == "queued"
    server.restart(signal.SIGTERM)
    assert server.job("runs").execution_state == "failed"
    server.wait_for("waits", "succeeded")
    assert server.output("waits") == "at last\n"


def test_silent_connections_are_closed() -> None:
    from services.batchai.http import Response
    from services.batchai.server import bind, request_handler

    kind = type("Impatient", (request_handler(lambda _: Response(200)),), {"timeout": 0.2})
    with bind("127.0.0.1", 0, 0) as server:
        server.RequestHandlerClass = kind
        server.timeout = 30
        for said in (b"", b"GET / HTT", b"PUT / HTTP/1.1\r\nContent-Length: 9\r\n\r\nhalf"):
            with socket.create_connection(("127.0.0.1", server.server_port), timeout=30) as silent:
                silent.sendall(said)
                server.handle_request()
                answer = b"".join(iter(lambda: silent.recv(4096), b""))
                assert answer == b"" or b" 408 " in answer.splitlines()[0]


def test_tokens_expire_and_access_survives_a_restart(server: LocalBatchAI) -> None:
    from tests.integration.batchai.test_hostile import BASE

    server.create_cluster()
    access = server.access
    good, old = access.token(), access.token(seconds=-1)
    assert server.request("GET", BASE, token=good)[0] == 200
    for bad in (old, good[:-1], good + "0", "x" * 60_000, "9" * 50_000 + ".a." + "0" * 64):
        status, error = server.request("GET", BASE, token=bad)
        assert (status, error["error"]["code"]) == (401, "AuthenticationFailed")
    server.restart(signal.SIGTERM)
    assert server.access == access
    assert server.request("GET", BASE, token=good)[0] == 200
    assert good not in json.dumps(json.loads((server.folder / "access.json").read_text()))
