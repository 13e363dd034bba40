"""A service's heartbeat: written while its loop runs, whatever its handler does."""

import os
import signal
import subprocess
import sys
from pathlib import Path

import pytest

from services.console.accounts import free_ports
from shared.control.job_lines import JobLines
from shared.runtime.heartbeat import beat, note_ready, note_worked
from shared.storage import Storage
from tests.integration.conftest import JOB, PLANNED, Notes, Spawn
from tests.support.probing import asked
from tests.support.waiting import eventually


@pytest.fixture
def heartbeat(tmp_path: Path) -> Path:
    return tmp_path / "heartbeat"


def health_check(heartbeat: Path) -> str:
    """What the container's health check prints; nothing if the service is healthy."""
    checked = subprocess.run(
        [sys.executable, "-m", "shared.runtime.heartbeat"],
        env=os.environ | {"IMPASTO_HEARTBEAT": str(heartbeat)},
        capture_output=True,
        text=True,
        check=False,
    )
    assert bool(checked.returncode) == bool(checked.stderr)
    return checked.stderr


def make_old(heartbeat: Path) -> None:
    os.utime(heartbeat, (0, 0))


def test_it_beats_while_idle_and_while_a_handler_works(
    storage: Storage, spawn: Spawn, notes: Notes, heartbeat: Path
) -> None:
    assert "hasn't begun" in health_check(heartbeat)
    spawn("until_told", heartbeat=heartbeat)
    eventually(heartbeat.exists, "the first beat")
    make_old(heartbeat)
    eventually(lambda: not health_check(heartbeat), "a beat while idle")
    storage.queue("segments").send(PLANNED)
    notes.wait_for("started")
    make_old(heartbeat)
    eventually(lambda: not health_check(heartbeat), "a beat while the handler works")
    notes.go()
    notes.wait_for("ended")


def test_a_loop_that_stands_still_too_long_is_killed(spawn: Spawn, heartbeat: Path) -> None:
    """A container engine restarts ended containers, but not unhealthy ones."""
    probe = spawn("quick", heartbeat=heartbeat)
    eventually(heartbeat.exists, "the first beat")
    probe.signal(signal.SIGSTOP)
    make_old(heartbeat)
    for _ in range(3):  # repeated checks don't shorten the wait
        assert "stood still" in health_check(heartbeat)
        assert not probe.dead
    make_old(heartbeat.with_suffix(".still"))
    assert "stood still" in health_check(heartbeat)
    assert probe.wait() == -signal.SIGKILL
    assert "stood still" in health_check(heartbeat)  # after the process has ended


def test_a_loop_that_goes_on_is_healthy_again_and_not_killed(spawn: Spawn, heartbeat: Path) -> None:
    probe = spawn("quick", heartbeat=heartbeat)
    eventually(heartbeat.exists, "the first beat")
    probe.signal(signal.SIGSTOP)
    make_old(heartbeat)
    assert "stood still" in health_check(heartbeat)
    make_old(heartbeat.with_suffix(".still"))
    probe.signal(signal.SIGCONT)
    eventually(lambda: heartbeat.stat().st_mtime > 1, "a beat")
    assert not health_check(heartbeat)
    probe.signal(signal.SIGSTOP)
    os.utime(heartbeat, (1, 1))
    assert "stood still" in health_check(heartbeat)
    assert not probe.dead


def test_a_service_goes_on_if_its_heartbeat_cant_be_written(tmp_path: Path) -> None:
    """As on a full disk. The health check then says that the loop hasn't begun."""
    heartbeat = tmp_path / "missing" / "heartbeat"
    turn = beat(heartbeat)
    turn()
    note_ready(heartbeat, [])
    note_worked(heartbeat)
    assert health_check(heartbeat).strip() == "its loop hasn't begun"
    assert list(tmp_path.iterdir()) == []


def test_a_hung_handler_is_seen_though_the_loop_turns(
    storage: Storage, spawn: Spawn, notes: Notes, tmp_path: Path
) -> None:
    heartbeat = tmp_path / "hung"
    storage.queue("segments").send(PLANNED)
    process = spawn("hang", heartbeat=heartbeat, handler_seconds=0.5, health_port=0)
    [line] = eventually(lambda: process.logged("answering http"), "the port")
    eventually(heartbeat.with_suffix(".hung").exists, "the handler to be found hung")
    os.utime(heartbeat, (1, 1))
    status, said = asked(line["port"], "/livez")
    assert (status, said[:33]) == (503, "its handler has made no progress ")
    assert asked(line["port"], "/readyz")[0] == 503
    assert "made no progress" in health_check(heartbeat)
    assert line["address"] == "127.0.0.1"
    assert not process.dead


def test_a_long_handler_that_makes_progress_isnt_hung(
    storage: Storage, spawn: Spawn, notes: Notes, tmp_path: Path
) -> None:
    heartbeat = tmp_path / "busy"
    storage.queue("segments").send(PLANNED)
    process = spawn("until_told", heartbeat=heartbeat, handler_seconds=5, health_port=0)
    [line] = eventually(lambda: process.logged("answering http"), "the port")
    notes.wait_for("started")
    os.utime(heartbeat, (1, 1))
    eventually(lambda: asked(line["port"], "/livez") == (200, "ok"), "a beat")
    assert not heartbeat.with_suffix(".hung").exists()
    notes.go()
    notes.wait_for("ended")
    told = asked(line["port"], "/metrics")[1]
    eventually(
        lambda: (
            'impasto_messages_total{outcome="done",queue="segments"} 1.0'
            in asked(line["port"], "/metrics")[1]
        ),
        "the metric",
    )
    assert "# HELP impasto_storage_requests_total" in told


def test_the_health_check_asks_the_services_port_where_it_has_one(
    storage: Storage,
    spawn: Spawn,
    tmp_path: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    heartbeat, [port] = tmp_path / "beat", free_ports(1)
    monkeypatch.setenv("IMPASTO_HEALTH_PORT", str(port))
    process = spawn("quick", heartbeat=heartbeat, health_port=port)
    eventually(lambda: not health_check(heartbeat), "it to be well")
    process.kill()
    assert f"it doesn't answer on port {port}" in health_check(heartbeat)


def test_two_on_one_machine_have_ports_of_their_own_that_their_jobs_logs_name(
    storage: Storage, spawn: Spawn, notes: Notes, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("AZ_BATCHAI_JOB_TEMP", str(tmp_path))
    processes = [spawn("quick", health_port=0) for _ in range(2)]
    ports = [
        eventually(lambda p=process: p.logged("answering http"), "the port")[0]["port"]  # type: ignore[misc]
        for process in processes
    ]
    assert len(set(ports)) == 2
    for port in ports:
        eventually(lambda port=port: asked(port, "/readyz") == (200, "ok"), "it to be ready")  # type: ignore[misc]
        assert asked(port, "/livez") == (200, "ok")
        assert "impasto_storage_requests_total" in asked(port, "/metrics")[1]
    storage.queue("segments").send(PLANNED)
    notes.wait_for("ended")
    [line] = eventually(lambda: JobLines(storage, JOB).log(), "its line")
    assert line["http"] in {f"127.0.0.1:{port}" for port in ports}
    for process in processes:
        process.signal(signal.SIGTERM)
        assert process.wait() == 0
    assert not list(tmp_path.glob("impasto-*")), "its folder is gone with it"
