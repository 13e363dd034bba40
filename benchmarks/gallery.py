"""Makes the gallery of the web page: `make gallery`, three photos in each of the shipped styles."""

from pathlib import Path

from PIL import Image

from benchmarks.sheet import CHOSEN, Styles, photo
from shared.models import Model
from workloads.video.scoring.pencil import Pencil
from workloads.video.scoring.picture_scorer import Picture

GALLERY = Path("workloads/video/pages/static/gallery")
SIZE = (400, 250)
QUALITY = 68
PHOTOS = Path("workloads/video/photos")
PHOTO = (800, 500)


def save(picture: Picture, name: str, number: int) -> None:
    small = Image.fromarray(picture).resize(SIZE, Image.Resampling.LANCZOS)
    small.save(GALLERY / f"{name}-{number}.webp", quality=QUALITY, method=6)


def save_photo(picture: Picture, number: int) -> None:
    """What a style that is learnt is shown on."""
    Image.fromarray(picture).resize(PHOTO, Image.Resampling.LANCZOS).save(
        PHOTOS / f"{number}.jpg", quality=85
    )


def main() -> None:
    GALLERY.mkdir(parents=True, exist_ok=True)
    PHOTOS.mkdir(exist_ok=True)
    styles, pencil = Styles(), Pencil(Model("pencil", "pencil"))
    for number, name in enumerate(CHOSEN, 1):
        picture = photo(name)
        save_photo(picture, number)
        save(picture, "original", number)
        save(pencil.score([picture])[0], "pencil", number)
        for style in styles.vectors:
            save(styles.paint(style, picture), style, number)


if __name__ == "__main__":
    main()
