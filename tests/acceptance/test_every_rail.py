"""One payment by every rail in one demo, as people make it; its story is told, and every rule holds."""

import json
import re
import urllib.parse
import urllib.request
import uuid
from dataclasses import dataclass

import pytest
from processes import Processes, environment, free_port, http, run, until

AGENT, AGENT_NAME = "0960009113", "Isaac Kunda"
PATIENCE_S = 90  # of a machine that has much else to do; a payment takes a second or two


class Demo:
    """A running demo, and what people do in it."""

    def __init__(self, folder, told):
        self.folder = folder
        self.gateway, self.providers, self.aggregator = (
            told[f"{name}_url"] for name in ("gateway", "providers", "aggregator")
        )
        self.madzi("users", "add", "bff", "--role", "operator")
        self.token = self.madzi("users", "token", "bff").strip()

    def madzi(self, *words):
        """Run a command beside the demo, which is to do its work."""
        code, out, err = run(self.folder, *words, env=environment(self.folder / "var"))
        assert code == 0, (words, out, err)
        return out

    def ask(self, url, *, form=None, body=None, **headers):
        """Ask, following redirects; return where that ended, and the text there."""
        data = json.dumps(body).encode() if body else urllib.parse.urlencode(form).encode() if form else None
        request = urllib.request.Request(url, data=data, headers=headers)  # noqa: S310 - loopback
        with urllib.request.urlopen(request, timeout=PATIENCE_S) as reply:  # noqa: S310 - loopback
            return reply.geturl(), reply.read().decode()

    def paid(self, tap):
        """Return the payment of a tap once it has succeeded."""

        url = f"{self.gateway}/api/v1/payments?tap_id={tap}&status=success"

        def look():
            return json.loads(self.ask(url, Authorization=f"Bearer {self.token}")[1])["items"]

        return until(look, PATIENCE_S)[0]

    def rest(self, tap, msisdn, provider):
        """Pay as the platform does."""
        body = {"tap_id": tap, "msisdn": msisdn, "provider": provider}
        signed = {"Authorization": f"Bearer {self.token}", "Idempotency-Key": str(uuid.uuid4())}
        url = f"{self.gateway}/api/v1/payments"
        told = self.ask(url, body=body, **signed, **{"Content-Type": "application/json"})[1]
        assert json.loads(told)["status"] == "initiated"

    def sms(self, msisdn, pattern):
        """Return what fits a pattern in the SMS of a phone, once there is one."""
        box = f"{self.aggregator}/_sim/sms?to={urllib.parse.quote(msisdn)}"

        def look():
            texts = (sms["text"] for sms in json.loads(http("GET", box)[1] or "[]"))
            return next((found for found in (re.search(pattern, text) for text in texts) if found), None)

        return until(look, PATIENCE_S)[0]


@dataclass(frozen=True)
class Rail:
    """How somebody pays a tap by a rail, and what its story must tell."""

    provider: str
    tap: str
    pay: object
    amount: str = "K30.00"
    lies: str = ""  # the ledger account that holds the money, where it is not the rail's own

    def __str__(self):
        return self.provider


def by_dial(phone, tap, *keys):
    """Return somebody with a new phone who chooses English, the tap, all of it, and then these keys."""
    return lambda demo: demo.madzi("dial", phone, "1", "1", tap, "1", *(keys or ("1",)))


def by_card(demo):
    """A relative abroad gets a link, opens it, and pays on the page behind it."""
    demo.rest("BLN-0012-7", "+260961234577", "stripe")
    link = demo.sms("+260961234577", rf"{re.escape(demo.gateway)}/pay/\S+")
    page, shown = demo.ask(link)
    assert "ZMW 30.00" in shown
    demo.ask(page, form={"card": "good"})


def by_agent(demo):
    """An agent takes cash and says so by SMS."""
    demo.madzi("sms", AGENT, "CASH KNY-0533-5 30 0966123456", "--wait", "1")
    demo.sms("+260960009113", "Done: K30.00 cash")


def by_hand(demo):
    """Somebody types the paybill, and the six numbers of the plate as the account."""
    body = {"msisdn": "254708374150", "account": "817205", "amount": "300"}
    told = json.loads(demo.ask(f"{demo.providers}/daraja/_sim/payments", body=body)[1])
    assert told["status"] == "debited"


RAILS = {
    "mtn": Rail("mtn", "KNY-0417-1", by_dial("0961234567", "KNY-0417-1")),
    "airtel": Rail("airtel", "BLN-0001-0", by_dial("0971234567", "BLN-0001-0")),
    "zamtel": Rail("zamtel", "BLN-0006-9", by_dial("0951234567", "BLN-0006-9")),
    "daraja": Rail("daraja", "NRB-0001-7", by_dial("+254712345678", "NRB-0001-7"), "KES 300.00"),
    "kcb": Rail("kcb", "NRB-0019-9", by_dial("+254722345678", "NRB-0019-9", "3", "1", "1"), "KES 300.00"),
    "kcb_multi": Rail(
        "kcb_multi",
        "NRB-0232-8",
        lambda demo: demo.rest("NRB-0232-8", "+254733345678", "kcb_multi"),
        "KES 300.00",
    ),
    "stripe": Rail("stripe", "BLN-0012-7", by_card),
    "cash": Rail("cash", "KNY-0533-5", by_agent, lies=f"cash:{AGENT_NAME}"),
    "by hand": Rail("daraja", "NRB-0313-6", by_hand, "KES 300.00"),
}
WITHOUT_A_WAY = {"cash", "by hand"}  # nobody was asked, so nothing was chosen


@pytest.fixture(scope="module")
def demo(tmp_path_factory):
    folder = tmp_path_factory.mktemp("rails")
    processes = Processes(folder)
    env = environment(folder / "var", PYTHONUNBUFFERED="1")
    # A little faster than life: a payer still has more than a minute, however busy this machine is.
    started = processes.start(
        "demo", "--port", free_port(), "--data", folder / "var", "--speed", "4", env=env
    )
    try:
        until(lambda: "Ctrl-C stops it." in processes.said() or started.poll() is not None, PATIENCE_S)
        assert started.poll() is None, processes.said()
        yield Demo(folder, json.loads((folder / "var" / "demo.json").read_text()))
    finally:
        processes.close()


@pytest.mark.parametrize("name", RAILS)
def test_a_payment_by_every_rail_succeeds_and_its_story_is_told(demo, name):
    rail = RAILS[name]
    rail.pay(demo)
    payment = demo.paid(rail.tap)
    story = demo.madzi("payment", "show", payment["receipt"])
    assert story.startswith(
        f"{payment['payment_id']}: {rail.amount} for {rail.tap} by {rail.provider}: success\n"
    )
    assert f"  ledger: {rail.amount} into {rail.lies or f'rail:{rail.provider}:default'}\n" in story
    assert re.search(r"  \S+ to .+ WATER TRUST: success\n", story.replace("KES ", "KES"))
    assert re.search(r"-> success by \w+\n", story)
    assert re.search(rf"  SMS \w+: Madzi: Paid {rail.amount} .*{payment['receipt']}\n", story)
    was_chosen = re.search(rf"  \S+ goes by {rail.provider}:default \(accepted\)\n    fit, the best", story)
    assert bool(was_chosen) is (name not in WITHOUT_A_WAY)


def test_no_provider_is_left_out(demo):
    configured = {row["provider"] for row in json.loads(demo.madzi("gateways", "list", "--json"))}
    assert configured | {"cash"} == {rail.provider for rail in RAILS.values()}


def test_every_rule_about_money_holds(demo):
    verdicts = json.loads(demo.madzi("verify", "--json"))
    assert [verdict for verdict in verdicts if not verdict["holds"]] == []
    assert "holds  entries_balance" in demo.madzi("verify")
