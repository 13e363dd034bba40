"""What goes wrong in the cage stays in the cage."""

import ctypes
import errno
import os
import signal
import threading
import time
from collections.abc import Iterator
from pathlib import Path

import pytest

from shared.cage import Cage
from shared.errors import ChildDied, ChildKilled, Refused, Stopping


def count(to: int) -> Iterator[int]:
    yield from range(to)


def whoami() -> Iterator[int]:
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


def test_it_hands_out_what_the_child_yields(cage: Cage) -> None:
    assert list(cage.run(on, count, 1000)) == list(range(1000))


def test_one_child_serves_many_calls(cage: Cage) -> None:
    pids = {next(iter(list(cage.run(on, whoami)))) for _ in range(3)}
    assert len(pids) == 1
    assert os.getpid() not in pids


def test_our_errors_come_out_as_they_are_and_the_child_lives(cage: Cage) -> None:
    [before] = cage.run(on, whoami)
    with pytest.raises(Refused, match="not this one"):
        list(cage.run(on, refuse))
    assert list(cage.run(on, whoami)) == [before]


def test_other_errors_are_told_with_their_place(cage: Cage) -> None:
    with pytest.raises(RuntimeError, match=r"(?s)ZeroDivisionError.*break_down"):
        list(cage.run(on, break_down))


@pytest.mark.parametrize(
    ("function", "reason"),
    [(crash, "SIGSEGV"), (be_killed, "SIGKILL"), (eat, "wanted over 1024 MiB")],
)
def test_death_is_an_error_and_the_next_call_works(
    cage: Cage, function: "object", reason: str
) -> None:
    with pytest.raises(ChildDied, match=reason):
        list(cage.run(on, function))  # type: ignore[arg-type]
    assert list(cage.run(on, count, 3)) == [0, 1, 2]


def test_who_was_killed_is_told_from_who_crashed(cage: Cage) -> None:
    with pytest.raises(ChildKilled):
        list(cage.run(on, be_killed))
    with pytest.raises(ChildDied) as died:
        list(cage.run(on, crash))
    assert not isinstance(died.value, ChildKilled)


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="there is no /dev/full here")
def test_a_full_disk_is_told_as_that(cage: Cage) -> None:
    with pytest.raises(OSError, match="fill") as full:
        list(cage.run(on, fill))
    assert full.value.errno == errno.ENOSPC


def test_a_hang_is_noticed() -> None:
    cage = Cage(memory_mib=1024, stall_seconds=3)
    with pytest.raises(ChildDied, match="no progress for 3 s"):
        list(cage.run(on, hang))
    cage.close()


def test_waiting_can_be_called_off(cage: Cage) -> None:
    def stop() -> None:
        raise Stopping("told to leave")

    began = time.monotonic()
    with pytest.raises(Stopping):
        list(cage.run(stop, hang))
    assert time.monotonic() - began < 30
    assert list(cage.run(on, count, 1)) == [0]


def test_giving_up_half_way_ends_the_child(cage: Cage) -> None:
    [pid] = cage.run(on, whoami)
    half = cage.run(on, count, 10**9)
    assert next(half) == 0
    half.close()
    [other] = cage.run(on, whoami)
    assert other != pid
