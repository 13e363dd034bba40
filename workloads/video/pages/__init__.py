"""What videos add to the web page: the gallery of styles, the drop form, players, first frames."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from shared import names
from shared.blobs import Blob
from shared.control.status import Status
from shared.errors import Missing
from shared.jobs import Jobs
from shared.models import Models, name_of
from shared.pages import Data, Pages, View
from shared.records import Failure
from shared.shards import unpack
from shared.storage import Storage
from workloads.video.styles import PAINTINGS

FOLDER = Path(__file__).parent
GALLERY = FOLDER / "static" / "gallery"
#: The suffixes of files that browsers are likely to play.
PLAYABLE = (".mp4", ".m4v", ".mov", ".webm", ".ogv")
#: How many of the first painted frames are shown, each of another shard.
MOST_FIRST = 6
PHOTOS = (1, 2, 3)
KEPT_SECONDS = 3600
SHARD = re.compile(r"[a-z0-9-]{1,63}/\d{5}/\d{4}\.tar", re.ASCII)


class Style(NamedTuple):
    name: str
    #: Whether it can be mixed with others.
    mixes: bool
    #: Where its pictures are; empty for a style without any.
    pictures: list[str]
    learnt: bool


class Lesson(NamedTuple):
    """A style that is being learnt, or that couldn't be."""

    name: str
    job: str
    step: int
    steps: int
    pictures: list[str]
    why: str


class VideoPages(Pages):
    folder = FOLDER
    menu: ClassVar[Mapping[str, str]] = {"Styles": "styles"}
    drop = "drop.html"

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._models = Models(storage)
        self._jobs = Jobs(storage)

    def facts_of_drop(self) -> Mapping[str, Any]:
        return {"styles": self._styles()}

    def of_job(self, status: Status) -> View | None:
        if status.steps or status.model is None:
            return None
        source = (status.source or "").lower()
        return View(
            "job.html",
            {
                "job": status.job,
                "done": status.state == "finished",
                "playable": source.endswith(PLAYABLE),
                "first": [] if status.ended else self._first_painted(status.job),
            },
        )

    def answer(self, path: str, asked: Mapping[str, str]) -> View | Data | None:
        if path == "styles":
            facts = {"styles": self._styles(), "lessons": self._lessons()}
            return View("styles.html", facts, "Styles")
        if path.startswith("painted/"):
            return Data("image/jpeg", self._painted(path.removeprefix("painted/")), KEPT_SECONDS)
        if path.startswith("shown/"):
            return Data("image/jpeg", self._shown(path.removeprefix("shown/")), KEPT_SECONDS)
        return None

    def _styles(self) -> list[Style]:
        """Those that were learnt come first."""
        found = []
        for blob in self._models.all():
            learnt = bool(blob.metadata.get("source"))
            shipped = not learnt and (GALLERY / f"{blob.name}-1.webp").exists()
            pictures = [f"/static/video/gallery/{blob.name}-{n}.webp" for n in PHOTOS]
            there = pictures if shipped else self._pictures_of(blob.name) if learnt else []
            found.append(Style(blob.name, "mixes" in blob.metadata, there, learnt))
        return sorted(found, key=lambda style: (not style.mixes, not style.learnt, style.name))

    def _pictures_of(self, style: str) -> list[str]:
        """Their addresses change with their content."""
        shown = self._models.shown(style)
        return [f"/w/video/shown/{style}/{blob.name[-5:]}?{blob.etag}" for blob in shown]

    def _lessons(self) -> list[Lesson]:
        return list(filter(None, map(self._lesson, self._storage.container(PAINTINGS).under())))

    def _lesson(self, painting: Blob) -> Lesson | None:
        """None for a lesson that is done."""
        name, job = name_of(painting.name), names.job_id(painting.name, painting.etag)
        outcome = self._jobs.outcome(job)
        if isinstance(outcome, Failure):
            return Lesson(name, job, 0, 0, [], outcome.reason)
        if outcome:
            return None
        last = self._jobs.segments.find(names.lesson_blob(job))
        step, steps = (int(last.metadata.get(n, "0")) if last else 0 for n in ("step", "steps"))
        return Lesson(name, job, step, steps, self._pictures_of(name) if last else [], "")

    def _shown(self, file: str) -> bytes:
        style, _, photo = file.partition("/")
        return self._models.read_shown(style, photo)

    def _first_painted(self, job: str) -> list[str]:
        """Where the first frames of painted shards are."""
        blobs = self._storage.container("scored").some_under(f"{job}/", 0, MOST_FIRST)
        return [f"/w/video/painted/{blob.name}" for blob in blobs]

    def _painted(self, shard: str) -> bytes:
        if not SHARD.fullmatch(shard):
            raise Missing("there is no such shard")
        items = unpack(self._storage.container("scored").read(shard))
        if not items:
            raise Missing("the shard has no frame")
        return items[0].data
