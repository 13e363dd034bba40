"""Offer the models that come with the scorer, or only `--list` them.

The storage that they are offered in may be new: whatever isn't there yet is made.
"""

import sys

from services.scorer.catalog import shipped
from services.scorer.settings import ScorerSettings
from shared.models import Models
from shared.storage import Storage


def main() -> None:
    if sys.argv[1:] == ["--list"]:
        print(*(model.name for model in shipped()), sep="\n")
        return
    storage = Storage(ScorerSettings())
    storage.prepare()
    models = Models(storage)
    for model in shipped():
        models.publish(model)


if __name__ == "__main__":
    main()
