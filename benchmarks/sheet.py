"""The picture in the README: frames of the sample clip in every style. `make sheet` makes it."""

from pathlib import Path

import av
import numpy as np
import simplejpeg
from numpy.typing import NDArray

from services.scorer.catalog import PAINTER, shipped
from services.scorer.painter import Painter, load_network, load_style
from services.scorer.settings import ScorerSettings

CLIP = Path("deploy/sample/bigbuckbunny.mp4")
SHEET = Path("deploy/sample/styles.jpg")
MOMENTS = (0, 110)
WIDTH = 512
GAP = 8

Picture = NDArray[np.uint8]


def frames() -> list[Picture]:
    with av.open(str(CLIP)) as container:
        decoded = list(container.decode(video=0))
    return [decoded[n].to_ndarray(format="rgb24").astype(np.uint8) for n in MOMENTS]


def row(pictures: list[Picture]) -> Picture:
    """Side by side, painted whole and only then made smaller."""
    height = round(pictures[0].shape[0] * WIDTH / pictures[0].shape[1])
    gap = np.full((height, GAP, 3), 255, np.uint8)
    parts: list[Picture] = []
    for picture in pictures:
        frame = av.VideoFrame.from_ndarray(picture, format="rgb24")
        small = frame.reformat(width=WIDTH, height=height, interpolation="AREA")
        parts += [small.to_ndarray(format="rgb24").astype(np.uint8), gap]
    return np.concatenate(parts[:-1], axis=1)


def main() -> None:
    network = load_network(ScorerSettings().network)
    styles = [model for model in shipped() if model.scorer == PAINTER]
    sources = frames()
    rows = [row(sources)]
    for model in styles:
        painter = Painter(network, load_style(model.data, network))
        rows += [row([painter.paint(source) for source in sources])]
    gap = np.full((GAP, rows[0].shape[1], 3), 255, np.uint8)
    sheet = np.concatenate([part for r in rows for part in (r, gap)][:-1])
    SHEET.write_bytes(simplejpeg.encode_jpeg(np.ascontiguousarray(sheet), 88, "RGB", "420"))
    print(f"{SHEET}: the source, then {', '.join(model.name for model in styles)}")


if __name__ == "__main__":
    main()
