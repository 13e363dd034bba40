"""Listing poison queues: everybody sees all messages, also at the same time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from shared.control.poison import Entry, PoisonQueues
from shared.messages import Poisoned, encode
from shared.storage import Storage
from tests.integration.conftest import JOB, PLANNED

LOOKERS, PEEKED = 4, 32


def poison(storage: Storage, count: int) -> set[str]:
    """Put this many messages into two poison queues, and return their ids."""
    ids = {f"m-{n}" for n in range(count)}
    for message_id in ids:
        queue = "segments" if int(message_id[2:]) % 3 else "chunks"
        storage.poison(queue).send(
            Poisoned(
                queue=queue,
                message_id=message_id,
                reason="it will never work",
                attempts=1,
                worker="w",
                at=datetime.now(UTC),
                job=JOB,
                body=encode(PLANNED),
            )
        )
    return ids


@pytest.mark.parametrize("count", [9, 2 * PEEKED])
def test_people_who_list_at_the_same_time_see_all_messages(storage: Storage, count: int) -> None:
    ids = poison(storage, count)
    together = threading.Barrier(LOOKERS)

    def look(_: int) -> list[set[str]]:
        control = PoisonQueues(storage)
        seen = []
        for _ in range(3):
            together.wait(60)
            seen.append({entry.id for entry in control.entries()})
        return seen

    with ThreadPoolExecutor(LOOKERS) as pool:
        for seen in pool.map(look, range(LOOKERS)):
            assert seen == [ids] * 3


def test_a_few_messages_are_listed_without_receiving_them(storage: Storage) -> None:
    poison(storage, 9)
    PoisonQueues(storage).entries()
    deliveries = list(storage.poison("segments").receive_all(30))
    assert [delivery.attempt for delivery in deliveries] == [1] * 6


def test_messages_that_a_killed_listing_hid_are_listed(
    storage: Storage, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("shared.control.poison.HIDDEN_SECONDS", 3)
    ids = poison(storage, 3 * PEEKED)
    for queue in ("segments", "chunks"):
        list(
            storage.poison(queue).receive_all(3)
        )  # like a process that is killed before it puts them back
    assert {entry.id for entry in PoisonQueues(storage).entries()} == ids


def test_listing_during_a_purge_shows_what_stays(storage: Storage) -> None:
    ids = poison(storage, 2 * PEEKED)
    gone = set(sorted(ids)[:10])
    stays = ids - gone
    with ThreadPoolExecutor(1) as pool:
        purged = pool.submit(PoisonQueues(storage).purge, lambda entry: entry.id in gone)
        while not purged.done():
            assert stays <= {entry.id for entry in PoisonQueues(storage).entries()} <= ids
        assert purged.result() == len(gone)
    assert {entry.id for entry in PoisonQueues(storage).entries()} == stays


def test_what_is_not_being_settled_yet_stays_visible(storage: Storage) -> None:
    """However many there are, none is hidden for so long that its lease expires."""
    ids = poison(storage, 5 * PEEKED)
    seen: list[str] = []
    visible: list[int] = []

    def chosen(entry: Entry) -> bool:
        if not seen:
            visible.append(len(storage.poison(entry.queue).peek()))
        seen.append(entry.id)
        return entry.id != "m-7"

    assert PoisonQueues(storage).purge(chosen) == len(ids) - 1
    assert sorted(seen) == sorted(ids)  # each once
    assert visible[0] > 0
    first = PoisonQueues(storage).first()
    assert [entry.id for entry in first.entries] == ["m-7"]
    assert sum(first.counts.values()) == 1


def test_all_of_a_long_queue_is_sent_again_once(storage: Storage) -> None:
    ids = poison(storage, 5 * PEEKED)
    first = PoisonQueues(storage).first()
    assert sum(first.counts.values()) == first.messages == len(ids)
    assert len(first.entries) == 2 * PEEKED
    assert PoisonQueues(storage).requeue(lambda _entry: True) == len(ids)
    assert PoisonQueues(storage).first() == ([], {}, 0)
    assert storage.queue("segments").count() + storage.queue("chunks").count() == len(ids)
