"""A bound on the models of one top folder that are learnt at the same time."""

from collections.abc import Iterator
from contextlib import ExitStack, contextmanager

from shared import names
from shared.errors import NotYet, Taken
from shared.storage import Storage

#: Delay of a lesson for which there is no slot.
WAIT_SECONDS = 60.0


class LessonSlots:
    """A slot is a blob whose lease a worker holds, so a dead worker's slot becomes free."""

    def __init__(self, storage: Storage, per_folder: int) -> None:
        self._logs = storage.container("logs")
        self._per_folder = per_folder

    @contextmanager
    def held(self, source: str) -> Iterator[None]:
        """Hold a slot of the source's top folder; NotYet if there is none."""
        with ExitStack() as held:
            self._take_one(source, held)
            yield

    def _take_one(self, source: str, held: ExitStack) -> None:
        for number in range(self._per_folder):
            slot = names.lesson_slot(source, number)
            self._logs.write_once(slot, b"")
            try:
                held.enter_context(self._logs.claim(slot))
                return
            except Taken:
                continue
        raise NotYet(
            f"{self._per_folder} models of its top folder are being learnt", after=WAIT_SECONDS
        )
