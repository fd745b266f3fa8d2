import pytest

from core.i18n import Catalogues, Text, read

CATALOGUES = Catalogues(
    {
        "ny": {"hello": "Moni {name}"},
        "en": {"hello": "Hello {name}", "bye": "Bye", "money": "{amount} of {amount}"},
        "bem": {},
    }
)


@pytest.mark.parametrize(
    ("key", "language", "said"),
    [
        ("hello", "en", "Hello Mary"),
        ("hello", "ny", "Moni Mary"),
        ("hello", "bem", "Hello Mary"),
        ("bye", "ny", "Bye"),
        ("hello", "xx", "Hello Mary"),
    ],
)
def test_a_language_says_it_or_english_does(key, language, said):
    assert CATALOGUES.render(Text(key, {"name": "Mary"}), language) == said


def test_what_a_person_typed_is_never_a_template():
    assert CATALOGUES.render(Text("hello", {"name": "{name} {0}"}), "en") == "Hello {name} {0}"


@pytest.mark.parametrize("text", [Text("missing"), Text("hello"), Text("money", {"sum": 1})])
def test_a_missing_key_or_parameter_is_an_error(text):
    with pytest.raises(KeyError):
        CATALOGUES.render(text, "en")


def test_english_comes_first():
    assert CATALOGUES.languages == ["en", "bem", "ny"]
    assert CATALOGUES.keys("ny") == {"hello"}


@pytest.mark.parametrize("package", ["ussd_menus", "sms"])
def test_catalogues_inside_packages_are_read_whole(package):
    found = Catalogues.of(package)
    assert "en" in found.languages
    assert len(found.keys()) > 10
    for language in found.languages:
        assert found.keys(language) <= found.keys("en")


# Plural forms

COUNTED = Catalogues(
    {
        "en": {"people": ("{count} person", "{count} people"), "taps": ("{count} tap", "{count} taps")},
        "ny": {"people": ("munthu {count}", "anthu {count}")},
        "bem": {"people": "abantu {count}"},
    }
)


@pytest.mark.parametrize(
    ("language", "count", "said"),
    [
        ("en", 1, "1 person"),
        ("en", 0, "0 people"),
        ("en", 2, "2 people"),
        ("ny", 1, "munthu 1"),
        ("ny", 0, "anthu 0"),
        ("ny", 21, "anthu 21"),
        ("bem", 1, "abantu 1"),
        ("xx", 1, "1 person"),
    ],
)
def test_the_count_chooses_the_plural_form(language, count, said):
    assert COUNTED.render(Text("people", {"count": count}), language) == said


def test_a_language_without_the_key_counts_as_english_does():
    assert COUNTED.render(Text("taps", {"count": 1}), "ny") == "1 tap"


@pytest.mark.parametrize("count", [None, "1"])
def test_without_a_whole_number_it_is_the_last_form(count):
    assert COUNTED.template("people", "ny", count) == "anthu {count}"


def test_a_plain_text_may_name_a_count_too():
    plain = Catalogues({"en": {"left": "{count} left"}})
    assert plain.render(Text("left", {"count": 1}), "en") == "1 left"


def test_all_forms_are_there_for_checks():
    assert COUNTED.forms("people", "ny") == ("munthu {count}", "anthu {count}")
    assert COUNTED.forms("people", "bem") == ("abantu {count}",)
    assert COUNTED.forms("taps", "bem") == ("{count} tap", "{count} taps")
    with pytest.raises(KeyError):
        COUNTED.forms("missing", "ny")


PO = r"""
msgid ""
msgstr ""
"Content-Type: text/plain; charset=UTF-8\n"
"Plural-Forms: nplurals=3; plural=(n==1 ? 0 : n==2 ? 1 : 2);\n"
"X-Language-Name: Two\n"
"X-Menu-Key: 1\n"

msgid "left"
msgid_plural "left"
msgstr[0] "one"
msgstr[1] "two"
msgstr[2] "many"

msgid "empty"
msgstr ""
"""


def test_a_file_brings_its_plural_rule_its_name_and_its_place():
    catalogues = Catalogues({"en": {"left": "{count}", "empty": "x"}, "xx": read(PO.encode())})
    said = [catalogues.render(Text("left", {"count": count}), "xx") for count in (1, 2, 0, 5)]
    assert said == ["one", "two", "many", "many"]
    assert catalogues.names == {"xx": "Two", "en": "en"}
    assert catalogues.keys("xx") == {"left"}


@pytest.mark.parametrize("package", ["ussd_menus", "sms"])
def test_the_languages_are_offered_in_the_order_of_the_contract(package):
    assert list(Catalogues.of(package).names.items())[:3] == [
        ("en", "English"),
        ("ny", "Nyanja"),
        ("bem", "Bemba"),
    ]
