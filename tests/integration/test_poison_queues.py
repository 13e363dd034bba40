"""Listing poison queues: everybody sees all messages, also at the same time."""

import threading
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pytest

from shared.control.poison import PoisonQueues
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
