"""The PDF: question N on page N, every character kept, and nothing in an answer taken for markup."""

from __future__ import annotations

import io
from pathlib import Path

import pytest
from PIL import Image
from pypdf import PdfReader

from grading.questions import questions
from grading.submission.pdf import Heading, Page, markup, picture_bytes, render, template_pages
from snippets.parts import PARTS
from tests.grading.pictures import picture
from tests.grading.submission.handed_in import pdf_text


def test_a_long_answer_continues_after_the_last_question(small_questions: Path, tmp_path: Path) -> None:
    asked = questions("model")
    words = [f"w{number}" for number in range(4000)]
    pages = [Page(question, answer="short") for question in asked]
    pages[2] = Page(asked[2], answer=" ".join(words))
    (tmp_path / "long.pdf").write_bytes(render(Heading("t"), pages)[0])
    third = pdf_text(tmp_path / "long.pdf", 3)
    assert "continued on page 6" in third and "w0 " in third
    assert asked[3].id in pdf_text(tmp_path / "long.pdf", 4)
    assert "Question 3, continued" in pdf_text(tmp_path / "long.pdf", 6)
    everything = pdf_text(tmp_path / "long.pdf").split()
    assert set(words) <= set(everything)


def test_names_in_every_script_survive_and_nothing_is_dropped(small_questions: Path, tmp_path: Path) -> None:
    asked = questions("model")[:1]
    pages = [Page(asked[0], answer="\u5f20\u4f1f \u0645\u062d\u0645\u062f \U0001f600 a\u202eb \ue000 \x07")]
    pdf, replaced = render(Heading("t", name="\u5f20\u4f1f \u0645\u062d\u0645\u062f \U0001f680"), pages)
    (tmp_path / "names.pdf").write_bytes(pdf)
    text = pdf_text(tmp_path / "names.pdf")
    assert "\u5f20\u4f1f" in text and "\U0001f600" in text and "\U0001f680" in text
    assert "U+202E" in text and "U+E000" in text and "U+0007" in text
    assert set(replaced) == {"\u202e", "\ue000", "\x07"}


def test_markup_in_an_answer_is_text(small_questions: Path, tmp_path: Path) -> None:
    pages = [Page(questions("model")[0], answer='#panic("x") $y$ *b* @ref \\ #image("data.json") </script>')]
    (tmp_path / "markup.pdf").write_bytes(render(Heading("t"), pages)[0])
    assert '#panic("x") $y$ *b* @ref \\ #image("data.json") </script>' in pdf_text(tmp_path / "markup.pdf")


def test_a_template_has_one_empty_page_per_question(small_questions: Path, tmp_path: Path) -> None:
    asked = questions("model")
    (tmp_path / "template.pdf").write_bytes(render(Heading("t"), template_pages(asked))[0])
    assert len(PdfReader(tmp_path / "template.pdf").pages) == len(asked)


def test_code_bold_words_and_paragraphs_of_a_question_are_set_as_such() -> None:
    pieces = markup("Is `all`\nthe **fastest**?\n\nSay *why*.")
    assert [(piece["kind"], piece["text"]) for piece in pieces] == [
        ("text", "Is "),
        ("code", "all"),
        ("text", " the "),
        ("bold", "fastest"),
        ("text", "?"),
        ("break", ""),
        ("text", "Say "),
        ("emphasis", "why"),
        ("text", "."),
    ]


def test_no_asterisk_is_left_of_a_span_and_a_span_over_two_lines_is_one() -> None:
    pieces = markup("**first\nuser** and *two\nwords*, **a *b* c**, but 3 * 4 * 5 and `**kw`")
    assert [(piece["kind"], piece["text"]) for piece in pieces if piece["kind"] != "text"] == [
        ("bold", "first user"),
        ("emphasis", "two words"),
        ("bold", "a b c"),
        ("code", "**kw"),
    ]
    assert "3 * 4 * 5" in "".join(piece["text"] for piece in pieces)


def test_no_question_of_the_lab_shows_an_asterisk() -> None:
    for part in PARTS:
        for asked in questions(part):
            assert not [piece for piece in markup(asked.text) if piece["kind"] != "code" and "*" in piece["text"]], (
                asked.id
            )


def drawn(path: Path) -> Image.Image:
    return Image.open(io.BytesIO(picture_bytes(path)))


def test_a_wide_picture_becomes_narrower_and_keeps_its_shape(tmp_path: Path) -> None:
    Image.new("RGB", (3200, 800), "blue").save(tmp_path / "wide.png")
    found = drawn(tmp_path / "wide.png")
    assert (found.format, found.size) == ("JPEG", (1600, 400))


def test_what_is_transparent_is_white_on_paper(tmp_path: Path) -> None:
    Image.new("RGBA", (400, 200), (0, 0, 0, 0)).save(tmp_path / "clear.png")
    assert drawn(tmp_path / "clear.png").getpixel((200, 100)) == (255, 255, 255)


def test_a_photo_taken_sideways_is_turned_upright(tmp_path: Path) -> None:
    exif = Image.Exif()
    exif[0x0112] = 6  # the top of the scene lies on the right
    Image.new("RGB", (400, 200), "red").save(tmp_path / "photo.jpg", exif=exif)
    assert drawn(tmp_path / "photo.jpg").size == (200, 400)


def test_what_is_no_picture_is_named(tmp_path: Path) -> None:
    (tmp_path / "recipe.png").write_text("two eggs")
    with pytest.raises(ValueError, match="recipe.png is not a readable picture"):
        picture_bytes(tmp_path / "recipe.png")


def test_a_page_whose_picture_cannot_be_read_says_so_in_its_place(small_questions: Path, tmp_path: Path) -> None:
    asked = questions("model")[3]
    (tmp_path / "half.png").write_bytes(picture(1)[:200])
    (tmp_path / "page.pdf").write_bytes(render(Heading("t"), [Page(asked, picture=tmp_path / "half.png")])[0])
    told = pdf_text(tmp_path / "page.pdf", 1)
    assert "Screenshot unreadable." in told and "half.png is not a readable picture" in told
