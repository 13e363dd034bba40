"""Writes the tables of all settings into docs/settings.md: `make settings`."""

import re
from collections.abc import Iterator
from pathlib import Path
from typing import Literal, get_args, get_origin

from pydantic import AliasChoices
from pydantic.fields import FieldInfo
from pydantic_core import PydanticUndefined

from services.batchai.settings import ServerSettings
from services.scorer.settings import ScorerSettings
from services.splitter.settings import SplitterSettings
from services.stitcher.settings import StitcherSettings
from services.web.settings import WebSettings
from shared.clusters.settings import AzureSettings, ClusterSettings, WorkerSettings
from shared.clusters.table import backends
from shared.settings import Settings
from workloads.readings.settings import ReadingsSettings
from workloads.video.settings import ScoringSettings, SplittingSettings, StitchingSettings

ROOT = Path(__file__).resolve().parents[1]
PAGE = ROOT / "docs" / "settings.md"
PLACE = re.compile(r"(?<=<!-- settings -->\n).*?(?=<!-- end of settings -->)", re.DOTALL)
GROUPS: dict[str, list[type[Settings]]] = {
    "Every service": [Settings],
    "Splitter": [SplitterSettings],
    "Scorer": [ScorerSettings],
    "Stitcher": [StitcherSettings],
    "Dispatcher: workers and their cluster": [
        WorkerSettings,
        ClusterSettings,
        AzureSettings,
        *(b.settings for b in backends() if b.settings is not WorkerSettings),
    ],
    "Local Batch AI": [ServerSettings],
    "Web": [WebSettings],
    "Readings": [ReadingsSettings],
    "Videos: splitting": [SplittingSettings],
    "Videos: scoring and learning": [ScoringSettings],
    "Videos: stitching": [StitchingSettings],
}


def tables() -> str:
    return "\n".join(line for title in GROUPS for line in table(title))


def table(title: str) -> Iterator[str]:
    yield f"<details><summary>{title}</summary>\n"
    yield "| setting | default | |\n|---|---|---|"
    for settings in GROUPS[title]:
        for name in settings.__annotations__:
            field = settings.model_fields[name]
            yield f"| `{variable(name, field)}` | {default(field)} | {sentence(field)} |"
    yield "\n</details>\n"


def variable(name: str, field: FieldInfo) -> str:
    alias = field.validation_alias
    return str(alias.choices[0]) if isinstance(alias, AliasChoices) else f"IMPASTO_{name.upper()}"


def default(field: FieldInfo) -> str:
    value = field.default
    if value is PydanticUndefined or value is None or value == "":
        return ""
    if isinstance(value, bool):
        return str(value).lower()
    if isinstance(value, Path) and value.is_absolute():
        return f"`{value.relative_to(ROOT)}`"
    return f"`{value}`"


def sentence(field: FieldInfo) -> str:
    described = field.description or ""
    if get_origin(field.annotation) is Literal:
        described += f" One of {', '.join(f'`{choice}`' for choice in get_args(field.annotation))}."
    return described


def renewed(page: str) -> str:
    return PLACE.sub(lambda _: tables(), page)


if __name__ == "__main__":
    PAGE.write_text(renewed(PAGE.read_text()))
