"""Who answers the prompt, when, and what the book says of it."""

import asyncio

import pytest

from simulators.providers.config import Mtn
from simulators.providers.people import NUMBER_RULES

ME = "260961234567"
A, B = "3f0c6d1e-8a55-4b0e-9d35-5a0f6f7a1c01", "3f0c6d1e-8a55-4b0e-9d35-5a0f6f7a1c02"


async def prompts(speaker, msisdn=ME):
    return await speaker.sim("GET", f"/_sim/prompts?msisdn={msisdn}")


@pytest.mark.parametrize(
    ("answer", "reason"),
    [
        ("wrong_pin", "PAYMENT_NOT_APPROVED"),
        ("cancel", "APPROVAL_REJECTED"),
        ("no_balance", "NOT_ENOUGH_FUNDS"),
        ("no_wallet", "PAYER_NOT_FOUND"),
    ],
)
async def test_a_person_who_does_not_pay_is_not_debited(speak, clock, answer, reason):
    speaker = await speak()
    await speaker.sim("POST", "/_sim/people", {"msisdn": ME, "answer": answer})
    await speaker.mtn_push()
    await clock.advance(3)
    assert (await speaker.mtn_status())["reason"] == reason
    book = await speaker.sim("GET", "/mtn/_sim/book")
    assert (book["debited"], book["refused"][0]["status"]) == ([], reason)


@pytest.mark.parametrize(("answer", "code"), [("wrong_pin", "2001"), ("cancel", "1032"), ("no_balance", "1")])
async def test_the_same_people_at_daraja(speak, clock, answer, code):
    speaker = await speak()
    await speaker.sim("POST", "/_sim/people", {"msisdn": "254708374149", "answer": answer})
    push = await (await speaker.daraja_push()).json()
    await clock.advance(3)
    reply = await (await speaker.daraja_query(push["CheckoutRequestID"])).json()
    assert reply["ResultCode"] == code


async def test_the_book_tells_what_was_debited(speak, clock):
    speaker = await speak()
    await speaker.mtn_push()
    await speaker.daraja_push()
    await clock.advance(3)
    book = await speaker.sim("GET", "/_sim/book")
    mtn, daraja = book["debited"]
    receipt = mtn.pop("receipt")
    assert receipt == (await speaker.mtn_status())["financialTransactionId"]
    assert mtn == {
        "provider": "mtn",
        "provider_reference": "3f0c6d1e-8a55-4b0e-9d35-5a0f6f7a1c22",
        "external_id": "pay_01JDAB7Q",
        "msisdn": "+260961234567",
        "amount": "30.00",
        "currency": "ZMW",
        "at": "2025-11-21T06:30:01.800000Z",
        "status": "debited",
        "faults": [],
    }
    assert (daraja["external_id"], daraja["currency"], daraja["amount"]) == ("TAP-KNY-0417", "KES", "30")
    assert (await speaker.sim("GET", "/daraja/_sim/book"))["debited"] == [daraja]


async def test_a_refusal_on_the_spot_is_in_the_book_too(speak):
    speaker = await speak()
    await speaker.mtn_push(currency="EUR")
    refused = (await speaker.sim("GET", "/_sim/book"))["refused"]
    assert [(row["provider"], row["status"]) for row in refused] == [("mtn", 500)]
    assert "INVALID_CURRENCY" in refused[0]["reply"]


async def test_a_person_who_ignores_lets_the_prompt_expire(speak, clock):
    speaker = await speak(mtn=Mtn(prompt_lifetime_s=60))
    await speaker.sim("POST", "/_sim/people", {"msisdn": ME, "answer": "ignore"})
    await speaker.mtn_push()
    await clock.advance(60)
    assert (await speaker.mtn_status())["status"] == "PENDING"
    await clock.advance(1)
    assert (await speaker.mtn_status())["reason"] == "EXPIRED"
    assert (await prompts(speaker))[0]["state"] == "expired"


@pytest.mark.parametrize("setting", ["1037", "1019"])
async def test_daraja_has_two_words_for_no_answer(speak, clock, setting):
    from simulators.providers.config import Daraja

    speaker = await speak(daraja=Daraja(unanswered_code=setting))
    await speaker.sim("POST", "/_sim/people", {"msisdn": "254708374149", "answer": "ignore"})
    push = await (await speaker.daraja_push()).json()
    await clock.advance(62)
    reply = await (await speaker.daraja_query(push["CheckoutRequestID"])).json()
    assert reply["ResultCode"] == setting


async def test_a_late_approval_is_still_a_debit(speak, clock):
    speaker = await speak()
    late = {"msisdn": ME, "answer": "approve", "after_s": 400, "prompt_lifetime_s": 600}
    await speaker.sim("POST", "/_sim/people", late)
    await speaker.mtn_push()
    await clock.advance(399)
    assert (await speaker.mtn_status())["status"] == "PENDING"
    await clock.advance(2)
    assert (await speaker.mtn_status())["status"] == "SUCCESSFUL"


async def test_a_prompt_waits_for_the_person_at_the_keyboard(speak, clock, gateway, until):
    speaker = await speak()
    await speaker.sim("POST", "/_sim/people", {"msisdn": ME, "answer": "ask"})
    await speaker.mtn_push()
    await clock.advance(20)
    (prompt,) = await prompts(speaker)
    assert prompt["state"] == "open"
    assert prompt["text"] == (
        "Pay ZMW 30.00 to KANYAMA WATER TRUST. Water TAP-KNY-0417. Enter your MoMo PIN:"
    )
    await speaker.sim("POST", f"/_sim/prompts/{prompt['id']}/answer", {"answer": "approve"})
    await clock.advance(1)
    assert (await speaker.mtn_status())["status"] == "SUCCESSFUL"
    await until(lambda: gateway.got)
    again = await speaker.http.post(
        f"{speaker.url}/_sim/prompts/{prompt['id']}/answer", json={"answer": "cancel"}
    )
    assert again.status == 409


async def test_the_second_prompt_on_one_handset_queues(speak, clock):
    speaker = await speak()
    await speaker.sim("POST", "/_sim/people", {"msisdn": ME, "answer": "approve", "after_s": 10})
    await speaker.mtn_push(headers={"X-Reference-Id": A})
    await speaker.mtn_push(headers={"X-Reference-Id": B})
    await clock.advance(5)
    assert [prompt["state"] for prompt in await prompts(speaker)] == ["open", "queued"]
    await clock.advance(6)
    assert [prompt["state"] for prompt in await prompts(speaker)] == ["answered", "open"]
    assert [(await speaker.mtn_status(r))["status"] for r in (A, B)] == ["SUCCESSFUL", "PENDING"]
    await clock.advance(10)
    assert (await speaker.mtn_status(B))["status"] == "SUCCESSFUL"


async def test_two_handsets_do_not_wait_for_each_other(speak, clock):
    speaker = await speak()
    await speaker.mtn_push(headers={"X-Reference-Id": A})
    await speaker.mtn_push("260962000000", headers={"X-Reference-Id": B})
    await clock.advance(2)
    assert [(await speaker.mtn_status(r))["status"] for r in (A, B)] == ["SUCCESSFUL"] * 2


async def test_an_answer_may_hold_a_number_of_times(speak, clock):
    speaker = await speak()
    await speaker.sim("POST", "/_sim/people", {"msisdn": ME, "answer": "cancel", "times": 1})
    await speaker.mtn_push(headers={"X-Reference-Id": A})
    await clock.advance(3)
    await speaker.mtn_push(headers={"X-Reference-Id": B})
    await clock.advance(3)
    assert [(await speaker.mtn_status(r))["status"] for r in (A, B)] == ["FAILED", "SUCCESSFUL"]


async def test_everybody_may_be_told_and_somebody_forgotten(speak, clock):
    speaker = await speak()
    await speaker.sim("POST", "/_sim/people", {"msisdn": ME, "answer": "cancel"})
    await speaker.sim("POST", "/_sim/people", {"msisdn": "*", "answer": "wrong_pin", "after_s": 0})
    await speaker.sim("DELETE", f"/_sim/people/{ME}")
    await speaker.mtn_push()
    await clock.advance(3)
    assert (await speaker.mtn_status())["reason"] == "PAYMENT_NOT_APPROVED"
    assert (await speaker.sim("GET", "/_sim/people"))["told"] == {}


@pytest.mark.parametrize("wrong", [{"answer": "approve"}, {"msisdn": ME, "answer": "shrug"}, {"who": ME}, []])
async def test_a_person_who_cannot_be_understood_is_refused(speak, wrong):
    speaker = await speak()
    reply = await speaker.http.post(f"{speaker.url}/_sim/people", json=wrong)
    assert reply.status == 400


async def test_the_wallet_check_knows_who_has_none(speak):
    speaker = await speak()
    await speaker.sim("POST", "/_sim/people", {"msisdn": ME, "answer": "no_wallet"})
    path = f"/collection/v1_0/accountholder/msisdn/{ME}/active"
    from_status = {"method": "GET", "path": path, "headers": {
        "Authorization": "Bearer {access_token}", "X-Target-Environment": "mtnzambia",
        "Ocp-Apim-Subscription-Key": "{subscription_key}"}}  # fmt: skip
    assert await (await speaker.ask("mtn", from_status)).json() == {"result": False}


def test_every_number_rule_is_in_the_docs():
    from pathlib import Path

    text = Path(__file__).parents[3].joinpath("docs", "simulators.md").read_text("utf-8")
    assert [number for number in NUMBER_RULES if number not in text] == []


async def test_what_was_told_for_a_while_lapses_unless_it_is_told_again(speak):
    speaker = await speak()

    async def told():
        return (await speaker.sim("GET", "/_sim/people"))["told"]

    for answer in ({"answer": "ask", "for_s": 0.4}, {"answer": "cancel"}):
        await speaker.sim("POST", "/_sim/people", {"msisdn": "260961234568", **answer})
    await speaker.sim("POST", "/_sim/people", {"msisdn": ME, "answer": "ask", "for_s": 0.4})
    assert set(await told()) == {"+" + ME, "+260961234568"}
    for _ in range(400):
        if "+" + ME not in await told():
            break
        await asyncio.sleep(0.005)
    assert {number: person["answer"] for number, person in (await told()).items()} == {
        "+260961234568": "cancel"
    }


@pytest.mark.parametrize("for_s", [0, -1, 1e9, "soon", [1]])
async def test_a_while_has_bounds(speak, for_s):
    speaker = await speak()
    body = {"msisdn": ME, "answer": "ask", "for_s": for_s}
    async with speaker.http.post(f"{speaker.url}/_sim/people", json=body) as reply:
        assert (reply.status, "for_s is a number of seconds" in await reply.text()) == (400, True)
