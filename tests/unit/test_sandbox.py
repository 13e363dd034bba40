"""The sandbox: results, errors, limits, files, and what its child can't do."""

import gc
import io
import os
import signal
import sys
import time
from collections.abc import Callable, Iterator
from pathlib import Path

import psutil
import pytest
from pydantic import BaseModel
from structlog.testing import capture_logs

from shared.errors import ChildDied, ChildKilled, Misconfigured, Refused, Stopping
from shared.sandbox import Limits, Output, Result, Sandbox
from shared.sandbox.process import ChildProcess
from tests.support.processes import sandboxes
from tests.support.sandboxed import ATTEMPTS, SECRET

LINUX = pytest.mark.skipif(sys.platform != "linux", reason="only Linux confines a process")
LIMITS = Limits(memory_mib=1024, stall_seconds=60, total_seconds=600)
ENDLESS = 10**9
WHY = "there is no filter"


class Number(BaseModel):
    number: int


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    sandbox = Sandbox("tests.support.sandboxed", LIMITS, required=False)
    yield sandbox
    sandbox.close()


@pytest.fixture(scope="module")
def kept() -> Iterator[Sandbox]:
    """Shared by tests that leave the child alive."""
    sandbox = Sandbox("tests.support.sandboxed", LIMITS, required=False)
    yield sandbox
    sandbox.close()


def with_limits(**changes: float) -> Sandbox:
    return Sandbox("tests.support.sandboxed", LIMITS._replace(**changes), required=False)  # type: ignore[arg-type]


def go_on() -> None:
    """A check that never stops the run."""


def all_results(
    sandbox: Sandbox, task: str, check: Callable[[], None] = go_on, **args: object
) -> list[Result[Number]]:
    with sandbox.run(check, task, Number, args, {}) as found:
        return list(found)


def numbers(sandbox: Sandbox, task: str, **args: object) -> list[int]:
    return [answer.value.number for answer in all_results(sandbox, task, go_on, **args)]


def pid_of(sandbox: Sandbox) -> int:
    [pid] = numbers(sandbox, "whoami", times=1)
    return pid


def test_run_returns_what_the_task_yields(kept: Sandbox) -> None:
    assert numbers(kept, "count", to=1000) == list(range(1000))


def test_a_child_is_reused(kept: Sandbox) -> None:
    pids = {pid_of(kept) for _ in range(3)}
    assert len(pids) == 1
    assert os.getpid() not in pids


def test_refused_is_raised_and_the_child_survives(kept: Sandbox) -> None:
    before = pid_of(kept)
    with pytest.raises(Refused, match="not this one"):
        all_results(kept, "refuse")
    assert pid_of(kept) == before


def test_other_errors_are_raised_with_their_traceback(kept: Sandbox) -> None:
    with pytest.raises(RuntimeError, match=r"(?s)ZeroDivisionError.*break_down"):
        all_results(kept, "break_down")


@pytest.mark.parametrize(
    ("task", "reason"),
    [("crash", "SIGSEGV"), ("abort", "SIGABRT"), ("eat", "needed over 1024 MiB")],
)
def test_a_child_that_dies_is_an_error_and_the_next_run_works(
    sandbox: Sandbox, task: str, reason: str
) -> None:
    with pytest.raises(ChildDied, match=reason) as died:
        all_results(sandbox, task)
    assert not isinstance(died.value, ChildKilled)
    assert numbers(sandbox, "count", to=3) == [0, 1, 2]


def test_a_killed_child_is_distinguished_from_a_crashed_one(sandbox: Sandbox) -> None:
    with pytest.raises(ChildKilled), sandbox.run(go_on, "hang", Number, {}, {}) as found:
        os.kill(next(found).value.number, signal.SIGKILL)
        next(found)


def test_a_child_that_hangs_is_killed() -> None:
    sandbox = with_limits(stall_seconds=2)
    with pytest.raises(ChildDied, match="no progress for 2 s"):
        all_results(sandbox, "hang")
    sandbox.close()


def test_a_run_has_a_time_limit() -> None:
    sandbox = with_limits(total_seconds=2)
    with pytest.raises(ChildDied, match="it took over 2 s"):
        all_results(sandbox, "dawdle")
    sandbox.close()


def test_time_in_the_parent_doesnt_count(sandbox: Sandbox) -> None:
    short = with_limits(total_seconds=3)
    with short.run(go_on, "count", Number, {"to": 200_000}, {}) as found:
        next(found)
        until = time.monotonic() + 4
        while time.monotonic() < until:
            time.sleep(0.1)
        assert next(found).value.number == 1
    short.close()


@LINUX
def test_cpu_time_is_limited_for_each_run() -> None:
    sandbox = with_limits(cpu_seconds=2)
    before = pid_of(sandbox)
    with pytest.raises(ChildDied, match="it used over 2 s of processor time"):
        all_results(sandbox, "burn")
    assert pid_of(sandbox) != before
    sandbox.close()


def test_the_check_can_stop_a_run(sandbox: Sandbox) -> None:
    def stop() -> None:
        if started:
            raise Stopping("told to leave")

    started: list[object] = []
    with pytest.raises(Stopping), sandbox.run(stop, "hang", Number, {}, {}) as found:
        started.append(next(found))
        next(found)
    assert numbers(sandbox, "count", to=1) == [0]


def test_leaving_a_run_early_ends_the_child(sandbox: Sandbox) -> None:
    with sandbox.run(go_on, "whoami", Number, {"times": ENDLESS}, {}) as half:
        pid = next(half).value.number
    assert not psutil.pid_exists(pid)
    assert list(half) == []
    assert pid_of(sandbox) != pid


def test_an_error_of_the_caller_ends_the_child_at_once(sandbox: Sandbox) -> None:
    """Although the traceback keeps the caller's frame and the iterator alive."""
    pid = 0
    with (
        pytest.raises(ZeroDivisionError) as caught,
        sandbox.run(go_on, "whoami", Number, {"times": ENDLESS}, {}) as half,
    ):
        pid = next(half).value.number
        raise ZeroDivisionError
    assert caught.value.__traceback__
    assert not psutil.pid_exists(pid)
    assert numbers(sandbox, "count", to=3) == [0, 1, 2]


def test_closing_an_earlier_run_doesnt_affect_the_next(sandbox: Sandbox) -> None:
    """A finaliser may run at any time: it ends its own child only."""
    with sandbox.run(go_on, "whoami", Number, {"times": ENDLESS}, {}) as half:
        first = next(half).value.number
    with sandbox.run(go_on, "whoami", Number, {"times": ENDLESS}, {}) as another:
        second = next(another).value.number
        assert second != first
        half.close()  # type: ignore[attr-defined]
        del half
        gc.collect()
        assert next(another).value.number == second


def test_simultaneous_runs_have_a_child_each(sandbox: Sandbox) -> None:
    args = {"times": ENDLESS}
    with (
        sandbox.run(go_on, "whoami", Number, args, {}) as one,
        sandbox.run(go_on, "whoami", Number, args, {}) as other,
    ):
        pids = {next(each).value.number for each in (one, other, one, other)}
    assert len(pids) == 2
    assert not any(map(psutil.pid_exists, pids))


def test_close_ends_a_running_child(sandbox: Sandbox) -> None:
    with sandbox.run(go_on, "whoami", Number, {"times": ENDLESS}, {}) as half:
        pid = next(half).value.number
        sandbox.close()
        assert not psutil.pid_exists(pid)


def test_files_are_read_and_written_in_ranges(kept: Sandbox, tmp_path: Path) -> None:
    data = os.urandom(5_000_000)
    with (tmp_path / "output").open("w+b") as file:
        output, files = Output(file, len(data)), {"source": lambda: io.BytesIO(data)}
        with kept.run(go_on, "copy", Number, {"size": len(data)}, files, output) as found:
            [answer] = found
    assert answer.data == data[:100]
    assert (tmp_path / "output").read_bytes() == data


def test_files_are_closed_after_the_run(kept: Sandbox) -> None:
    file = io.BytesIO(b"painted")
    with kept.run(go_on, "read", Number, {"name": "a"}, {"a": lambda: file}) as found:
        assert next(found).data == b"painted"
        assert not file.closed
        list(found)
    assert file.closed


def test_errors_of_storage_are_raised_unchanged(sandbox: Sandbox) -> None:
    def opened() -> io.BytesIO:
        raise FileNotFoundError("gone")

    with (
        pytest.raises(FileNotFoundError, match="gone"),
        sandbox.run(go_on, "read", Number, {"name": "a"}, {"a": opened}) as found,
    ):
        list(found)
    assert numbers(sandbox, "count", to=1) == [0]


def test_other_files_cant_be_opened(sandbox: Sandbox) -> None:
    for name in ("/etc/passwd", "b", ""):
        with (
            pytest.raises(ChildDied, match="a file that isn't there"),
            sandbox.run(go_on, "read", Number, {"name": name}, {"a": io.BytesIO}) as found,
        ):
            list(found)


@pytest.mark.parametrize(("start", "size"), [(0, 1001), (1000, 1), (10**15, 1)])
def test_the_size_of_the_output_is_limited(
    sandbox: Sandbox, start: int, size: int, tmp_path: Path
) -> None:
    with (
        (tmp_path / "output").open("w+b") as file,
        pytest.raises(ChildDied, match="over 1,000 bytes"),
        sandbox.run(
            go_on, "write", Number, {"start": start, "size": size}, {}, Output(file, 1000)
        ) as found,
    ):
        list(found)
    assert (tmp_path / "output").stat().st_size == 0


@pytest.mark.parametrize(
    "header",
    [
        {"kind": "item", "value": {"number": "many"}},
        {"kind": "item", "value": None},
        {"kind": "item"},
        {"kind": "read", "file": "a", "start": -1, "length": 1},
        {"kind": "read", "file": "a", "start": 0, "length": 1 << 40},
        {"kind": "read", "file": "a", "start": 0, "length": 10},
        {"kind": "read back", "start": 0, "length": 10},
        {"kind": "write", "start": 0},
        {"kind": "truncate"},
        {"kind": "ready", "unconfined": None},
        {"kind": "failed", "how": "refused", "text": "x" * 20_000},
        {"kind": "pickle"},
        {},
    ],
    ids=str,
)
def test_an_invalid_message_ends_the_run(sandbox: Sandbox, header: object) -> None:
    with pytest.raises(ChildDied):
        all_results(sandbox, "send", header=header, size=0)


@pytest.mark.parametrize("what", ["pickle", "long", "nested"])
def test_nothing_is_unpickled_and_lengths_are_limited(sandbox: Sandbox, what: str) -> None:
    with pytest.raises(ChildDied, match="broke the protocol"):
        all_results(sandbox, "send_raw", what=what)
    assert SECRET not in os.environ


def test_an_incomplete_message_is_no_progress() -> None:
    sandbox = with_limits(stall_seconds=2)
    with pytest.raises(ChildDied, match="no progress"):
        all_results(sandbox, "send_raw", what="half")
    sandbox.close()


def test_the_child_has_no_environment_variables_of_its_parent(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv(SECRET, "AccountKey=…")
    sandbox = with_limits()
    [answer] = all_results(sandbox, "environment")
    sandbox.close()
    names = set(answer.data.decode().split("\n"))
    assert SECRET not in names
    assert names <= {
        "PYTHONPATH", "PYTHONHOME", "PYTHONUTF8", "PYTHONDONTWRITEBYTECODE", "LD_LIBRARY_PATH",
        "OPENBLAS_NUM_THREADS", "LC_CTYPE", "PATH",
    }  # fmt: skip


@LINUX
@pytest.mark.parametrize("what", ATTEMPTS)
def test_the_child_cant(kept: Sandbox, what: str) -> None:
    [answer] = all_results(kept, "attempt", what=what)
    assert answer.data.decode() == ("ENOSYS" if what == "clone3" else "EPERM")
    assert not Path("/tmp/impasto-escaped").exists()


@LINUX
def test_the_kernel_reports_that_the_child_is_confined(sandbox: Sandbox) -> None:
    status = Path(f"/proc/{pid_of(sandbox)}/status").read_text()
    assert "\nSeccomp:\t2\n" in status
    assert "\nNoNewPrivs:\t1\n" in status


def test_the_child_can_start_threads(kept: Sandbox) -> None:
    assert numbers(kept, "threads", many=16) == [16]


def test_an_unconfined_child_is_logged_once_or_refused(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As on a system without seccomp."""
    wait_until_ready = ChildProcess.wait_until_ready

    def wait_unconfined(self: ChildProcess, check: Callable[[], None]) -> str:
        wait_until_ready(self, check)
        return WHY

    others = sandboxes()  # of tests that ran before in this process
    monkeypatch.setattr(ChildProcess, "wait_until_ready", wait_unconfined)
    with capture_logs() as logs:
        lenient = Sandbox("tests.support.sandboxed", LIMITS, required=False)
        lenient.start()
        with lenient.run(go_on, "count", Number, {"to": 3}, {}) as found:
            assert len(list(found)) == 3
        lenient.start()
        lenient.close()
    assert [(line["event"], line["why"]) for line in logs] == [
        ("files are opened without a sandbox", WHY)
    ]
    strict = Sandbox("tests.support.sandboxed", LIMITS, required=True)
    with pytest.raises(Misconfigured, match=f"IMPASTO_REQUIRE_SANDBOX.*{WHY}"):
        strict.start()
    assert sandboxes() == others
