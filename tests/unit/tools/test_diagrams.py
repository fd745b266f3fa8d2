import pytest

from payments.lifecycles import ITEM, ORDER, PAYMENT
from payments.payouts.lifecycle import PAYOUT
from sms.lifecycle import SMS
from taps.flags_model import FLAG
from tools import diagrams


def test_the_page_shows_what_the_tables_say_now():
    page = diagrams.PAGE.read_text(encoding="utf-8")
    assert diagrams.fill(page) == page, "run: make docs"


def test_the_page_shows_every_lifecycle_once():
    assert sorted(diagrams.names(diagrams.PAGE.read_text(encoding="utf-8"))) == sorted(diagrams.LIFECYCLES)


@pytest.mark.parametrize("lifecycle", [PAYMENT, ORDER, ITEM, SMS, FLAG], ids=lambda lifecycle: lifecycle.name)
def test_a_diagram_has_every_arc_of_its_table(lifecycle):
    lines = diagrams.draw(lifecycle).split("\n")
    for event, source, target in lifecycle.table:
        assert f"    {source.value} --> {target.value}: {event}" in lines


@pytest.mark.parametrize(
    ("lifecycle", "first", "ends"),
    [
        (PAYMENT, "initiated", {"refunded", "reversed"}),
        (ORDER, "not_started", {"refunded"}),
        (ITEM, "open", {"assigned", "refunded", "closed"}),
        (PAYOUT, "requested", {"completed", "failed", "rejected"}),
        (FLAG, "open", {"confirmed", "cleared"}),
        (SMS, "queued", {"delivered", "dropped"}),
    ],
    ids=lambda value: getattr(value, "name", ""),
)
def test_a_diagram_says_where_it_begins_and_ends(lifecycle, first, ends):
    lines = [line.strip() for line in diagrams.draw(lifecycle).split("\n")]
    assert lines[:2] == ["stateDiagram-v2", f"[*] --> {first}"]
    assert {line.removesuffix(" --> [*]") for line in lines if line.endswith("--> [*]")} == ends


def test_a_stale_diagram_is_replaced_and_the_words_around_it_stay():
    stale = "before\n<!-- diagram: sms -->\n```mermaid\nold\n```\n<!-- end of diagram -->\nafter\n"
    fresh = diagrams.fill(stale)
    assert fresh.startswith("before\n<!-- diagram: sms -->\n```mermaid\nstateDiagram-v2\n")
    assert fresh.endswith("```\n<!-- end of diagram -->\nafter\n")
    assert "old" not in fresh


def test_drawing_again_changes_nothing():
    once = diagrams.fill("<!-- diagram: payment -->\n<!-- end of diagram -->\n")
    assert diagrams.fill(once) == once


def test_a_lifecycle_that_does_not_exist_is_refused():
    with pytest.raises(KeyError, match="parcel"):
        diagrams.fill("<!-- diagram: parcel -->\n<!-- end of diagram -->")


def test_main_writes_the_page(tmp_path, capsys):
    page = tmp_path / "page.md"
    page.write_text("<!-- diagram: sms -->\n<!-- end of diagram -->\n", encoding="utf-8")
    diagrams.main(page)
    assert "queued --> sending: send" in page.read_text(encoding="utf-8")
    assert capsys.readouterr().err == "page.md: written\n"
    diagrams.main(page)
    assert capsys.readouterr().err == "page.md: the same\n"
