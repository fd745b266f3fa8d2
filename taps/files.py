"""The shape of imported and exported files: CSV and GeoJSON, bytes to cells and back; pure.

A CSV record is one line: no value of ours holds a line break, so a stray quote spoils its own line and not
the rest of the file, and a bad row is named by the line that an editor shows.
"""

import csv
import io
import json
import re
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from core.errors import BadInput, MadziError

_MOST_BYTES = 50_000_000
_MOST_LINE = 10_000
_BOM = b"\xef\xbb\xbf"
# A spreadsheet runs a cell that starts like this as a formula.
_FORMULA = re.compile(r"'*[=+\-@\t\r]")
_POINT = 2


@dataclass(frozen=True, slots=True)
class BadRow:
    """A row that was left out: its line (of GeoJSON: its feature, from 1), a stable code, a sentence."""

    line: int
    code: str
    message: str


@dataclass(frozen=True, slots=True)
class Record:
    """A row's cells by column, trimmed; a column that the file lacks is not there."""

    line: int
    cells: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Sheet:
    """What a file holds: readable records, unreadable ones, and columns that nobody asked for."""

    records: Sequence[Record]
    bad: Sequence[BadRow]
    ignored_columns: tuple[str, ...] = ()


def read(data: bytes, required: Sequence[str], optional: Sequence[str], *, geojson: bool) -> Sheet:
    """Return a file's records; columns come in any order, unknown ones are ignored by name.

    A file that starts with `{` is GeoJSON where `geojson` allows it. Raises BadInput for the whole file:
    too_large, bad_encoding, bad_header, bad_json.
    """
    if len(data) > _MOST_BYTES:
        raise BadInput(f"the file is larger than {_MOST_BYTES // 10**6} MB", code="too_large")
    if data[:2] in (b"\xff\xfe", b"\xfe\xff"):
        raise BadInput("the file is UTF-16; save it as CSV UTF-8", code="bad_encoding")
    data = data.removeprefix(_BOM)
    if geojson and data.lstrip()[:1] == b"{":
        return _read_geojson(data, (*required, *optional))
    return _read_csv(data, required, optional)


def _read_csv(data: bytes, required: Sequence[str], optional: Sequence[str]) -> Sheet:
    lines = data.replace(b"\r\n", b"\n").replace(b"\r", b"\n").split(b"\n")
    at = next((n for n, line in enumerate(lines) if line.strip()), None)
    if at is None:
        raise BadInput(f"the file is empty; its first line names {', '.join(required)}", code="bad_header")
    header = _header(lines[at], required)
    records, bad = [], []
    for number, line in enumerate(lines[at + 1 :], at + 2):
        try:
            values = _cells(line, len(header))
        except MadziError as error:
            bad.append(BadRow(number, error.reason, error.detail))
            continue
        if any(values):
            records.append(Record(number, dict(zip(header, values, strict=True))))
    known = {*required, *optional}
    return Sheet(records, bad, tuple(name[:40] for name in header if name and name not in known))


def _header(line: bytes, required: Sequence[str]) -> list[str]:
    try:
        header = [name.lower() for name in _split(line)]
    except MadziError as error:
        raise BadInput(f"the first line cannot be read: {error.detail}", code="bad_header") from None
    missing = [name for name in required if name not in header]
    if missing:
        raise BadInput(f"the first line lacks the column {', '.join(missing)}", code="bad_header")
    if twice := sorted({name for name in header if name and header.count(name) > 1}):
        raise BadInput(f"the first line names {', '.join(twice)[:100]} twice", code="bad_header")
    return header


def _cells(line: bytes, n_columns: int) -> list[str]:
    values = _split(line)
    if any(values[n_columns:]):
        raise BadInput(f"the line has {len(values)} values for {n_columns} columns", code="too_many_cells")
    return [*values, *[""] * n_columns][:n_columns]


def _split(line: bytes) -> list[str]:
    if len(line) > _MOST_LINE:
        raise BadInput(f"the line is longer than {_MOST_LINE} bytes", code="too_long")
    try:
        return [cell.strip() for cell in next(csv.reader([line.decode()], strict=True), [])]
    except UnicodeDecodeError:
        raise BadInput("the line is not UTF-8; save the file as CSV UTF-8", code="bad_encoding") from None
    except csv.Error:
        raise BadInput(
            "a quotation mark is not closed, or stands inside a value", code="bad_quotes"
        ) from None


def _read_geojson(data: bytes, columns: Sequence[str]) -> Sheet:
    records, bad = [], []
    for number, feature in enumerate(_features(data), 1):
        try:
            records.append(Record(number, _feature(feature, columns)))
        except MadziError as error:
            bad.append(BadRow(number, error.reason, error.detail))
    return Sheet(records, bad)


def _features(data: bytes) -> list[Any]:
    try:
        # Numbers stay as they were typed: whoever reads the cell decides.
        content = json.loads(data.decode(), parse_int=str, parse_float=str, parse_constant=str)
    except UnicodeDecodeError:
        raise BadInput("the file is not UTF-8", code="bad_encoding") from None
    except (ValueError, RecursionError):
        raise BadInput("the file is not JSON", code="bad_json") from None
    features = content.get("features")
    if content.get("type") != "FeatureCollection" or not isinstance(features, list):
        raise BadInput("the file is no GeoJSON FeatureCollection", code="bad_json")
    return features


def _feature(feature: Any, columns: Sequence[str]) -> dict[str, str]:
    if not isinstance(feature, dict) or not isinstance(feature.get("properties"), dict):
        raise BadInput("this is no feature with properties", code="bad_feature")
    properties = feature["properties"]
    cells = {name: "" if value is None else value for name, value in properties.items() if name in columns}
    if not all(isinstance(value, str) for value in cells.values()):
        raise BadInput("a property is neither text nor a number", code="bad_feature")
    longitude, latitude = _position(feature.get("geometry"))
    return {name: value.strip() for name, value in cells.items()} | {
        "latitude": latitude,
        "longitude": longitude,
    }


def _position(geometry: Any) -> tuple[str, str]:
    """Return longitude and latitude (RFC 7946 §3.1.1: in this order); empty where there is no geometry."""
    if geometry is None:
        return "", ""
    point = geometry.get("coordinates") if isinstance(geometry, dict) else None
    is_point = isinstance(geometry, dict) and geometry.get("type") == "Point"
    if not is_point or not isinstance(point, list) or len(point) < _POINT:
        raise BadInput("the geometry is no Point with a longitude and a latitude", code="bad_geometry")
    return str(point[0]), str(point[1])


def write_csv(columns: Sequence[str], rows: Iterable[Sequence[str]]) -> str:
    """Return CSV with a header, lines ended by a line feed."""
    out = io.StringIO()
    writer = csv.writer(out, lineterminator="\n")
    writer.writerow(columns)
    writer.writerows(rows)
    return out.getvalue()


def guard(text: str) -> str:
    """Return a name so that a spreadsheet shows it and runs nothing: with an apostrophe before it."""
    return f"'{text}" if _FORMULA.match(text) else text


def unguard(text: str) -> str:
    """Take back what `guard` did."""
    return text[1:] if text.startswith("'") and _FORMULA.match(text) else text
