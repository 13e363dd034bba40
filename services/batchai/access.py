"""Authentication: who may call the local Batch AI, and the endpoint that issues tokens.

The endpoint imitates Azure's managed identity endpoint, which `DefaultAzureCredential` calls where
`IDENTITY_ENDPOINT` is set. It gives a token to every client that sends the header from the access
file, which only the owner may read.
"""

import hmac
import re
import secrets
import time

from services.batchai.http import Request, Response
from services.batchai.settings import ServerSettings
from shared.clusters.batchai.access import IDENTITY_PATH, TOKEN_SECONDS, Access
from shared.errors import RequestRefused

EXPIRES = re.compile(r"[0-9]{1,12}")
#: Longer values aren't compared; every secret issued here is shorter.
LONGEST_SECRET = 1000


def write_access(settings: ServerSettings, port: int) -> Access:
    """The secrets survive a restart, so clients keep their tokens."""
    known = Access.read(settings.batchai_folder)
    configured = settings.batchai_secret
    generated = known.identity_header if known else secrets.token_urlsafe(32)
    access = Access(
        host=settings.batchai_host,
        port=port,
        identity_header=configured.get_secret_value() if configured else generated,
        signing_key=known.signing_key if known else secrets.token_urlsafe(32),
    )
    access.write(settings.batchai_folder)
    return access


class Authenticator:
    def __init__(self, access: Access) -> None:
        self._access = access

    def require_token(self, request: Request) -> None:
        scheme, _, token = request.headers.get("authorization", "").partition(" ")
        if scheme != "Bearer" or len(token) > LONGEST_SECRET or not self._access.admits(token):
            raise RequestRefused(
                401, "AuthenticationFailed", "the request has no valid bearer token"
            )

    def is_token_request(self, request: Request) -> bool:
        return request.path == IDENTITY_PATH

    def issue_token(self, request: Request) -> Response:
        header = request.headers.get("x-identity-header", "")
        if not secrets_match(header, self._access.identity_header):
            raise RequestRefused(401, "AuthenticationFailed", "X-IDENTITY-HEADER is wrong")
        return Response(
            200,
            {
                "access_token": self._access.token(),
                "expires_on": str(int(time.time()) + TOKEN_SECONDS),
                "resource": request.query.get("resource", ""),
                "token_type": "Bearer",
            },
        )

    def signature(self, path: str, expires: int) -> str:
        """For a link to one file that needs no token, like a shared access signature."""
        return self._access.signature(f"{path}?{expires}")

    def has_valid_signature(self, request: Request) -> bool:
        expires = request.query.get("se", "")
        return bool(
            request.method == "GET"
            and EXPIRES.fullmatch(expires)
            and int(expires) > time.time()
            and secrets_match(
                request.query.get("sig", ""), self.signature(request.path, int(expires))
            )
        )


def secrets_match(given: str, known: str) -> bool:
    return len(given) <= LONGEST_SECRET and hmac.compare_digest(given.encode(), known.encode())
