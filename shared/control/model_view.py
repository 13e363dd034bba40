"""What people see of a model."""

from datetime import datetime
from urllib.parse import unquote

from pydantic import BaseModel

from shared.blobs import Blob
from shared.models import VERSIONS


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
