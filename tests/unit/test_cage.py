"""What goes wrong in the cage stays in the cage."""

import ctypes
import errno
import gc
import os
import signal
import threading
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import TypeVar

import psutil
import pytest

from shared.cage import Cage
from shared.errors import ChildDied, ChildKilled, Refused, Stopping

T = TypeVar("T")


def count(to: int) -> Iterator[int]:
    yield from range(to)


def whoami() -> Iterator[int]:
    yield os.getpid()


def whoami_for_ever() -> Iterator[int]:
    while True:
        yield os.getpid()


def refuse() -> Iterator[int]:
    yield 1
    raise Refused("not this one")


def break_down() -> Iterator[int]:
    yield 1
    raise ZeroDivisionError("oops")


def crash() -> Iterator[int]:
    yield 1
    ctypes.string_at(0)


def hang() -> Iterator[int]:
    yield 1
    threading.Event().wait()


def eat() -> Iterator[int]:
    hoard = []
    while True:
        hoard.append(bytearray(16 << 20))
        yield len(hoard)


def be_killed() -> Iterator[int]:
    yield 1
    os.kill(os.getpid(), signal.SIGKILL)


def fill() -> Iterator[int]:
    yield 1
    with Path("/dev/full").open("wb", buffering=0) as full:
        full.write(b"no room")


@pytest.fixture
def cage() -> Iterator[Cage]:
    cage = Cage(memory_mib=1024, stall_seconds=60)
    yield cage
    cage.close()


def on() -> None:
    """Go on waiting."""


def everything(
    cage: Cage, function: Callable[..., Iterator[T]], *args: object, check: Callable[[], None] = on
) -> list[T]:
    with cage.run(check, function, *args) as results:
        return list(results)


def test_it_hands_out_what_the_child_yields(cage: Cage) -> None:
    assert everything(cage, count, 1000) == list(range(1000))


def test_one_child_serves_many_calls(cage: Cage) -> None:
    pids = {everything(cage, whoami)[0] for _ in range(3)}
    assert len(pids) == 1
    assert os.getpid() not in pids


def test_our_errors_come_out_as_they_are_and_the_child_lives(cage: Cage) -> None:
    [before] = everything(cage, whoami)
    with pytest.raises(Refused, match="not this one"):
        everything(cage, refuse)
    assert everything(cage, whoami) == [before]


def test_other_errors_are_told_with_their_place(cage: Cage) -> None:
    with pytest.raises(RuntimeError, match=r"(?s)ZeroDivisionError.*break_down"):
        everything(cage, break_down)


@pytest.mark.parametrize(
    ("function", "reason"),
    [(crash, "SIGSEGV"), (be_killed, "SIGKILL"), (eat, "wanted over 1024 MiB")],
)
def test_death_is_an_error_and_the_next_call_works(
    cage: Cage, function: Callable[[], Iterator[int]], reason: str
) -> None:
    with pytest.raises(ChildDied, match=reason):
        everything(cage, function)
    assert everything(cage, count, 3) == [0, 1, 2]


def test_who_was_killed_is_told_from_who_crashed(cage: Cage) -> None:
    with pytest.raises(ChildKilled):
        everything(cage, be_killed)
    with pytest.raises(ChildDied) as died:
        everything(cage, crash)
    assert not isinstance(died.value, ChildKilled)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_told_as_that(cage: Cage) -> None:
    with pytest.raises(OSError, match="fill") as full:
        everything(cage, fill)
    assert full.value.errno == errno.ENOSPC


def test_a_hang_is_noticed() -> None:
    cage = Cage(memory_mib=1024, stall_seconds=3)
    with pytest.raises(ChildDied, match="no progress for 3 s"):
        everything(cage, hang)
    cage.close()


def test_waiting_can_be_called_off(cage: Cage) -> None:
    def stop() -> None:
        raise Stopping("told to leave")

    began = time.monotonic()
    with pytest.raises(Stopping):
        everything(cage, hang, check=stop)
    assert time.monotonic() - began < 30
    assert everything(cage, count, 1) == [0]


def test_giving_up_half_way_ends_the_child(cage: Cage) -> None:
    with cage.run(on, whoami_for_ever) as half:
        pid = next(half)
    assert not psutil.pid_exists(pid)
    assert list(half) == []
    assert everything(cage, whoami) != [pid]


def test_an_error_of_the_consumer_ends_the_child_at_once(cage: Cage) -> None:
    """Though the error keeps the consumer's frame alive, and with it the iterator."""
    pid = 0
    with pytest.raises(ZeroDivisionError) as caught, cage.run(on, whoami_for_ever) as half:
        pid = next(half)
        raise ZeroDivisionError
    assert caught.value.__traceback__
    assert not psutil.pid_exists(pid)
    assert everything(cage, count, 3) == [0, 1, 2]


def test_what_is_left_of_a_run_cant_harm_the_next(cage: Cage) -> None:
    """A finaliser may come at any time: it finds its own child only, which is dead."""
    with cage.run(on, whoami_for_ever) as half:
        first = next(half)
    with cage.run(on, whoami_for_ever) as another:
        second = next(another)
        assert second != first
        half.close()  # type: ignore[attr-defined]
        del half
        gc.collect()
        assert next(another) == second


def test_runs_side_by_side_have_a_child_each(cage: Cage) -> None:
    with cage.run(on, whoami_for_ever) as one, cage.run(on, whoami_for_ever) as other:
        pids = {next(one), next(other), next(one), next(other)}
    assert len(pids) == 2
    assert not any(map(psutil.pid_exists, pids))


def test_closing_ends_a_child_at_work() -> None:
    cage = Cage(memory_mib=1024, stall_seconds=60)
    with cage.run(on, whoami_for_ever) as half:
        pid = next(half)
        cage.close()
        assert not psutil.pid_exists(pid)
