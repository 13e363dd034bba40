"""What a service must be allowed to do in storage, and which of it it can't do."""

from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from functools import partial
from typing import NamedTuple

from shared.errors import Forbidden, Unprepared
from shared.storage import Storage

AT_ONCE = 8


class Needs(NamedTuple):
    """Rights by container and by queue, as `Container.probe` and `Queue.probe` call them."""

    containers: Mapping[str, str] = {}
    queues: Mapping[str, str] = {}

    def unmet(self, storage: Storage) -> list[str]:
        """A sentence for each container or queue that is missing, and each right."""
        with ThreadPoolExecutor(AT_ONCE) as pool:
            return sorted(
                {trouble for trouble in pool.map(trouble_of, self._probes(storage)) if trouble}
            )

    def _probes(self, storage: Storage) -> Iterator[Callable[[], None]]:
        for name, rights in self.containers.items():
            for right in rights.split():
                yield partial(storage.container(name).probe, right)
        for name, rights in self.queues.items():
            for right in rights.split():
                yield partial(storage.queue(name).probe, right)


def trouble_of(probe: Callable[[], None]) -> str | None:
    try:
        probe()
    except (Forbidden, Unprepared) as error:
        return str(error)
    return None


def merged(needs: Sequence[Needs]) -> Needs:
    def both(maps: Sequence[Mapping[str, str]]) -> dict[str, str]:
        found: dict[str, list[str]] = {}
        for each in maps:
            for name, rights in each.items():
                found.setdefault(name, []).extend(rights.split())
        return {name: " ".join(sorted(set(rights))) for name, rights in found.items()}

    return Needs(both([n.containers for n in needs]), both([n.queues for n in needs]))


#: To delete what is left of jobs that have ended.
SWEEPING = Needs(dict.fromkeys(("frames", "scored", "segments"), "list delete"))


def of_queue(name: str) -> Needs:
    """To take messages from it: they are also postponed, or put into poison, and fail their job."""
    return Needs(
        {"jobs": "read write", "logs": "read write delete", "frames": "read write"},
        {name: "receive send", f"{name}-poison": "send"},
    )
