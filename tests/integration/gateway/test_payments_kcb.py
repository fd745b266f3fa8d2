"""Payments by KCB Buni, proved by the bank's signed notice, on both databases, books compared."""

import asyncio
import json

import pytest
import sqlalchemy as sa
from pydantic import ValidationError
from town import KENYAN, KENYAN_OWED, KENYAN_TAP, kcb_settings, until

from gateway import verify
from gateway.settings import Env, Settings
from payments.tables import callbacks, credits_, payments, suspense_items
from simulators.providers import kcb_keys
from tools.towns import MASTER_KEY

KEYS = ("1", "1", KENYAN_TAP, "1", "1")  # without Daraja, KCB asks the same wallets


@pytest.fixture
def bank(town):
    """The bank's own settings, and opening a gateway that has no other rail in shillings."""
    return Bank(town)


class Bank:
    def __init__(self, town):
        self.town = town

    async def open(self, *, own=None, sim=None, **changes):
        rail = self.town.network.config.kcb
        for name, value in (sim or {}).items():
            object.__setattr__(rail, name, value)
        keys = kcb_settings(self.town.providers.url, **(own or {}))
        self.house = await self.town.open(daraja=None, kcb=keys, **changes)
        return self.house

    async def pay(self):
        screen = (await self.town.dial(*KEYS, msisdn=KENYAN)).screen.text
        assert screen.startswith("KCB M-Pesa will now ask for your PIN: KES 300.00"), screen

    def sent(self, end="/ipn"):
        return [s for s in self.town.network.sender.recent if s["url"].endswith(end)]

    @property
    def address(self):
        accounts = self.house.runtime.accounts
        token = next(t for t, account in accounts.items() if account.provider == "kcb")
        return f"{self.town.gateway_url}/cb/{token}"

    async def send(self, body, signature="", kind="/ipn"):
        headers = {"Signature": signature} if signature else {}
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        async with self.town.http.post(self.address + kind, data=raw, headers=headers) as reply:
            assert reply.status == 200
            return await reply.json()

    async def send_signed(self, body):
        raw = json.dumps(body).encode()
        return await self.send(raw, kcb_keys.signature(kcb_keys.BANK, raw))

    async def verdicts(self, count):
        async def look():
            rows = await self.town.rows(sa.select(callbacks).order_by(callbacks.c.raw_id))
            found = [row.verdict for row in rows if row.verdict != "new"]
            return found if len(found) >= count else None

        return await until(look)


async def test_a_signed_notice_is_a_success(town, bank):
    await bank.open()
    await bank.pay()
    payment = await town.payment("success")
    (debit,) = town.book()["debited"]
    assert (payment.provider, payment.amount_minor, debit["amount"]) == ("kcb", KENYAN_OWED, "300")
    assert (payment.receipt, payment.provider_reference) == (debit["receipt"], debit["provider_reference"])
    (told,) = await town.sms(KENYAN)
    assert told.startswith("Madzi: Paid KES 300.00")
    assert told.endswith(f"KCB M-Pesa {payment.receipt}")
    first, other = sorted(await bank.verdicts(2))  # callback and notice race
    assert (first, other in ("repeated", "unconfirmed")) == ("confirmed", True)
    (credit,) = await town.agrees()
    assert (credit.amount_minor, credit.proof) == (KENYAN_OWED, "callback")


async def test_the_notice_may_come_first_and_in_the_other_shape(town, bank):
    await bank.open(sim={"ipn_after_s": -1, "ipn_shape": "flat"})
    await bank.pay()
    payment = await town.payment("success")
    assert payment.receipt.startswith("FT")
    first, other = sorted(await bank.verdicts(2))  # whichever is judged first
    assert (first, other in ("repeated", "unconfirmed")) == ("confirmed", True)
    assert len(await town.sms(KENYAN)) == len(await town.agrees()) == 1


async def test_the_callback_alone_moves_no_money_and_a_late_notice_does(town, bank):
    await bank.open(sim={"ipn_after_s": 1.6}, payment_expiry_s=1)
    await bank.pay()
    (item,) = await until(town.items)
    assert (item.kind, item.held_minor) == ("unresolved", 0)
    payment = (await town.payments())[0]
    assert (payment.status, payment.push_state) == ("pending", "accepted")
    payment = await town.payment("success")
    assert payment.receipt == town.book()["debited"][0]["receipt"]
    assert len(await town.agrees()) == 1
    (item,) = await town.items()  # nobody need look any more
    assert (item.status, item.resolved_by) == ("closed", "madzi")


@pytest.mark.parametrize(
    ("answer", "reason"), [("cancel", "cancelled"), ("wrong_pin", "pin"), ("no_balance", "balance")]
)
async def test_a_refusal_frees_the_debt_and_says_why(town, bank, answer, reason):
    await bank.open()
    town.person(KENYAN, answer)
    await bank.pay()
    (payment,) = await town.all_end()
    assert (payment.status, payment.reason) == ("failed", reason)
    assert await town.templates() == [f"fail.{reason}"]
    assert await town.agrees() == []


async def test_a_notice_that_comes_twice_credits_once(town, bank):
    await bank.open()
    town.fault("kcb", "callback", "twice", msisdn=KENYAN)
    await bank.pay()
    await town.payment("success")
    assert set(await town.callbacks(4)) == {200}
    verdicts = await bank.verdicts(4)
    assert verdicts.count("confirmed") == 1
    assert set(verdicts) <= {"confirmed", "repeated", "unconfirmed"}
    assert len(await town.sms(KENYAN)) == len(await town.agrees()) == 1


async def test_the_very_notice_again_by_somebody_changes_nothing(town, bank):
    await bank.open()
    await bank.pay()
    await town.payment("success")
    body = (await until(_sent(bank)))[0]["body"].encode()
    signature = kcb_keys.signature(kcb_keys.BANK, body)
    for _ in range(3):
        await bank.send(body, signature)
    assert (await bank.verdicts(5))[2:] == ["repeated"] * 3
    assert len(await town.agrees()) == 1
    assert await town.items() == []


def _sent(bank):
    async def look():
        return bank.sent()

    return look


@pytest.mark.parametrize("fault", ["forged", "forged_early"])
async def test_a_forged_notice_credits_nothing(town, bank, fault):
    await bank.open()
    town.person(KENYAN, "cancel", after_s=0.3)
    town.fault("kcb", "callback", fault, msisdn=KENYAN)
    await bank.pay()
    (payment,) = await town.all_end()
    assert (payment.status, payment.reason) == ("failed", "cancelled")
    assert set(await town.callbacks(3)) == {200}
    assert "forged" in await bank.verdicts(3)
    assert await town.agrees() == []
    assert await town.templates() == ["fail.cancelled"]


async def test_an_unsigned_notice_is_believed_only_where_the_sandbox_switch_is_on(town, bank):
    house = await bank.open(sim={"signs": False})
    await bank.pay()
    assert sorted(await bank.verdicts(2)) == ["unconfirmed", "unsigned"]
    assert (await town.payments())[0].status == "pending"
    (body,) = [sent["body"] for sent in bank.sent()]
    await house.close()
    await bank.open(own={"unsigned_sandbox": True})
    await bank.send(body.encode())
    await town.payment("success")
    assert len(await town.agrees()) == 1


async def test_production_refuses_the_sandbox_switch_and_a_missing_key(town):
    right = {
        "env": Env.PRODUCTION,
        "channel_token": "x" * 20,
        "metrics_token": "m" * 20,
        "master_key": MASTER_KEY,
        "public_url": "https://pay.example.org",
        "database_url": "sqlite+aiosqlite:///x.db",
    }
    keys = kcb_settings("https://kcb.example")
    Settings.model_validate(right | {"kcb": keys})
    with pytest.raises(ValidationError, match="UNSIGNED_SANDBOX"):
        Settings.model_validate(right | {"kcb": keys | {"unsigned_sandbox": True}})
    with pytest.raises(ValidationError, match="IPN_PUBLIC_KEY"):
        Settings.model_validate(right | {"kcb": keys | {"ipn_public_key": ""}})


async def test_settings_of_the_other_kcb_gateway_are_not_this_ones(monkeypatch):
    for name, value in {
        "BASE_URL": "https://x.example",
        "API_KEY": "k",
        "EXTERNAL_ORIGIN": "9002742",
    }.items():
        monkeypatch.setenv(f"MADZI_KCB_MULTI_{name}", value)
    settings = Settings(_env_file=None)
    assert settings.kcb is None
    assert settings.kcb_multi.external_origin == "9002742"


# Notices that are signed, and odd


def notice(receipt="TKJ6CQQPBQ", account="KNY04171ABCD", amount="300", stamp=""):
    data = {
        "businessKey": account,
        "debitMSISDN": KENYAN.lstrip("+"),
        "transactionAmt": amount,
        "transactionID": f"FT{receipt}",
        "currency": "KES",
    }
    return {
        "header": {"messageID": "m1", "originatorConversationID": receipt, "timeStamp": stamp},
        "requestPayload": {
            "primaryData": {"businessKey": "7941675"},
            "additionalData": {"notificationData": data},
        },
    }


async def waiting(town, bank, **changes):
    """A payment whose payer has not decided, and the reference under which the bank will tell of it."""
    await bank.open(**changes)
    town.person(KENYAN, "ask", prompt_lifetime_s=60)
    await bank.pay()
    payment = await town.payment("pending")
    (push,) = town.book()["open"]
    return payment, push["external_id"].partition("-")[2]


async def test_a_notice_is_answered_as_the_bank_wants(town, bank):
    await bank.open()
    answer = await bank.send_signed(notice())
    assert answer["header"]["statusCode"] == "0"
    assert answer["header"]["originatorConversationID"] == "TKJ6CQQPBQ"
    (row,) = await town.rows(sa.select(callbacks))
    assert answer["responsePayload"] == {"transactionInfo": {"transactionId": row.raw_id}}


async def test_signed_money_without_a_match_waits_for_a_person(town, bank):
    await bank.open()
    await bank.send_signed(notice(account="WATER"))
    assert await bank.verdicts(1) == ["suspense"]
    (item,) = await town.items()
    assert (item.kind, item.currency, item.held_minor) == ("no_match", "KES", 30_000)
    (told,) = await town.sms(KENYAN)
    assert told.startswith("Madzi: Waiting: KES 300.00 came")
    await bank.send_signed(notice(account="WATER"))
    assert await bank.verdicts(2) == ["suspense", "repeated"]
    assert [v.name for v in await verify.run(town.db) if not v.holds] == []


@pytest.mark.parametrize("account", [KENYAN_TAP, KENYAN_TAP.replace("-", ""), f"7941675-{KENYAN_TAP}"])
async def test_signed_money_for_a_tap_that_was_typed_pays_it_once(town, bank, account):
    await bank.open()
    await bank.send_signed(notice(account=account))
    assert await bank.verdicts(1) == ["credited"]
    payment = await town.payment("success")
    assert (payment.tap_id, payment.channel, payment.msisdn) == (KENYAN_TAP, "ipn", KENYAN)
    assert (payment.amount_minor, payment.receipt) == (KENYAN_OWED, "TKJ6CQQPBQ")
    flat = {
        "transactionReference": "FTTKJ6CQQPBQ", "timestamp": "", "transactionAmount": "300.00",
        "currency": "KES", "customerReference": account, "customerMobileNumber": KENYAN.lstrip("+"),
        "tillNumber": "7941675",
    }  # fmt: skip
    await bank.send_signed(flat)  # the same money by the bank's other name for it
    assert await bank.verdicts(2) == ["credited", "repeated"]
    assert len(await town.rows(sa.select(credits_))) == 1
    assert [v.name for v in await verify.run(town.db) if not v.holds] == []


@pytest.mark.parametrize(("amount", "owed_then"), [("100", 20_000), ("1,300.00", 0)])
async def test_the_banks_amount_counts(town, bank, amount, owed_then):
    _, account = await waiting(town, bank)
    await bank.send_signed(notice(account=account, amount=amount))
    await town.payment("success")
    credit = (await town.rows(sa.select(credits_)))[0]
    assert credit.amount_minor == int(amount.replace(",", "").partition(".")[0]) * 100
    kinds = [(item.kind, item.held_minor) for item in await town.items()]
    assert kinds == ([] if owed_then else [("over_payment", 0)])  # the rest is in the wallet


@pytest.mark.parametrize("status", ["success", "refunded"])
async def test_a_second_receipt_for_what_is_paid_waits_for_a_person(town, bank, status):
    payment, account = await waiting(town, bank)
    await bank.send_signed(notice(account=account))
    await town.payment("success")
    async with town.db.write() as connection:  # the money of the first has gone back
        mine = sa.update(payments).where(payments.c.payment_id == payment.payment_id)
        await connection.execute(mine.values(status=status))
    await bank.send_signed(notice("TKJ6CQQPBX", account))
    assert await bank.verdicts(2) == ["confirmed", "second_receipt"]
    (item,) = await town.items()
    assert item.kind == "second_receipt"
    assert "TKJ6CQQPBX" in item.detail


async def test_an_old_notice_moves_nothing_and_waits_for_a_person(town, bank):
    payment, account = await waiting(town, bank)
    await bank.send_signed(notice(account=account, stamp="20250101120000"))
    assert await bank.verdicts(1) == ["stale"]
    (item,) = await town.items()
    assert (item.kind, item.payment_id) == ("stale_notice", payment.payment_id)
    assert (await town.payments())[0].status == "pending"


async def test_a_notice_of_another_till_moves_nothing(town, bank):
    _, account = await waiting(town, bank)
    body = notice(account=account)
    body["requestPayload"]["primaryData"]["businessKey"] = "555"
    await bank.send_signed(body)
    assert await bank.verdicts(1) == ["unreadable"]
    assert (await town.payments())[0].status == "pending"


async def test_a_notice_settles_a_push_that_was_never_answered(town, bank):
    await bank.open(provider_timeout_s=0.4, payment_expiry_s=9)
    town.fault("kcb", "push", "slow_drip", msisdn=KENYAN)
    await bank.pay()
    payment = await town.payment("success")
    assert payment.receipt == town.book()["debited"][0]["receipt"]
    assert len(await town.sms(KENYAN)) == len(await town.agrees()) == 1


async def test_a_push_of_unknown_outcome_stays_open_for_a_person(town, bank):
    await bank.open(provider_timeout_s=0.4, payment_expiry_s=1)
    town.fault("kcb", "push", "close_before", msisdn=KENYAN)
    await bank.pay()
    (item,) = await until(town.items)
    assert item.kind == "unresolved"
    await asyncio.sleep(0.5)
    (payment,) = await town.rows(sa.select(payments))
    assert (payment.status, payment.push_state) == ("pending", "unknown")
    assert len(await town.rows(sa.select(suspense_items))) == 1
    await town.agrees()


async def test_a_refusal_that_is_faster_than_the_reply_to_the_push_is_heard(town, bank):
    await bank.open(payment_expiry_s=9)
    town.person(KENYAN, "cancel")
    town.fault("kcb", "callback", "before_reply", msisdn=KENYAN)
    await bank.pay()
    (payment,) = await town.all_end()
    assert (payment.status, payment.reason) == ("failed", "cancelled")


async def test_garbage_is_stored_and_harms_nobody(town, bank):
    await bank.open()
    for body in (b"", b"\xff\xfe", b"[" * 5000, b'{"Body":7}', b'{"header":[]}', b"null"):
        await bank.send(body)
        await bank.send(body, "AAAA")
    verdicts = await bank.verdicts(12)
    assert set(verdicts) <= {"unreadable", "unsigned", "forged"}
    assert await town.agrees() == []
