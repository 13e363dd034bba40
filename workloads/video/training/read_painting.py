"""Reads an uploaded painting, which may be any file. Runs in a sandbox."""

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
#: More than any scan of a painting needs. Decoded, each pixel takes four bytes.
MOST_PIXELS = 80_000_000
#: The shortest side in which brush strokes can be seen.
SMALLEST = 96
#: The size of the paintings that the network was trained with.
SHORTER, LONGER = 512, 2048
OPAQUE = ("1", "L", "P", "RGB", "CMYK", "YCbCr", "LAB", "HSV")
TRANSPARENT = ("LA", "PA", "RGBA", "La", "RGBa")


def read_painting(file: BinaryIO) -> NDArray[np.uint8]:  # [H, W, 3]
    """The picture upright, in RGB, on white; Refused with the reason if it can't be read."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # the file is refused, or the warning is harmless
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
        # Pillow's readers may raise any of these for a damaged file.
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
    if image.mode not in OPAQUE + TRANSPARENT:
        raise Refused(f"the image's pixel format, {image.mode}, isn't supported")


def in_rgb(image: Image.Image) -> Image.Image:
    if image.mode in TRANSPARENT or "transparency" in image.info:
        transparent = image.convert("RGBA")
        white = Image.new("RGBA", transparent.size, "white")
        return Image.alpha_composite(white, transparent).convert("RGB")
    return image.convert("RGB")


def fitted(image: Image.Image) -> Image.Image:
    """Scaled down to SHORTER, and cropped to the middle if it is longer than LONGER."""
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
    """Write and read a picture of each format, so that no module is imported in the sandbox."""
    for form in FORMATS:
        file = io.BytesIO()
        Image.new("RGB", (SMALLEST, SMALLEST)).save(file, form)
        read_painting(file)
    Image.init()
    Image.new("LAB", (1, 1)).convert("RGB")
