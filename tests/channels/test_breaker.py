"""When a vendor's account is passed over, and when it is used again."""

from __future__ import annotations

import logging
from concurrent.futures import ThreadPoolExecutor

import pytest
from hypothesis import strategies as st
from hypothesis.stateful import RuleBasedStateMachine, invariant, precondition, rule

from tocsin.channels.breaker import Breaker, BreakerPolicy, BreakerState

POLICY = BreakerPolicy()


class Clock:
    """Seconds that pass when the test says so."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


@pytest.fixture
def clock() -> Clock:
    return Clock()


@pytest.fixture
def breaker(clock: Clock) -> Breaker:
    return Breaker("twilio", clock=clock)


@pytest.fixture
def opened(breaker: Breaker) -> Breaker:
    for _ in range(POLICY.failures):
        breaker.failed("try_again")
    return breaker


def test_one_failure_or_two_change_nothing(breaker: Breaker) -> None:
    breaker.failed("try_again")
    breaker.failed("OutcomeUnknown")

    assert (breaker.state, breaker.admits()) == (BreakerState.CLOSED, True)


def test_three_in_a_row_and_nothing_goes_that_way_for_a_while(opened: Breaker, clock: Clock) -> None:
    assert (opened.state, opened.admits(), opened.due_in) == (BreakerState.OPEN, False, POLICY.pause)

    clock.now += POLICY.pause - 1

    assert not opened.admits()


def test_a_success_in_between_begins_the_count_anew(breaker: Breaker) -> None:
    for _ in range(4):
        breaker.failed("try_again")
        breaker.failed("try_again")
        breaker.succeeded()

    assert breaker.state is BreakerState.CLOSED


def test_failures_that_are_far_apart_say_nothing_about_now(breaker: Breaker, clock: Clock) -> None:
    for _ in range(10):
        breaker.failed("try_again")
        clock.now += POLICY.window / 2 + 1

    assert breaker.state is BreakerState.CLOSED


def test_after_the_pause_one_message_finds_out_and_the_others_go_another_way(
    opened: Breaker, clock: Clock
) -> None:
    clock.now += POLICY.pause

    with ThreadPoolExecutor(8) as threads:
        admitted = list(threads.map(lambda _: opened.admits(), range(40)))

    assert admitted.count(True) == 1
    assert opened.state is BreakerState.HALF_OPEN


def test_a_probe_that_gets_through_puts_the_way_back_in_use(opened: Breaker, clock: Clock) -> None:
    clock.now += POLICY.pause
    assert opened.admits()

    opened.succeeded()

    assert (opened.state, opened.admits(), opened.due_in) == (BreakerState.CLOSED, True, 0)


def test_each_probe_that_fails_doubles_the_pause_up_to_the_longest(opened: Breaker, clock: Clock) -> None:
    pauses = []
    for _ in range(5):
        clock.now += opened.due_in
        assert opened.admits()
        opened.failed("try_again")
        pauses.append(opened.due_in)

    assert pauses == [30, 60, 120, 120, 120]


def test_a_probe_of_which_nothing_is_heard_does_not_shut_the_way_for_ever(
    opened: Breaker, clock: Clock
) -> None:
    clock.now += POLICY.pause
    assert opened.admits()
    assert not opened.admits()

    clock.now += POLICY.patience

    assert opened.admits()


def test_a_vendor_that_names_a_time_is_left_alone_until_then_within_reason(breaker: Breaker) -> None:
    breaker.failed("try_again")
    breaker.failed("try_again")
    breaker.failed("try_again", retry_after=40)
    assert breaker.due_in == 40

    other = Breaker("other", clock=Clock())
    for _ in range(3):
        other.failed("try_again", retry_after=86_400)
    assert other.due_in == POLICY.longest_pause


def test_late_news_of_failures_does_not_put_the_next_probe_off(opened: Breaker, clock: Clock) -> None:
    clock.now += POLICY.pause - 1

    opened.failed("try_again")

    assert opened.due_in == 1


def test_whoever_asks_is_told_what_failed_last_and_when(breaker: Breaker, clock: Clock) -> None:
    assert breaker.last_failure is None
    breaker.failed("OutcomeUnknown")
    clock.now += 7

    last = breaker.last_failure

    assert last is not None
    assert (last.kind, last.seconds_ago) == ("OutcomeUnknown", 7)


def test_the_log_says_when_a_way_is_given_up_and_when_it_works_again(
    breaker: Breaker, caplog: pytest.LogCaptureFixture
) -> None:
    with caplog.at_level(logging.INFO):
        for _ in range(5):
            breaker.failed("try_again")
        breaker.succeeded()
        breaker.succeeded()

    assert [(record.levelname, record.getMessage()) for record in caplog.records] == [
        ("ERROR", "twilio does not work (try_again): passed over for 15 s at least"),
        ("WARNING", "twilio works again"),
    ]


class ABreakerWhateverHappens(RuleBasedStateMachine):
    """Any order of questions, answers and waiting."""

    def __init__(self) -> None:
        super().__init__()
        self.clock = Clock()
        self.breaker = Breaker("twilio", clock=self.clock)
        self.failures_in_a_row: list[float] = []

    @rule(seconds=st.integers(0, 200))
    def time_passes(self, seconds: int) -> None:
        self.clock.now += seconds

    @rule()
    def somebody_asks(self) -> None:
        state, wait = self.breaker.state, self.breaker.due_in

        admitted = self.breaker.admits()

        assert admitted is (wait == 0)
        if admitted and state is not BreakerState.CLOSED:
            assert not self.breaker.admits(), "one probe at a time"

    @rule()
    def something_gets_through(self) -> None:
        self.breaker.succeeded()

        self.failures_in_a_row.clear()
        assert self.breaker.state is BreakerState.CLOSED

    @rule(retry_after=st.sampled_from([0.0, 1.0, 50.0, 1e9]))
    def something_fails(self, retry_after: float) -> None:
        before = self.breaker.state
        self.failures_in_a_row.append(self.clock.now)

        self.breaker.failed("try_again", retry_after)

        recent = self.failures_in_a_row[-POLICY.failures :]
        is_too_much = len(recent) == POLICY.failures and self.clock.now - recent[0] <= POLICY.window
        closed = before is BreakerState.CLOSED and not is_too_much
        assert self.breaker.state is (BreakerState.CLOSED if closed else BreakerState.OPEN)

    @precondition(lambda self: self.breaker.state is BreakerState.OPEN)
    @rule()
    def the_pause_ends(self) -> None:
        self.clock.now += self.breaker.due_in

        assert self.breaker.state is BreakerState.HALF_OPEN
        assert self.breaker.admits()

    @invariant()
    def nobody_waits_longer_than_the_longest_pause(self) -> None:
        assert 0 <= self.breaker.due_in <= POLICY.longest_pause

    @invariant()
    def a_closed_breaker_lets_everybody_through(self) -> None:
        if self.breaker.state is BreakerState.CLOSED:
            assert self.breaker.admits()


TestABreakerWhateverHappens = ABreakerWhateverHappens.TestCase
