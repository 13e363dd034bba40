"""Fills templates: the service's own, and those of workloads under their names."""

from collections.abc import Mapping
from datetime import UTC, datetime
from pathlib import Path
from typing import Any
from urllib.parse import quote

from jinja2 import ChoiceLoader, Environment, FileSystemLoader, PrefixLoader, StrictUndefined
from markupsafe import Markup, escape

from shared.control.plain_text import LINES, safe
from shared.pages import Pages

HERE = Path(__file__).parent


class Templates:
    def __init__(self, pages: Mapping[str, Pages]) -> None:
        of_workloads = {
            name: FileSystemLoader(part.folder / "templates") for name, part in pages.items()
        }
        self._environment = Environment(
            loader=ChoiceLoader([FileSystemLoader(HERE / "templates"), PrefixLoader(of_workloads)]),
            autoescape=True,
            undefined=StrictUndefined,
            trim_blocks=True,
            lstrip_blocks=True,
        )
        self._environment.filters |= {
            "text": text,
            "when": when,
            "took": took,
            "number": number,
            "size": size,
            "path": path,
        }

    def fill(self, template: str, facts: Mapping[str, Any]) -> str:
        return self._environment.get_template(template).render(facts)


def text(value: object) -> Markup:
    """A text of others: its direction doesn't reach what is around it, and all of it is seen."""
    shown = escape(safe("" if value is None else str(value), keep=LINES))
    return Markup("<bdi>{}</bdi>").format(shown)


def when(at: datetime | None) -> Markup:
    """A time, which the browser shows in its own zone."""
    if at is None:
        return Markup("")
    utc = at.astimezone(UTC)
    return Markup('<time datetime="{}">{}</time>').format(
        utc.isoformat(timespec="seconds"), f"{utc:%Y-%m-%d %H:%M} UTC"
    )


def took(seconds: float | None) -> str:
    if seconds is None:
        return ""
    if seconds < 10:
        return f"{seconds:.1f} s"
    if seconds < 120:
        return f"{seconds:.0f} s"
    minutes = round(seconds / 60)
    return f"{minutes} min" if minutes < 120 else f"{minutes // 60} h {minutes % 60} min"


def number(value: float) -> str:
    if value >= 100 or value == int(value):
        return f"{value:,.0f}"
    return f"{value:,.1f}" if value >= 0.1 else f"{value:.1g}"


def size(count: int | None) -> str:
    if count is None:
        return ""
    value, unit = float(count), "B"
    for unit in ("B", "kB", "MB", "GB"):
        if value < 1000 or unit == "GB":
            break
        value /= 1000
    return f"{value:,.0f} {unit}" if value >= 10 or unit == "B" else f"{value:,.1f} {unit}"


def path(name: str) -> str:
    """A name as a part of a path."""
    return quote(name, safe="")
