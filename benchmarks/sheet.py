"""Makes the README's pictures: `make sheet`.

One has frames of a video, before and after painting. The other has three photos, which the network
wasn't trained on, in every style, a blend, and several strengths.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from benchmarks.sample_clip import CLIP, frames_of
from workloads.video.mixture import Mixture
from workloads.video.scoring.catalog import PAINTER, shipped_models
from workloads.video.scoring.painter import Painter, load_network, mix_styles
from workloads.video.scoring.picture_scorer import Picture, PictureScorer
from workloads.video.scoring.strength import AtStrength
from workloads.video.settings import ScoringSettings

SHEET = Path("deploy/sample/styles.jpg")
FILM = Path("deploy/sample/painted.jpg")
#: Frames of the clip, and their styles.
SCENES = {20: "auvers", 100: "starry-night"}
PHOTOS = Path(os.environ.get("PHOTOS", "../shared/media/photos"))
CHOSEN = ("031.jpg", "081.jpg", "111.jpg")
WIDTH = 1200
GAP = 6
LABEL = 22
PAINTED_HEIGHT = 640
ENDS = "great-wave", "moulin-de-la-galette"
SHARES = (0.75, 0.5, 0.25)
STRENGTHS = (0.8, 0.6, 0.4, 0.2)


class Styles:
    def __init__(self) -> None:
        self.network = load_network(ScoringSettings().network)
        models = [model for model in shipped_models() if model.scorer == PAINTER]
        self.vectors = {model.name: model.data for model in models}

    def scorer(self, asked: str) -> PictureScorer:
        mixture = Mixture.parse(asked)
        style = mix_styles({n: self.vectors[n] for n in mixture.parts}, mixture.parts, self.network)
        return AtStrength(Painter(self.network, style), mixture.strength)

    def paint(self, asked: str, picture: Picture) -> Picture:
        return self.scorer(asked).score([picture])[0]


def photo(name: str) -> Picture:
    with Image.open(PHOTOS / name) as image:
        cut = image.convert("RGB")
        height = min(cut.height, cut.width * 5 // 8)
        top = (cut.height - height) // 2
        wide = cut.crop((0, top, height * 8 // 5, top + height))
        return np.array(wide.resize((PAINTED_HEIGHT * 8 // 5, PAINTED_HEIGHT)))


def row(cells: Sequence[tuple[str, Picture]]) -> Image.Image:
    """A row of pictures, scaled down after painting, with a label above each."""
    width = (WIDTH - GAP * (len(cells) - 1)) // len(cells)
    shape = cells[0][1].shape
    height = width * shape[0] // shape[1]
    strip = Image.new("RGB", (WIDTH, LABEL + height + GAP), "white")
    draw, font = ImageDraw.Draw(strip), ImageFont.load_default(14)
    for n, (label, picture) in enumerate(cells):
        left = n * (width + GAP)
        small = Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS)
        strip.paste(small, (left, LABEL))
        draw.text((left + 2, 2), label, "black", font)
    return strip


def main() -> None:
    styles = Styles()
    photos = [photo(name) for name in CHOSEN]
    rows = [row([("photos", photos[0]), *(("", picture) for picture in photos[1:])])]
    for name in styles.vectors:
        first, *others = (styles.paint(name, picture) for picture in photos)
        rows.append(row([(name, first), *(("", picture) for picture in others)]))
    one, other = ENDS
    mixed = {f"{share} + {1 - share}": f"{one}:{share}+{other}:{1 - share}" for share in SHARES}
    asked = {one: one} | mixed | {other: other}
    rows.append(row([(label, styles.paint(a, photos[0])) for label, a in asked.items()]))
    style = "starry-night"
    sweep = [style, *(f"{style}@{strength}" for strength in STRENGTHS)]
    rows.append(row([(a, styles.paint(a, photos[1])) for a in sweep]))
    save(SHEET, rows)
    film = frames_of(CLIP)
    save(
        FILM,
        [
            row([(CLIP.stem, film[n]), (style, styles.paint(style, film[n]))])
            for n, style in SCENES.items()
        ],
    )


def save(path: Path, rows: Sequence[Image.Image]) -> None:
    sheet = Image.new("RGB", (WIDTH, sum(strip.height for strip in rows)), "white")
    top = 0
    for strip in rows:
        sheet.paste(strip, (0, top))
        top += strip.height
    sheet.save(path, quality=80)
    print(path)


if __name__ == "__main__":
    main()
