import base64
import subprocess
import sys

import pytest
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from cryptography.hazmat.primitives.hashes import SHA256
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from hypothesis import given
from hypothesis import strategies as st
from sendgrid.helpers.eventwebhook import EventWebhook
from starlette.datastructures import FormData
from twilio.request_validator import RequestValidator

from tocsin.channels.signatures import SendGridEvents, twilio_signature_is_valid

URL = "https://tocsin.example/twilio/sms?incident=7f3k2"
PARAMS = {"MessageSid": "SM1", "MessageStatus": "delivered"}
SIGNED = RequestValidator("token").compute_signature(URL, PARAMS)

PRIVATE_KEY = ec.generate_private_key(ec.SECP256R1())
BODY = b'[{"event":"delivered"}]'
TIMESTAMP = "1772366400"


def public(key: ec.EllipticCurvePublicKey | rsa.RSAPublicKey) -> str:
    return base64.b64encode(key.public_bytes(Encoding.DER, PublicFormat.SubjectPublicKeyInfo)).decode()


def sign(timestamp: str, body: bytes) -> str:
    return base64.b64encode(PRIVATE_KEY.sign(timestamp.encode() + body, ec.ECDSA(SHA256()))).decode()


EVENTS = SendGridEvents(public(PRIVATE_KEY.public_key()))


def test_twilios_own_example_is_valid() -> None:
    # twilio.com/docs/usage/security: the worked example, with the auth token 12345
    params = {
        "CallSid": "CA1234567890ABCDE",
        "Caller": "+14158675309",
        "Digits": "1234",
        "From": "+14158675309",
        "To": "+18005551212",
    }
    url = "https://mycompany.com/myapp.php?foo=1&bar=2"

    assert twilio_signature_is_valid("12345", url, params, "RSOYDt4T1cUTdK1PDd93/VVr8B8=")


def test_a_twilio_signature_holds_with_the_port_and_without() -> None:
    with_port = URL.replace(".example", ".example:443")

    assert twilio_signature_is_valid("token", URL, PARAMS, SIGNED)
    assert twilio_signature_is_valid("token", with_port, PARAMS, SIGNED)
    assert twilio_signature_is_valid(
        "token", URL, PARAMS, RequestValidator("token").compute_signature(with_port, PARAMS)
    )


def test_a_field_that_comes_twice_is_signed_twice() -> None:
    form = FormData([("MediaUrl", "b"), ("MediaUrl", "a")])

    assert twilio_signature_is_valid(
        "token", URL, form, RequestValidator("token").compute_signature(URL, form)
    )


def test_another_token_url_field_or_signature_is_not_twilios() -> None:
    assert not twilio_signature_is_valid("other", URL, PARAMS, SIGNED)
    assert not twilio_signature_is_valid("token", URL + "1", PARAMS, SIGNED)
    assert not twilio_signature_is_valid("token", URL, {**PARAMS, "MessageStatus": "failed"}, SIGNED)
    assert not twilio_signature_is_valid("token", URL, PARAMS, "")


@given(st.text())
def test_no_signature_of_a_stranger_is_twilios_or_makes_us_stumble(signature: str) -> None:
    assert not twilio_signature_is_valid("token", URL, PARAMS, signature)


def test_what_sendgrid_signed_is_valid() -> None:
    signature = sign(TIMESTAMP, BODY)

    assert EVENTS.is_valid(BODY, signature, TIMESTAMP)
    assert EventWebhook(public(PRIVATE_KEY.public_key())).verify_signature(
        BODY.decode(), signature, TIMESTAMP
    )


def test_another_body_or_time_is_not_what_sendgrid_signed() -> None:
    signature = sign(TIMESTAMP, BODY)

    assert not EVENTS.is_valid(BODY + b" ", signature, TIMESTAMP)
    assert not EVENTS.is_valid(BODY, signature, "1772366401")


@pytest.mark.parametrize(
    "signature", ["", "not base64!", "é", "AAAA", base64.b64encode(b"\x30\x06").decode()]
)
def test_a_malformed_sendgrid_signature_is_not_valid(signature: str) -> None:
    assert not EVENTS.is_valid(BODY, signature, TIMESTAMP)


@pytest.mark.parametrize("timestamp", ["", "yesterday", "1e9", "٣", "\ud800"])
def test_a_malformed_timestamp_is_not_valid_even_if_it_is_signed(timestamp: str) -> None:
    signature = base64.b64encode(
        PRIVATE_KEY.sign(timestamp.encode("utf-8", "replace") + BODY, ec.ECDSA(SHA256()))
    ).decode()

    assert not EVENTS.is_valid(BODY, signature, timestamp)


@given(st.binary(), st.text(), st.text())
def test_no_stranger_makes_sendgrids_check_stumble(body: bytes, signature: str, timestamp: str) -> None:
    assert not EVENTS.is_valid(body, signature, timestamp)


@pytest.mark.parametrize(
    "key",
    [
        "",
        "not base64!",
        "AAAA",
        public(ec.generate_private_key(ec.SECP384R1()).public_key()),
        public(rsa.generate_private_key(65537, 2048).public_key()),
    ],
)
def test_a_key_that_is_not_sendgrids_is_refused_at_once(key: str) -> None:
    with pytest.raises(ValueError, match="copy the verification key"):
        SendGridEvents(key)


def test_checking_signatures_loads_neither_vendors_client() -> None:
    program = (
        "import sys, tocsin.channels.signatures, tocsin.channels.deliveries;"
        "print(sorted({'twilio.rest', 'sendgrid', 'requests', 'httpx'} & set(sys.modules)))"
    )

    loaded = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, check=True)

    assert loaded.stdout.strip() == "[]"
