"""What Twilio is told to say on the phone, as TwiML documents. Source: twilio.com/docs/voice/twiml."""

from __future__ import annotations

from bisect import bisect
from collections.abc import Sequence

from twilio.twiml.voice_response import Gather, VoiceResponse

from tocsin.domain.channel import Call, Spoken

LONGEST = 4_000
"""Characters that Twilio takes with a call, mark-up included; it refuses more."""

SECONDS_FOR_A_KEY = 8
"""How long the call waits for a key after the last word."""

SECONDS_FOR_A_WORD = 10
"""How long the call waits for somebody to begin to speak. Twilio listens for 60 s in all."""

SECONDS_OF_SILENCE = 3
"""How long somebody must say nothing to have finished."""

# twilio.com/docs/voice/twiml/say/text-speech. The first region of each is for a tag that names none, or another one.
_REGIONS = {
    "ca": ("ES",),
    "cs": ("CZ",),
    "da": ("DK",),
    "de": ("DE", "AT"),
    "en": ("US", "AU", "CA", "GB", "IN"),
    "es": ("ES", "MX", "US"),
    "fi": ("FI",),
    "fr": ("FR", "CA"),
    "it": ("IT",),
    "ja": ("JP",),
    "ko": ("KR",),
    "nb": ("NO",),
    "nl": ("NL",),
    "pl": ("PL",),
    "pt": ("PT", "BR"),
    "ru": ("RU",),
    "sv": ("SE",),
    "zh": ("CN", "HK", "TW"),
}
"""The languages that Twilio's own voices speak, by region; a document that asks for another variant breaks the call."""


def spoken(call: Call) -> str:
    """The call itself: the message twice, and a key taken if `call` has an `answer_url`.

    A message that is too long is cut at its end, never what the keys do.
    """
    if len(_document(call)) <= LONGEST:
        return _document(call)
    fits = bisect(range(len(call.say)), LONGEST, key=lambda length: len(_document(_cut(call, length))))
    return _document(_cut(call, fits - 1))


def asked(words: Sequence[Spoken], action: str, silence: Spoken | None) -> str:
    """Say `words` and take a key, which goes to `action`; without one say `silence`, and the call ends."""
    response = VoiceResponse()
    _take_key(response, words, action, silence)
    return str(response)


def farewell(*words: Spoken) -> str:
    """Say `words`, and the call ends."""
    response = VoiceResponse()
    _say(response, words)
    response.hangup()
    return str(response)


def thanks(text: str, language: str = "en-US") -> str:
    """The reply to what was understood: `text`, and the call ends."""
    return farewell(Spoken(text=text, language=language))


def question(say: str, action: str, language: str = "en-US") -> str:
    """A question that is answered in words, which go to `action` as `SpeechResult`; silence goes there without it."""
    response = VoiceResponse()
    gather = Gather(
        input="speech",
        action=action,
        method="POST",
        timeout=SECONDS_FOR_A_WORD,
        speech_timeout=SECONDS_OF_SILENCE,
        action_on_empty_result=True,
        profanity_filter=False,  # it would put asterisks into a report
        language=language,
    )
    gather.say(say, language=language)
    response.append(gather)
    return str(response)


def voice_for(language: str) -> str:
    """The tag that Twilio has a voice for: `es-MX` for itself, `es-ES` for `es` and `es-CL`.

    A language that is not in the table is passed on: its templates were written by somebody who wants it spoken.
    """
    name, *subtags = language.split("-")
    regions = _REGIONS.get(name.lower())
    if regions is None:
        return language
    region = next((tag.upper() for tag in subtags if tag.upper() in regions), regions[0])
    return f"{name.lower()}-{region}"


def _cut(call: Call, length: int) -> Call:
    return call.model_copy(update={"say": f"{call.say[: max(0, length)].rstrip(' .')}..."})


def _document(call: Call) -> str:
    once = [Spoken(text=call.say, language=call.language), *([call.keys] if call.keys else [])]
    response = VoiceResponse()
    if call.answer_url is None:
        _say(response, once)
        response.pause(length=1)
        _say(response, once)
    else:
        _take_key(response, once, call.answer_url, call.silence, times=2)
    return str(response)


def _take_key(
    response: VoiceResponse, words: Sequence[Spoken], action: str, silence: Spoken | None, times: int = 1
) -> None:
    gather = Gather(
        num_digits=1,
        action=action,
        method="POST",
        timeout=SECONDS_FOR_A_KEY,
        finish_on_key="",  # else # would end the entry, and nobody would be told that it has no meaning
    )
    for time in range(times):
        if time:
            gather.pause(length=1)
        _say(gather, words)
    response.append(gather)
    _say(response, [silence] if silence else [])
    response.hangup()


def _say(verbs: VoiceResponse | Gather, words: Sequence[Spoken]) -> None:
    for each in words:
        verbs.say(each.text, language=voice_for(each.language))
