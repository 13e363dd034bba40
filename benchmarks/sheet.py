"""The picture in the README: every style on three photos, a blend, and a sweep of strengths.

`make sheet` makes it; the photos are some that were kept out of training.
"""

import os
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from PIL import Image, ImageDraw, ImageFont

from services.scorer.catalog import PAINTER, shipped
from services.scorer.painter import Painter, load_network, mixed
from services.scorer.scorer import Faded, Picture, PictureScorer
from services.scorer.settings import ScorerSettings
from shared.mixture import Mixture

SHEET = Path("deploy/sample/styles.jpg")
PHOTOS = Path(os.environ.get("PHOTOS", "../shared/media/photos"))
CHOSEN = ("031.jpg", "001.jpg", "111.jpg")
WIDTH = 1200
GAP = 6
LABEL = 22
PAINTED_HEIGHT = 640
BLEND = "great-wave:{}+moulin-de-la-galette:{}"
SHARES = ("1", "0.75", "0.5", "0.25", "0")
STRENGTHS = ("1", "0.8", "0.6", "0.4", "0.2")


class Studio:
    def __init__(self) -> None:
        self.network = load_network(ScorerSettings().network)
        models = [model for model in shipped() if model.scorer == PAINTER]
        self.styles = {model.name: model.data for model in models}

    def scorer(self, asked: str) -> PictureScorer:
        mixture = Mixture.parse(asked)
        style = mixed({n: self.styles[n] for n in mixture.parts}, mixture.parts, self.network)
        return Faded(Painter(self.network, style), mixture.strength)

    def paint(self, asked: str, picture: Picture) -> Picture:
        return self.scorer(asked).score([picture])[0]


def photo(name: str) -> Picture:
    with Image.open(PHOTOS / name) as image:
        cut = image.convert("RGB")
        height = min(cut.height, cut.width * 5 // 8)
        top = (cut.height - height) // 2
        wide = cut.crop((0, top, height * 8 // 5, top + height))
        return np.array(wide.resize((PAINTED_HEIGHT * 8 // 5, PAINTED_HEIGHT)))


def row(label: str, pictures: Sequence[tuple[str, Picture]]) -> Image.Image:
    """Painted whole, and only then made smaller."""
    width = (WIDTH - GAP * (len(pictures) - 1)) // len(pictures)
    height = width * 5 // 8
    strip = Image.new("RGB", (WIDTH, LABEL + height + GAP), "white")
    draw, font = ImageDraw.Draw(strip), ImageFont.load_default(14)
    draw.text((2, 2), label, "black", font)
    for n, (below, picture) in enumerate(pictures):
        small = Image.fromarray(picture).resize((width, height), Image.Resampling.LANCZOS)
        strip.paste(small, (n * (width + GAP), LABEL))
        if below:
            draw.text((n * (width + GAP) + 130, 2), below, "black", font)
    return strip


def main() -> None:
    studio = Studio()
    photos = [photo(name) for name in CHOSEN]
    rows = [row("photos", [("", picture) for picture in photos])]
    for name in studio.styles:
        rows.append(row(name, [("", studio.paint(name, picture)) for picture in photos]))
    shares = zip(SHARES, reversed(SHARES), strict=True)
    blends = [blend(*pair) for pair in shares]
    rows.append(row("a blend", [(asked, studio.paint(asked, photos[0])) for asked in blends]))
    sweep = [f"starry-night@{strength}" for strength in STRENGTHS]
    rows.append(row("strength", [(asked, studio.paint(asked, photos[1])) for asked in sweep]))
    sheet = Image.new("RGB", (WIDTH, sum(r.height for r in rows)), "white")
    top = 0
    for strip in rows:
        sheet.paste(strip, (0, top))
        top += strip.height
    sheet.save(SHEET, quality=86)
    print(f"{SHEET}: {len(studio.styles)} styles")


def blend(share: str, other: str) -> str:
    one, two = BLEND.split("+")
    if other == "0":
        return one.split(":")[0]
    return two.split(":")[0] if share == "0" else BLEND.format(share, other)


if __name__ == "__main__":
    main()
