"""What people see of a model."""

import json
from datetime import datetime
from urllib.parse import unquote

from pydantic import BaseModel

from services.console.scoring import shipped_models
from shared.blobs import Blob
from shared.errors import Refused
from shared.models import NAME, RULE, VERSIONS, Model
from shared.names import shown


class ModelView(BaseModel):
    name: str
    version: str = ""
    scorer: str = ""
    published: datetime | None = None
    size: int | None = None


def view_of(blob: Blob) -> ModelView:
    facts = blob.metadata
    versioned = blob.name.startswith(VERSIONS)
    return ModelView(
        name=blob.name.split("/")[1] if versioned else unquote(blob.name),
        version=facts.get("version", ""),
        scorer=facts.get("scorer") or facts.get("kind", ""),
        published=blob.created,
        size=blob.size,
    )


def shipped() -> list[ModelView]:
    """The models that come with the installed workloads."""
    return [ModelView.model_validate(json.loads(line)) for line in shipped_models()]


def checked(model: Model) -> Model:
    """Return the model; raise Refused if no job could name it."""
    if not NAME.fullmatch(model.name):
        raise Refused(f"a model can't be called {shown(model.name)}: {RULE}")
    return model
