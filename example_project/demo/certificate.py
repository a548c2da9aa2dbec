"""A certificate for ``demo --https``, which no authority signed, and a Chromium that trusts it."""

import base64
import hashlib
import os
from datetime import UTC, datetime, timedelta
from ipaddress import ip_address
from pathlib import Path

from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from cryptography.x509.oid import NameOID

_FEATURES = "DeviceBoundSessions:RefreshQuota/false,EnableBoundSessionCredentialsSoftwareKeysForManualTesting"
"""Device Bound Session Credentials, with keys in software where the machine has no TPM."""

VARIABLE = "EXAMPLE_CERTIFICATE"
"""Environment variable that tells a server which certificate to serve."""


def certificate_in_use() -> str | None:
    """Return the file with the certificate and key of this server; ``None`` with plain HTTP."""
    return os.environ.get(VARIABLE)


def make_certificate(file: Path) -> Path:
    """Write a new key and its certificate for this machine, good for a week, to *file*, and return it."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(NameOID.COMMON_NAME, "localhost")])
    now = datetime.now(tz=UTC)
    hosts = [x509.DNSName("localhost"), x509.IPAddress(ip_address("127.0.0.1"))]
    certificate = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(x509.random_serial_number())
        .not_valid_before(now - timedelta(hours=1))
        .not_valid_after(now + timedelta(days=7))
        .add_extension(x509.SubjectAlternativeName(hosts), critical=False)
        .sign(key, hashes.SHA256())
    )
    private = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    file.parent.mkdir(parents=True, exist_ok=True)
    file.unlink(missing_ok=True)
    with os.fdopen(os.open(file, os.O_WRONLY | os.O_CREAT | os.O_EXCL, 0o600), "wb") as opened:
        opened.write(certificate.public_bytes(serialization.Encoding.PEM) + private)
    return file


def chromium_options(file: Path) -> list[str]:
    """
    Return the options of a Chromium that trusts the certificate in *file*, and binds logins to its device.

    With a certificate that it does not trust, a browser ignores the offer, whatever the user has clicked.
    """
    key = x509.load_pem_x509_certificate(file.read_bytes()).public_key()
    spki = key.public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)
    trusted = base64.b64encode(hashlib.sha256(spki).digest()).decode()
    return [f"--enable-features={_FEATURES}", f"--ignore-certificate-errors-spki-list={trusted}"]
