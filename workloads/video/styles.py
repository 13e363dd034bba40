"""The styles that videos may name: one model, or a mixture of models."""

from shared.errors import Refused
from shared.models import Models
from shared.storage import Storage
from workloads.video.mixture import FINE, Mixture

#: The container of paintings, from each of which a style is learnt.
PAINTINGS = "styles"


def require_styles(storage: Storage, text: str) -> None:
    """Raise Refused if a video can't have this style, and NotYet while it is being learnt."""
    mixture = Mixture.parse(text)
    models = Models(storage, PAINTINGS)
    for name in mixture.parts:
        blob = models.require(name)
        if mixture.mixed and "mixes" not in blob.metadata:
            raise Refused(f"{name} can't be mixed with others")
        if mixture.fine and "mixes" not in blob.metadata:
            raise Refused(f"{name} has no finer way; leave out the !{FINE}")
