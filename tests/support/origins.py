"""
The site and pages of other origins behind TLS, under names of their own, for a real browser.

Three kinds of page matter: the site's, a sibling's (another host of the same registrable domain, so
"same-site"), and a stranger's. The browser resolves all names to this machine.
"""

import ssl
from collections.abc import Callable, Iterable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta
from functools import cache
from pathlib import Path
from tempfile import TemporaryDirectory
from typing import Any

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID
from django.core.handlers.wsgi import WSGIHandler

from support.web_server import serving

SHOP, SIBLING, STRANGER = "shop.example.test", "blog.example.test", "evil.test"
RESOLVER = "--host-resolver-rules=MAP *.test 127.0.0.1"
TRUSTING = "--ignore-certificate-errors"
"""No authority signed the certificates; TLS is otherwise real: Secure cookies, prefixes, SameSite=None."""

Environ = dict[str, Any]
Application = Callable[[Environ, Any], Iterable[bytes]]


@dataclass(frozen=True)
class ReceivedRequest:
    """A request that reached the site, and the status of its response."""

    method: str
    path: str
    query: str
    status: int
    cookies: frozenset[str]
    site: str | None
    origin: str | None


@dataclass
class Origins:
    """
    The origins.

    Attributes:
        shop: The site's origin.
        received: What reached it, oldest first.
    """

    shop: str
    pages_port: int
    received: list[ReceivedRequest] = field(default_factory=list)

    def of(self, host: str) -> str:
        """Return the origin of the pages of *host*."""
        return f"https://{host}:{self.pages_port}"

    def unsafe(self) -> list[ReceivedRequest]:
        """Return the requests that could change something."""
        return [each for each in self.received if each.method not in {"GET", "HEAD", "OPTIONS"}]


@contextmanager
def origins(*, tls: bool = True, app: Application | None = None) -> Iterator[Origins]:
    """
    Serve the site, as configured now, and blank pages of every other host.

    Args:
        app: What stands in for the site; by default nothing does.
    """
    context = _tls() if tls else None
    received: list[ReceivedRequest] = []
    site = _noting(app or WSGIHandler(), received)
    with serving(site, context) as (_, port), serving(_blank_page, context) as (_, pages):
        scheme = "https" if tls else "http"
        yield Origins(f"{scheme}://{SHOP}:{port}", pages, received)


def _noting(app: Any, received: list[ReceivedRequest]) -> Application:
    def noting(environ: Environ, start_response: Any) -> Iterable[bytes]:
        pairs = environ.get("HTTP_COOKIE", "").split(";")

        def start(status: str, *rest: Any) -> Any:
            received.append(
                ReceivedRequest(
                    method=environ["REQUEST_METHOD"],
                    path=environ["PATH_INFO"],
                    query=environ["QUERY_STRING"],
                    status=int(status.split()[0]),
                    cookies=frozenset(pair.partition("=")[0].strip() for pair in pairs),
                    site=environ.get("HTTP_SEC_FETCH_SITE"),
                    origin=environ.get("HTTP_ORIGIN"),
                )
            )
            return start_response(status, *rest)

        answer: Iterable[bytes] = app(environ, start)
        return answer

    return noting


def _blank_page(environ: Environ, start_response: Any) -> Iterable[bytes]:
    start_response("200 OK", [("Content-Type", "text/html; charset=utf-8")])
    return [b'<!doctype html><title>A page</title><link rel="icon" href="data:,">']


def certificate() -> bytes:
    """Return the certificate of all hosts, in PEM."""
    return _certificate_and_key()[0]


@cache
def _certificate_and_key() -> tuple[bytes, bytes]:
    """Return a certificate that no authority signed, and its key, in PEM."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, SHOP)])
    now = datetime.now(tz=UTC)
    signed = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(days=1))
        .not_valid_after(now + timedelta(days=2))
        .add_extension(x509.SubjectAlternativeName([x509.DNSName("*.test")]), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    return signed.public_bytes(serialization.Encoding.PEM), private


@cache
def _tls() -> ssl.SSLContext:
    """Return a server's context with that certificate."""
    with TemporaryDirectory() as directory:
        file = Path(directory) / "site.pem"
        file.write_bytes(b"".join(_certificate_and_key()))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(file)
    return context
