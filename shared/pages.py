"""What a workload adds to the web service's pages, found like its other parts.

The service knows jobs, items and results. What is in them, a workload shows: it brings templates
and static files in a folder, and fills templates with facts. Names and texts are escaped by the
service.
"""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, ClassVar, NamedTuple

from shared.control.status import Status


class View(NamedTuple):
    """A template of the workload's folder, and what it is filled with."""

    template: str
    facts: Mapping[str, Any] = {}
    title: str = ""


class Data(NamedTuple):
    """Something else than a page, such as an image."""

    media_type: str
    content: bytes
    #: How long a browser may keep it.
    seconds: int = 0


class Pages:
    """Each part may be left out."""

    #: Has `templates`, and `static`, which is served at `/static/NAME/`.
    folder: Path
    #: Entries of the menu: the path below `/w/NAME/` by title.
    menu: ClassVar[Mapping[str, str]] = {}
    #: The template of a form that drops files; it is at `/drop/NAME`.
    drop: str | None = None

    def facts_of_drop(self) -> Mapping[str, Any]:
        """What the form is filled with."""
        return {}

    def of_job(self, status: Status) -> View | None:
        """A part of the job's page."""
        return None

    def answer(self, path: str, asked: Mapping[str, str]) -> View | Data | None:
        """The page at `/w/NAME/PATH`; None if there is none. Raises Missing or Refused as well."""
        return None
