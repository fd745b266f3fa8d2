"""The commands for zones, taps, tenants, tariffs and bills, as people run them."""

import csv
import io
import json

import pytest
from processes import environment, run

ZONES = "zone,name,country,currency,latitude,longitude\nKNY,Kanyama,ZM,ZMW,-15.43700,28.26000\n"
TARIFFS = (
    "zone,component,seller,basis,amount,currency,valid_from\n"
    "KNY,refuse,KANYAMA WASTE,tap_month,10.05,ZMW,2026-01-01\n"
    "KNY,water,KANYAMA WATER TRUST,tap_month,20.00,ZMW,2026-01-01\n"
)
TAPS = (
    "tap_id,zone,latitude,longitude,billing,caretaker_msisdn,households,tap_number\n"
    "KNY-0417-1,KNY,-15.43712,28.26003,shared,,12,561464\n"
)
TENANTS = "tap_id,name,msisdn,occupants,language\nKNY-0417-1,Mary Banda,+260961234567,4,ny\n"
FILES = {"zones": ZONES, "tariffs": TARIFFS, "taps": TAPS, "tenants": TENANTS}


@pytest.fixture(scope="module")
def place(tmp_path_factory):
    """An installation that the tests of this file share; each leaves it as it was."""
    folder = tmp_path_factory.mktemp("place")
    assert run(folder, "db", "upgrade") == (0, "", "schema is current\n")
    for kind, text in FILES.items():
        (folder / f"{kind}.csv").write_text(text)
        code, out, err = run(folder, kind, "import", f"{kind}.csv")
        assert (code, out) == (0, ""), err
        assert f"{kind}: " in err
    return folder


def test_the_schema_may_be_brought_up_to_date_twice(place):
    assert run(place, "db", "upgrade") == (0, "", "schema is current\n")


@pytest.mark.parametrize("kind", FILES)
def test_what_was_imported_is_exported_and_imported_again_unchanged(place, kind):
    code, out, err = run(place, kind, "export", "-")
    assert (code, out, err) == (0, FILES[kind], "")
    code, out, err = run(place, kind, "import", "-", stdin=out)
    rows = len(FILES[kind].splitlines()) - 1
    assert (code, out) == (0, "")
    assert f"0 were added, 0 changed, {rows} the same, 0 bad" in err


def test_taps_go_out_and_in_as_geojson(place):
    assert run(place, "taps", "export", "taps.geojson")[0] == 0
    (feature,) = json.loads((place / "taps.geojson").read_text())["features"]
    assert feature["geometry"]["coordinates"] == [28.26003, -15.43712]
    code, _, err = run(place, "taps", "import", "taps.geojson")
    assert (code, "1 the same" in err) == (0, True)


def test_bad_rows_are_named_by_line_and_the_good_ones_kept(place):
    bad = TAPS + "KNY-0417-2,KNY,,,shared,,,\nKNY-0533-5,XXX,,,shared,,,\nKNY-0533-5,KNY,,,shared,,,\n"
    code, out, err = run(place, "taps", "import", "-", "--report", "bad.csv", "--dry-run", stdin=bad)
    assert (code, out) == (1, "")
    assert "line 3: " in err
    assert "line 4: " in err
    assert "1 would be added" in err
    assert "Traceback" not in err
    rows = list(csv.DictReader(io.StringIO((place / "bad.csv").read_text())))
    assert [row["line"] for row in rows] == ["3", "4"]
    assert all(row["code"] and row["message"] for row in rows)
    assert "KNY-0533-5" not in run(place, "taps", "export")[1]  # a dry run writes nothing


@pytest.mark.parametrize("text", ["", "nonsense", "zone;name\n", "\x00\xff", "zone,name\nKNY,Kanyama\n"])
def test_a_file_that_is_none_is_refused_in_one_line(place, text):
    code, out, err = run(place, "zones", "import", "-", stdin=text)
    assert (code, out) == (1, "")
    assert err.startswith("madzi: ")
    assert "Traceback" not in err


def test_a_file_that_is_not_there_is_refused(place):
    code, out, err = run(place, "taps", "import", "nowhere.csv")
    assert (code, out) == (1, "")
    assert err == "madzi: cannot_read: nowhere.csv: No such file or directory\n"


def test_a_bill_again_changes_nothing(place):
    assert run(place, "bill", "2026-11")[0] == 0
    code, out, err = run(place, "bill", "2026-11", "--zone", "KNY")
    assert (code, out, err) == (0, "", "0 debts with 0 parts were raised for 2026-11\n")
    for period in ("november", "2026-13", "2026-1"):
        code, out, err = run(place, "bill", period)
        assert (code, out) == (1, "")
        assert err.startswith("madzi: bad_")


def test_a_tap_shows_what_it_owes(place):
    run(place, "bill", "2026-11")
    code, out, err = run(place, "tap", "show", "kny04171", "--json")
    story = json.loads(out)
    assert (code, err, story["tap_id"], story["tap_number"]) == (0, "", "KNY-0417-1", "561464")
    assert [debt["amount"] for debt in story["debts"]] == [
        {"amount_minor": 2000, "currency": "ZMW"},
        {"amount_minor": 1005, "currency": "ZMW"},
    ]
    assert story["tenants"][0]["msisdn"] == "+260961234567"
    assert story["payments"] == []
    assert "K20.00" in run(place, "tap", "show", "561464")[1]
    assert run(place, "tap", "show", "KNY-0417-2")[2].startswith("madzi: bad_tap_id: ")
    assert run(place, "tap", "show", "KNY-0533-5")[2].startswith("madzi: no_such_tap: ")


def test_billing_is_switched_from_the_next_month(place):
    code, out, err = run(place, "tap", "billing", "KNY-0417-1", "shared")
    assert (code, out) == (0, "")
    assert "KNY-0417-1 is billed shared from " in err
    assert run(place, "tap", "billing", "KNY-0417-1", "sometimes")[0] == 2


def test_without_a_schema_every_command_says_what_to_do(tmp_path):
    for words in (("bill", "2026-11"), ("zones", "export"), ("payments", "export"), ("gateways", "list")):
        code, out, err = run(tmp_path, *words)
        assert (code, out) == (1, "")
        assert err == "madzi: schema_behind: the database has no current schema; run: madzi db upgrade\n"


def test_a_database_that_cannot_be_reached_is_said_in_one_line(tmp_path):
    env = environment(tmp_path, MADZI_DATABASE_URL="postgresql+asyncpg://nobody:x@127.0.0.1:1/none")
    for words, wanted in ((("verify",), 2), (("bill", "2026-11"), 1), (("db", "upgrade"), 1)):
        code, out, err = run(tmp_path, *words, env=env)
        assert (code, out) == (wanted, "")
        assert err.startswith("madzi: database_unreachable: ")
        assert err.count("\n") == 1
