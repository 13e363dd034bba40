"""One-class SVMs that are scored together are equal to scikit-learn's, one by one."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from sklearn.svm import OneClassSVM

from shared.errors import Refused
from workloads.readings.features import Features, Name
from workloads.readings.svm import OneClassSvm, Request, batches_of, decide

NAMES: tuple[Name, ...] = ("value", "deviation", "spread", "slope", "mean", "gap")


def fitted(
    seed: int, width: int, count: int, nu: float, gamma: float, far: float
) -> tuple[OneClassSVM, OneClassSvm]:
    rng = np.random.default_rng(seed)
    rows = rng.normal(size=(count, width)) * 10 ** rng.uniform(-2, 2, width) + far
    mean, scale = rows.mean(axis=0), rows.std(axis=0)
    theirs = OneClassSVM(kernel="rbf", gamma=gamma, nu=nu).fit((rows - mean) / scale)
    ours = OneClassSvm(
        Features(names=NAMES[:width]),
        mean,
        scale,
        np.ascontiguousarray(theirs.support_vectors_),
        theirs.dual_coef_[0].copy(),
        gamma,
        float(theirs.intercept_[0]),
        0.0,
        60.0,
        {},
    )
    return theirs, ours


@settings(max_examples=40)
@given(
    seed=st.integers(0, 2**31),
    widths=st.lists(st.integers(1, 6), min_size=1, max_size=6),
    nu=st.floats(0.01, 0.9),
    gamma=st.floats(0.01, 3),
    far=st.floats(-1e3, 1e3),
    spike=st.floats(1, 1e6),
)
def test_scores_equal_those_of_scikit_learn_to_a_millionth(
    seed: int, widths: list[int], nu: float, gamma: float, far: float, spike: float
) -> None:
    rng = np.random.default_rng(seed)
    pairs = [
        fitted(seed + n, width, int(rng.integers(10, 200)), nu, gamma, far)
        for n, width in enumerate(widths)
    ]
    requests = []
    for _, ours in pairs:
        rows = rng.normal(size=(int(rng.integers(0, 300)), ours.features.width))
        rows = rows * ours.scale * 2 + ours.mean
        rows[::7] *= spike
        requests.append(Request(ours, rows))
    for (theirs, ours), request, scores in zip(pairs, requests, decide(requests), strict=True):
        assert scores.shape == (len(request.rows),)
        if len(request.rows):
            expected = theirs.decision_function((request.rows - ours.mean) / ours.scale)
            assert np.abs(scores - expected).max() <= 1e-6


def test_batches_have_every_request_once_and_are_bounded() -> None:
    rng = np.random.default_rng(0)
    pairs = [fitted(n, 3, 60, 0.1, 0.5, 0) for n in range(40)]
    requests = [Request(ours, np.zeros((int(rng.integers(1, 500)), 3))) for _, ours in pairs]
    batches = list(batches_of(requests, 100_000))
    assert sorted(n for batch in batches for n in batch) == list(range(40))
    assert len(batches) > 5


def test_a_saved_model_is_the_same_and_a_broken_one_is_refused() -> None:
    _, model = fitted(1, 3, 100, 0.1, 0.5, 0)
    data = model.save()
    again = OneClassSvm.load(data)
    assert model.features == again.features
    assert model.save() == again.save()
    wider = model._replace(features=Features(names=NAMES[:4])).save()
    unknown = model._replace(intercept=float("nan")).save()
    for bad in (b"", data[:50], data[:-8], b"\x80\x04.", wider, unknown):
        with pytest.raises(Refused):
            OneClassSvm.load(bad)
