"""What the vendors' documents say in words alone, or wrongly, as schemas; applied in memory.

Each row names where in the document, what is added there, and why.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import Any

Document = dict[str, Any]


@dataclass(frozen=True)
class Amendment:
    """`adds` to the schema at `where`, a path of keys."""

    where: tuple[str, ...]
    adds: dict[str, Any]
    why: str

    def apply(self, document: Document) -> None:
        """Raise `KeyError` when the document has no such place: then it has changed, and this row must."""
        schema = document
        for key in self.where:
            schema = schema[key]
        schema.update(self.adds)


_MAIL_BODY = ("components", "requestBodies", "PostMailSend", "content", "application/json", "schema")
_ENVELOPE = (*_MAIL_BODY, "properties", "personalizations", "items")
_ERROR = ("components", "schemas", "ErrorResponse", "properties", "errors", "items", "properties")

_RESERVED = [
    *("x-sg-id", "x-sg-eid", "received", "dkim-signature", "content-type", "content-transfer-encoding"),
    *("to", "from", "subject", "reply-to", "cc", "bcc"),
]

_HEADERS = {
    "additionalProperties": {"type": "string"},
    "propertyNames": {"not": {"pattern": f"^(?:{'|'.join(f'(?i:{name})' for name in _RESERVED)})$"}},
}

_ARGUMENTS = {"additionalProperties": {"type": "string"}, "format": "at-most-10000-bytes"}

MAIL = (
    Amendment((*_MAIL_BODY, "properties", "personalizations"), {"minItems": 1}, "an email needs an envelope"),
    Amendment((*_ENVELOPE, "properties", "to"), {"minItems": 1, "maxItems": 1000}, "and that a recipient"),
    Amendment(
        (*_ENVELOPE, "properties", "headers"), _HEADERS, "“You may not override the following headers”"
    ),
    Amendment(
        (*_MAIL_BODY, "properties", "headers"), _HEADERS, "“You may not override the following headers”"
    ),
    Amendment(
        (*_ENVELOPE, "properties", "substitutions"),
        {"format": "at-most-10000-bytes"},
        "“total collective size … may not exceed 10,000 bytes per personalization object”",
    ),
    Amendment((*_ENVELOPE, "properties", "custom_args"), _ARGUMENTS, "“may not exceed 10,000 bytes”"),
    Amendment((*_MAIL_BODY, "properties", "content"), {"minItems": 1}, "“at least one MIME type”"),
    Amendment(
        _MAIL_BODY,
        {
            "anyOf": [
                {"required": ["subject"]},
                {"required": ["template_id"]},
                {"properties": {"personalizations": {"items": {"required": ["subject"]}}}},
            ],
            "not": {"required": ["reply_to", "reply_to_list"]},
        },
        "a subject for every recipient; “reply_to or reply_to_list but not both”",
    ),
    Amendment(
        (*_ERROR, "field"),
        {"type": ["string", "null"]},
        "the document is OpenAPI 3.1, where the word `nullable` that it uses has no meaning any more",
    ),
    Amendment(
        (*_ERROR, "help"),
        {"type": ["object", "string", "null"]},
        "“helper text or a link to documentation”, “when applicable”: the API answers a text, or null",
    ),
)

_POST = ("post", "requestBody", "content", "application/x-www-form-urlencoded", "schema")
_MESSAGE = ("paths", "/2010-04-01/Accounts/{AccountSid}/Messages.json", *_POST)
_CALL = ("paths", "/2010-04-01/Accounts/{AccountSid}/Calls.json", *_POST)

_CALLBACK = {"pattern": r"^https?://[A-Za-z0-9.:\[\]-]+(/|\?|$)"}
"""“URLs must contain a valid hostname (underscores are not permitted)”, and a path would lead nowhere."""


def _of(schema: tuple[str, ...], name: str, adds: dict[str, Any], why: str) -> Amendment:
    return Amendment((*schema, "properties", name), adds, why)


TWILIO = (
    _of(_MESSAGE, "Body", {"minLength": 1, "maxLength": 1600}, "“up to 1,600 characters in length”"),
    _of(_MESSAGE, "StatusCallback", _CALLBACK, "“underscores are not allowed”"),
    _of(_MESSAGE, "ValidityPeriod", {"minimum": 1, "maximum": 36_000}, "“integers from 1 to 36000”"),
    Amendment(
        _MESSAGE,
        {
            "allOf": [
                {"anyOf": [{"required": ["From"]}, {"required": ["MessagingServiceSid"]}]},
                {"anyOf": [{"required": [what]} for what in ("Body", "MediaUrl", "ContentSid")]},
            ]
        },
        "somebody sends something",
    ),
    _of(_CALL, "Twiml", {"minLength": 1, "maxLength": 4000}, "“Max 4000 characters”"),
    _of(_CALL, "StatusCallback", _CALLBACK, "“underscores are not permitted”"),
    _of(_CALL, "AsyncAmdStatusCallback", _CALLBACK, "as for every callback"),
    _of(
        _CALL,
        "StatusCallbackEvent",
        {"items": {"type": "string", "enum": ["initiated", "ringing", "answered", "completed"]}},
        "“Can be: initiated, ringing, answered, and completed”, each in a parameter of its own",
    ),
    _of(_CALL, "MachineDetection", {"enum": ["Enable", "DetectMessageEnd"]}, "“Can be”"),
    _of(_CALL, "AsyncAmd", {"enum": ["true", "false"]}, "“Can be: true or false”"),
    _of(_CALL, "Timeout", {"minimum": 1, "maximum": 600}, "“the maximum is 600 seconds”"),
    _of(_CALL, "MachineDetectionSpeechThreshold", {"minimum": 1000, "maximum": 6000}, "“1000-6000”"),
    _of(_CALL, "MachineDetectionSpeechEndThreshold", {"minimum": 500, "maximum": 5000}, "“500-5000”"),
    _of(_CALL, "MachineDetectionSilenceTimeout", {"minimum": 2000, "maximum": 10_000}, "“2000-10000”"),
    Amendment(
        _CALL,
        {"anyOf": [{"required": [what]} for what in ("Twiml", "Url", "ApplicationSid")]},
        "a call must be told what to say",
    ),
    *(
        Amendment(
            ("components", "schemas", f"api.v2010.account.{what}", "properties", "subresource_uris"),
            {"additionalProperties": {"type": "string"}},
            "a map of names to addresses, which an object without properties would not be",
        )
        for what in ("message", "call")
    ),
)
