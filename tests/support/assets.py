"""Files beside the project that some tests need."""

from pathlib import Path

import pytest

BESIDE = Path(__file__).parents[3] / "shared"
VGG = BESIDE / "weights" / "vgg16-features.safetensors"
needs_vgg = pytest.mark.skipif(not VGG.exists(), reason="VGG16's weights aren't beside the project")
