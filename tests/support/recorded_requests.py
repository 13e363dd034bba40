"""Records the requests that this process sends to storage."""

from collections.abc import Iterator
from contextlib import contextmanager
from urllib.parse import parse_qs, urlsplit

import pytest
from azure.core.pipeline.transport import RequestsTransport
from azure.core.rest import HttpRequest, HttpResponse


@contextmanager
def requests_recorded() -> Iterator[list[str]]:
    """Each as `GET shards/job/00000/0000.tar`, without its account, or as `LIST shards prefix`."""
    found: list[str] = []
    send = RequestsTransport.send

    def recording(self: RequestsTransport, request: HttpRequest, **options: object) -> HttpResponse:
        url = urlsplit(request.url)
        path, query = url.path.split("/", 2)[2], parse_qs(url.query)
        listing, prefix = query.get("comp") == ["list"], query.get("prefix", [""])[0]
        found.append(f"LIST {path} {prefix}" if listing else f"{request.method} {path}")
        answer: HttpResponse = send(self, request, **options)
        return answer

    with pytest.MonkeyPatch.context() as patched:
        patched.setattr(RequestsTransport, "send", recording)
        yield found
