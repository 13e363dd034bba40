"""Teach the network that paints, and the styles that it comes with."""

import argparse
import time
from pathlib import Path

import torch

from services.scorer.settings import WEIGHTS
from services.scorer.training import clips, pictures
from services.scorer.training.eye import Eye
from services.scorer.training.judging import wanted
from services.scorer.training.lesson import Lesson, Losses
from services.scorer.training.recipe import Progress, Recipe, Settings, Stage
from services.scorer.training.studio import Studio

#: Every so manieth photo is kept out of training, to judge by.
KEPT_OUT = 10
REPORT = 50
KEEP = 200


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("impasto train", description=__doc__)
    parser.add_argument("paintings", type=Path, nargs="+", help="a jpg each; its stem names it")
    parser.add_argument("--photos", type=Path, required=True, help="a folder of jpgs to paint")
    parser.add_argument("--clips", type=Path, nargs="*", default=[], help="videos to paint, too")
    parser.add_argument("--vgg", type=Path, help="VGG16 weights; torchvision's download if unset")
    parser.add_argument("--start", type=Path, help="go on from the weights in this folder")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    for name, field in Settings.model_fields.items():
        kind = float if field.annotation is float else int
        parser.add_argument(
            f"--{name.replace('_', '-')}", type=kind, default=field.default, help=field.description
        )
    return parser.parse_args()


def main() -> None:
    args = arguments()
    settings = Settings(**{name: getattr(args, name) for name in Settings.model_fields})
    torch.manual_seed(settings.seed)
    eye = Eye(args.vgg)
    paths = sorted(args.photos.glob("*.jpg"))
    photos = [pictures.read(path) for n, path in enumerate(paths) if n % KEPT_OUT]
    frames = [frame for clip in args.clips for frame in clips.frames(clip)]
    sample = [pictures.shrunk(photo, 320) for photo in photos[::8]]
    paintings = [pictures.shrunk(pictures.read(p), settings.painting_size) for p in args.paintings]
    studio = Studio([path.stem for path in args.paintings])
    recipe = Recipe()
    if args.start:
        studio.load(args.start)
        recipe = Recipe.of(args.start)
    stage = Stage(
        settings=settings,
        paintings=studio.names,
        photos=len(photos),
        frames=len(frames),
        kept_out=[path.name for path in paths[::KEPT_OUT]],
        torch=torch.__version__,
    )
    recipe.stages.append(stage)
    started, sums = time.monotonic(), torch.zeros(len(Losses._fields))
    lesson = Lesson(studio, eye, [wanted(eye, p, sample) for p in paintings], settings)
    for step, losses in lesson.practise(photos + frames):
        sums += torch.stack(losses).detach()
        if step % REPORT == 0:
            means = [round(value, 5) for value in (sums / REPORT).tolist()]
            sums.zero_()
            stage.progress.append(
                Progress(step=step, **dict(zip(Losses._fields, means, strict=True)))
            )
            stage.seconds = round(time.monotonic() - started, 1)
            print(f"{stage.seconds:7.0f} s", stage.progress[-1], flush=True)
        if step % KEEP == 0:
            studio.save(args.out)
            recipe.save(args.out)
    studio.save(args.out)
    recipe.save(args.out)


if __name__ == "__main__":
    main()
