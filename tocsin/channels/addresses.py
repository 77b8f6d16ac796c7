"""Email addresses beyond ASCII (RFC 5890, 6531): a domain has a spelling in ASCII, the name before the @ has none."""

from __future__ import annotations

import idna

from tocsin.domain.channel import Refused


class NotCarried(Refused):
    """This way cannot carry such an address and another may; the vendor was not even asked."""


def in_ascii(address: str) -> str:
    """The address with its domain as DNS has it: `zoe@exämple.com` is `zoe@xn--exmple-cua.com`.

    Raises `NotCarried` for a name that is not ASCII, and `Refused` for a domain that cannot be one. Neither names the
    address.
    """
    if address.isascii():
        return address
    name, _, domain = address.rpartition("@")
    if not name.isascii():
        raise NotCarried(
            "the name before the @ has letters beyond ASCII, which only a mail server with SMTPUTF8 carries; "
            "give another address, or set SMTP_HOST"
        )
    return f"{name}@{domain_in_ascii(domain)}"


def domain_in_ascii(domain: str) -> str:
    """The domain as DNS has it. Raises `Refused`."""
    if domain.isascii():
        return domain
    try:
        # Not Python's own codec: that is IDNA 2003, for which straße.example is another domain, strasse.example.
        return idna.encode(domain, uts46=True).decode()
    except idna.IDNAError:
        raise Refused("the address has a domain that is none (RFC 5891); correct it") from None


def spellings(address: str) -> tuple[str, ...]:
    """The address as a vendor has it and, where its domain has letters beyond ASCII, as people write it."""
    name, _, domain = address.rpartition("@")
    if "xn--" not in domain.lower():
        return (address,)
    try:
        return address, f"{name}@{idna.decode(domain)}"
    except idna.IDNAError:  # no domain that we could have written to
        return (address,)
