from functools import reduce
from itertools import permutations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.delivery import DeliveryState as State
from tocsin.domain.delivery import forward

STATES = st.sampled_from(State)
FINAL = [State.FAILED, State.ANSWERED]


@pytest.mark.parametrize(
    "reports",
    [
        [State.QUEUED, State.SENT, State.DELIVERED],
        [State.QUEUED, State.SENT, State.FAILED],
        [State.QUEUED, State.SENT, State.FAILED_FOR_NOW, State.DELIVERED],
        [State.SENT, State.DELIVERED, State.FAILED],
        [State.QUEUED, State.SENT, State.ANSWERED],
        [State.QUEUED, State.SENT, State.NO_ANSWER],
        [State.SENT, State.NO_ANSWER, State.ANSWERED],
    ],
)
def test_reports_in_any_order_and_doubled_end_in_the_same_state(reports: list[State]) -> None:
    for shuffled in permutations(reports):
        assert reduce(forward, [*shuffled, *shuffled]) == reports[-1]


def test_delivered_never_goes_back_to_sent() -> None:
    assert forward(State.DELIVERED, State.SENT) is State.DELIVERED


def test_a_message_taken_and_then_returned_has_failed() -> None:
    assert forward(State.DELIVERED, State.FAILED) is State.FAILED


def test_a_key_shows_a_person_where_a_machine_was_supposed() -> None:
    assert forward(State.NO_ANSWER, State.ANSWERED) is State.ANSWERED


@given(st.sampled_from([state for state in State if state is not State.ANSWERED]))
def test_a_call_that_nobody_took_is_nothing_else_later(new: State) -> None:
    assert forward(State.NO_ANSWER, new) is State.NO_ANSWER


@given(st.sampled_from(FINAL), STATES)
def test_what_is_final_stays(old: State, new: State) -> None:
    assert forward(old, new) is old


@given(STATES, STATES)
def test_a_step_forward_is_never_undone(old: State, new: State) -> None:
    reached = forward(old, new)

    assert reached in {old, new}
    assert forward(reached, old) is reached
    assert forward(reached, new) is reached
