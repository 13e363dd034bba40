"""Windows of time, the jobs that are named after them, and the files that arrived in a window."""

import re
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import NamedTuple

from shared.blobs import Blob, Container
from shared.errors import Refused
from shared.names import shown

HOUR = timedelta(hours=1)
FORMAT = "%Y-%m-%dT%H"
WINDOW = re.compile(r"\d{4}-\d\d-\d\dT\d\d")
#: A path's hour: Capture writes 2026/11/20/14/05/00.avro, Stream Analytics also 2026-11-20/14.
ARRIVED = re.compile(r"(?:^|/)(\d{4})[/-](\d\d)[/-](\d\d)/(\d\d)(?=[/-])")
#: The beginning of the names of a round's outputs; the second time they are called 14-2.
FOLDER = re.compile(r"(\d{4}/\d\d/\d\d/\d\d)(?:-\d+)?")
YEAR_OR_DATE = re.compile(r"\d{4}(-\d\d-\d\d)?")
#: The kind of models that Impasto trains itself.
ONE_CLASS_SVM = "one-class-svm"
#: How deep the folders of dates may be: a namespace, a hub and a partition come first.
DEEPEST = 6
NUMBER = r"(?:/(?P<number>[2-9]|[1-9]\d{1,3}))?"
ROUND = re.compile(rf"(?P<last>{WINDOW.pattern}){NUMBER}")
TRAINING = re.compile(
    rf"train/(?P<kind>[a-z0-9-]+)/(?P<last>{WINDOW.pattern})/(?P<hours>[1-9]\d{{0,3}}){NUMBER}"
)


class Window(NamedTuple):
    """Some hours, from `start` on, without `stop`."""

    start: datetime
    hours: int = 1

    @classmethod
    def of(cls, text: str, hours: int = 1) -> "Window":
        """Raise Refused if the text isn't like 2026-11-20T14."""
        try:
            if WINDOW.fullmatch(text):
                return cls(datetime.strptime(text, FORMAT).replace(tzinfo=UTC), hours)
        except ValueError:
            pass
        raise Refused(f"{shown(text)} isn't an hour like 2026-11-20T14")

    @classmethod
    def at(cls, time: datetime) -> "Window":
        return cls(time.astimezone(UTC).replace(minute=0, second=0, microsecond=0))

    @property
    def stop(self) -> datetime:
        return self.start + self.hours * HOUR

    @property
    def name(self) -> str:
        return self.start.strftime(FORMAT)

    def each_hour(self) -> Iterator["Window"]:
        for number in range(self.hours):
            yield Window(self.start + number * HOUR)

    def before(self, hours: int = 1) -> "Window":
        return self._replace(start=self.start - hours * HOUR)


class Task(NamedTuple):
    """What a job does: it scores a window, or trains models on one."""

    window: Window
    #: The kind of models to train; empty to score.
    training: str = ""
    #: The second time that the same is done is number 2.
    number: int = 1

    @classmethod
    def of(cls, blob: str) -> "Task":
        """Raise Refused if no job is called so."""
        found = ROUND.fullmatch(blob) or TRAINING.fullmatch(blob)
        if not found:
            raise Refused(f"{shown(blob)} names no round and no training")
        parts = found.groupdict()
        last, hours = Window.of(parts["last"]), int(parts.get("hours") or 1)
        window = Window(last.before(hours - 1).start, hours)
        return cls(window, parts.get("kind") or "", int(parts["number"] or 1))

    @property
    def blob(self) -> str:
        name = self.window.name
        if self.training:
            last = Window.at(self.window.stop - HOUR).name
            name = f"train/{self.training}/{last}/{self.window.hours}"
        return name if self.number == 1 else f"{name}/{self.number}"

    @property
    def folder(self) -> str:
        """The beginning of its outputs' names."""
        start = self.window.start
        if self.training:
            return self.blob
        again = "" if self.number == 1 else f"-{self.number}"
        return f"{start:%Y/%m/%d/%H}{again}"


def arrival_of(blob: str) -> Window | None:
    """The hour in which a file arrived, by its path."""
    found = ARRIVED.search(blob)
    if not found:
        return None
    year, month, day, hour = map(int, found.groups())
    try:
        return Window(datetime(year, month, day, hour, tzinfo=UTC))
    except ValueError:
        return None


class ReadingsFiles:
    """The files in the container `readings`, by the hour in which they arrived."""

    def __init__(self, container: Container) -> None:
        self._container = container

    def arrived_in(self, window: Window) -> list[Blob]:
        """The window's files, by name. Only folders of these hours are listed."""
        roots = self._roots()
        found = {
            blob.name: blob
            for hour in window.each_hour()
            for root in roots
            for prefix in self._prefixes(root, hour)
            for blob in self._container.under(prefix)
            if blob.size and not blob.is_folder and arrival_of(blob.name) == hour
        }
        return [found[name] for name in sorted(found)]

    def hours(self, first: Window, last: Window) -> set[Window]:
        """The hours between these in which files arrived, with one listing a day."""
        found: set[Window] = set()
        days = (last.start.date() - first.start.date()).days
        for folder, dashed in self._roots():
            for day in range(days + 1):
                date = first.start + timedelta(days=day)
                prefix = f"{folder}{date:%Y-%m-%d}/" if dashed else f"{folder}{date:%Y/%m/%d}/"
                for hour in self._container.folders(prefix):
                    window = arrival_of(f"{prefix}{hour}/")
                    if window and first <= window <= last:
                        found.add(window)
        return found

    def _roots(self) -> list[tuple[str, bool]]:
        """The folders that hold folders of dates; and whether a date is one folder there."""
        found: list[tuple[str, bool]] = []
        level = [""]
        for _ in range(DEEPEST):
            deeper: list[str] = []
            for prefix in level:
                dates = set()
                for folder in self._container.folders(prefix):
                    if YEAR_OR_DATE.fullmatch(folder):
                        dates.add("-" in folder)
                    else:
                        deeper.append(f"{prefix}{folder}/")
                found += [(prefix, dashed) for dashed in sorted(dates)]
            level = deeper
        return found

    def _prefixes(self, root: tuple[str, bool], hour: Window) -> list[str]:
        folder, dashed = root
        date = (
            f"{folder}{hour.start:%Y-%m-%d/%H}" if dashed else f"{folder}{hour.start:%Y/%m/%d/%H}"
        )
        return [f"{date}/", f"{date}-"]


def window_of_folder(folder: str) -> Window | None:
    """The hour of a round's outputs, by the beginning of their names."""
    found = FOLDER.fullmatch(folder)
    return arrival_of(f"{found.group(1)}/") if found else None
