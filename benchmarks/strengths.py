"""Makes docs/styles.md's picture of strengths: `make strengths`.

Above, the mean of the photo's and the painting's pixels; below, what `STYLE@0.5` does.
"""

from pathlib import Path

from PIL import Image

from benchmarks.sheet import Styles, photo, row, save
from workloads.video.scoring.picture_scorer import Picture

SHOWN = Path("docs/strengths.jpg")
CHOSEN = {"starry-night": "081.jpg", "great-wave": "031.jpg"}
STRENGTHS = (0.25, 0.5, 0.75)


def mean(one: Picture, other: Picture, share: float) -> Picture:
    return (one * (1 - share) + other * share).round().astype(one.dtype)


def main() -> None:
    styles = Styles()
    rows: list[Image.Image] = []
    for style, name in CHOSEN.items():
        source = photo(name)
        whole = styles.paint(style, source.copy())
        means = [(f"{each:.0%} of each pixel", mean(source, whole, each)) for each in STRENGTHS]
        asked = [f"{style}@{strength}" for strength in STRENGTHS]
        parts = [(each, styles.paint(each, source.copy())) for each in asked]
        rows += [row([("photo", source), *means]), row([(style, whole), *parts])]
    save(SHOWN, rows)


if __name__ == "__main__":
    main()
