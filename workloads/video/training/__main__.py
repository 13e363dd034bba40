"""Train the painter's network and its styles."""

import argparse
import time
from itertools import islice
from pathlib import Path

import torch

from workloads.video.settings import WEIGHTS
from workloads.video.training import clips, pictures
from workloads.video.training.losses import painting_features
from workloads.video.training.recipe import Progress, Recipe, Stage, TrainingSettings
from workloads.video.training.trainable_styles import TrainableStyles
from workloads.video.training.training_loop import TrainingLoop
from workloads.video.training.vgg import Vgg

#: One photo in so many isn't trained on, but kept for benchmarks.
KEPT_OUT = 10
#: Pictures are compared with so many crops of photos in the painting's colours.
TINTED_CROPS = 24
REPORT_STEPS = 25
CHECKPOINT_STEPS = 50
#: The checkpoint, from which an interrupted training continues.
CHECKPOINT = "state.pt"


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser("impasto train", description=__doc__)
    parser.add_argument(
        "paintings", type=Path, nargs="+", help="a jpg each; its name is the style's"
    )
    parser.add_argument("--photos", type=Path, required=True, help="a folder of jpgs to train on")
    parser.add_argument("--clips", type=Path, nargs="*", default=[], help="videos to train on")
    parser.add_argument("--vgg", type=Path, help="VGG16's weights; unset, torchvision's download")
    parser.add_argument("--start", type=Path, help="start from the weights in this folder")
    parser.add_argument("--out", type=Path, default=WEIGHTS)
    for name, field in TrainingSettings.model_fields.items():
        parser.add_argument(
            f"--{name.replace('_', '-')}",
            type=type(field.default),
            default=field.default,
            help=field.description,
        )
    return parser.parse_args()


def main() -> None:
    args = arguments()
    settings = TrainingSettings.model_validate(vars(args))
    torch.manual_seed(settings.seed)
    vgg = Vgg(args.vgg)
    paths = sorted(args.photos.glob("*.jpg"))
    photos = [pictures.read(path) for n, path in enumerate(paths) if n % KEPT_OUT]
    frames = [frame for clip in args.clips for frame in clips.frames(clip)]
    inputs = [pictures.at_lines(photo, settings.lines) for photo in photos + frames]
    [tinted] = islice(pictures.crops(inputs, settings.size, TINTED_CROPS, settings.seed), 1)
    paintings = [
        painting_features(vgg, pictures.at_lines(pictures.read(path), settings.lines), tinted)
        for path in args.paintings
    ]
    styles = TrainableStyles([path.stem for path in args.paintings])
    recipe = Recipe()
    if args.start:
        styles.load(args.start)
        recipe = Recipe.of(args.start)
    stage = Stage(
        settings=settings,
        paintings=styles.names,
        photos=len(photos),
        frames=len(frames),
        kept_out=[path.name for path in paths[::KEPT_OUT]],
        torch=torch.__version__,
    )
    loop = TrainingLoop(styles, vgg, paintings, settings)
    done = 0
    checkpoint = args.out / CHECKPOINT
    if checkpoint.exists():
        saved = torch.load(checkpoint)
        styles.restore(saved["styles"])
        loop.restore(saved["loop"])
        stage, done = Stage.model_validate_json(saved["stage"]), saved["step"]
    recipe.stages.append(stage)
    names = list(Progress.model_fields)[1:]
    sums = torch.zeros(len(names))
    began = time.monotonic() - stage.seconds
    args.out.mkdir(parents=True, exist_ok=True)
    for step, losses in loop.run(inputs, done):
        sums += torch.tensor(losses)
        if step % REPORT_STEPS == 0:
            means = [round(value, 5) for value in (sums / REPORT_STEPS).tolist()]
            sums.zero_()
            stage.progress.append(Progress(step=step, **dict(zip(names, means, strict=True))))
            stage.seconds = round(time.monotonic() - began, 1)
            print(f"{stage.seconds:7.0f} s", stage.progress[-1], flush=True)
        if step % CHECKPOINT_STEPS == 0 or step == settings.steps:
            stage.content_weights = [round(weight, 2) for weight in loop.content_weights]
            styles.save(args.out)
            recipe.save(args.out)
            state = {"styles": styles.state(), "loop": loop.state(), "step": step}
            torch.save(state | {"stage": stage.model_dump_json()}, checkpoint)


if __name__ == "__main__":
    main()
