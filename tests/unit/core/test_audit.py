import json
from datetime import UTC, datetime

import pytest

from core import audit
from core.clock import ManualClock
from core.ids import Ids

NOW = datetime(2026, 11, 21, 6, 0, tzinfo=UTC)
IDS = Ids.seeded(7, ManualClock(NOW))


def row(**changes):
    usual = {"actor": "ann", "channel": audit.Channel.CLI, "action": "user.add"}
    return audit.row(ids=IDS, at=NOW, **{**usual, **changes})


def test_a_row_says_who_did_what_and_that_it_was_done():
    made = row(role="admin", source="office-1", subject="bff", detail={"zones": ["KNY"]})
    assert made.pop("audit_id") != row()["audit_id"]
    assert made == {
        "at": NOW, "actor": "ann", "role": "admin", "channel": "cli", "source": "office-1",
        "action": "user.add", "subject": "bff", "detail": '{"zones":["KNY"]}', "result": "done",
    }  # fmt: skip


@pytest.mark.parametrize(
    "name", ["token", "api_token", "PIN", "pin", "password", "consumer_secret", "api_key"]
)
def test_secrets_are_left_out(name):
    assert "s3cret" not in row(detail={name: "s3cret", "zone": "KNY"})["detail"]


@pytest.mark.parametrize("name", ["keyword", "pinned", "tokens_left"])
def test_names_that_only_look_like_secrets_stay(name):
    assert json.loads(row(detail={name: 1})["detail"]) == {name: 1}


def test_what_a_phone_typed_is_cut_and_cleaned():
    made = row(subject="KNY\x00\u202e" + "x" * 100, actor="y" * 100)
    assert made["subject"] == "KNY" + "x" * 57
    assert len(made["actor"]) == 60


def test_a_detail_that_is_too_long_says_only_so():
    assert json.loads(row(detail={"words": "x" * 5000})["detail"]) == {"too_long": 5012}


def test_a_detail_holds_what_json_has_no_word_for():
    assert json.loads(row(detail={"at": NOW, "words": "nil\x00"})["detail"])["at"] == str(NOW)
