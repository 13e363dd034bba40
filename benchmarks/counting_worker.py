"""A worker that also appends a dot to the file IMPASTO_NOTES for each frame that it has painted."""

import os
from collections.abc import Sequence
from pathlib import Path

from services.scorer.service import build
from services.scorer.settings import ScorerSettings
from shared.runtime.serve import serve
from workloads.video.scoring.painter import Painter
from workloads.video.scoring.picture_scorer import Picture

SETTING = "IMPASTO_NOTES"


def count_frames(notes: Path) -> None:
    score = Painter.score

    def counting(self: Painter, values: Sequence[Picture]) -> Sequence[Picture]:
        painted = score(self, values)
        with notes.open("a") as file:
            file.write("." * len(painted))
        return painted

    Painter.score = counting  # type: ignore[method-assign]


if __name__ == "__main__":
    count_frames(Path(os.environ[SETTING]))
    serve("scorer", ScorerSettings, build)
