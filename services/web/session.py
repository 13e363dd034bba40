"""Sessions and the tokens of forms: signed with the login token, so that no state is kept.

A session outlives a restart of the service, and ends when the login token is changed.
"""

import hashlib
import hmac
import re
import secrets
import time

SESSION = re.compile(r"([0-9]{1,12})\.([-\w]{1,64})\.([0-9a-f]{64})", re.ASCII)


class Sessions:
    def __init__(self, key: str, hours: float) -> None:
        self._key = hashlib.sha256(b"impasto web\0" + key.encode()).digest()
        self._login = key
        self.seconds = int(hours * 3600)

    def admits(self, token: str) -> bool:
        """Whether this is the login token."""
        return bool(self._login) and hmac.compare_digest(token.encode(), self._login.encode())

    def begin(self) -> str:
        claim = f"{int(time.time()) + self.seconds}.{secrets.token_urlsafe(16)}"
        return f"{claim}.{self._sign('session', claim)}"

    def holds(self, session: str) -> bool:
        """Whether this service began the session, and it lasts."""
        found = SESSION.fullmatch(session)
        if not found:
            return False
        expires, nonce, signature = found.groups()
        ours = self._sign("session", f"{expires}.{nonce}")
        return hmac.compare_digest(signature, ours) and int(expires) > time.time()

    def form_token(self, session: str) -> str:
        """What forms of this session send back, so that no other site can send them."""
        return self._sign("form", session)

    def is_form_token(self, session: str, token: str) -> bool:
        return hmac.compare_digest(token.encode(), self.form_token(session).encode())

    def _sign(self, purpose: str, text: str) -> str:
        return hmac.new(self._key, f"{purpose}\0{text}".encode(), hashlib.sha256).hexdigest()
