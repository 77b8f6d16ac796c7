"""Certificates with which Amazon SNS signs: where they may lie, and whom they must be issued to.

The names are those of AWS's SDK for Java 2 (`SnsHostProvider`): most regions share one certificate, later ones have
their own.
"""

from __future__ import annotations

import re
from collections.abc import Iterator
from dataclasses import dataclass
from datetime import datetime

from cryptography import x509
from cryptography.exceptions import UnsupportedAlgorithm
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
from cryptography.x509.oid import NameOID

SNS_HOST = r"https://sns\.(?P<region>[a-z]{2}(?:-[a-z]+)+-\d{1,2})\.(?P<suffix>amazonaws\.com(?:\.cn)?)"
"""How every URL of SNS begins. A region has no dot in it, nor a digit but its last: `sns.s3-eu-west-1.amazonaws.com` is
somebody's bucket."""

_URL = re.compile(rf"{SNS_HOST}/[A-Za-z0-9._-]+\.pem")

SMALLEST_KEY = 2048
"""Bits."""


class CertificateRefused(Exception):
    """A certificate is not SNS's; the text says why."""


@dataclass(frozen=True)
class Certificate:
    """SNS's key, and while it is valid."""

    key: RSAPublicKey
    valid_from: datetime
    valid_until: datetime

    def refuse_unless_valid(self, now: datetime) -> None:
        """Raises `CertificateRefused` before and after its time."""
        if not self.valid_from <= now <= self.valid_until:
            raise CertificateRefused(
                f"the certificate is valid from {self.valid_from} to {self.valid_until} only"
            )


def refuse_elsewhere(url: str, region: str) -> None:
    """Raises `CertificateRefused` unless the URL is that of a certificate on SNS's own host in a region."""
    found = _URL.fullmatch(url)
    if found is None:
        raise CertificateRefused(
            "SigningCertURL is not https://sns.REGION.amazonaws.com/NAME.pem; nothing was fetched from it"
        )
    if found["region"] != region:
        raise CertificateRefused(
            f"SigningCertURL is of the region {found['region']}, and the topic of {region}"
        )


def read_certificate(url: str, pem: bytes) -> Certificate:
    """The certificate that lay at a URL which was found in order. Raises `CertificateRefused` unless it is SNS's."""
    try:
        certificate = x509.load_pem_x509_certificate(pem)
        key = certificate.public_key()
        names = set(_names(certificate))
    except (ValueError, UnsupportedAlgorithm, x509.DuplicateExtension) as error:
        raise CertificateRefused(f"what lies at {url} is no certificate: {error}") from error
    if not isinstance(key, RSAPublicKey) or key.key_size < SMALLEST_KEY:
        raise CertificateRefused(f"the certificate at {url} has no RSA key of {SMALLEST_KEY} bits or more")
    if not names & _issued_to(url):
        raise CertificateRefused(
            f"the certificate at {url} was issued to {', '.join(sorted(names))}, not to SNS"
        )
    return Certificate(key, certificate.not_valid_before_utc, certificate.not_valid_after_utc)


def _names(certificate: x509.Certificate) -> Iterator[str]:
    """The common name, and the alternative ones."""
    for attribute in certificate.subject.get_attributes_for_oid(NameOID.COMMON_NAME):
        yield str(attribute.value)
    try:
        others = certificate.extensions.get_extension_for_class(x509.SubjectAlternativeName)
    except x509.ExtensionNotFound:
        return
    yield from others.value.get_values_for_type(x509.DNSName)


def _issued_to(url: str) -> set[str]:
    """Whom a certificate at this URL may be issued to; GovCloud's two regions share one."""
    found = _URL.fullmatch(url)
    assert found is not None, "only what lies on SNS's own host is read"
    region, suffix = found["region"], found["suffix"]
    own = {f"{name}{region}.{suffix}" for name in ("sns.", "sns-", "sns-signing.")}
    gov = {"sns-us-gov-west-1.amazonaws.com"} if region.startswith("us-gov-") else set()
    return {"sns.amazonaws.com"} | own | gov
