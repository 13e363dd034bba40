"""What videos add to the web page: the gallery of styles, the drop form, players, first frames."""

import re
from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from shared.control.status import Status
from shared.errors import Missing
from shared.models import Models
from shared.pages import Data, Pages, View
from shared.shards import unpack
from shared.storage import Storage

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
    #: Where its three pictures are; empty for a style without any.
    pictures: list[str]
    learnt: bool


class VideoPages(Pages):
    folder = FOLDER
    menu: ClassVar[Mapping[str, str]] = {"Styles": "styles"}
    drop = "drop.html"

    def __init__(self, storage: Storage) -> None:
        self._storage = storage
        self._models = Models(storage)

    def facts_of_drop(self) -> Mapping[str, Any]:
        return {"styles": self._styles()}

    def of_job(self, status: Status) -> View | None:
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
            return View("styles.html", {"styles": self._styles()}, "Styles")
        if path.startswith("painted/"):
            return Data("image/jpeg", self._painted(path.removeprefix("painted/")), KEPT_SECONDS)
        return None

    def _styles(self) -> list[Style]:
        """Painted ones first, by name."""
        found = []
        for blob in self._models.all():
            pictures = [f"/static/video/gallery/{blob.name}-{n}.webp" for n in PHOTOS]
            shipped = (GALLERY / f"{blob.name}-1.webp").exists()
            learnt = bool(blob.metadata.get("source"))
            there = pictures if shipped and not learnt else []
            found.append(Style(blob.name, "mixes" in blob.metadata, there, learnt))
        return sorted(found, key=lambda style: (not style.mixes, not style.learnt, style.name))

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
