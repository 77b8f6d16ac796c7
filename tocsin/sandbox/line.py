"""One phone call, from the first ring to the end.

A person acts on a call through its line: picks up, presses keys, hangs up. Pressing a key on a ringing phone picks
it up first. The line carries out the call's TwiML and reports its progress to the product as Twilio does.
"""

from __future__ import annotations

import asyncio
from collections import deque
from urllib.parse import urljoin

from tocsin.sandbox import twiml
from tocsin.sandbox.callbacks import ANSWER_WAITS, Courier, UndeliveredError, twilio_post
from tocsin.sandbox.config import SandboxConfig
from tocsin.sandbox.models import Message
from tocsin.sandbox.store import Store
from tocsin.sandbox.tasks import Background, Rest
from tocsin.sandbox.twilio import API_VERSION, rfc2822
from tocsin.sandbox.twiml import Gather, Hangup, Pause, Redirect, Say, TwimlError

PICK_UP = "pick-up"
HANG_UP = "hang-up"
SAY = "say: "
"""Goes before the words that a person says."""

MAX_DOCUMENTS = 50
"""Documents that one call may go through before it is taken for a loop."""

_CONFIDENCE = "0.9"
"""How sure Twilio is of the words that it heard; nobody mumbles here."""

APOLOGY = "We are sorry, an application error has occurred. Goodbye."
"""What Twilio says when the product's answer is missing or makes no sense."""


class _Silence:
    """Nothing was done for as long as somebody waited; each wait has its own."""


class _HungUpError(Exception):
    """The call is over: somebody hung up. Ends the document that is being carried out."""


class Line:
    """Carries one call; `do` is how a person acts on it."""

    def __init__(
        self, call: Message, config: SandboxConfig, store: Store, courier: Courier, background: Background
    ) -> None:
        self._call = call
        self._config = config
        self._store = store
        self._courier = courier
        self._background = background
        self._acts: asyncio.Queue[str | _Silence] = asyncio.Queue()
        self._pressed: deque[str] = deque()
        self._spoken: deque[str] = deque()
        self._listening = 0.0
        self._reports = 0
        self._rest = Rest(background)

    def do(self, *acts: str) -> None:
        """Let the person act: `PICK_UP`, `HANG_UP`, a key, or words after `SAY`."""
        for act in acts:
            self._acts.put_nowait(act)
        self._rest.end()

    async def run(self) -> None:
        """The whole call. A line that the phone's behaviour answers by itself needs no person."""
        self._report("initiated", "initiated")
        if self._behaviour() == "failed":
            self._end("failed")
            return
        self._become("ringing", "ringing")
        answer = await self._ring()
        if answer != PICK_UP:
            self._end(answer)
            return
        self._store.change(self._call, answered_at=self._store.now())
        self._become("in-progress", "answered")
        self._detect_who_took_it()
        await self._talk()
        self._end("completed")

    async def dial(self) -> None:
        """The whole of a call that a person makes: the product answers it with its first document."""
        await self._talk()
        self._end("completed")

    def fail(self) -> None:
        """End a call that was under way when the sandbox last stopped."""
        self._end("failed")

    async def _ring(self) -> str:
        """`PICK_UP`, `busy` or `no-answer`."""
        behaviour = self._behaviour()
        if behaviour == "busy":
            return "busy"
        if behaviour == "voicemail":
            return PICK_UP
        if behaviour.startswith("press:"):
            self._pressed.extend(behaviour.removeprefix("press:"))
            return PICK_UP
        return await self._wait_for_person()

    async def _wait_for_person(self) -> str:
        act = await self._act_within(self._call.ring_seconds)
        if act is None:
            return "no-answer"
        if act == HANG_UP:
            return "busy"
        self._keep(act)
        return PICK_UP

    def _keep(self, act: str) -> None:
        """A key that is pressed, or a word that is said, before it is asked for counts once it is."""
        if act.startswith(SAY):
            self._spoken.append(act.removeprefix(SAY))
        elif act != PICK_UP:
            self._pressed.append(act)

    async def _talk(self) -> None:
        """Carry out documents until one ends the call."""
        try:
            text, url = await self._first_document()
            for _ in range(MAX_DOCUMENTS):
                following = await self._carry_out(twiml.parse(text), url)
                if following is None:
                    return
                text, url = following
            raise TwimlError(f"the call went through {MAX_DOCUMENTS} documents; it seems to run in a circle")
        except _HungUpError:
            return
        except (UndeliveredError, TwimlError) as error:
            self._note("said", APOLOGY)
            self._store.change(self._call, error_code=11200, error_message=str(error))

    async def _first_document(self) -> tuple[str, str]:
        if not self._call.url:  # it goes before Twiml when both are given
            return self._call.twiml, ""
        document = await self._ask(self._call.url, {})
        if self._call.direction == "inbound":
            self._store.change(self._call, status="in-progress", answered_at=self._store.now())
        return document

    async def _carry_out(self, verbs: tuple[twiml.Verb, ...], base: str) -> tuple[str, str] | None:
        """Carry out one document; the next one with its URL, or None at the end of the call."""
        for verb in verbs:
            match verb:
                case Say() | Pause():
                    self._prompt(verb)
                case Gather():
                    given = await self._gather(verb)
                    if any(given.values()) or verb.post_empty:
                        return await self._ask(self._resolve(verb.action, base), given)
                case Redirect():
                    return await self._ask(self._resolve(verb.url, base), {})
                case Hangup():
                    return None
        return None

    async def _gather(self, gather: Gather) -> dict[str, str]:
        """What the product is told of the answer."""
        for prompt in gather.prompts:
            self._prompt(prompt)
        patience, self._listening = gather.timeout + self._listening, 0.0
        if gather.speech:
            words = await self._next_words(patience)
            return {"SpeechResult": words, "Confidence": _CONFIDENCE} if words else {}
        return {"Digits": await self._keys(gather, patience)}

    async def _keys(self, gather: Gather, patience: float) -> str:
        digits = ""
        while gather.num_digits is None or len(digits) < gather.num_digits:
            key = await self._next_key(patience)
            if key is None or key == gather.finish_on_key:
                break
            digits += key
            patience = gather.timeout
        if digits:
            self._note("pressed", digits)
        return digits

    async def _next_key(self, patience: float) -> str | None:
        """The next key, or None when none is pressed in time; the person may hang up instead."""
        if not self._pressed and self._behaviour() == "voicemail":
            return None  # a machine presses nothing, however long one waits
        while not self._pressed:
            if not await self._does_something(patience):
                return None
        return self._pressed.popleft()

    async def _next_words(self, patience: float) -> str:
        """What the person says, or nothing; they may hang up instead."""
        while not self._spoken:
            if not await self._does_something(patience):
                return ""
        words = self._spoken.popleft()
        self._note("heard", words)
        return words

    async def _does_something(self, patience: float) -> bool:
        """Whether the person does something in time; what they do is kept. Hanging up ends the call."""
        act = await self._act_within(patience)
        if act == HANG_UP:
            raise _HungUpError
        if act is not None:
            self._keep(act)
        return act is not None

    async def _act_within(self, seconds: float) -> str | None:
        """What the person does next, or `None` when they do nothing for so long."""
        silence = _Silence()
        falling_silent = self._background.spawn(self._fall_silent(silence, seconds))
        try:
            act = await self._next_act()
            while isinstance(act, _Silence) and act is not silence:  # of an earlier wait, and come too late
                act = await self._next_act()
        finally:
            falling_silent.cancel()
        return None if isinstance(act, _Silence) else act

    async def _next_act(self) -> str | _Silence:
        if self._acts.empty():
            self._rest.begin()
        return await self._acts.get()

    async def _fall_silent(self, silence: _Silence, seconds: float) -> None:
        await self._background.sleep(seconds)
        self._acts.put_nowait(silence)
        self._rest.end()

    def _prompt(self, prompt: Say | Pause) -> None:
        """Speak at once, but remember how long a person would listen before a key can be expected."""
        if isinstance(prompt, Pause):
            self._listening += prompt.seconds
        else:
            self._note("said", prompt.text)
            self._listening += max(1, prompt.loop) * len(prompt.text.split()) * self._config.seconds_per_word

    def _note(self, what: str, text: str) -> None:
        self._store.change(self._call, transcript=[*self._call.transcript, (what, text)])

    def _resolve(self, url: str, base: str) -> str:
        """`url` against the document's own; a document without URL cannot name a relative one."""
        resolved = urljoin(base, url)
        if not resolved.startswith(("http://", "https://")):
            raise TwimlError(
                f"'{url}' is not an absolute URL, and TwiML given with the call has none to complete it"
            )
        return resolved

    async def _ask(self, url: str, fields: dict[str, str]) -> tuple[str, str]:
        """The TwiML document that the product answers with, and where it came from."""
        post = twilio_post(
            self._config.auth_token, url, {**self._fields(self._call.status), **fields}, "twiml"
        )
        return await self._courier.deliver(post, [self._call], waits=ANSWER_WAITS), url

    def _detect_who_took_it(self) -> None:
        """Find out whether a machine took the call, and tell the product, if it wants to know. Nobody is misheard here,
        and it takes no time."""
        call = self._call
        if not call.detects_machine:
            return
        taker = "machine_start" if self._behaviour() == "voicemail" else "human"
        self._store.change(call, answered_by=taker)
        if call.amd_callback:
            fields = {
                "CallSid": call.id,
                "AccountSid": self._config.account_sid,
                "AnsweredBy": taker,
                "MachineDetectionDuration": "0",
            }
            self._courier.send(
                call, twilio_post(self._config.auth_token, call.amd_callback, fields, f"taken by {taker}")
            )

    def _become(self, status: str, event: str) -> None:
        self._store.change(self._call, status=status)
        self._report(event, status)

    def _end(self, status: str) -> None:
        self._store.change(self._call, status=status, ended_at=self._store.now())
        self._report("completed", status)

    def _report(self, event: str, status: str) -> None:
        """Tell the product, if it asked for this event; `completed` is told for every way a call can end."""
        call = self._call
        number, self._reports = self._reports, self._reports + 1
        if not call.status_callback or event not in call.status_events:
            return
        fields = {
            **self._fields(status),
            "CallbackSource": "call-progress-events",
            "SequenceNumber": str(number),
            "Timestamp": rfc2822(self._store.now()) or "",
        }
        if status == "completed":
            fields["CallDuration"] = str(duration(call))
        if call.answered_by:
            fields["AnsweredBy"] = call.answered_by
        post = twilio_post(self._config.auth_token, call.status_callback, fields, status)
        self._courier.send(call, post)

    def _fields(self, status: str) -> dict[str, str]:
        call = self._call
        return {
            "CallSid": call.id,
            "CallStatus": status,
            "To": call.to,
            "Called": call.to,
            "From": call.sender,
            "Caller": call.sender,
            "Direction": direction(call),
            "AccountSid": self._config.account_sid,
            "ApiVersion": API_VERSION,
        }

    def _behaviour(self) -> str:
        return self._store.behaviour(self._call.person, "call")


def direction(call: Message) -> str:
    """Which way a call goes, in Twilio's words."""
    return "inbound" if call.direction == "inbound" else "outbound-api"


def duration(call: Message) -> int:
    """How long a call was answered, in whole seconds, rounded up as it is billed."""
    if call.answered_at is None or call.ended_at is None:
        return 0
    return max(1, -int(-(call.ended_at - call.answered_at) // 1))
