import pytest
from hypothesis import given
from hypothesis import strategies as st

from tocsin.domain.sms_text import in_gsm, shorten, sms_segments


@pytest.mark.parametrize(
    ("text", "encoding", "segments"),
    [
        ("", "GSM-7", 1),
        ("a" * 160, "GSM-7", 1),
        ("a" * 161, "GSM-7", 2),
        ("a" * 306, "GSM-7", 2),
        ("a" * 307, "GSM-7", 3),
        ("Grüße, Ångström: 5 £ @ café", "GSM-7", 1),
        ("€" * 80, "GSM-7", 1),
        ("€" * 81, "GSM-7", 2),
        ("ç", "UCS-2", 1),
        ("’" + "a" * 69, "UCS-2", 1),
        ("’" + "a" * 70, "UCS-2", 2),
        ("ш" * 134, "UCS-2", 2),
        ("ш" * 135, "UCS-2", 3),
        ("🔔" * 35, "UCS-2", 1),
        ("🔔" * 36, "UCS-2", 2),
    ],
)
def test_a_text_takes_as_many_segments_as_the_carrier_bills(text: str, encoding: str, segments: int) -> None:
    assert sms_segments(text) == (encoding, segments)


def test_a_character_of_two_units_is_never_divided() -> None:
    assert sms_segments("a" * 152 + "€" + "a" * 152) == ("GSM-7", 3), "306 units, one of each segment unused"
    assert sms_segments("🔔" * 67) == ("UCS-2", 3), "134 units; 67 is odd"


def test_a_text_that_fits_is_left_alone() -> None:
    assert shorten("a" * 160, 1) == "a" * 160


def test_a_long_text_loses_its_end() -> None:
    assert shorten("a" * 161, 1) == "a" * 157 + "..."
    assert shorten("ш" * 71, 1) == "ш" * 69 + "…"
    assert shorten("a" * 156 + " " + "b" * 10, 1) == "a" * 156 + "..."


def test_a_text_message_takes_at_least_one_segment() -> None:
    with pytest.raises(ValueError, match="at least one segment, not 0"):
        shorten("a", 0)


@given(st.text(st.sampled_from("aé €[ш🔔\n"), max_size=600), st.integers(1, 4))
def test_what_was_shortened_fits(text: str, segments: int) -> None:
    short = shorten(text, segments)

    assert sms_segments(short)[1] <= segments
    assert short == text or text.startswith(short.rstrip(".…").rstrip())


LONG = "Señal perdida en la línea número dos de producción: la aplicación no responde al tráfico"


def test_accents_give_way_where_they_would_cost_a_segment() -> None:
    assert sms_segments(LONG) == ("UCS-2", 2)
    assert in_gsm(LONG) == (
        "Señal perdida en la linea numero dos de produccion: la aplicacion no responde al trafico"
    )
    assert sms_segments(in_gsm(LONG)) == ("GSM-7", 1)


def test_accents_stay_where_they_cost_nothing() -> None:
    assert in_gsm("Línea número dos") == "Línea número dos"


@pytest.mark.parametrize(
    "text", [f"{LONG} 支払い", "Důležité: výpadek sítě v celé budově, volejte správce ihned " * 2]
)
def test_a_language_that_would_suffer_keeps_its_letters(text: str) -> None:
    assert in_gsm(text) == text


def test_typography_becomes_plain_signs() -> None:
    assert in_gsm("« Écran »\xa0– „aus“…") == '" Écran " - "aus"...'
