"""The rights in storage that a service needs, and which of them it lacks."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

from shared.errors import Forbidden, Unprepared
from shared.storage import Storage

PARALLEL_PROBES = 8


class Rights(NamedTuple):
    """Rights by container and by queue, in the words of `Container.probe` and `Queue.probe`."""

    containers: Mapping[str, str] = {}
    queues: Mapping[str, str] = {}
    #: In the account `media` itself: `sign`, to make links.
    media: str = ""

    def missing(self, storage: Storage) -> list[str]:
        """A sentence for each right that is refused, and each missing container or queue."""
        with ThreadPoolExecutor(PARALLEL_PROBES) as pool:
            return sorted({why for why in pool.map(refusal_of, self._probes(storage)) if why})

    def _probes(self, storage: Storage) -> Iterator[Callable[[], None]]:
        for name, rights in self.containers.items():
            for right in rights.split():
                yield partial(storage.container(name).probe, right)
        for name, rights in self.queues.items():
            for right in rights.split():
                yield partial(storage.queue(name).probe, right)
        for right in self.media.split():
            yield partial(storage.probe_media, right)


def refusal_of(probe: Callable[[], None]) -> str | None:
    try:
        probe()
    except (Forbidden, Unprepared) as error:
        return str(error)
    return None


def merged(all_rights: Sequence[Rights]) -> Rights:
    def both(maps: Sequence[Mapping[str, str]]) -> dict[str, str]:
        found: dict[str, list[str]] = {}
        for each in maps:
            for name, rights in each.items():
                found.setdefault(name, []).extend(rights.split())
        return {name: " ".join(sorted(set(rights))) for name, rights in found.items()}

    return Rights(
        both([r.containers for r in all_rights]),
        both([r.queues for r in all_rights]),
        " ".join(sorted({right for r in all_rights for right in r.media.split()})),
    )


#: To delete what is left of jobs that have ended.
SWEEPING = Rights(dict.fromkeys(("shards", "scored", "segments"), "list delete"))


def of_queue(name: str) -> Rights:
    """The rights to receive from a queue, and to postpone or poison its messages."""
    return Rights(
        {"jobs": "read write", "logs": "read write delete", "shards": "read write"},
        {name: "receive send", f"{name}-poison": "send"},
    )
