"""`kill -9` of gateway and worker at the worst moments: nothing is lost, nothing is taken twice."""

import json
import random
import shutil
import sqlite3
import time
from dataclasses import dataclass

import pytest
from processes import TOKEN, environment, free_port, http, run, until

from simulators.aggregator.config import Config as Aggregator
from simulators.providers.config import Daraja, Mtn
from taps.tap_id import make

TAPS = [make("KNY", n) for n in range(1, 31)]
KENYAN_TAP = make("NRB", 1)
MTN_PAYER, MPESA_PAYER = "+260961234567", "+254708374149"
FILES = {
    "zones": "zone,name,country,currency,latitude,longitude\nKNY,Kanyama,ZM,ZMW,,\nNRB,Nairobi,KE,KES,,\n",
    "tariffs": "zone,component,seller,basis,amount,currency,valid_from\n"
    "KNY,water,KANYAMA WATER TRUST,tap_month,20.00,ZMW,2026-01-01\n"
    "NRB,water,NAIROBI WATER TRUST,tap_month,200,KES,2026-01-01\n",
    "taps": "tap_id,zone,latitude,longitude,billing,caretaker_msisdn,households,tap_number\n"
    + "".join(f"{tap},{tap[:3]},,,shared,,,\n" for tap in (*TAPS, KENYAN_TAP)),
}


@dataclass
class City:
    """The four processes of an installation, on one SQLite file."""

    processes: object
    env: dict
    port: int
    providers_url: str
    aggregator_url: str
    web: object = None
    worker: object = None

    @property
    def folder(self):
        return self.processes.folder

    def serve(self):
        self.web = self.processes.start("serve", "--port", self.port, env=self.env)
        self.wait_web()

    def wait_web(self):
        until(lambda: http("GET", f"http://127.0.0.1:{self.port}/readyz")[0] == 200)

    def work(self):
        self.worker = self.processes.start("worker", env=self.env)

    def hop(self, session, msisdn, *keys):
        form = {
            "sessionId": session, "phoneNumber": msisdn, "networkCode": "64502",
            "serviceCode": "*384*7#", "text": "*".join(keys),
        }  # fmt: skip
        return http("POST", f"http://127.0.0.1:{self.port}/ussd/africastalking/{TOKEN}", form=form)

    def person(self, msisdn, answer, after_s):
        body = {"msisdn": msisdn, "answer": answer, "after_s": after_s, "prompt_lifetime_s": 60}
        assert http("POST", f"{self.providers_url}/_sim/people", body)[0] == 200

    def book(self):
        return json.loads(http("GET", f"{self.providers_url}/_sim/book")[1])

    def sms(self, msisdn):
        query = msisdn.replace("+", "%2B")
        return json.loads(http("GET", f"{self.aggregator_url}/_sim/sms?to={query}")[1])

    def payments(self):
        with sqlite3.connect(self.folder / "madzi.db", timeout=15) as db:
            db.row_factory = sqlite3.Row
            rows = db.execute("SELECT * FROM payments ORDER BY created_at").fetchall()
        db.close()
        return rows

    def payment(self, status, within_s=15.0):
        def look():
            rows = self.payments()
            return rows[-1] if rows and rows[-1]["status"] == status else None

        return until(look, within_s)

    def claimed(self, kind):
        with sqlite3.connect(self.folder / "madzi.db", timeout=15) as db:
            query = "SELECT count(*) FROM outbox WHERE kind = ? AND claimed_until IS NOT NULL"
            (count,) = db.execute(query, (kind,)).fetchone()
        db.close()
        return count


def _environment(folder, port, providers_url, aggregator_url):
    mtn, daraja, at = Mtn(), Daraja(), Aggregator()
    return environment(
        folder,
        MADZI_ENV="test",
        MADZI_DATABASE_URL=f"sqlite+aiosqlite:///{folder}/madzi.db",
        MADZI_PUBLIC_URL=f"http://127.0.0.1:{port}",
        MADZI_CHANNEL_TOKEN=TOKEN,
        MADZI_PUSH_DELAY_S="0.5",
        MADZI_PAYMENT_EXPIRY_S="20",
        MADZI_POLL_AFTER_S="1",
        MADZI_PROVIDER_TIMEOUT_S="3",
        MADZI_AT_BASE_URL=aggregator_url,
        MADZI_AT_USERNAME=at.username,
        MADZI_AT_API_KEY=at.api_key,
        MADZI_MTN_BASE_URL=f"{providers_url}/mtn",
        MADZI_MTN_SUBSCRIPTION_KEY=mtn.subscription_key,
        MADZI_MTN_API_USER=mtn.api_user,
        MADZI_MTN_API_KEY=mtn.api_key,
        MADZI_MTN_TARGET_ENVIRONMENT=mtn.target_environment,
        MADZI_DARAJA_BASE_URL=f"{providers_url}/daraja",
        MADZI_DARAJA_CONSUMER_KEY=daraja.consumer_key,
        MADZI_DARAJA_CONSUMER_SECRET=daraja.consumer_secret,
        MADZI_DARAJA_SHORTCODE=daraja.shortcode,
        MADZI_DARAJA_PASSKEY=daraja.passkey,
        MADZI_DARAJA_QUERIES_PER_MINUTE="6000",
    )


@pytest.fixture(scope="module")
def installation(tmp_path_factory):
    """Where a database stands that was set up by the commands once; each test gets a copy."""
    folder = tmp_path_factory.mktemp("model")
    env = environment(folder, MADZI_DATABASE_URL=f"sqlite+aiosqlite:///{folder}/madzi.db")
    assert run(folder, "db", "upgrade", env=env)[0] == 0
    for kind, text in FILES.items():
        assert run(folder, kind, "import", "-", env=env, stdin=text)[0] == 0
    assert run(folder, "bill", "2026-11", env=env)[0] == 0
    return folder / "madzi.db"


@pytest.fixture
def city(installation, processes):
    folder, ports = processes.folder, [free_port() for _ in range(3)]
    shutil.copy(installation, folder / "madzi.db")
    port, providers_url, aggregator_url = ports[0], *(f"http://127.0.0.1:{p}" for p in ports[1:])
    env = _environment(folder, port, providers_url, aggregator_url)
    processes.start("simulate", "providers", "--port", ports[1], env=env)
    gateway = f"http://127.0.0.1:{port}"
    processes.start("simulate", "aggregator", "--port", ports[2], "--gateway", gateway, env=env)
    built = City(processes, env, port, providers_url, aggregator_url)
    built.serve()
    built.work()
    until(lambda: http("GET", f"{providers_url}/_sim/book")[0] == 200)
    until(lambda: http("GET", f"{aggregator_url}/_sim/sms")[0] == 200)
    return built


def _confirm(city, msisdn, tap):
    status, body = city.hop("s1", msisdn, "1", tap, "1", "1")
    assert (status, body[:4]) == (200, "END "), body
    assert "PIN" in body


def _agrees(city, msisdn):
    """Check one debit, one SMS of success, and that every invariant holds."""
    assert len(city.book()["debited"]) == 1
    told = until(lambda: [m["text"] for m in city.sms(msisdn) if "Paid K" in m["text"]])
    # A look-up quicker than M-PESA's callback knows no receipt; its SMS comes after.
    assert len([text for text in told if "now with its receipt" not in text]) == 1
    code, out, err = run(city.folder, "verify", env=city.env)
    assert code == 0, out + err


@pytest.mark.parametrize(
    ("msisdn", "tap"), [(MTN_PAYER, TAPS[0]), (MPESA_PAYER, KENYAN_TAP)], ids=["mtn", "daraja"]
)
def test_killed_between_the_confirming_hop_and_the_push(city, msisdn, tap):
    city.processes.kill(city.worker)
    _confirm(city, msisdn, tap)
    city.processes.kill(city.web)
    assert city.payments()[-1]["push_state"] == "none"
    city.serve()
    city.work()
    city.payment("success")
    # Where a look-up was quicker than the callback, M-PESA's receipt comes after the success.
    until(lambda: city.payments()[-1]["receipt"] == city.book()["debited"][0]["receipt"])
    _agrees(city, msisdn)


@pytest.mark.parametrize(
    ("msisdn", "tap"), [(MTN_PAYER, TAPS[0]), (MPESA_PAYER, KENYAN_TAP)], ids=["mtn", "daraja"]
)
def test_killed_between_push_and_callback_which_is_lost(city, msisdn, tap):
    city.person(msisdn, "approve", after_s=1)
    _confirm(city, msisdn, tap)
    city.payment("pending")
    city.processes.kill(city.web)
    city.processes.kill(city.worker)
    until(lambda: city.book()["debited"])
    lost = until(lambda: json.loads(http("GET", f"{city.providers_url}/_sim/callbacks")[1]))
    assert "Connect" in str(lost[0]["outcome"])
    city.serve()
    city.work()
    # MTN's own look-up tells the receipt too; Daraja's does not.
    payment = city.payment("success")
    assert payment["receipt"] == (city.book()["debited"][0]["receipt"] if msisdn == MTN_PAYER else None)
    _agrees(city, msisdn)


def test_work_claimed_by_a_worker_that_died_is_taken_again(city):
    # The push is claimed and never answered: the network drips its reply.
    script = [{"provider": "mtn", "operation": "push", "fault": "slow_drip", "msisdn": MTN_PAYER}]
    assert http("POST", f"{city.providers_url}/_sim/faults/script", script)[0] == 200
    _confirm(city, MTN_PAYER, TAPS[0])
    until(lambda: city.claimed("push"))
    until(lambda: city.book()["open"] or city.book()["debited"])
    city.processes.kill(city.worker)
    city.work()
    city.payment("success", within_s=12)
    _agrees(city, MTN_PAYER)


def test_killed_at_random_moments_while_thirty_people_pay(city):
    rng = random.Random(11)
    people = [(f"+2609600{n:05d}", tap) for n, tap in enumerate(TAPS)]
    for n, (msisdn, tap) in enumerate(people):
        if n in (7, 15, 23):
            city.processes.kill(city.web)
            city.serve()
        if n in (4, 11, 19, 26):
            city.processes.kill(city.worker)
            city.work()
        _pay(city, f"r{n}", msisdn, tap)
        time.sleep(rng.random() * 0.1)
    rows = until(lambda: _over(city), within_s=30)
    assert [row["status"] for row in rows] == ["success"] * len(people)
    assert len(city.book()["debited"]) == len(people)
    code, out, err = run(city.folder, "verify", env=city.env)
    assert code == 0, out + err


def _pay(city, session, msisdn, tap):
    """Dial until the call got through, as people do; the same call, so that it pays once."""
    until(lambda: city.hop(session, msisdn, "1", tap, "1", "1")[1].startswith("END "))


def _over(city):
    rows = city.payments()
    return rows if all(row["status"] not in ("initiated", "pending") for row in rows) else None
