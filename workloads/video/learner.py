"""The scorer's part in lessons: learns a style from a painting."""

from collections.abc import Iterator

from shared.models import Model
from shared.workload import Check, Checkpoint
from workloads.video.scoring.catalog import PAINTER
from workloads.video.scoring.painting_reader import PaintingReader
from workloads.video.settings import ScoringSettings

#: The number of steps between two checkpoints.
CHECKPOINT_STEPS = 20


class StyleLearning:
    def __init__(self, settings: ScoringSettings | None = None) -> None:
        self._settings = settings or ScoringSettings()
        self._reader = PaintingReader(self._settings)
        self.close = self._reader.close
        if self._settings.require_sandbox:  # otherwise the first lesson starts the sandbox
            self._reader.start()

    def learn(self, data: bytes, last: Checkpoint | None, check: Check) -> Iterator[Checkpoint]:
        from workloads.video.scoring.kept_paintings import with_painting
        from workloads.video.scoring.painter import save_style
        from workloads.video.scoring.shown_photos import painted_photos
        from workloads.video.training.style_learner import StyleLearner

        painting = self._reader.read(data, check)
        learner = StyleLearner(self._settings, painting)
        steps = self._settings.learning_steps
        if last:
            learner.resume(last.data)
        for step in learner.run(last.step if last else 0):
            check()
            if step in (1, steps) or step % CHECKPOINT_STEPS == 0:
                painted = painted_photos(learner.network, learner.vector, every=step == steps)
                style = with_painting(save_style(learner.vector), painting)
                yield Checkpoint(step, steps, style, painted)

    def model(self, name: str, checkpoint: Checkpoint, source: str) -> Model:
        return Model(name, PAINTER, checkpoint.data, mixes=True, source=source)
