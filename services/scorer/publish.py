"""Publish the shipped styles and the installed scorers to storage, or only `--list` them."""

import sys

from services.scorer.catalog import shipped_models
from services.scorer.settings import ScorerSettings
from shared.models import Models
from shared.storage import Storage


def main() -> None:
    if sys.argv[1:] == ["--list"]:
        print(*(model.name for model in shipped_models()), sep="\n")
        return
    models = Models(Storage(ScorerSettings()))
    for model in shipped_models():
        models.publish(model)


if __name__ == "__main__":
    main()
