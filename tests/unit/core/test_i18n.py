import pytest

from core.i18n import Catalogues, Text

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
