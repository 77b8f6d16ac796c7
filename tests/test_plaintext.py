"""The plain part of an email says what the other says, and shows no markup."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.markdown import escape
from tocsin.plaintext import to_text


@pytest.mark.parametrize(
    ("markdown", "text"),
    [
        ("# Checkout is down\n\n**Now.**", "Checkout is down\n\nNow."),
        ("## What happened\n\nIt *rained*.", "What happened\n-------------\n\nIt rained."),
        ("*Not yet known*", "[Not yet known]"),
        ("[answer here](https://t.example/a)", "answer here:\nhttps://t.example/a"),
        (
            "See [this](https://t.example/a) or\ntype `tocsin ack`",
            "See this:\nhttps://t.example/a\nor\ntype tocsin ack",
        ),
        ("<https://t.example/a>", "https://t.example/a"),
        ("- one\n  - inner\n- two", "- one\n  - inner\n- two"),
        ("3. three\n4. four", "3. three\n4. four"),
        ("> # Dear all\n>\n> We **were**", "> Dear all\n> \n> We were"),
        ("| a | b |\n|---|---|\n| 1 | **2** |", "a | b\n1 | 2"),
        ("```\nx = 1\n  y\n```", "x = 1\n  y"),
        ("a\n\n---\n\nb", "a\n\n---\n\nb"),
        ("![a map](https://t.example/m.png)", "a map"),
        ("", ""),
    ],
)
def test_markup_becomes_what_a_person_would_have_typed(markdown: str, text: str) -> None:
    assert to_text(markdown) == text


@given(st.text(alphabet="aZ9*_[]()<>&#|~!`\\{}$%^:;.,", min_size=1))
def test_what_a_monitor_says_stands_as_it_came(said: str) -> None:
    assert to_text(f"# {escape(f'x{said}x')}") == f"x{said}x"
