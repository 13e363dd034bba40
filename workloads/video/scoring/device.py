"""The device that torch uses on this machine, and its precision."""

import torch
from torch import Tensor


def best_device() -> tuple[torch.device, torch.dtype]:
    if torch.cuda.is_available():
        return torch.device("cuda"), torch.float16
    return torch.device("cpu"), best_on_cpu()


def best_on_cpu() -> torch.dtype:
    """With native bfloat16 a frame takes half the time; without it, three to six times as long."""
    found = torch.cpu.get_capabilities()
    native = any(found.get(name) for name in ("avx512_bf16", "amx_bf16", "bf16"))
    return torch.bfloat16 if native else torch.float32


def autocast_on_cpu() -> torch.autocast:
    dtype = best_on_cpu()
    return torch.autocast("cpu", dtype, enabled=dtype != torch.float32)


def device_name(weights: Tensor) -> str:
    dtype = str(weights.dtype).removeprefix("torch.")
    if weights.device.type == "cuda":
        return f"{torch.cuda.get_device_name(weights.device)}, {dtype}"
    return f"cpu, {torch.get_num_threads()} threads, {dtype}"


def use_threads(threads: int) -> None:
    """Limit torch to that many threads; 0 keeps its default, all cores."""
    if threads:
        torch.set_num_threads(threads)
