"""Conversations in `fixtures/transcripts_sms`: what people send, what comes back, what others are told."""

import json
from importlib.resources import files

import pytest
import sqlalchemy as sa

from core import gsm
from sms.tables import sms_messages

FOLDER = files("fixtures") / "transcripts_sms"
TRANSCRIPTS = sorted(file.name for file in FOLDER.iterdir() if file.name.endswith(".json"))


async def play(village, transcript):
    """Play a conversation; return it with the replies that came."""
    played = []
    for step in transcript["conversation"]:
        village.clock.advance(60 * step.get("after_minutes", 0))
        before = {row.sms_id for row in await everything(village)}
        inbound_id = await village.post(step["from"], step["text"], to=transcript.get("to", "20880"))
        await village.work()
        replies = [row.text for row in await village.replies(inbound_id)]
        others = [
            row
            for row in await everything(village)
            if row.sms_id not in before and row.fact_key != f"in:{inbound_id}"
        ]
        said = {key: step[key] for key in ("after_minutes", "from", "text") if key in step}
        told = {"told": [{"to": row.msisdn, "text": row.text} for row in others]} if others else {}
        played.append({**said, "replies": replies, **told})
    return played


async def everything(village):
    query = sa.select(sms_messages).order_by(sms_messages.c.created_at, sms_messages.c.sms_id)
    return await village.rows(query)


# What is said does not depend on the database; test_sms_answers asks both.
@pytest.mark.parametrize("empty_db_url", ["sqlite"], indirect=True)
@pytest.mark.parametrize("name", TRANSCRIPTS)
async def test_a_conversation_goes_as_written(village, name):
    transcript = json.loads((FOLDER / name).read_text())
    assert await play(village, transcript) == transcript["conversation"]


@pytest.mark.parametrize("name", TRANSCRIPTS)
def test_every_sms_of_a_conversation_fits_the_alphabet_and_single_answers_fit_one_segment(name):
    for step in json.loads((FOLDER / name).read_text())["conversation"]:
        told = [one["text"] for one in step.get("told", ())]
        for text in (*step["replies"], *told):
            length = gsm.measure(text)
            assert length.encoding == "gsm7", text
            assert length.segments == 1 or "\n" in text, text


def test_every_role_has_a_conversation_in_every_language():
    stems = {name.removesuffix(".json") for name in TRANSCRIPTS}
    for role in ("resident", "caretaker", "agent"):
        for language in ("", "_ny", "_bem"):
            assert role + language in stems
