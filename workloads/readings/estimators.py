"""Models of other kinds: scikit-learn's in skops files, and ONNX. Nothing is ever unpickled."""

from typing import Any, NamedTuple

import numpy as np

from shared.errors import Refused
from workloads.readings.features import Features, Floats

SKOPS = "skops"
ONNX = "onnx"


class Estimator(NamedTuple):
    """An anomaly scores below the threshold."""

    features: Features
    threshold: float
    nbytes: int
    model: Any

    def score(self, rows: Floats) -> Floats:
        """Raise Refused if the model can't score such rows."""
        try:
            found = self.model(rows) if len(rows) else np.empty(0)
            return np.asarray(found, np.float64).reshape(len(rows))
        except Exception as error:  # estimators raise anything
            raise Refused(f"it can't score: {type(error).__name__}: {error}") from None


def load_skops(data: bytes, trusted: list[str]) -> Any:  # noqa: ANN401 (any estimator)
    """Return a function that scores rows; raise Refused for types that aren't trusted."""
    from skops.io import get_untrusted_types, loads

    try:
        unknown = [name for name in get_untrusted_types(data=data) if name not in trusted]
        if unknown:
            raise Refused(f"it has types that aren't trusted: {', '.join(sorted(unknown))[:300]}")
        model = loads(data, trusted=trusted)
    except Refused:
        raise
    except Exception as error:  # not a zip, or not one of skops
        raise Refused(f"it isn't a {SKOPS} file: {type(error).__name__}: {error}") from None
    for name in ("decision_function", "score_samples", "predict"):
        if hasattr(model, name):
            return getattr(model, name)
    raise Refused("it has neither decision_function nor score_samples nor predict")


def load_onnx(data: bytes) -> Any:  # noqa: ANN401
    """Return a function that scores rows: the output `scores`, else the last one of numbers."""
    import onnxruntime

    options = onnxruntime.SessionOptions()
    options.intra_op_num_threads = options.inter_op_num_threads = 1
    options.log_severity_level = 4
    try:
        session = onnxruntime.InferenceSession(data, options, providers=["CPUExecutionProvider"])
        [given] = session.get_inputs()
        numbers = [out.name for out in session.get_outputs() if "float" in out.type]
        if not numbers:
            raise Refused("it has no output of floating-point numbers")
        output = "scores" if "scores" in numbers else numbers[-1]
        kind = np.float64 if "double" in given.type else np.float32
    except Refused:
        raise
    except Exception as error:
        raise Refused(f"it isn't an {ONNX} model: {type(error).__name__}: {error}") from None

    def score(rows: Floats) -> Floats:
        [scores] = session.run([output], {given.name: rows.astype(kind)})
        made: Floats = np.asarray(scores, np.float64)
        return made

    return score
