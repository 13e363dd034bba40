"""Publish the models that come with the installed workloads, or only `--list` them."""

import json
import sys

from services.scorer.settings import ScorerSettings
from shared.models import Models
from shared.storage import Storage
from shared.workloads import installed


def main() -> None:
    shipped = [model for workload in installed().values() for model in workload.shipped_models()]
    if sys.argv[1:] == ["--list"]:
        for model in shipped:
            facts = {"name": model.name, "scorer": model.scorer, "version": model.version}
            print(json.dumps(facts))
        return
    models = Models(Storage(ScorerSettings()))
    for model in shipped:
        models.publish(model)


if __name__ == "__main__":
    main()
