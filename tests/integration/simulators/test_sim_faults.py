"""What goes wrong on the way, and that the book stays true."""

import asyncio
import json

import pytest
from aiohttp import ClientError, ClientTimeout

from simulators.faults import Faults

ME = "260961234567"


async def script(speaker, **step):
    await speaker.sim("POST", "/_sim/faults/script", [{"provider": "mtn", **step}])


async def settled(clock):
    await clock.advance(5)


async def debits(speaker):
    return len((await speaker.sim("GET", "/_sim/book"))["debited"])


@pytest.mark.parametrize(
    ("fault", "status", "pushed"),
    [
        ("error_before", 500, 0),
        ("error_after", 500, 1),
        ("too_many", 429, 0),
        ("html", 200, 0),
        ("html_after", 200, 1),
        ("token_refused", 401, 0),
    ],
)
async def test_a_push_that_is_answered_wrongly(speak, clock, fault, status, pushed):
    speaker = await speak()
    await script(speaker, operation="push", fault=fault, msisdn="+" + ME)
    reply = await speaker.mtn_push()
    await settled(clock)
    assert (reply.status, await debits(speaker)) == (status, pushed)
    assert reply.content_type == ("text/html" if "html" in fault else "application/json")


@pytest.mark.parametrize(
    ("fault", "status", "code"), [("token_refused", 404, "404.001.03"), ("error_before", 500, "500.003.1001")]
)
async def test_darajas_own_error_bodies(speak, fault, status, code):
    speaker = await speak()
    step = {"provider": "daraja", "operation": "push", "fault": fault}
    await speaker.sim("POST", "/_sim/faults/script", [step])
    reply = await speaker.daraja_push()
    assert (reply.status, (await reply.json())["errorCode"]) == (status, code)


@pytest.mark.parametrize(("fault", "pushed"), [("close_before", 0), ("close", 1)])
async def test_a_closed_connection_before_and_after_the_push(speak, clock, fault, pushed):
    speaker = await speak()
    await script(speaker, operation="push", fault=fault)
    with pytest.raises(ClientError):
        await speaker.mtn_push()
    await settled(clock)
    assert await debits(speaker) == pushed


async def test_a_slow_drip_outlasts_the_client_and_the_push_stands(speak, clock):
    speaker = await speak()
    await script(speaker, operation="push", fault="slow_drip")
    speaker.http._timeout = ClientTimeout(total=0.1)
    with pytest.raises(TimeoutError):
        await speaker.mtn_push()
    speaker.http._timeout = ClientTimeout(total=10)
    await settled(clock)
    assert (await speaker.mtn_push()).status == 409
    book = await speaker.sim("GET", "/_sim/book")
    assert book["debited"][0]["faults"] == ["push.slow_drip"]


async def test_a_query_and_a_token_may_fail_too(speak, clock):
    speaker = await speak()
    await speaker.mtn_push()
    await script(speaker, operation="query", fault="error_before", times=2)
    await script(speaker, operation="token", fault="error_before")
    assert "status" not in await speaker.mtn_status()
    assert "status" not in await speaker.mtn_status()
    assert (await speaker.mtn_status())["status"] == "PENDING"
    with pytest.raises(KeyError):
        await speaker.login()
    await speaker.login()


@pytest.mark.parametrize(("fault", "count"), [("dropped", 0), ("twice", 2), ("ten_times", 10)])
async def test_callbacks_come_none_two_or_ten_times(speak, clock, gateway, until, fault, count):
    speaker = await speak()
    await script(speaker, operation="callback", fault=fault)
    await speaker.mtn_push()
    await settled(clock)
    assert await debits(speaker) == 1
    # A second, undisturbed push of another handset marks the end of the first one's news.
    await speaker.mtn_push("260962000000", externalId="after", headers={"X-Reference-Id": other(1)})
    await until(lambda: count == len(gateway.got))
    await settled(clock)
    await until(lambda: len(gateway.got) == count + 1)
    assert [json.loads(text)["externalId"] for _, _, text in gateway.got] == ["pay_01JDAB7Q"] * count + [
        "after"
    ]


def other(number):
    return f"3f0c6d1e-8a55-4b0e-9d35-5a0f6f7a1d{number:02x}"


async def test_a_late_callback_comes_late(speak, clock, gateway, until):
    speaker = await speak()
    await script(speaker, operation="callback", fault="late", late_s=100)
    await speaker.mtn_push()
    await clock.advance(90)
    assert (await speaker.mtn_status())["status"] == "SUCCESSFUL"
    assert gateway.got == []
    await clock.advance(20)
    await until(lambda: len(gateway.got) == 1)


async def test_a_callback_may_come_before_the_reply_of_the_push(speak, clock, gateway, until):
    speaker = await speak()
    await script(speaker, operation="callback", fault="before_reply")
    pushing = asyncio.ensure_future(speaker.mtn_push())
    await until(lambda: speaker_is_pending(clock))
    await clock.advance(3)
    await until(lambda: gateway.got)
    assert (await pushing).status == 202


def speaker_is_pending(clock):
    return clock._sleepers


async def test_an_older_callback_after_the_newer_one(speak, clock, gateway, until):
    speaker = await speak()
    await script(speaker, operation="callback", fault="out_of_order")
    await speaker.mtn_push()
    await settled(clock)
    await until(lambda: len(gateway.got) == 2)
    assert [json.loads(text)["status"] for _, _, text in gateway.got] == ["SUCCESSFUL", "PENDING"]


async def test_darajas_older_callback_says_that_nobody_answered(speak, clock, gateway, until):
    speaker = await speak()
    step = {"provider": "daraja", "operation": "callback", "fault": "out_of_order"}
    await speaker.sim("POST", "/_sim/faults/script", [step])
    await speaker.daraja_push()
    await settled(clock)
    await until(lambda: len(gateway.got) == 2)
    assert [stk(text)["ResultCode"] for _, _, text in gateway.got] == [0, 1037]


def stk(text):
    return json.loads(text)["Body"]["stkCallback"]


@pytest.mark.parametrize(("amount", "told"), [(None, "31"), ("5.00", "5")])
async def test_a_callback_with_another_amount_leaves_the_debit_as_it_was(
    speak, clock, gateway, until, amount, told
):
    speaker = await speak()
    await script(speaker, operation="callback", fault="other_amount", amount=amount)
    await speaker.mtn_push()
    await settled(clock)
    await until(lambda: gateway.got)
    assert json.loads(gateway.got[0][2])["amount"] == told
    assert (await speaker.mtn_status())["amount"] == "30"
    row = (await speaker.sim("GET", "/_sim/book"))["debited"][0]
    assert (row["amount"], row["faults"]) == ("30.00", ["callback.other_amount"])


async def test_a_forged_success_after_a_failure(speak, clock, gateway, until):
    speaker = await speak()
    await speaker.sim("POST", "/_sim/people", {"msisdn": ME, "answer": "cancel"})
    await script(speaker, operation="callback", fault="forged")
    await speaker.mtn_push()
    await settled(clock)
    await until(lambda: len(gateway.got) == 2)
    told = [json.loads(text) for _, _, text in gateway.got]
    assert [body["status"] for body in told] == ["FAILED", "SUCCESSFUL"]
    assert told[1]["externalId"] == "pay_01JDAB7Q"
    assert ((await speaker.mtn_status())["status"], await debits(speaker)) == ("FAILED", 0)


async def test_a_forged_callback_for_what_nobody_asked(speak, clock, gateway, until):
    speaker = await speak()
    steps = [
        {"provider": "mtn", "operation": "callback", "fault": "forged"},
        {"provider": "daraja", "operation": "callback", "fault": "forged"},
    ]
    await speaker.sim("POST", "/_sim/faults/script", steps)
    await speaker.mtn_push()
    push = await (await speaker.daraja_push()).json()
    await settled(clock)
    await until(lambda: len(gateway.got) == 4)
    mtn = [json.loads(text) for method, _, text in gateway.got if method == "PUT"]
    daraja = [stk(text) for method, _, text in gateway.got if method == "POST"]
    assert mtn[1]["externalId"].startswith("pay_forged_")
    assert daraja[0]["CheckoutRequestID"] == push["CheckoutRequestID"] != daraja[1]["CheckoutRequestID"]
    assert await debits(speaker) == 2


async def test_a_forged_success_before_the_person_has_decided(speak, clock, gateway, until):
    speaker = await speak()
    await speaker.sim("POST", "/_sim/people", {"msisdn": ME, "answer": "cancel"})
    await script(speaker, operation="callback", fault="forged_early")
    await speaker.mtn_push()
    await clock.advance(0.5)
    await until(lambda: len(gateway.got) == 1)
    assert json.loads(gateway.got[0][2])["status"] == "SUCCESSFUL"
    assert (await speaker.mtn_status())["status"] == "PENDING"
    await settled(clock)
    await until(lambda: len(gateway.got) == 2)
    assert json.loads(gateway.got[1][2])["status"] == "FAILED"


async def test_a_gateway_that_is_down_is_noted_and_not_told_again(speak, clock, gateway, until):
    speaker = await speak()
    gateway.status = 503
    await speaker.mtn_push()
    await settled(clock)
    await until(lambda: gateway.got)
    await clock.advance(3600)
    assert len(gateway.got) == 1
    noted = await speaker.sim("GET", "/_sim/callbacks")
    assert [row["outcome"] for row in noted] == [503]


async def test_faults_by_probability_change_at_run_time_and_repeat(speak, clock):
    async def run():
        speaker = await speak()
        await speaker.sim("PUT", "/_sim/faults", {"rates": {"mtn.push.error_before": 0.5}})
        replies = [
            await speaker.mtn_push(f"26096{n:07d}", headers={"X-Reference-Id": other(n)}) for n in range(30)
        ]
        return [reply.status for reply in replies]

    first = await run()
    assert 0 < first.count(500) < 30
    assert await run() == first


async def test_rates_in_the_configuration_hold_from_the_start(speak):
    speaker = await speak(faults=Faults({"push.too_many": 1.0}))
    assert (await speaker.mtn_push()).status == 429
    assert (await speaker.daraja_push()).status == 429
    await speaker.sim("PUT", "/_sim/faults", {})
    assert (await speaker.mtn_push()).status == 202


@pytest.mark.parametrize(
    ("path", "method", "wrong"),
    [
        ("/_sim/faults", "PUT", {"rates": {"push.fire": 1}}),
        ("/_sim/faults", "PUT", {"rates": {"push.html": 2}}),
        ("/_sim/faults", "PUT", {"rats": {}}),
        ("/_sim/faults/script", "POST", [{"provider": "orange", "operation": "push", "fault": "html"}]),
        ("/_sim/faults/script", "POST", [{"operation": "push"}]),
        ("/_sim/faults/script", "POST", "html"),
    ],
)
async def test_a_fault_that_does_not_exist_is_refused(speak, path, method, wrong):
    speaker = await speak()
    reply = await speaker.http.request(method, speaker.url + path, json=wrong)
    assert reply.status == 400


async def test_a_script_can_be_read_and_cleared(speak):
    speaker = await speak()
    await script(speaker, operation="push", fault="html", times=3)
    await speaker.mtn_push()
    assert [step["times"] for step in (await speaker.sim("GET", "/_sim/faults"))["script"]] == [2]
    await speaker.sim("DELETE", "/_sim/faults/script")
    assert (await speaker.sim("GET", "/_sim/faults"))["script"] == []
