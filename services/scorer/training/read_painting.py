"""Opening a picture that somebody brought, whatever it really is. It runs in a sandbox."""

import io
import warnings
from collections.abc import Iterator
from typing import Any, BinaryIO

import numpy as np
from numpy.typing import NDArray
from PIL import Image, ImageOps, UnidentifiedImageError

from shared.errors import Refused
from shared.sandbox.files import TaskFiles

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF")
#: More pixels than any scan of a painting needs; what is decoded takes four bytes for each.
MOST_PIXELS = 80_000_000
#: Less has no brush strokes in it to learn from.
SMALLEST = 96
#: As large as the paintings that the network was taught with.
SHORTER, LONGER = 512, 2048
SHADES = ("1", "L", "P", "RGB", "CMYK", "YCbCr", "LAB", "HSV")
SEE_THROUGH = ("LA", "PA", "RGBA", "La", "RGBa")


def read_painting(file: BinaryIO) -> NDArray[np.uint8]:  # [H, W, 3]
    """The picture upright, in RGB, on white; Refused with the reason where that can't be."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what they warn of is refused or harmless
        try:
            with Image.open(file, formats=FORMATS) as image:
                check(image)
                image.draft("RGB", (2 * LONGER, 2 * LONGER))
                upright = ImageOps.exif_transpose(image)
                small = fitted(in_rgb(upright))
        except UnidentifiedImageError as error:
            raise Refused(f"it isn't an image ({', '.join(FORMATS)})") from error
        except Image.DecompressionBombError as error:
            raise Refused(TOO_LARGE) from error
        # Pillow's readers raise whatever their parsing stumbles on.
        except (OSError, SyntaxError, ValueError, TypeError, KeyError, EOFError) as error:
            raise Refused(f"the image can't be read: {error}") from error
    return np.array(small)


TOO_LARGE = f"the image has more than {MOST_PIXELS // 1_000_000} million pixels"


def check(image: Image.Image) -> None:
    width, height = image.size
    if width * height > MOST_PIXELS:
        raise Refused(TOO_LARGE)
    if min(width, height) < SMALLEST:
        raise Refused(
            f"the image is {width}×{height}; its sides must have {SMALLEST} pixels or more"
        )
    if getattr(image, "n_frames", 1) > 1:
        raise Refused("the image is animated; a style is learnt from one picture")
    if image.mode not in SHADES + SEE_THROUGH:
        raise Refused(f"the image's pixels are of a kind ({image.mode}) that isn't read")


def in_rgb(image: Image.Image) -> Image.Image:
    if image.mode in SEE_THROUGH or "transparency" in image.info:
        clear = image.convert("RGBA")
        white = Image.new("RGBA", clear.size, "white")
        return Image.alpha_composite(white, clear).convert("RGB")
    return image.convert("RGB")


def fitted(image: Image.Image) -> Image.Image:
    """Made smaller if need be, and the middle of what is very long."""
    scale = min(1.0, SHORTER / min(image.size))
    width, height = (max(1, round(side * scale)) for side in image.size)
    small = image.resize((width, height), Image.Resampling.LANCZOS) if scale < 1 else image
    left, top = max(0, width - LONGER) // 2, max(0, height - LONGER) // 2
    return small.crop((left, top, left + min(width, LONGER), top + min(height, LONGER)))


def read(files: TaskFiles) -> Iterator[tuple[Any, bytes]]:
    pixels = read_painting(files.open("painting"))
    yield {"height": pixels.shape[0], "width": pixels.shape[1]}, pixels.tobytes()


TASKS = {"read": read}


def warm_up() -> None:
    """Write and open a picture of each kind, so that nothing is loaded or looked up later."""
    for form in FORMATS:
        file = io.BytesIO()
        Image.new("RGB", (SMALLEST, SMALLEST)).save(file, form)
        read_painting(file)
    Image.init()
    Image.new("LAB", (1, 1)).convert("RGB")
