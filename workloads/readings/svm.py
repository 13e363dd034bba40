"""One-class SVMs of many devices, scored together with one batched kernel product."""

import json
from collections.abc import Iterator, Sequence
from math import isfinite
from typing import NamedTuple

import numpy as np
import torch
from numpy.typing import NDArray
from safetensors.numpy import load, save

from shared.errors import Refused
from workloads.readings.features import Features, Floats
from workloads.readings.windows import ONE_CLASS_SVM

#: Support vectors are padded to a multiple of it, with coefficients of 0, so that shapes are equal.
PAD = 16
#: Bytes of kernel values that are computed at once; they should fit into a cache.
KERNEL_BYTES = {"cpu": 8 << 20, "cuda": 1 << 30}
HEADER_BYTES = 8


class OneClassSvm(NamedTuple):
    """An RBF one-class SVM on standardised features; an anomaly scores below the threshold."""

    features: Features
    mean: Floats
    scale: Floats
    vectors: Floats  # [support vectors, features]
    coefficients: Floats
    gamma: float
    intercept: float
    threshold: float
    #: How many readings an hour the device sent while the model was trained.
    hourly: float
    #: How training went, for people.
    facts: dict[str, float]

    @property
    def nbytes(self) -> int:
        return self.vectors.nbytes + self.coefficients.nbytes + self.mean.nbytes * 2 + 500

    def save(self) -> bytes:
        numbers = [self.gamma, self.intercept, self.threshold, self.hourly]
        arrays = {
            "mean": self.mean,
            "scale": self.scale,
            "vectors": np.ascontiguousarray(self.vectors),
            "coefficients": self.coefficients,
            "numbers": np.array(numbers),
        }
        facts = {"features": self.features.model_dump(), "facts": self.facts}
        # A single key, since safetensors writes keys in any order.
        return save(arrays, {"model": json.dumps(facts)})

    @classmethod
    def load(cls, data: bytes) -> "OneClassSvm":
        """Raise Refused if it isn't such a model."""
        try:
            size = int.from_bytes(data[:HEADER_BYTES], "little")
            header = json.loads(data[HEADER_BYTES : HEADER_BYTES + size])["__metadata__"]
            about = json.loads(header["model"])
            arrays = load(data)
            features = Features(**about["features"])
            gamma, intercept, threshold, hourly = map(float, arrays["numbers"])
            model = cls(
                features,
                arrays["mean"],
                arrays["scale"],
                arrays["vectors"],
                arrays["coefficients"],
                gamma,
                intercept,
                threshold,
                hourly,
                about["facts"],
            )
        except Exception as error:  # safetensors has errors of its own
            raise Refused(f"it isn't a {ONE_CLASS_SVM}: {type(error).__name__}: {error}") from None
        model.check()
        return model

    def check(self) -> None:
        width = self.features.width
        shapes = [self.mean.shape, self.scale.shape, self.vectors.shape[1:]]
        arrays = (self.mean, self.scale, self.vectors, self.coefficients)
        if (
            shapes != [(width,)] * 3
            or self.coefficients.shape != self.vectors.shape[:1]
            or any(array.dtype != np.float64 for array in arrays)
            or not np.isfinite(np.concatenate([array.ravel() for array in arrays])).all()
            or not all(map(isfinite, (self.gamma, self.intercept, self.threshold)))
            or not (self.scale > 0).all()
        ):
            raise Refused(f"it isn't a {ONE_CLASS_SVM}: its arrays don't match its features")


class Request(NamedTuple):
    """The features of one device's readings, to be scored by its model."""

    model: OneClassSvm
    rows: Floats


def decide(requests: Sequence[Request], device: str = "cpu") -> list[Floats]:
    """The decision function of each request's rows: below 0 is outside."""
    found: list[Floats] = [np.empty(0)] * len(requests)
    for batch in batches_of(requests, KERNEL_BYTES[device]):
        for number, scores in zip(
            batch, decide_batch([requests[n] for n in batch], device), strict=True
        ):
            found[number] = scores
    return found


def padded_vectors(model: OneClassSvm) -> int:
    return -(-len(model.vectors) // PAD) * PAD


def batches_of(requests: Sequence[Request], most: int) -> Iterator[list[int]]:
    """Cut the requests into batches of equal shape, and of nearly equal numbers of rows."""
    by_shape: dict[tuple[int, int], list[int]] = {}
    for number, request in enumerate(requests):
        shape = (padded_vectors(request.model), request.model.vectors.shape[1])
        by_shape.setdefault(shape, []).append(number)
    for (vectors, _), numbers in by_shape.items():
        numbers.sort(key=lambda n: len(requests[n].rows))
        batch: list[int] = []
        for number in numbers:
            rows = len(requests[number].rows)
            if batch and (
                rows * vectors * 8 * (len(batch) + 1) > most
                or rows > 1.25 * len(requests[batch[0]].rows) + 8
            ):
                yield batch
                batch = []
            batch.append(number)
        if batch:
            yield batch


def decide_batch(requests: Sequence[Request], device: str) -> list[Floats]:
    count, rows = len(requests), max(len(request.rows) for request in requests)
    vectors = padded_vectors(requests[0].model)
    width = requests[0].model.vectors.shape[1]
    points = np.zeros((count, rows, width))
    support = np.zeros((count, vectors, width))
    coefficients = np.zeros((count, vectors, 1))
    gamma = np.empty((count, 1, 1))
    intercepts = np.empty((count, 1))
    for n, (model, x) in enumerate(requests):
        np.divide(x - model.mean, model.scale, out=points[n, : len(x)])
        support[n, : len(model.vectors)] = model.vectors
        coefficients[n, : len(model.vectors), 0] = model.coefficients
        gamma[n], intercepts[n] = model.gamma, model.intercept
    scores = kernel_sums(*(on(each, device) for each in (points, support, coefficients, gamma)))
    made: Floats = (scores + on(intercepts, device)).cpu().numpy()
    return [made[n, : len(request.rows)] for n, request in enumerate(requests)]


def on(array: NDArray[np.float64], device: str) -> torch.Tensor:
    return torch.from_numpy(array).to(device)


def kernel_sums(
    points: torch.Tensor, support: torch.Tensor, coefficients: torch.Tensor, gamma: torch.Tensor
) -> torch.Tensor:
    """The sums over support vectors of coefficient × exp(−gamma × squared distance)."""
    kernel = torch.bmm(points, (2 * support).transpose(1, 2))
    kernel -= points.square().sum(2, keepdim=True)
    kernel -= support.square().sum(2).unsqueeze(1)
    kernel.clamp_(max=0).mul_(gamma).exp_()
    return torch.bmm(kernel, coefficients).squeeze(2)
