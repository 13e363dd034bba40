"""The painter beside what it has to beat, in one run on one machine: a part of `make bench`.

Needs VGG16's weights and the folder of photos that the recipe names: VGG=… PHOTOS=…; what can't be
measured without them is left out, and said.
"""

import os
from pathlib import Path

from benchmarks import model
from benchmarks.own_storage import own_storage
from benchmarks.painter import quality
from benchmarks.painter.learning import learning
from benchmarks.painter.quality import Judge
from benchmarks.painter.speed import speed
from benchmarks.painter.steadiness import steadiness
from benchmarks.report import Report, tell
from benchmarks.sample import CLIP
from services.scorer.settings import WEIGHTS
from shared import logs


def report() -> Report:
    network = model.network()
    with own_storage() as own:
        goals = speed(network, own.storage)
    vgg, photos, film = there("VGG"), there("PHOTOS"), there("CLIP")
    if not (vgg and photos):
        left_out = "VGG16's weights or the photos aren't there: style, steadiness and learning"
        return Report(goals, [f"{left_out} are not measured."])
    judge = Judge(vgg, photos)
    each = judge.each(WEIGHTS, network)
    trained = quality.mean(each)
    goals += [
        *quality.goals(each),
        steadiness(judge, network, trained, [CLIP, *([film] if film else [])]),
        learning(judge, network, trained, vgg),
    ]
    said = f"{len(judge.photos)} photos that were kept out of training, at {quality.LINES} lines:"
    return Report(goals, [said, quality.table(each)])


def there(name: str) -> Path | None:
    named = os.environ.get(name)
    return Path(named) if named and Path(named).exists() else None


if __name__ == "__main__":
    logs.configure("bench", "warning")
    tell(report())
