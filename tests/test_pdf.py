"""Papers in any script, of any length: what is on them is read back from the PDF, and looked at as a picture."""

from __future__ import annotations

import re
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime

import pypdfium2
import pytest

from tocsin import pdf
from tocsin.fonts import printable
from tocsin.markdown import prose, to_html
from tocsin.pdf import NotPrintable, Paper, to_pdf

NOON = datetime(2026, 3, 2, 12, tzinfo=UTC)
MARGIN = 22 / 210
"""The share of a page's width that stays white on either side."""

NAMES = {
    "Latin": "Zoë Ðorđević-Łukaszewicz",
    "Greek": "Ελένη Παπαδοπούλου",
    "Cyrillic": "Наталія Щербак",
    "Vietnamese": "Nguyễn Thị Hường",
    "Armenian": "Հայկ Պետրոսյան",
    "Georgian": "ნინო გელაშვილი",
    "Ethiopic": "አበበ ቢቂላ",
    "Chinese": "王小明",
    "Japanese": "さくら 小林",
    "Korean": "김민준",
    "Thai": "สมชาย ใจดี",
}
"""Names that come back from a PDF as they went in."""

SHAPED = ("דוד כהן", "محمد عبد الرحمن", "देवनागरी क्षत्रिय", "তানভীর", "தமிழ்", "తెలుగు", "ខ្មែរ", "မြန်မာ", "ລາວ")
"""Names whose letters join, move or run to the left, which a reader of PDFs does not always put back."""


def paper(body: str, **changes) -> Paper:
    usual = {
        "title": "Interim status report",
        "organisation": "AllCode",
        "reference": "7F3K2",
        "at": NOON,
        "body": body,
        "foot": "Incident policy · checkout-api is down",
    }
    return Paper(**(usual | changes))


def pages(content: bytes) -> list[str]:
    with pypdfium2.PdfDocument(content) as document:
        return [page.get_textpage().get_text_bounded().replace("\r\n", "\n") for page in document]


def text(body: str, **changes) -> str:
    return "\n".join(pages(to_pdf(paper(body, **changes))))


def inked(content: bytes) -> list[tuple[float, float]]:
    """Per page, where its ink begins and ends, as shares of its width."""
    spans = []
    with pypdfium2.PdfDocument(content) as document:
        for page in document:
            image = page.render(scale=1, grayscale=True).to_pil().point(lambda grey: 255 * (grey < 200))
            left, _, right, _ = image.getbbox()
            spans.append((left / image.width, right / image.width))
    return spans


def stays_within_its_margins(content: bytes) -> bool:
    return all(begins >= MARGIN - 0.01 and ends <= 1 - MARGIN + 0.01 for begins, ends in inked(content))


# ---- any name ----


@pytest.mark.parametrize("name", NAMES.values(), ids=NAMES)
def test_a_name_in_any_script_is_printed(name):
    assert name in text(f"Owed by {name}.")


@pytest.mark.parametrize("name", SHAPED)
def test_letters_that_join_or_move_have_glyphs_too(name):
    assert printable(name) == name
    assert stays_within_its_margins(to_pdf(paper(f"{name} " * 60)))


def test_what_runs_from_right_to_left_begins_at_the_right():
    with pypdfium2.PdfDocument(to_pdf(paper("שלום עולם"))) as document:
        page = document[0]
        assert min(left for left, *_ in letters(page, "שלוםעולם")) > page.get_width() / 2


def letters(page, wanted: str):
    """The boxes of those letters on a page."""
    found = page.get_textpage()
    for index in range(found.count_chars()):
        if found.get_text_range(index, 1) in wanted:
            yield found.get_charbox(index)


def test_hebrew_within_english_reads_from_right_to_left_in_its_place():
    with pypdfium2.PdfDocument(to_pdf(paper("told אב by phone"))) as document:
        page = document[0]
        (alef,), (bet,) = list(letters(page, "א")), list(letters(page, "ב"))
        assert bet[2] <= alef[0] + 0.5


def test_what_no_font_has_is_named_and_nothing_breaks():
    family = "\U0001f468\u200d\U0001f469\u200d\U0001f467"
    title = f"# Fire \U0001f525 in the {family} room \U0001f1ea\U0001f1f8 \u2764\ufe0f"
    assert "Fire [fire] in the [man][woman][girl] room ES \u2764" in text(title, title="\U0001f525")


def test_characters_that_would_turn_a_text_around_or_end_it_are_left_out():
    assert printable("pay\u202e001\u202c\x00 \x1bnow\ufe0f") == "pay001 now"


# ---- any length ----


@pytest.mark.parametrize(
    "body",
    [
        "W" * 5_000,
        "Ы" * 500,
        "สวัสดี" * 500,
        "漢字" * 1_000,
        "https://example.com/" + "path/" * 200,
        "`" + "code" * 300 + "`",
        "```\n" + "x" * 600 + "\n```",
        "| a | b |\n|---|---|\n| " + "y" * 400 + " | z |",
        "|" + " head |" * 20 + "\n|" + "---|" * 20 + "\n|" + " wwwwwwwwwwww |" * 20,
        "# " + "Title" * 200,
        "\n\n".join("> " * depth + "deep" for depth in range(30)),
        "- item\n" * 300,
    ],
    ids=["word", "cyrillic", "thai", "chinese", "url", "code", "block", "table", "wide table", "title", "deep", "list"],
)  # fmt: skip
def test_nothing_runs_off_the_page(body):
    assert stays_within_its_margins(to_pdf(paper(body)))


def test_a_long_word_is_whole_when_it_is_copied():
    digest = "9f86d081884c7d659a2feaa0c55ad015a3bf4f1b2b0b822cd15d6c15b0f00a08"
    assert digest in re.sub(r"\s", "", text(f"SHA-256 {digest}"))


def test_a_timeline_of_three_hundred_entries_goes_on_page_after_page():
    printed = pages(to_pdf(paper("\n".join(f"- 04:00: entry {number} happened" for number in range(300)))))
    assert "entry 299 happened" in printed[-1]
    assert f"Page 1 of {len(printed)}" in printed[0]
    assert f"Page {len(printed)} of {len(printed)}" in printed[-1]
    assert all("AllCode" in page and "7F3K2" in page for page in printed)


@pytest.mark.parametrize("body", ["", "\n", "#", "-", "| |\n|-|", "*", "> "])
def test_what_is_empty_is_printed_empty(body):
    assert "7F3K2" in text(body)


# ---- what is on it ----


def test_markdown_looks_like_what_it_says():
    printed = text(
        "# Report\n\nSome **strong** words and a [link](https://example.com).\n\n"
        "3. third\n4. fourth\n   - inner\n\n| when | what |\n|---|---|\n| 04:00 | **alarm** |\n\n---\n\n![plan](x.png)"
    )
    lines = ("Report", "Some strong words", "and a link.", "3. third", "4. fourth", "• inner", "when what")
    for line in (*lines, "04:00 alarm", "plan"):
        assert line in printed
    assert "**" not in printed


def test_text_is_never_a_program():
    assert '#panic("no") $x$ \\ @ref <label> #sys' in text('\\#panic("no") $x$ \\\\ @ref \\<label\\> \\#sys')


def test_what_is_not_yet_known_stands_out():
    known, owed = to_pdf(paper("owed by Dana")), to_pdf(paper("*owed by Dana*"))
    assert amber(owed) > 1_000
    assert amber(known) == 0


def amber(content: bytes) -> int:
    """How many pixels of the first page are tinted."""
    with pypdfium2.PdfDocument(content) as document:
        colours = document[0].render(scale=1).to_pil().convert("RGB").getcolors(1 << 20)
    return sum(count for count, colour in colours if colour == (0xFF, 0xF6, 0xE0))


def test_every_page_of_a_drill_says_that_it_is_one():
    printed = pages(to_pdf(paper("- entry\n" * 200, drill="This is a drill. Nothing has happened.")))
    assert len(printed) > 2
    assert all("This is a drill" in page and "DRILL" in page for page in printed)


def test_a_letter_begins_with_its_address_and_date():
    printed = text(
        "# Notice", address=("Robin Castillo", "1 Pier Road", "4400 Pedra"), dateline="2 March 2026"
    )
    assert printed.index("Robin Castillo\n1 Pier Road\n4400 Pedra") < printed.index("Notice")
    assert "2 March 2026" in printed


def test_a_picture_is_described_for_those_who_cannot_see_it():
    picture = '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 9 9"><text x="1" y="8">seen</text></svg>'
    content = to_pdf(paper("text", picture=picture, told="Promises: 3 met."))
    assert "What happened when" in "".join(pages(content))
    assert b"/Alt" in content


def test_the_paper_names_its_title_and_its_date():
    with pypdfium2.PdfDocument(to_pdf(paper("text"))) as document:
        meta = document.get_metadata_dict()
    assert (meta["Title"], meta["Author"]) == ("Interim status report", "AllCode")
    assert meta["CreationDate"].startswith("D:20260302")


# ---- how it is made ----


def test_the_same_paper_is_the_same_file():
    first = to_pdf(paper("- one\n- two"))
    pdf._set.cache_clear()
    assert to_pdf(paper("- one\n- two")) == first


def test_many_may_be_made_at_once():
    with ThreadPoolExecutor(8) as hands:
        made = list(hands.map(lambda number: to_pdf(paper(f"number {number}")), range(24)))
    assert all(f"number {number}" in pages(content)[0] for number, content in enumerate(made))


def test_a_paper_stays_small_enough_for_a_mail():
    every_script = " ".join(NAMES.values())
    assert len(to_pdf(paper(every_script + "\n\n" + "- entry after entry\n" * 300))) < 400_000


def test_a_typesetter_that_fails_says_how_and_nothing_of_the_paper():
    with pytest.raises(NotPrintable, match=r"^the typesetter failed with TypstError$") as failed:
        to_pdf(paper("secret", picture="no picture"))
    assert "secret" not in str(failed.value)


# ---- what people write in answers ----


@pytest.mark.parametrize(
    ("written", "shown"),
    [
        ("**all** of it", "<strong>all</strong>"),
        ("- one\n- two", "<li"),
        ("| a | b |\n|---|---|\n| 1 | 2 |", "<td"),
        ("*.example.com and *.org", "*.example.com and *.org"),
        ("_not_ *this* ***that***", "_not_ *this* ***that***"),
        ("[click](https://evil.example) <b>", "[click](https://evil.example) &lt;b&gt;"),
        ("# loud", "# loud"),
        ("loud\n---", "---"),
        ("loud\n====", "===="),
        ("`rm -rf`", "`rm -rf`"),
    ],
)
def test_answers_may_have_lists_strong_words_and_tables_and_no_more(written, shown):
    html = to_html(prose(written))
    assert shown in html
    assert not re.search("<(a|em|h[1-6]|code|pre)\\b", html)
