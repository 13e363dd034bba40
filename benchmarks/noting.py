"""A worker as any other, but that it notes each frame it has painted: in the file IMPASTO_NOTES."""

import os
from collections.abc import Sequence
from pathlib import Path

from services.scorer.painter import Painter
from services.scorer.scorer import Picture
from services.scorer.service import build
from services.scorer.settings import ScorerSettings
from shared.runtime.serve import serve

SETTING = "IMPASTO_NOTES"


def noting(paint: "type[Painter]", notes: Path) -> None:
    score = paint.score

    def noted(self: Painter, values: Sequence[Picture]) -> Sequence[Picture]:
        painted = score(self, values)
        with notes.open("a") as file:
            file.write("." * len(painted))
        return painted

    paint.score = noted  # type: ignore[method-assign]


if __name__ == "__main__":
    noting(Painter, Path(os.environ[SETTING]))
    serve("scorer", ScorerSettings, build)
