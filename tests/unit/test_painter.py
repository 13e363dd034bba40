"""The painter: frames of any size, equal results on all threads, errors for bad weights."""

import pickle
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import cast

import numpy as np
import pytest
import torch
from safetensors.torch import save
from torch.nn import functional

from shared.errors import Misconfigured, Reject
from workloads.video.scoring.catalog import PAINTER, shipped_models
from workloads.video.scoring.cpu_threads import cpu_threads
from workloads.video.scoring.device import best_on_cpu
from workloads.video.scoring.layers import UpsampledConv
from workloads.video.scoring.network import PainterNetwork
from workloads.video.scoring.painter import Painter, forward_pass, load_network, load_style
from workloads.video.settings import WEIGHTS

pytestmark = pytest.mark.slow

NETWORK = WEIGHTS / "network.safetensors"
ROOT = Path(__file__).parents[2]


@pytest.fixture(scope="module")
def network() -> PainterNetwork:
    return load_network(NETWORK)


@pytest.fixture(scope="module")
def painters(network: PainterNetwork) -> dict[str, Painter]:
    styles = [model for model in shipped_models() if model.scorer == PAINTER]
    return {model.name: Painter(network, load_style(model.data, network)) for model in styles}


def picture(
    height: int, width: int, seed: int = 0
) -> "np.ndarray[tuple[int, ...], np.dtype[np.uint8]]":
    """Smooth random shapes."""
    noise = torch.rand(1, 3, 9, 16, generator=torch.Generator().manual_seed(seed))
    soft = torch.nn.functional.interpolate(noise, (height, width), mode="bicubic").clamp(0, 1)
    return (soft[0].permute(1, 2, 0) * 255).to(torch.uint8).contiguous().numpy()


def test_at_least_three_paintings_and_the_identity_are_shipped() -> None:
    names = {model.name for model in shipped_models()}
    assert {"original", "great-wave", "starry-night", "auvers", "composition-viii"} <= names


@pytest.mark.parametrize("size", [(16, 16), (17, 33), (90, 160), (360, 202), (1, 1)])
def test_a_painted_frame_has_the_frames_size(
    painters: dict[str, Painter], size: tuple[int, int]
) -> None:
    painted = painters["great-wave"].paint(picture(*size))
    assert painted.shape == (*size, 3)
    assert painted.dtype == np.uint8


def test_styles_differ_from_each_other_and_from_the_source(painters: dict[str, Painter]) -> None:
    source = picture(180, 320)
    painted = {name: painter.paint(source).astype(int) for name, painter in painters.items()}
    for name, one in painted.items():
        assert np.abs(one - source).mean() > 10
        for other_name, other in painted.items():
            assert name == other_name or np.abs(one - other).mean() > 10


def test_an_upsampled_convolution_equals_enlarging_and_convolving() -> None:
    torch.manual_seed(1)
    conv, small = UpsampledConv(5, 7), torch.randn(2, 5, 9, 11)
    large = functional.interpolate(small, scale_factor=2.0, mode="bilinear")
    wanted = functional.conv2d(large, conv.weight, padding=1)
    inside = (..., slice(2, -2), slice(2, -2))
    assert torch.allclose(conv(small)[inside], wanted[inside], atol=1e-5)


def test_white_stays_white_in_half_precision() -> None:
    class White(torch.nn.Conv2d):
        def forward(self, x: torch.Tensor, _: torch.Tensor) -> torch.Tensor:  # type: ignore[override]
            return torch.ones_like(x)

    network = cast(PainterNetwork, White(1, 1, 1).to(torch.bfloat16))
    made = forward_pass(network)(torch.zeros(1, 4, 6, 3, dtype=torch.uint8), torch.zeros(1, 1))
    assert bool((made == 255).all())


def test_edges_stay_in_their_place(painters: dict[str, Painter]) -> None:
    """A bright square on the left keeps its edges in the painted picture."""
    source = np.full((180, 320, 3), 60, np.uint8)
    source[60:120, 40:100] = 230
    painted = painters["great-wave"].paint(source).astype(float).mean(axis=2)
    across = np.abs(np.diff(painted, axis=1))[70:110].mean(axis=0)
    assert across[20:120].max() > 3 * across[160:300].mean()
    edges = {int(np.argmax(across[20:70])) + 20, int(np.argmax(across[70:120])) + 70}
    assert all(min(abs(edge - true) for true in (40, 100)) <= 6 for edge in edges)


@pytest.mark.parametrize("batch", [1, 2, 3])
def test_a_frame_is_painted_alike_in_every_batch(painters: dict[str, Painter], batch: int) -> None:
    """With the same number of threads, because bfloat16's rounding depends on it."""
    painter = painters["auvers"]
    frames = [picture(90, 160, seed) for seed in range(3)]
    alone = [painter.paint(frame) for frame in frames]
    batches = [frames[n : n + batch] for n in range(0, 3, batch)]
    together = [made for some in batches for made in painter.score(some)]
    for one, other in zip(alone, together, strict=True):
        assert np.abs(one.astype(int) - other).max() <= 1


def test_a_frame_is_painted_alike_in_every_thread(network: PainterNetwork) -> None:
    [auvers] = [model.data for model in shipped_models() if model.name == "auvers"]
    painter = Painter(network, load_style(auvers, network))
    frames = [picture(90, 160, seed) for seed in range(5)]
    pool = cpu_threads(1).pool
    alone = [pool.submit(painter.paint, frame).result() for frame in frames]
    for one, other in zip(alone, pool.map(painter.paint, frames), strict=True):
        assert np.array_equal(one, other)


def test_the_pools_threads_share_the_cores_and_other_threads_have_all() -> None:
    cores = torch.get_num_threads()
    threads = cpu_threads(1)
    seen = [threads.pool.submit(torch.get_num_threads) for _ in range(threads.size)]
    assert [share.result() for share in seen] == [cores // threads.size] * threads.size
    with ThreadPoolExecutor(1) as another:
        assert another.submit(torch.get_num_threads).result() == cores
    assert torch.get_num_threads() == cores


def test_batches_are_halved_when_memory_runs_out(
    painters: dict[str, Painter], monkeypatch: pytest.MonkeyPatch
) -> None:
    painter = painters["auvers"]
    frames = [picture(48, 64, seed) for seed in range(7)] + [picture(64, 48)]
    alone = [painter.paint(frame) for frame in frames]
    forward = PainterNetwork.forward
    tried: list[int] = []

    def cramped(network: PainterNetwork, x: torch.Tensor, style: torch.Tensor) -> torch.Tensor:
        tried.append(len(x))
        if len(x) > 2:
            raise torch.OutOfMemoryError("no room")
        return forward(network, x, style)

    monkeypatch.setattr(PainterNetwork, "forward", cramped)
    monkeypatch.setattr(painter, "batch", 8)
    painted = painter.score(frames)
    # A GPU has graphs of single frames by now, so it doesn't call the network for them.
    calls, at_once = (0, 1) if torch.cuda.is_available() else (8, cpu_threads(1).size)
    assert tried == [7, 3] + [1] * calls
    assert painter.report() == {"batch": 1, "at_once": at_once}
    assert [made.shape for made in painted] == [frame.shape for frame in frames]
    for one, other in zip(alone, painted, strict=True):
        assert np.abs(one.astype(int) - other).max() <= 1


@pytest.mark.parametrize("damage", ["truncated", "pickled", "other", "missing"])
def test_a_bad_file_of_network_weights_is_an_error(tmp_path: Path, damage: str) -> None:
    path = tmp_path / "network.safetensors"
    if damage == "truncated":
        path.write_bytes(NETWORK.read_bytes()[:1000])
    elif damage == "pickled":
        path.write_bytes(pickle.dumps({"weight": [1, 2, 3]}))
    elif damage == "other":
        path.write_bytes(save({"weight": torch.zeros(3)}))
    with pytest.raises(Misconfigured, match="doesn't contain this network's weights"):
        load_network(path)


@pytest.mark.parametrize(
    "data",
    [
        b"",
        b"garbage",
        pickle.dumps([1]),
        save({"other": torch.zeros(3)}),
        save({"style": torch.zeros(3)}),
        save({"style": torch.full((PainterNetwork().style_size,), torch.nan)}),
    ],
    ids=["empty", "garbage", "pickled", "nameless", "short", "not numbers"],
)
def test_bad_styles_are_rejected(network: PainterNetwork, data: bytes) -> None:
    with pytest.raises(Reject, match="the style's weights"):
        load_style(data, network)


@pytest.mark.parametrize(
    ("capabilities", "dtype"),
    [
        ({"avx2": True}, torch.float32),
        ({"avx512_f": True, "avx512_bf16": False}, torch.float32),
        ({"avx512_f": True, "avx512_bf16": True}, torch.bfloat16),
        ({"bf16": True}, torch.bfloat16),  # Arm
    ],
)
def test_bfloat16_is_used_only_where_the_cpu_has_it(
    capabilities: dict[str, bool], dtype: torch.dtype, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(torch.cpu, "get_capabilities", lambda: capabilities)
    assert best_on_cpu() == dtype
