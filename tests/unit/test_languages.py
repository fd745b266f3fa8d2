"""The catalogues against docs/languages.md: one word for one idea, and the truth about who has read them."""

import json
import re
from pathlib import Path

import pytest

from core.i18n import Catalogues
from sms.inbound.keywords import LANGUAGE_WORDS, LANGUAGES

ROOT = Path(__file__).parent.parent.parent
PAGE = (ROOT / "docs" / "languages.md").read_text(encoding="utf-8")
ROOMS = ("ussd_menus", "sms")
CATALOGUES = {room: Catalogues.of(room) for room in ROOMS}
FILES = sorted(path for room in ROOMS for path in (ROOT / room / "locale").glob("*.po"))


def rows(heading):
    """The cells of the table under a heading, without its head."""
    section = PAGE.split(f"\n## {heading}\n")[1].split("\n## ")[0]
    lines = [line.strip("|").split("|") for line in section.splitlines() if line.startswith("|")]
    return [[cell.strip() for cell in cells] for cells in lines[2:]]


def file_id(path):
    return str(path.relative_to(ROOT))


# Glossary


GLOSSARY = rows("Glossary")


def without_placeholders(template):
    return re.sub(r"{\w+}", "", template)


@pytest.mark.parametrize(("english", "nyanja", "bemba"), [row[:3] for row in GLOSSARY])
def test_one_word_stands_for_one_idea(english, nyanja, bemba):
    phrase = re.compile(rf"(?<!\w){re.escape(english)}")
    met = 0
    for room, catalogues in CATALOGUES.items():
        for key in catalogues.keys("en"):
            if not phrase.search(without_placeholders(catalogues.template(key, "en"))):
                continue
            met += 1
            for language, wanted in (("ny", nyanja), ("bem", bemba)):
                said = catalogues.template(key, language)
                words = [word.lower() for word in wanted.split(", ")]
                assert any(word in said.lower() for word in words), f"{room} {language} {key}: {said!r}"
    assert met, f"no English text says {english!r}"


def test_no_idea_stands_twice_in_the_glossary():
    ideas = [row[0] for row in GLOSSARY]
    assert len(ideas) == len(set(ideas))


def test_every_word_of_the_glossary_has_a_confidence():
    assert {row[3] for row in GLOSSARY} <= {"H", "M", "L"}


# Who has read them


def header(path, name):
    found = re.search(rf'^"{name}: (.*)\\n"$', path.read_text(encoding="utf-8"), re.MULTILINE)
    return found[1] if found else None


def test_the_page_names_who_reviewed_each_catalogue_as_the_catalogue_does():
    said = {cells[0].strip("`"): cells[1] for cells in rows("Who has reviewed what")}
    assert said == {file_id(path): header(path, "X-Reviewed-By") for path in FILES}


@pytest.mark.parametrize("path", FILES, ids=file_id)
def test_the_header_says_which_language_it_is(path):
    assert header(path, "Language") == path.stem
    assert header(path, "X-Language-Name")
    assert header(path, "Plural-Forms").startswith("nplurals=")


@pytest.mark.parametrize("path", FILES, ids=file_id)
def test_what_to_review_first_stands_on_the_page(path):
    page = " ".join(PAGE.split())
    for note in re.findall(r"^# Review first: (.*)\.$", path.read_text(encoding="utf-8"), re.MULTILINE):
        assert note in page, f"docs/languages.md does not name {note!r}"


# Transcripts


TRANSCRIPTS = {path.stem: path for path in (ROOT / "fixtures" / "transcripts").glob("*.json")}
FELLOWS = {name for name in TRANSCRIPTS if name.startswith(("ny_", "bem_"))}
# A new phone that dials past the screen of languages is spoken to in English.
ENGLISH_ALONE = {"deep_dial", "deep_dial_all_the_way"}


def test_every_transcript_of_the_menu_has_a_fellow_in_each_language():
    english = TRANSCRIPTS.keys() - FELLOWS - ENGLISH_ALONE
    assert {f"{language}_{name}" for language in ("ny", "bem") for name in english} == FELLOWS


@pytest.mark.parametrize("name", sorted(FELLOWS))
def test_a_fellow_says_what_it_is_in_its_own_language(name):
    fellow = json.loads(TRANSCRIPTS[name].read_text(encoding="utf-8"))
    assert name == f"{fellow['language']}_{fellow['as']}"
    screens = [fellow["first"], *(hop["screen"] for hop in fellow["hops"])]
    assert not [
        screen for screen in screens if re.search(r"\b(Back|More|Yes|Type|Pay|Madzi water taps)\b", screen)
    ]


def test_the_page_names_every_transcript_that_was_read():
    read = {name.strip("` ") for row in rows("Transcripts") for name in row[1].split(",")}
    assert {f"{language}_{name}" for language in ("ny", "bem") for name in read} == FELLOWS


# What forces 70 characters


@pytest.mark.parametrize("path", FILES, ids=file_id)
def test_no_letter_of_a_catalogue_leaves_plain_ascii(path):
    strange = {char for char in path.read_text(encoding="utf-8") if not char.isascii()}
    assert strange == set()


@pytest.mark.parametrize("room", ROOMS)
def test_every_language_says_everything(room):
    catalogues = CATALOGUES[room]
    assert catalogues.languages == ["en", "bem", "ny"]
    for language in catalogues.languages:
        assert catalogues.keys(language) == catalogues.keys("en")


def test_lang_by_sms_knows_every_catalogue():
    offered = set(CATALOGUES["sms"].languages)
    assert set(LANGUAGE_WORDS) == offered
    assert set(LANGUAGES.values()) == offered
