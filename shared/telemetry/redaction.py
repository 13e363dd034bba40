"""Replaces keys, signatures and tokens in any text that is logged, kept or exported."""

import re
from collections.abc import Iterable, Iterator, Mapping
from urllib.parse import quote, quote_plus

REPLACED = "[secret]"
#: Shorter values aren't remembered: they would be found by chance.
SHORTEST = 8
_VALUE = r"[^\s;,&\"'\\<>]+"
_PATTERNS = [
    # Of connection strings, and of Azure Monitor's.
    re.compile(rf"(?i)\b(AccountKey|SharedAccessKey|InstrumentationKey)=({_VALUE})"),
    # The signature of a shared access signature, and its encoding as JSON or in a query of a query.
    re.compile(rf"(?i)\b(sig|code|client_secret|password)(?:=|%3D)({_VALUE})"),
    # Headers, as the SDK writes them: `SharedKey account:signature`, `Bearer token`.
    re.compile(rf"\b(SharedKey(?:Lite)? [\w-]+:|(?i:Bearer) )({_VALUE})"),
]
_SECRET_NAMES = ("SECRET", "PASSWORD", "TOKEN", "KEY", "IDENTITY_HEADER", "CONNECTION_STRING")
_JWT = re.compile(r"\beyJ[\w-]{8,}\.[\w-]+(?:\.[\w-]*)?")
_IN_CONNECTION = re.compile(r"(?i)(?:AccountKey|SharedAccessKey|InstrumentationKey|sig)=([^;&\s]+)")
_known: set[str] = set()
_known_pattern: list[re.Pattern[str]] = []


def remember(secrets: Iterable[str]) -> None:
    """Replace these values as well, wherever they are, and the secrets within them."""
    for value in secrets:
        parts = {value, *_IN_CONNECTION.findall(value)}
        _known.update(form for part in parts for form in forms_of(part) if len(form) >= SHORTEST)
    if _known:
        longest_first = sorted(_known, key=len, reverse=True)
        _known_pattern[:] = [re.compile("|".join(map(re.escape, longest_first)))]


def secrets_in(environment: Mapping[str, str]) -> Iterator[str]:
    """The values of variables whose names say that they are secret."""
    for name, value in environment.items():
        if name.upper().endswith(_SECRET_NAMES):
            yield value


def forms_of(secret: str) -> set[str]:
    return {secret, quote(secret), quote(secret, safe=""), quote_plus(secret)}


def redacted(text: str) -> str:
    for known in _known_pattern:
        text = known.sub(REPLACED, text)
    for pattern in _PATTERNS:
        text = pattern.sub(joined, text)
    return _JWT.sub(REPLACED, text)


def joined(found: re.Match[str]) -> str:
    """The name of the value with its separator, and the replacement."""
    return found[0][: -len(found[2])] + REPLACED
