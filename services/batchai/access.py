"""Who may talk to the local Batch AI: whoever can read the file that it keeps for its owner.

The managed identity endpoint, which `DefaultAzureCredential` asks where `IDENTITY_ENDPOINT` says
so, gives a token to whoever shows the header in that file, as Azure's does on its machines.
"""

import hmac
import re
import secrets
import time

from services.batchai.settings import ServerSettings
from services.batchai.wire import Answer, Request
from shared.clusters.batchai.access import IDENTITY_PATH, TOKEN_SECONDS, Access
from shared.errors import RequestRefused

EXPIRES = re.compile(r"[0-9]{1,12}")
#: Longer than any secret that is given here, and short enough to compare at once.
LONGEST_SECRET = 1000


def known_access(settings: ServerSettings, port: int) -> Access:
    """Secrets stay the same over a restart, so that clients need not ask again."""
    known = Access.read(settings.batchai_folder)
    told = settings.batchai_secret
    made = known.identity_header if known else secrets.token_urlsafe(32)
    access = Access(
        host=settings.batchai_host,
        port=port,
        identity_header=told.get_secret_value() if told else made,
        signing_key=known.signing_key if known else secrets.token_urlsafe(32),
    )
    access.write(settings.batchai_folder)
    return access


class Gate:
    def __init__(self, access: Access) -> None:
        self._access = access

    def check(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or len(token) > LONGEST_SECRET or not self._access.admits(token):
            raise RequestRefused(
                401, "AuthenticationFailed", "the request has no bearer token, or not a valid one"
            )

    def identity(self, request: Request) -> Answer:
        if not same(request.headers.get("x-identity-header", ""), self._access.identity_header):
            raise RequestRefused(401, "AuthenticationFailed", "X-IDENTITY-HEADER isn't right")
        return Answer(
            200,
            {
                "access_token": self._access.token(),
                "expires_on": str(int(time.time()) + TOKEN_SECONDS),
                "resource": request.query.get("resource", ""),
                "token_type": "Bearer",
            },
        )

    def asks_identity(self, request: Request) -> bool:
        return request.path == IDENTITY_PATH

    def signature(self, path: str, expires: int) -> str:
        """Lets one file be fetched by whoever was given the link, as a shared access signature."""
        return self._access.signature(f"{path}?{expires}")

    def signed(self, request: Request) -> bool:
        expires = request.query.get("se", "")
        return bool(
            request.method == "GET"
            and EXPIRES.fullmatch(expires)
            and int(expires) > time.time()
            and same(request.query.get("sig", ""), self.signature(request.path, int(expires)))
        )


def same(given: str, known: str) -> bool:
    return len(given) <= LONGEST_SECRET and hmac.compare_digest(given.encode(), known.encode())
