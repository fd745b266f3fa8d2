"""A provider that was killed still knows whom it debited."""

from simulators.providers.book import Journal


async def test_a_restart_knows_debits_failures_and_open_prompts(speak, clock, tmp_path, gateway, until):
    journal = tmp_path / "var" / "book.jsonl"
    first = await speak(journal=journal)
    await first.mtn_push()
    await first.sim("POST", "/_sim/people", {"msisdn": "254708374149", "answer": "cancel"})
    push = await (await first.daraja_push()).json()
    await clock.advance(3)
    open_one = "3f0c6d1e-8a55-4b0e-9d35-5a0f6f7a1c99"
    await first.mtn_push("260962000000", headers={"X-Reference-Id": open_one})
    before = await first.sim("GET", "/_sim/book")
    told = await first.mtn_status()

    second = await speak(journal=journal)  # the first one is left as if it had been killed
    assert await second.sim("GET", "/_sim/book") == before
    assert await second.mtn_status() == told
    assert (await second.mtn_push()).status == 409
    reply = await (await second.daraja_query(push["CheckoutRequestID"])).json()
    assert reply["ResultCode"] == "1032"
    await clock.advance(3)
    assert (await second.mtn_status(open_one))["status"] == "SUCCESSFUL"


async def test_receipts_are_never_used_again_after_a_restart(speak, clock, tmp_path):
    receipts = []
    for run in range(3):
        speaker = await speak(journal=tmp_path / "book.jsonl")
        for number in range(3):
            reference = f"3f0c6d1e-8a55-4b0e-9d35-5a0f6f7a1c{run}{number}"
            await speaker.mtn_push(f"26096000000{number}", headers={"X-Reference-Id": reference})
            await speaker.daraja_push(f"25470837414{number}")
        await clock.advance(3)
        receipts = [row["receipt"] for row in (await speaker.sim("GET", "/_sim/book"))["debited"]]
    assert len(set(receipts)) == len(receipts) == 18


def test_half_a_line_is_cut_off(tmp_path):
    path = tmp_path / "book.jsonl"
    path.write_bytes(b'{"kind":"a"}\n{"kind":"b"')
    journal = Journal(path)
    journal.write("c", {"n": 1})
    assert list(journal.lines()) == [{"kind": "a"}, {"kind": "c", "n": 1}]
    journal.close()
