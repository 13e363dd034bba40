"""A link that is signed without an account's key, by a login: Azurite with HTTPS and tokens.

Azurite checks what a token says, and not who signed it. It is behind the SDK in the versions of
signatures that it knows, so the test signs in the newest form that Azurite has.
"""

import base64
import json
import ssl
import subprocess
import sys
import time
import urllib.error
import urllib.request
from collections.abc import Callable, Iterator
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path
from urllib.parse import parse_qs, urlsplit

import pytest
from azure.core.credentials import AccessToken
from azure.storage.blob import _shared_access_signature as sdk
from cryptography import x509
from cryptography.hazmat.primitives import hashes
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.hazmat.primitives.serialization import Encoding, NoEncryption, PrivateFormat

from services.console import accounts, azurite
from shared.control.grants import LONGEST_HOURS, Grants
from shared.errors import Forbidden
from shared.models import Model, Models
from shared.rights import Rights
from shared.settings import Settings
from shared.storage import API_VERSION, Storage
from workloads.video import VIDEO

#: As the page checks at its start.
SIGNING = Rights(media="sign")
CONTENT = b"a video"
TENANT, PERSON = "11111111-1111-1111-1111-111111111111", "22222222-2222-2222-2222-222222222222"


class Login:
    """A credential whose tokens are those of a person who has logged in."""

    issuer = "https://sts.windows.net/"

    def get_token(self, *scopes: str, **options: object) -> AccessToken:
        now = int(time.time())
        claims: dict[str, object] = {
            "aud": "https://storage.azure.com",
            "iss": f"{self.issuer}{TENANT}/",
            "oid": PERSON,
            "tid": TENANT,
            "iat": now,
            "nbf": now - 60,
            "exp": now + 3600,
        }
        parts = [{"alg": "HS256", "typ": "JWT"}, claims]
        encoded = [base64.urlsafe_b64encode(json.dumps(part).encode()) for part in parts]
        return AccessToken(b".".join([*encoded, b"c2ln"]).decode().replace("=", ""), now + 3600)


def make_certificate(folder: Path) -> tuple[Path, Path]:
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, accounts.HOST)])
    now = datetime.now(UTC)
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=1))
        .add_extension(
            x509.SubjectAlternativeName([x509.IPAddress(ip_address(accounts.HOST))]), False
        )
        .add_extension(x509.BasicConstraints(ca=True, path_length=None), True)
        .sign(key, hashes.SHA256())
    )
    paths = folder / "certificate.pem", folder / "key.pem"
    paths[0].write_bytes(certificate.public_bytes(Encoding.PEM))
    private = key.private_bytes(Encoding.PEM, PrivateFormat.PKCS8, NoEncryption())
    paths[1].write_bytes(private)
    return paths


@pytest.fixture(scope="module")
def https(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[str, Path]]:
    """The URL of the media account, and the certificate to trust."""
    folder = tmp_path_factory.mktemp("https")
    certificate, key = make_certificate(folder)
    ports = accounts.free_ports(2)
    flags = [*azurite.FLAGS, "--oauth", "basic", "--cert", str(certificate), "--key", str(key)]
    log = folder / "log"
    with log.open("ab") as out:
        process = subprocess.Popen(
            [sys.executable, "-m", azurite.__name__, *map(str, (folder / "data", *ports)), *flags],
            stdin=subprocess.PIPE,
            stdout=out,
            stderr=out,
        )
    try:
        azurite.wait_for(ports[0], process, log)
        yield f"https://{accounts.HOST}:{ports[0]}/devstoreaccount1", certificate
    finally:
        process.terminate()
        process.wait()
        assert process.stdin
        process.stdin.close()


@pytest.fixture
def settings(https: tuple[str, Path], monkeypatch: pytest.MonkeyPatch) -> Settings:
    url, certificate = https
    monkeypatch.setenv("REQUESTS_CA_BUNDLE", str(certificate))
    monkeypatch.setattr("shared.storage.identity", Login)
    sign: Callable[[str, str], str] = vars(sdk)["sign_string"]

    def sign_as_azurite(key: str, text: str) -> str:
        lines = text.split("\n")
        del lines[-7:-5]  # headers and parameters, which came with version 2026-04-06
        return sign(key, "\n".join(lines))

    monkeypatch.setattr(sdk, "X_MS_VERSION", API_VERSION)
    monkeypatch.setattr(sdk, "sign_string", sign_as_azurite)
    own = Settings(
        media_url=url, work_url=url, work_queue_url="https://127.0.0.1/none", outage_seconds=5
    )
    storage = Storage(own)
    for name in ("input", "models", "styles"):
        storage.container(name).ensure()
    Models(storage).publish(Model("great-wave", "pencil"))
    return own


def put(link: str, certificate: Path) -> int:
    request = urllib.request.Request(link, CONTENT, {"x-ms-blob-type": "BlockBlob"}, method="PUT")
    try:
        trusted = ssl.create_default_context(cafile=str(certificate))
        with urllib.request.urlopen(request, context=trusted) as answer:
            return int(answer.status)
    except urllib.error.HTTPError as error:
        with error:
            return error.code


def test_a_login_signs_links_that_work(settings: Settings, https: tuple[str, Path]) -> None:
    link = Grants(settings).upload(VIDEO, "great-wave", "a.mp4", 1).link
    fields = parse_qs(urlsplit(link).query)
    assert (fields["skoid"], fields["sktid"]) == ([PERSON], [TENANT])
    assert fields["spr"] == ["https"]
    assert put(link.replace("a.mp4", "b.mp4"), https[1]) == 403
    assert put(link, https[1]) == 201
    assert put(link, https[1]) == 403
    assert Storage(settings).container("input").read("great-wave/a.mp4") == CONTENT


def test_neither_the_link_nor_its_key_outlives_seven_days(settings: Settings) -> None:
    link = Grants(settings).upload(VIDEO, "great-wave", None, LONGEST_HOURS).link
    fields = parse_qs(urlsplit(link).query)
    for begin, end in (("st", "se"), ("skt", "ske")):
        first, last = (datetime.fromisoformat(fields[name][0]) for name in (begin, end))
        assert last - first == timedelta(days=7)


def test_a_login_that_may_not_sign_is_told_so(
    settings: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Azurite knows no roles: here it refuses whom another than Azure has logged in."""
    grants = Grants(settings)
    with monkeypatch.context() as patch:
        patch.setattr(Login, "issuer", "https://elsewhere.test/")
        patch.setattr("workloads.video.Video.require_model", lambda *given: None)
        patch.setattr("shared.blobs.Container.find", lambda self, name: None)
        with pytest.raises(Forbidden, match="not allowed to get a key to sign links with for"):
            grants.upload(VIDEO, "great-wave", None, 1)
        [missing] = SIGNING.missing(Storage(settings))
        assert "not allowed to get a key to sign links with for" in missing
    assert SIGNING.missing(Storage(settings)) == []
