import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from core.errors import BadInput
from taps.files import BadRow, Record, guard, read, unguard, write_csv

COLUMNS = ("zone", "name")


def sheet(data, required=COLUMNS, optional=("latitude", "longitude"), *, geojson=False):
    return read(data, required, optional, geojson=geojson)


def cells(data):
    return [(record.line, *record.cells.values()) for record in sheet(data).records]


@pytest.mark.parametrize(
    "data",
    [
        b"zone,name\nKNY,Kanyama\n",
        b"zone,name\r\nKNY,Kanyama\r\n",
        b"zone,name\rKNY,Kanyama",
        b"\xef\xbb\xbfzone,name\nKNY,Kanyama",
        b" Zone , NAME \n KNY , Kanyama ",
        b'zone,name\n"KNY","Kanyama"\n\n,\n   \n',
        b"zone,name\nKNY,Kanyama,,\n",
    ],
)
def test_files_of_every_program_read_the_same(data):
    assert cells(data) == [(2, "KNY", "Kanyama")]


def test_columns_come_in_any_order_and_unknown_ones_are_named():
    found = sheet(b"colour,name,zone,\nred,Kanyama,KNY,\n")
    assert dict(found.records[0].cells)["zone"] == "KNY"
    assert found.ignored_columns == ("colour",)


def test_a_short_line_has_empty_cells():
    assert sheet(b"zone,name,latitude\nKNY").records == [
        Record(2, {"zone": "KNY", "name": "", "latitude": ""})
    ]


def test_quotes_and_commas_inside_values():
    assert cells(b'zone,name\nKNY,"Kanyama, ""west"""\n') == [(2, "KNY", 'Kanyama, "west"')]


@pytest.mark.parametrize(
    ("line", "code"),
    [
        (b'KNY,"Kanyama', "bad_quotes"),
        (b'KNY,"Kan"yama', "bad_quotes"),
        (b"KNY,Kan\xffyama", "bad_encoding"),
        (b"KNY,Kanyama,extra", "too_many_cells"),
        (b"KNY," + b"x" * 20_000, "too_long"),
    ],
)
def test_a_line_that_cannot_be_read_spoils_no_other(line, code):
    found = sheet(b"zone,name\nBLN,Bauleni\n" + line + b"\nNGB,Ng'ombe\n")
    assert [record.line for record in found.records] == [2, 4]
    assert [(bad.line, bad.code) for bad in found.bad] == [(3, code)]
    assert found.bad[0].message


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (b"", "bad_header"),
        (b"\n\n", "bad_header"),
        (b"zone\nKNY", "bad_header"),
        (b"zone,name,name\nKNY,a,b", "bad_header"),
        (b"zone;name\nKNY;Kanyama", "bad_header"),
        (b"\xffzone,name\n", "bad_header"),
        ("zone,name\nKNY,Kanyama".encode("utf-16"), "bad_encoding"),
        (b"x" * 50_000_001, "too_large"),
    ],
)
def test_a_file_that_cannot_be_read_is_refused_whole(data, code):
    with pytest.raises(BadInput) as refused:
        sheet(data)
    assert refused.value.reason == code


def feature(properties, geometry=None):
    return {"type": "Feature", "properties": properties, "geometry": geometry}


def collection(*features):
    return json.dumps({"type": "FeatureCollection", "features": features}).encode()


POINT = {"type": "Point", "coordinates": [28.25, -15.43, 1200]}


def test_geojson_gives_the_same_cells():
    data = collection(feature({"zone": " KNY", "name": 5, "colour": "red"}, POINT), feature({"zone": None}))
    assert sheet(data, geojson=True).records == [
        Record(1, {"zone": "KNY", "name": "5", "latitude": "-15.43", "longitude": "28.25"}),
        Record(2, {"zone": "", "latitude": "", "longitude": ""}),
    ]


@pytest.mark.parametrize(
    ("bad", "code"),
    [
        (7, "bad_feature"),
        ({"type": "Feature", "properties": None}, "bad_feature"),
        (feature({"zone": ["KNY"]}), "bad_feature"),
        (feature({"zone": True}), "bad_feature"),
        (feature({}, {"type": "Polygon", "coordinates": []}), "bad_geometry"),
        (feature({}, {"type": "Point", "coordinates": [1]}), "bad_geometry"),
        (feature({}, "here"), "bad_geometry"),
    ],
)
def test_a_bad_feature_spoils_no_other(bad, code):
    found = sheet(collection(feature({"zone": "BLN"}), bad), geojson=True)
    assert [record.line for record in found.records] == [1]
    assert [(row.line, row.code) for row in found.bad] == [(2, code)]


@pytest.mark.parametrize(
    "data", [b"{", b"{}", b'{"type": "Feature"}', b'{"a": ' + b"[" * 100_000, b'{"features": 1}']
)
def test_what_is_no_feature_collection_is_refused(data):
    with pytest.raises(BadInput, match="bad_json"):
        sheet(data, geojson=True)


def test_geojson_is_not_read_where_it_is_not_expected():
    with pytest.raises(BadInput, match="bad_header"):
        sheet(collection())


@pytest.mark.parametrize("name", ["=1+1", "+260", "-x", "@SUM(A1)", "'=1", "''@x"])
def test_a_formula_is_shown_not_run(name):
    assert guard(name) == f"'{name}"
    assert unguard(guard(name)) == name


@pytest.mark.parametrize("name", ["Ng'ombe", "'Tis", "Mary Banda", "", "7up"])
def test_a_plain_name_stays(name):
    assert guard(name) == unguard(name) == name


@given(st.text("'=+-@ab", max_size=6))
def test_guarding_loses_nothing(name):
    assert unguard(guard(name)) == name


SAFE = st.text(st.characters(exclude_categories=["Cc", "Cs", "Z"]), min_size=1, max_size=10)


@given(st.lists(st.tuples(SAFE, SAFE), max_size=5))
def test_what_is_written_is_read(rows):
    data = write_csv(COLUMNS, rows).encode()
    found = sheet(data)
    assert found.bad == []
    assert [tuple(record.cells.values()) for record in found.records] == rows


def test_a_bad_row_says_line_code_and_sentence():
    assert BadRow(3, "bad_quotes", "a sentence").line == 3
