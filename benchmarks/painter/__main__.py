"""The painter's speed, quality, steadiness and learning: a part of `make bench`.

All but speed need VGG16's weights and the photos that the recipe names, in the variables VGG and
PHOTOS. Without them the report says what isn't measured.
"""

import os
from pathlib import Path

from benchmarks import model
from benchmarks.painter import quality
from benchmarks.painter.learning import learning
from benchmarks.painter.quality import Evaluator
from benchmarks.painter.speed import speed
from benchmarks.painter.steadiness import steadiness
from benchmarks.report import Report, show
from benchmarks.sample_clip import CLIP
from benchmarks.temporary_storage import temporary_storage
from shared import logs
from workloads.video.settings import WEIGHTS


def report() -> Report:
    network = model.network()
    with temporary_storage() as own:
        goals = speed(network, own.storage)
    vgg, photos, film = there("VGG"), there("PHOTOS"), there("CLIP")
    if not (vgg and photos):
        missing = "VGG16's weights or the photos are missing"
        return Report(goals, [f"{missing}: quality, steadiness and learning aren't measured."])
    evaluator = Evaluator(vgg, photos)
    each = evaluator.each(WEIGHTS, network)
    trained = quality.mean(each)
    goals += [
        *quality.goals(each),
        steadiness(evaluator, network, trained, [CLIP, *([film] if film else [])]),
        learning(evaluator, network, trained, vgg),
    ]
    said = f"{len(evaluator.photos)} photos that weren't trained on, at {quality.LINES} lines:"
    return Report(goals, [said, quality.table(each)])


def there(name: str) -> Path | None:
    named = os.environ.get(name)
    return Path(named) if named and Path(named).exists() else None


if __name__ == "__main__":
    logs.configure("bench", "warning")
    show(report())
