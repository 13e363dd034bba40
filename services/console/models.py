"""The models that come with the workloads, and what a model may be called."""

import json

from services.console.scoring import shipped_models
from shared.control.model_view import ModelView
from shared.errors import Refused
from shared.models import NAME, RULE, Model
from shared.names import shown


def shipped() -> list[ModelView]:
    """The models that come with the installed workloads."""
    return [ModelView.model_validate(json.loads(line)) for line in shipped_models()]


def checked(model: Model) -> Model:
    """Return the model; raise Refused if no job could name it."""
    if not NAME.fullmatch(model.name):
        raise Refused(f"a model can't be called {shown(model.name)}: {RULE}")
    return model
