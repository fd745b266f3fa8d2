"""Daraja's payments by hand and its money out, as the wire vectors say and when things go wrong."""

import asyncio
import json

import pytest
from aiohttp import web
from aiohttp.test_utils import TestServer

from payments.providers.daraja_security import read_certificate, security_credential
from simulators.providers.config import Daraja
from simulators.providers.daraja_keys import certificate_pem

PAYER = "254708374149"
UUID = "3f0c6d1e-8a55-4b0e-9d35-5a0f6f7a1c22"
MADE_UP = {
    "ConversationID",
    "OriginatorCoversationID",
    "ResponseRefID",
    "requestId",
    "errorMessage",
    "OriginatorConversationID",
}


def same(told, wanted, key=""):
    """The same members and JSON types; the same values where the provider does not make them up."""
    assert type(told) is type(wanted), (key, told, wanted)
    if isinstance(wanted, dict):
        assert set(told) == set(wanted)
        for name, value in wanted.items():
            same(told[name], value, name)
    elif key not in MADE_UP:
        assert told == wanted, key


@pytest.fixture
def daraja(speak, gateway):
    """A paybill with an initiator; `ask` sends a body with its credential."""

    async def begin(speaker_settings=None, **changes):
        settings = {"shortcode": "600984", "b2c_shortcode": "600992"} | changes
        speaker = await speak(daraja=Daraja(**settings), **(speaker_settings or {}))
        credential = security_credential(
            speaker.config.daraja.initiator_password, read_certificate(certificate_pem())
        )

        async def ask(vector, **fields):
            body = vector["request"]["body"] | fields
            body = {
                name: value.replace("https://pay.example.org", gateway.url)
                if isinstance(value, str) and name.endswith("URL")
                else value
                for name, value in body.items()
            }
            body = {name: credential if value == "{credential}" else value for name, value in body.items()}
            return await speaker.ask("daraja", vector["request"] | {"body": body})

        speaker.ask_with = ask
        return speaker

    return begin


def told_at(gateway, ending):
    return [json.loads(text) for _, path, text in gateway.got if path.split("?")[0].endswith(ending)]


def parameters(told):
    found = told["Result"]["ResultParameters"]["ResultParameter"]
    items = found if isinstance(found, list) else [found]
    return {item["Key"]: item.get("Value") for item in items}


ON_THE_SPOT = [
    ("daraja_c2b", "register"),
    ("daraja_c2b", "register_bad_response_type"),
    ("daraja_c2b", "simulate"),
    ("daraja_c2b", "pull_register"),
    ("daraja_c2b", "pull_nothing"),
    ("daraja_out", "b2c"),
    ("daraja_out", "b2c_too_little"),
    ("daraja_out", "b2c_invalid_initiator"),
    ("daraja_out", "reversal"),
    ("daraja_out", "status"),
    ("daraja_out", "status_of_a_conversation"),
    ("daraja_out", "balance"),
]


@pytest.mark.parametrize(("name", "vector"), ON_THE_SPOT)
async def test_daraja_answers_as_its_vector(daraja, vectors, name, vector):
    speaker, wanted = await daraja(), vectors(name)[vector]
    reply = await speaker.ask_with(wanted)
    assert reply.status == wanted["reply"]["status"]
    same(await reply.json(), wanted["reply"]["body"])


async def test_a_reference_is_used_once(daraja, vectors):
    speaker, wanted = await daraja(), vectors("daraja_out")
    first = await (await speaker.ask_with(wanted["b2c"])).json()
    assert first["OriginatorConversationID"] == UUID
    again = await speaker.ask_with(wanted["b2c"])
    assert again.status == 500
    same(await again.json(), wanted["b2c_duplicate"]["reply"]["body"])


async def test_production_registers_once(daraja, vectors):
    speaker, wanted = await daraja(registers_once=True), vectors("daraja_c2b")
    assert (await speaker.ask_with(wanted["register"])).status == 200
    again = await speaker.ask_with(wanted["register"])
    same(await again.json(), wanted["register_again"]["reply"]["body"])


async def test_an_organisation_switches_pull_on_once(daraja, vectors):
    speaker, wanted = await daraja(), vectors("daraja_c2b")
    await speaker.ask_with(wanted["pull_register"])
    again = await speaker.ask_with(wanted["pull_register"])
    same(await again.json(), wanted["pull_register_again"]["reply"]["body"])


async def paid(speaker, **changes):
    values = {"msisdn": PAYER, "account": "tap kny 0417", "amount": "30"} | changes
    return await speaker.sim("POST", "/daraja/_sim/payments", values)


async def test_a_person_pays_by_hand_and_both_addresses_hear_it(daraja, vectors, clock, gateway, until):
    speaker, wanted = await daraja(), vectors("daraja_c2b")["confirmation"]["request"]["body"]
    await speaker.ask_with(vectors("daraja_c2b")["register"])
    row = await paid(speaker)
    assert (row["status"], row["external_id"], row["amount"]) == ("debited", "tap kny 0417", "30")
    (told,) = await until(lambda: told_at(gateway, "/c2b_confirmation"))
    assert list(told) == list(wanted)
    assert all(isinstance(value, str) for value in told.values())
    made_up = ("TransID", "TransTime", "OrgAccountBalance", "FirstName", "MSISDN")
    assert {k: v for k, v in told.items() if k not in made_up} == {
        k: v for k, v in wanted.items() if k not in made_up
    }
    assert (told["TransID"], told["OrgAccountBalance"], told["MSISDN"]) == (
        row["receipt"],
        "30.00",
        "2547 ***** 149",
    )
    (asked,) = told_at(gateway, "/c2b_validation")
    assert asked == told | {"OrgAccountBalance": "", "TransTime": asked["TransTime"]}


@pytest.mark.parametrize(
    ("mask", "shown"), [("spaced", "2547 ***** 149"), ("starred", "25470****149"), ("none", PAYER)]
)
async def test_a_number_is_masked_in_either_form(daraja, vectors, gateway, until, mask, shown):
    speaker = await daraja(mask=mask)
    await speaker.ask_with(vectors("daraja_c2b")["register"])
    await paid(speaker)
    (told,) = await until(lambda: told_at(gateway, "/c2b_confirmation"))
    assert told["MSISDN"] == shown


async def test_the_old_version_hashes_numbers(daraja, vectors, gateway, until):
    speaker, vector = await daraja(), vectors("daraja_c2b")["register"]
    old = vector | {"request": vector["request"] | {"path": "/mpesa/c2b/v1/registerurl"}}
    assert (await speaker.ask_with(old)).status == 200
    await paid(speaker)
    (told,) = await until(lambda: told_at(gateway, "/c2b_confirmation"))
    assert len(told["MSISDN"]) == 64


class Validator:
    """A gateway that answers validations with these words, or too late."""

    def __init__(self):
        self.says = {"ResultCode": "0", "ResultDesc": "Accepted", "ThirdPartyTransID": "v1"}
        self.status = 200
        self.holds = None
        self.confirmed = []

    async def take(self, request):
        if request.path.endswith("/validation"):
            if self.holds:
                await self.holds.wait()
            return web.json_response(self.says, status=self.status)
        self.confirmed.append(await request.json())
        return web.json_response({"ResultCode": 0})


@pytest.fixture
async def validator():
    validator = Validator()
    app = web.Application()
    app.router.add_post("/{path:.*}", validator.take)
    async with TestServer(app) as server:
        validator.url = str(server.make_url("/cb"))
        yield validator
        if validator.holds:
            validator.holds.set()


async def registered(daraja, vectors, validator, response_type="Completed"):
    speaker = await daraja()
    urls = {
        "ConfirmationURL": validator.url + "/confirmation",
        "ValidationURL": validator.url + "/validation",
    }
    await speaker.ask_with(vectors("daraja_c2b")["register"], ResponseType=response_type, **urls)
    return speaker


async def test_our_id_comes_back_in_the_confirmation(daraja, vectors, validator, until):
    speaker = await registered(daraja, vectors, validator)
    await paid(speaker)
    (told,) = await until(lambda: validator.confirmed)
    assert told["ThirdPartyTransID"] == "v1"


REJECTIONS = ["C2B00011", "C2B00012", "C2B00013", "C2B00014", "C2B00015", "C2B00016"]


@pytest.mark.parametrize("code", REJECTIONS)
async def test_a_rejected_payment_moves_no_money(daraja, vectors, validator, code):
    speaker = await registered(daraja, vectors, validator)
    validator.says = vectors("daraja_c2b")[f"validation_rejected_{code}"]["reply"]["body"]
    row = await paid(speaker)
    assert (row["status"], row["receipt"]) == (code, None)
    assert (await speaker.sim("GET", "/daraja/_sim/book"))["debited"] == []
    assert validator.confirmed == []


@pytest.mark.parametrize(
    ("response_type", "status"), [("Completed", "debited"), ("Cancelled", "no_validation")]
)
@pytest.mark.parametrize("spoil", ["error", "words"])
async def test_an_answer_that_is_none_lets_the_registration_decide(
    daraja, vectors, validator, response_type, status, spoil
):
    speaker = await registered(daraja, vectors, validator, response_type)
    if spoil == "error":
        validator.status = 500
    else:
        validator.says = {"ResultCode": "perhaps"}
    assert (await paid(speaker))["status"] == status


@pytest.mark.parametrize(
    ("response_type", "status"), [("Completed", "debited"), ("Cancelled", "no_validation")]
)
async def test_a_validation_has_eight_seconds(daraja, vectors, validator, clock, response_type, status):
    speaker = await registered(daraja, vectors, validator, response_type)
    validator.holds = asyncio.Event()
    validator.says = {"ResultCode": "C2B00012", "ResultDesc": "Rejected"}
    paying = asyncio.create_task(paid(speaker))
    for _ in range(1000):
        if paying.done():
            break
        await clock.advance(0.1)
        await asyncio.sleep(0.002)
    assert (await paying)["status"] == status


@pytest.mark.parametrize(("after_s", "first"), [(0.5, "/cb/tok"), (0.0, "/c2b_confirmation")])
async def test_a_push_is_confirmed_as_a_payment_by_hand_too(
    daraja, vectors, clock, gateway, until, after_s, first
):
    speaker = await daraja(till="600984", c2b_after_s=after_s)
    await speaker.ask_with(vectors("daraja_c2b")["register"])
    accepted = await speaker.daraja_push(
        BusinessShortCode="600984", PartyB="600984", Password=signed(speaker)
    )
    assert accepted.status == 200
    await clock.advance(2.2)
    await until(lambda: gateway.got)
    await clock.advance(1)
    await until(lambda: len(gateway.got) == 2)
    assert gateway.got[0][1].split("?")[0].endswith(first)
    (told,) = told_at(gateway, "/c2b_confirmation")
    ((_, _, stk),) = [got for got in gateway.got if "stkCallback" in got[2]]
    assert (told["BillRefNumber"], told["TransAmount"]) == ("TAP-KNY-0417", "30.00")
    assert told["TransID"] in stk  # one receipt, two channels


def signed(speaker):
    from simulators.providers.daraja_checks import password

    return password("600984", speaker.config.daraja.passkey, "20251121093000")


@pytest.mark.parametrize(("fault", "copies"), [("dropped", 0), ("twice", 2), ("ten_times", 10)])
async def test_confirmations_come_none_two_or_ten_times(
    daraja, vectors, clock, gateway, until, fault, copies
):
    speaker = await daraja()
    await speaker.ask_with(vectors("daraja_c2b")["register"])
    await speaker.sim(
        "POST", "/_sim/faults/script", [{"provider": "daraja", "operation": "arrival", "fault": fault}]
    )
    await paid(speaker)
    await paid(speaker, msisdn="254708374140")  # without a fault: the last one
    await until(lambda: len(told_at(gateway, "/c2b_confirmation")) == copies + 1)
    assert (await speaker.sim("GET", "/daraja/_sim/book"))["totals"]["daraja"]["KES"] == {
        "in": "60",
        "out": "0",
    }


@pytest.mark.parametrize(
    "values",
    [
        {"msisdn": "260961234567"},
        {"account": "x" * 21},
        {"account": 7},
        {"amount": "0"},
        {"amount": "1.5"},
        {"amount": "250001"},
    ],
)
async def test_nobody_pays_what_cannot_be(daraja, values):
    speaker = await daraja()
    body = {"msisdn": PAYER, "account": "a", "amount": "30"} | values
    async with speaker.http.post(speaker.url + "/daraja/_sim/payments", json=body) as reply:
        assert reply.status == 400


async def test_the_list_of_what_came_is_paged(daraja, vectors):
    speaker = await daraja(pull_page=2)
    receipts = [(await paid(speaker, msisdn=f"25470837414{n}"))["receipt"] for n in range(3)]
    vector = vectors("daraja_c2b")["pull"]
    days = {"StartDate": "2025-11-21 00:00:00", "EndDate": "2025-11-22 00:00:00"}
    pages = [
        await (await speaker.ask_with(vector, OffSetValue=offset, **days)).json()
        for offset in ("0", "2", "3")
    ]
    assert [page["ResponseCode"] for page in pages] == ["1000", "1000", "1001"]
    rows = [page["Response"][0] for page in pages]
    assert [row["transactionId"] for page in rows for row in page] == receipts
    same(rows[0][0], vector["reply"]["body"]["Response"][0][0] | {
        "transactionId": receipts[0], "msisdn": 254708374140, "trxDate": "2025-11-21T09:30:00Z"
    })  # fmt: skip


async def transferred(speaker, vectors, clock, **fields):
    await speaker.ask_with(vectors("daraja_out")["b2c"], **fields)
    await clock.advance(5)


async def test_the_result_of_a_transfer_has_the_forms_of_its_vector(daraja, vectors, clock, gateway, until):
    speaker = await daraja()
    await transferred(speaker, vectors, clock)
    (told,) = await until(lambda: told_at(gateway, "/b2c_result"))
    wanted = json.loads(vectors("daraja_out")["b2c_result"]["request"]["body_text"])
    assert set(told["Result"]) == set(wanted["Result"])
    assert told["Result"]["OriginatorConversationID"] == UUID
    told, wanted = parameters(told), parameters(wanted)
    assert {k: type(v) for k, v in told.items()} == {k: type(v) for k, v in wanted.items()}
    assert (told["TransactionAmount"], told["B2CUtilityAccountAvailableFunds"]) == (30, 999_970.0)
    assert '"Value":999970.00' in gateway.got[-1][2]
    book = await speaker.sim("GET", "/daraja/_sim/book")
    (row,) = book["paid_out"]
    assert (row["kind"], row["receipt"]) == ("transfer", told["TransactionReceipt"])
    assert book["totals"]["daraja"]["KES"] == {"in": "0", "out": "30"}


@pytest.mark.parametrize(
    "code", ["1", "2", "3", "4", "8", "11", "21", "2001", "2006", "2028", "2040", "8006"]
)
async def test_a_transfer_that_fails_moves_nothing(daraja, vectors, clock, gateway, until, code):
    speaker = await daraja()
    await speaker.sim("POST", "/_sim/people", {"msisdn": PAYER, "answer": "refused", "code": code})
    await transferred(speaker, vectors, clock)
    (told,) = await until(lambda: told_at(gateway, "/b2c_result"))
    wanted = json.loads(vectors("daraja_result_codes")[f"b2c_{code}"]["request"]["body_text"])
    assert set(told["Result"]) == set(wanted["Result"])
    assert told["Result"]["ResultCode"] == wanted["Result"]["ResultCode"]
    assert (await speaker.sim("GET", "/daraja/_sim/book"))["paid_out"] == []


@pytest.mark.parametrize(
    ("case", "answer", "code"),
    [
        (({"opening_balance": "20"}, {}), "approve", 1),
        (({}, {"SecurityCredential": "AAAA"}), "approve", 2001),
        (({}, {}), "no_wallet", 2040),
    ],
)
async def test_why_a_transfer_fails_by_itself(daraja, vectors, clock, gateway, until, case, answer, code):
    settings, fields = case
    speaker = await daraja(**settings)
    await speaker.sim("POST", "/_sim/people", {"msisdn": PAYER, "answer": answer})
    await transferred(speaker, vectors, clock, **fields)
    (told,) = await until(lambda: told_at(gateway, "/b2c_result"))
    assert told["Result"]["ResultCode"] == code


async def script(speaker, operation, fault):
    step = {"provider": "daraja", "operation": operation, "fault": fault}
    await speaker.sim("POST", "/_sim/faults/script", [step])


async def test_giving_up_is_told_first_and_the_result_still_comes(daraja, vectors, clock, gateway, until):
    speaker = await daraja()
    await script(speaker, "result", "timed_out")
    await transferred(speaker, vectors, clock)
    await until(lambda: len(gateway.got) == 2)
    assert [path.rsplit("/", 1)[-1] for _, path, _ in gateway.got] == ["b2c_timeout", "b2c_result"]
    assert told_at(gateway, "/b2c_result")[0]["Result"]["ResultCode"] == 0


@pytest.mark.parametrize(("fault", "found"), [("single_object", dict), ("missing_values", list)])
async def test_results_come_in_other_shapes(daraja, vectors, clock, gateway, until, fault, found):
    speaker = await daraja()
    await script(speaker, "result", fault)
    await transferred(speaker, vectors, clock)
    (told,) = await until(lambda: told_at(gateway, "/b2c_result"))
    parameter = told["Result"]["ResultParameters"]["ResultParameter"]
    assert isinstance(parameter, found)
    if fault == "missing_values":
        assert all(set(item) == {"Key"} for item in parameter)


@pytest.mark.parametrize(("fault", "copies"), [("dropped", 0), ("twice", 2)])
async def test_results_come_none_or_two_times(daraja, vectors, clock, gateway, until, fault, copies):
    speaker = await daraja()
    await script(speaker, "callback", fault)
    await transferred(speaker, vectors, clock)
    await transferred(speaker, vectors, clock, OriginatorConversationID="another")
    await until(lambda: len(told_at(gateway, "/b2c_result")) == copies + 1)


async def reversed_(speaker, vectors, clock, receipt, **fields):
    reply = await speaker.ask_with(vectors("daraja_out")["reversal"], TransactionID=receipt, **fields)
    await clock.advance(5)
    return reply


async def test_a_payment_is_reversed_once(daraja, vectors, clock, gateway, until):
    speaker = await daraja()
    payment = await paid(speaker)
    for _ in range(2):
        assert (await reversed_(speaker, vectors, clock, payment["receipt"])).status == 200
    await until(lambda: len(told_at(gateway, "/b2c_result")) == 2)
    good, again = sorted(told_at(gateway, "/b2c_result"), key=lambda told: str(told["Result"]["ResultCode"]))
    wanted = json.loads(vectors("daraja_out")["reversal_result"]["request"]["body_text"])
    assert {k: type(v) for k, v in parameters(good).items()} == {
        k: type(v) for k, v in parameters(wanted).items()
    }
    assert parameters(good)["OriginalTransactionID"] == payment["receipt"]
    assert again["Result"]["ResultCode"] == "R000001"
    book = await speaker.sim("GET", "/daraja/_sim/book")
    (row,) = book["paid_out"]
    assert (row["kind"], row["original"]) == ("reversal", payment["provider_reference"])
    assert book["totals"]["daraja"]["KES"] == {"in": "30", "out": "30"}


async def test_two_reversals_at_once_give_back_once(daraja, vectors, clock, gateway, until):
    speaker = await daraja()
    payment = await paid(speaker)
    vector = vectors("daraja_out")["reversal"]
    for _ in range(2):
        await speaker.ask_with(vector, TransactionID=payment["receipt"])
    await clock.advance(5)
    await until(lambda: len(told_at(gateway, "/b2c_result")) == 2)
    assert len((await speaker.sim("GET", "/daraja/_sim/book"))["paid_out"]) == 1


async def test_what_was_never_paid_cannot_be_reversed(daraja, vectors, clock, gateway, until):
    speaker = await daraja()
    await reversed_(speaker, vectors, clock, "TKL0000000")
    (told,) = await until(lambda: told_at(gateway, "/b2c_result"))
    assert told["Result"]["ResultCode"] == "R000002"


async def test_a_part_is_not_reversed(daraja, vectors, clock):
    speaker = await daraja()
    payment = await paid(speaker)
    assert (await reversed_(speaker, vectors, clock, payment["receipt"], Amount="20")).status == 400


async def test_the_status_of_a_receipt_is_told_later(daraja, vectors, clock, gateway, until):
    speaker = await daraja()
    payment = await paid(speaker)
    await speaker.ask_with(vectors("daraja_out")["status"], TransactionID=payment["receipt"])
    await clock.advance(1)
    (told,) = await until(lambda: told_at(gateway, "/b2c_result"))
    found = parameters(told)
    wanted = parameters(json.loads(vectors("daraja_out")["status_result"]["request"]["body_text"]))
    assert set(found) <= set(wanted)
    assert (found["ReceiptNo"], found["Amount"], found["TransactionStatus"]) == (
        payment["receipt"],
        "30.00",
        "Completed",
    )
    assert (found["TransactionReason"], found["CreditPartyName"]) == (None, "600984 - NAIROBI WATER TRUST")


async def test_the_balance_is_told_in_strings_and_bars(daraja, vectors, clock, gateway, until):
    speaker = await daraja()
    await transferred(speaker, vectors, clock)
    await speaker.ask_with(vectors("daraja_out")["balance"])
    await clock.advance(1)
    told = (await until(lambda: told_at(gateway, "/b2c_result")[1:]))[0]
    assert (told["Result"]["ResultType"], told["Result"]["ResultCode"]) == ("0", "0")
    accounts = parameters(told)["AccountBalance"].split("&")
    assert accounts[1] == "Utility Account|KES|999970.00|999970.00|0.00|0.00"


async def test_the_books_survive_a_restart(daraja, vectors, clock, gateway, until, tmp_path):
    kept = {"journal": tmp_path / "book.jsonl"}
    first = await daraja(kept)
    await first.ask_with(vectors("daraja_c2b")["register"])
    await paid(first)
    await transferred(first, vectors, clock)
    before = await first.sim("GET", "/daraja/_sim/book")
    second = await daraja(kept)
    assert await second.sim("GET", "/daraja/_sim/book") == before
    assert (await second.ask_with(vectors("daraja_out")["b2c"])).status == 500
    gateway.got.clear()
    await paid(second)
    await until(lambda: told_at(gateway, "/c2b_confirmation"))
