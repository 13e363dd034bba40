"""Which rounds the clock starts."""

from datetime import timedelta

from shared.arrivals import Arrivals
from shared.storage import Storage
from tests.support.azurite import Azurite
from tests.support.rounds import HOUR, body, put_capture, reading, settings_of
from workloads.readings.due import Due

NOW = HOUR + timedelta(hours=3, minutes=11)
EVENT = [body(reading("a", 0, 1))]


def due_now(storage: Storage, azurite: Azurite, **changes: object) -> list[str]:
    found = Due(storage, settings_of(azurite, **changes)).rounds(NOW)
    return [event.blob for event in found]


def test_rounds_that_were_missed_are_due_newest_first(azurite: Azurite, storage: Storage) -> None:
    for hours in (-30, 0, 2):
        put_capture(storage, EVENT, at=HOUR + timedelta(hours=hours))
    # 16 o'clock has files; 15 and 17 follow hours that have some; 14 has files.
    assert due_now(storage, azurite) == ["2026-11-20T16", "2026-11-20T15", "2026-11-20T14"]
    assert due_now(storage, azurite, readings_catch_up_hours=2) == [
        "2026-11-20T16",
        "2026-11-20T15",
    ]


def test_an_hour_is_due_once_its_delay_is_over(azurite: Azurite, storage: Storage) -> None:
    put_capture(storage, EVENT, at=HOUR + timedelta(hours=2))
    assert due_now(storage, azurite, readings_delay_minutes=12) == []
    assert due_now(storage, azurite, readings_delay_minutes=11) == ["2026-11-20T16"]


def test_a_round_that_was_announced_is_not_due_again(azurite: Azurite, storage: Storage) -> None:
    put_capture(storage, EVENT, at=HOUR + timedelta(hours=2))
    clock = Due(storage, settings_of(azurite))
    [event] = clock.rounds(NOW)
    assert event.job == "readings-2026-11-20t16"
    assert clock.rounds(NOW) == []
    assert Arrivals(storage).announce_new(event)
    assert due_now(storage, azurite) == []
    assert not Arrivals(storage).announce_new(event)


def test_nothing_is_due_without_files(azurite: Azurite, storage: Storage) -> None:
    assert due_now(storage, azurite) == []
