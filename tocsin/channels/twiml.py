"""What Twilio is told to say on the phone, as TwiML documents. Source: twilio.com/docs/voice/twiml."""

from __future__ import annotations

from twilio.twiml.voice_response import Gather, VoiceResponse

from tocsin.domain.channel import Call

SECONDS_FOR_A_KEY = 8
"""How long the call waits for a key after the last word."""

SECONDS_FOR_A_WORD = 10
"""How long the call waits for somebody to begin to speak. Twilio listens for 60 s in all."""

SECONDS_OF_SILENCE = 3
"""How long somebody must say nothing to have finished."""


def spoken(call: Call) -> str:
    """The call itself: the message twice, and a key taken if `call` has an `answer_url`."""
    response = VoiceResponse()
    if call.answer_url is None:
        _say_twice(response, call)
    else:
        _ask_for_key(response, call, call.answer_url)
    return str(response)


def thanks(text: str, language: str = "en-US") -> str:
    """The reply to a key that was understood: `text`, and the call ends."""
    response = VoiceResponse()
    response.say(text, language=language)
    response.hangup()
    return str(response)


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


def again(call: Call) -> str:
    """The reply to a key that means nothing: say so, then the whole call once more."""
    response = VoiceResponse()
    response.say("That key has no meaning here.", language="en-US")
    _ask_for_key(response, call, call.answer_url)
    return str(response)


def _ask_for_key(response: VoiceResponse, call: Call, answer_url: str | None) -> None:
    gather = Gather(num_digits=1, action=answer_url, method="POST", timeout=SECONDS_FOR_A_KEY)
    _say_twice(gather, call)
    response.append(gather)
    # Our own sentence is English whatever the language of the message, and has to be read as English.
    response.say("We did not receive a key.", language="en-US")
    response.hangup()


def _say_twice(verbs: VoiceResponse | Gather, call: Call) -> None:
    verbs.say(call.say, language=call.language)
    verbs.pause(length=1)
    verbs.say(call.say, language=call.language)
