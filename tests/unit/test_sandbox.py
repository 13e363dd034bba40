"""What goes wrong in the sandbox stays there, and what is taken over in it can do nothing."""

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
FOR_EVER = 10**9
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
    """For tests that leave their child alive."""
    sandbox = Sandbox("tests.support.sandboxed", LIMITS, required=False)
    yield sandbox
    sandbox.close()


def with_limits(**changes: float) -> Sandbox:
    return Sandbox("tests.support.sandboxed", LIMITS._replace(**changes), required=False)  # type: ignore[arg-type]


def on() -> None:
    """Go on waiting."""


def everything(
    sandbox: Sandbox, task: str, check: Callable[[], None] = on, **args: object
) -> list[Result[Number]]:
    with sandbox.run(check, task, Number, args, {}) as found:
        return list(found)


def numbers(sandbox: Sandbox, task: str, **args: object) -> list[int]:
    return [answer.value.number for answer in everything(sandbox, task, on, **args)]


def pid_of(sandbox: Sandbox) -> int:
    [pid] = numbers(sandbox, "whoami", times=1)
    return pid


def test_it_hands_out_what_the_child_yields(kept: Sandbox) -> None:
    assert numbers(kept, "count", to=1000) == list(range(1000))


def test_one_child_serves_many_runs(kept: Sandbox) -> None:
    pids = {pid_of(kept) for _ in range(3)}
    assert len(pids) == 1
    assert os.getpid() not in pids


def test_a_refusal_comes_out_as_it_is_and_the_child_lives(kept: Sandbox) -> None:
    before = pid_of(kept)
    with pytest.raises(Refused, match="not this one"):
        everything(kept, "refuse")
    assert pid_of(kept) == before


def test_other_errors_are_told_with_their_place(kept: Sandbox) -> None:
    with pytest.raises(RuntimeError, match=r"(?s)ZeroDivisionError.*break_down"):
        everything(kept, "break_down")


@pytest.mark.parametrize(
    ("task", "reason"),
    [("crash", "SIGSEGV"), ("abort", "SIGABRT"), ("eat", "needed over 1024 MiB")],
)
def test_death_is_an_error_and_the_next_run_works(sandbox: Sandbox, task: str, reason: str) -> None:
    with pytest.raises(ChildDied, match=reason) as died:
        everything(sandbox, task)
    assert not isinstance(died.value, ChildKilled)
    assert numbers(sandbox, "count", to=3) == [0, 1, 2]


def test_who_was_killed_is_told_from_who_crashed(sandbox: Sandbox) -> None:
    with pytest.raises(ChildKilled), sandbox.run(on, "hang", Number, {}, {}) as found:
        os.kill(next(found).value.number, signal.SIGKILL)
        next(found)


def test_a_hang_is_noticed() -> None:
    sandbox = with_limits(stall_seconds=2)
    with pytest.raises(ChildDied, match="no progress for 2 s"):
        everything(sandbox, "hang")
    sandbox.close()


def test_a_run_has_an_end_though_there_is_progress() -> None:
    sandbox = with_limits(total_seconds=2)
    with pytest.raises(ChildDied, match="it took over 2 s"):
        everything(sandbox, "dawdle")
    sandbox.close()


def test_the_time_that_the_parent_takes_does_not_count(sandbox: Sandbox) -> None:
    short = with_limits(total_seconds=3)
    with short.run(on, "count", Number, {"to": 200_000}, {}) as found:
        next(found)
        until = time.monotonic() + 4
        while time.monotonic() < until:
            time.sleep(0.1)
        assert next(found).value.number == 1
    short.close()


@LINUX
def test_processor_time_is_limited_for_each_run() -> None:
    sandbox = with_limits(cpu_seconds=2)
    before = pid_of(sandbox)
    with pytest.raises(ChildDied, match="it used over 2 s of processor time"):
        everything(sandbox, "burn")
    assert pid_of(sandbox) != before
    sandbox.close()


def test_waiting_can_be_called_off(sandbox: Sandbox) -> None:
    def stop() -> None:
        if started:
            raise Stopping("told to leave")

    started: list[object] = []
    with pytest.raises(Stopping), sandbox.run(stop, "hang", Number, {}, {}) as found:
        started.append(next(found))
        next(found)
    assert numbers(sandbox, "count", to=1) == [0]


def test_giving_up_half_way_ends_the_child(sandbox: Sandbox) -> None:
    with sandbox.run(on, "whoami", Number, {"times": FOR_EVER}, {}) as half:
        pid = next(half).value.number
    assert not psutil.pid_exists(pid)
    assert list(half) == []
    assert pid_of(sandbox) != pid


def test_an_error_of_the_consumer_ends_the_child_at_once(sandbox: Sandbox) -> None:
    """Though the error keeps the consumer's frame alive, and with it the iterator."""
    pid = 0
    with (
        pytest.raises(ZeroDivisionError) as caught,
        sandbox.run(on, "whoami", Number, {"times": FOR_EVER}, {}) as half,
    ):
        pid = next(half).value.number
        raise ZeroDivisionError
    assert caught.value.__traceback__
    assert not psutil.pid_exists(pid)
    assert numbers(sandbox, "count", to=3) == [0, 1, 2]


def test_what_is_left_of_a_run_cant_harm_the_next(sandbox: Sandbox) -> None:
    """A finaliser may come at any time: it finds its own child only, which is dead."""
    with sandbox.run(on, "whoami", Number, {"times": FOR_EVER}, {}) as half:
        first = next(half).value.number
    with sandbox.run(on, "whoami", Number, {"times": FOR_EVER}, {}) as another:
        second = next(another).value.number
        assert second != first
        half.close()  # type: ignore[attr-defined]
        del half
        gc.collect()
        assert next(another).value.number == second


def test_runs_side_by_side_have_a_child_each(sandbox: Sandbox) -> None:
    args = {"times": FOR_EVER}
    with (
        sandbox.run(on, "whoami", Number, args, {}) as one,
        sandbox.run(on, "whoami", Number, args, {}) as other,
    ):
        pids = {next(each).value.number for each in (one, other, one, other)}
    assert len(pids) == 2
    assert not any(map(psutil.pid_exists, pids))


def test_closing_ends_a_child_at_work(sandbox: Sandbox) -> None:
    with sandbox.run(on, "whoami", Number, {"times": FOR_EVER}, {}) as half:
        pid = next(half).value.number
        sandbox.close()
        assert not psutil.pid_exists(pid)


def test_files_are_served_and_taken_by_ranges(kept: Sandbox, tmp_path: Path) -> None:
    data = os.urandom(5_000_000)
    with (tmp_path / "output").open("w+b") as file:
        output, files = Output(file, len(data)), {"source": lambda: io.BytesIO(data)}
        with kept.run(on, "copy", Number, {"size": len(data)}, files, output) as found:
            [answer] = found
    assert answer.data == data[:100]
    assert (tmp_path / "output").read_bytes() == data


def test_files_are_closed_after_the_run(kept: Sandbox) -> None:
    file = io.BytesIO(b"painted")
    with kept.run(on, "read", Number, {"name": "a"}, {"a": lambda: file}) as found:
        assert next(found).data == b"painted"
        assert not file.closed
        list(found)
    assert file.closed


def test_an_error_of_storage_comes_out_as_it_is(sandbox: Sandbox) -> None:
    def opened() -> io.BytesIO:
        raise FileNotFoundError("gone")

    with (
        pytest.raises(FileNotFoundError, match="gone"),
        sandbox.run(on, "read", Number, {"name": "a"}, {"a": opened}) as found,
    ):
        list(found)
    assert numbers(sandbox, "count", to=1) == [0]


def test_what_is_not_served_can_not_be_had(sandbox: Sandbox) -> None:
    for name in ("/etc/passwd", "b", ""):
        with (
            pytest.raises(ChildDied, match="a file that isn't there"),
            sandbox.run(on, "read", Number, {"name": name}, {"a": io.BytesIO}) as found,
        ):
            list(found)


@pytest.mark.parametrize(("start", "size"), [(0, 1001), (1000, 1), (10**15, 1)])
def test_the_output_has_an_end(sandbox: Sandbox, start: int, size: int, tmp_path: Path) -> None:
    with (
        (tmp_path / "output").open("w+b") as file,
        pytest.raises(ChildDied, match="over 1,000 bytes"),
        sandbox.run(
            on, "write", Number, {"start": start, "size": size}, {}, Output(file, 1000)
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
def test_what_makes_no_sense_costs_the_run_alone(sandbox: Sandbox, header: object) -> None:
    with pytest.raises(ChildDied):
        everything(sandbox, "send", header=header, size=0)


@pytest.mark.parametrize("what", ["pickle", "long", "nested"])
def test_nothing_is_ever_unpickled_nor_taken_at_any_length(sandbox: Sandbox, what: str) -> None:
    with pytest.raises(ChildDied, match="broke the protocol"):
        everything(sandbox, "send_raw", what=what)
    assert SECRET not in os.environ


def test_half_a_message_is_no_progress() -> None:
    sandbox = with_limits(stall_seconds=2)
    with pytest.raises(ChildDied, match="no progress"):
        everything(sandbox, "send_raw", what="half")
    sandbox.close()


def test_the_environment_stays_here(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(SECRET, "AccountKey=…")
    sandbox = with_limits()
    [answer] = everything(sandbox, "environment")
    sandbox.close()
    names = set(answer.data.decode().split("\n"))
    assert SECRET not in names
    assert names <= {
        "PYTHONPATH", "PYTHONHOME", "PYTHONUTF8", "PYTHONDONTWRITEBYTECODE", "LD_LIBRARY_PATH",
        "OPENBLAS_NUM_THREADS", "LC_CTYPE", "PATH",
    }  # fmt: skip


@LINUX
@pytest.mark.parametrize("what", ATTEMPTS)
def test_it_can_not(kept: Sandbox, what: str) -> None:
    [answer] = everything(kept, "attempt", what=what)
    assert answer.data.decode() == ("ENOSYS" if what == "clone3" else "EPERM")
    assert not Path("/tmp/impasto-escaped").exists()


@LINUX
def test_the_system_says_that_it_is_confined(sandbox: Sandbox) -> None:
    status = Path(f"/proc/{pid_of(sandbox)}/status").read_text()
    assert "\nSeccomp:\t2\n" in status
    assert "\nNoNewPrivs:\t1\n" in status


def test_threads_still_start(kept: Sandbox) -> None:
    assert numbers(kept, "threads", many=16) == [16]


def test_where_nothing_can_be_confined_it_says_so_or_refuses(
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    """As on a system without such a filter; the warning comes once."""
    wait_until_ready = ChildProcess.wait_until_ready

    def wait_unconfined(self: ChildProcess, check: Callable[[], None]) -> str:
        wait_until_ready(self, check)
        return WHY

    others = sandboxes()  # of tests that ran before in this process
    monkeypatch.setattr(ChildProcess, "wait_until_ready", wait_unconfined)
    with capture_logs() as logs:
        lenient = Sandbox("tests.support.sandboxed", LIMITS, required=False)
        lenient.start()
        with lenient.run(on, "count", Number, {"to": 3}, {}) as found:
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
