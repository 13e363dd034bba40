"""Opening a picture that somebody brought, whatever it really is."""

import io
import warnings

import numpy as np
from PIL import Image, ImageOps, UnidentifiedImageError
from torch import Tensor

from services.scorer.training.pictures import as_tensor
from shared.errors import Refused

FORMATS = ("JPEG", "PNG", "WEBP", "TIFF", "BMP", "GIF")
#: More pixels than any scan of a painting needs; what is decoded takes four bytes for each.
MOST_PIXELS = 80_000_000
#: Less has no brush strokes in it to learn from.
SMALLEST = 96
#: As large as the paintings that the network was taught with.
SHORTER, LONGER = 512, 2048
SHADES = ("1", "L", "P", "RGB", "CMYK", "YCbCr", "LAB", "HSV")
SEE_THROUGH = ("LA", "PA", "RGBA", "La", "RGBa")


def opened(data: bytes) -> Tensor:  # [1, 3, H, W] in 0…1
    """The picture upright, in RGB, on white; Refused with the reason where that can't be."""
    with warnings.catch_warnings():
        warnings.simplefilter("ignore")  # what they warn of is refused or harmless
        try:
            with Image.open(io.BytesIO(data), formats=FORMATS) as image:
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
    return as_tensor(np.array(small))


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
