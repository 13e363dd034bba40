"""What holds for every answer: which hosts are answered, and what browsers may do with it."""

from collections.abc import Iterable
from urllib.parse import urlsplit

from starlette.datastructures import Headers, MutableHeaders
from starlette.responses import PlainTextResponse
from starlette.types import ASGIApp, Message, Receive, Scope, Send

#: The longest body of a request: forms and small JSON. Files go to storage.
LONGEST_BODY = 256 * 1024


def policy(media: str) -> str:
    """The Content-Security-Policy: everything from here, and files from the media account."""
    return "; ".join(
        [
            "default-src 'none'",
            "script-src 'self'",
            "style-src 'self'",
            f"img-src 'self' blob: {media}",
            f"media-src 'self' blob: {media}",
            f"connect-src 'self' {media}",
            "manifest-src 'self'",
            "form-action 'self'",
            "base-uri 'none'",
            "frame-ancestors 'none'",
        ]
    )


def origin_of(url: str) -> str:
    parts = urlsplit(url)
    return f"{parts.scheme}://{parts.netloc}"


class Guard:
    """Refuses other hosts, which a hostile site may point here, and large bodies."""

    def __init__(self, app: ASGIApp, hosts: Iterable[str], media_origin: str) -> None:
        self._app = app
        self._hosts = set(hosts)
        self._headers = {
            "Content-Security-Policy": policy(media_origin),
            "X-Content-Type-Options": "nosniff",
            # With `no-referrer`, browsers would leave out the origin of our own forms.
            "Referrer-Policy": "same-origin",
            "Cross-Origin-Opener-Policy": "same-origin",
            "Cross-Origin-Resource-Policy": "same-origin",
            "X-Frame-Options": "DENY",
            "Permissions-Policy": "camera=(), geolocation=(), microphone=()",
        }

    async def __call__(self, scope: Scope, receive: Receive, send: Send) -> None:
        if scope["type"] != "http":
            await self._app(scope, receive, send)
            return
        given = Headers(scope=scope)
        refusal = self._refusal(given)
        app = PlainTextResponse(refusal, 400) if refusal else self._app

        async def send_with_headers(message: Message) -> None:
            if message["type"] == "http.response.start":
                headers = MutableHeaders(scope=message)
                for name, value in self._headers.items():
                    headers[name] = value
                headers.setdefault("Cache-Control", "no-store")
            await send(message)

        await app(scope, receive, send_with_headers)

    def _refusal(self, given: Headers) -> str | None:
        if host_in(given.get("host", "")) not in self._hosts:
            return "this host isn't one of IMPASTO_WEB_HOSTS"
        length = given.get("content-length", "0")
        if not length.isdecimal() or int(length) > LONGEST_BODY or "transfer-encoding" in given:
            return f"a body of a request has at most {LONGEST_BODY:,} bytes"
        return None


def host_in(header: str) -> str:
    """The host without its port."""
    name, colon, port = header.rpartition(":")
    return name if colon and port.isdecimal() else header
