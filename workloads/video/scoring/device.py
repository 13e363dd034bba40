"""The device that torch uses on this machine, and its precision."""

import torch
from torch import Tensor


def best_device() -> tuple[torch.device, torch.dtype]:
    if torch.cuda.is_available():
        return torch.device("cuda"), torch.float16
    dtype = torch.bfloat16 if cpu_has_bfloat16() else torch.float32
    return torch.device("cpu"), dtype


def cpu_has_bfloat16() -> bool:
    """With native bfloat16 a frame takes less than half the time; without it, many times longer."""
    return bool(torch.ops.mkldnn._is_mkldnn_bf16_supported())


def device_name(weights: Tensor) -> str:
    dtype = str(weights.dtype).removeprefix("torch.")
    if weights.device.type == "cuda":
        return f"{torch.cuda.get_device_name(weights.device)}, {dtype}"
    return f"cpu, {torch.get_num_threads()} threads, {dtype}"


def use_threads(threads: int) -> None:
    """Limit torch to that many threads; 0 keeps its default, all cores."""
    if threads:
        torch.set_num_threads(threads)
