"""What readings add to the web page: rounds, a round with its worst devices, a device's plot."""

from collections.abc import Mapping
from pathlib import Path
from typing import TYPE_CHECKING, Any, ClassVar

from shared.control.status import Status
from shared.pages import Data, Pages, View
from shared.storage import Storage
from workloads.readings.windows import Task, Window

if TYPE_CHECKING:
    from workloads.readings.summary import Summary

#: How many of the newest rounds are listed: four days.
MOST_ROUNDS = 96
#: The most hours of a plot.
MOST_HOURS = 168
#: How many devices of a round are listed on a page.
MOST_DEVICES = 100


class ReadingsPages(Pages):
    folder = Path(__file__).parent
    menu: ClassVar[Mapping[str, str]] = {"Readings": "rounds"}

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        #: Summaries by blob and ETag.
        self._kept: dict[tuple[str, str], Summary] = {}

    def of_job(self, status: Status) -> View | None:
        task = Task.of(status.source or "")
        return None if task.training else View("job.html", {"window": task.window.name})

    def answer(self, path: str, asked: Mapping[str, str]) -> View | Data | None:
        if path == "rounds":
            return View("rounds.html", self._rounds(), "Readings")
        if path.startswith("rounds/"):
            return self._round(Window.of(path.removeprefix("rounds/")), asked)
        if path == "device":
            return self._device(asked)
        return None

    def _rounds(self) -> Mapping[str, Any]:
        from workloads.readings.pages.plot import bars

        found = self._newest()
        shares = [(each.window, each.anomalies) for each in reversed(found)]
        return {"rounds": found, "bars": bars(shares)}

    def _newest(self) -> "list[Summary]":
        from workloads.readings.rounds import Rounds

        newest = Rounds(self._storage).newest_summaries(MOST_ROUNDS, self._kept)
        self._kept = newest
        return list(newest.values())

    def _round(self, window: Window, asked: Mapping[str, str]) -> View:
        from workloads.readings.rounds import Rounds

        rounds = Rounds(self._storage)
        summary = rounds.summary(window)
        number, text = asked.get("page", "1"), asked.get("q", "").strip()
        found = [
            each for each in rounds.devices(window) if text.casefold() in each.device.casefold()
        ]
        pages = max(1, -(-len(found) // MOST_DEVICES))
        page = min(pages, max(1, int(number) if number.isdecimal() and len(number) < 7 else 1))
        first = (page - 1) * MOST_DEVICES
        facts = {
            "summary": summary,
            "sentences": summary.sentences(),
            "devices": found[first : first + MOST_DEVICES],
            "found": len(found),
            "page": page,
            "pages": pages,
            "text": text,
        }
        return View("round.html", facts, f"Round {summary.window}")

    def _device(self, asked: Mapping[str, str]) -> View:
        from workloads.readings.pages.plot import plot
        from workloads.readings.rounds import Rounds

        name, hours = asked.get("name", ""), asked.get("hours", "1")
        count = min(int(hours), MOST_HOURS) if hours.isdecimal() and len(hours) < 5 else 1
        rounds = Rounds(self._storage)
        last = Window.of(asked["window"]) if "window" in asked else rounds.newest()
        rows = rounds.rows_of(name, Window(last.before(max(1, count) - 1).start, max(1, count)))
        facts = {"name": name, "window": last.name, "hours": count, "plot": plot(rows)}
        return View("device.html", facts, name)
