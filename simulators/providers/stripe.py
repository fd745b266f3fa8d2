"""Stripe: pages on which a card is entered, signed notices, refunds (reference zamtel-and-others §D)."""

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import replace

from aiohttp import web

from core.clock import rfc3339
from simulators.edge import Edge, Refused, Reply, Subject, json_object, reply_json
from simulators.providers import stripe_page as page
from simulators.providers import stripe_wire as wire
from simulators.providers.book import Push
from simulators.providers.network import Letter, Network
from simulators.providers.people import Answer, Person

_FORGED = "forged"
_WEBHOOK = "stripe webhook"
_MOST_KEYS = 10_000


class Stripe:
    """One account. Whoever opens a page decides; until then, and until it closes, nothing happens."""

    name = "stripe"
    callback_method = "POST"

    def __init__(self, network: Network) -> None:
        self.config = network.config.stripe
        self.lifetime_s = 86_400.0
        self._network = network
        self._edge = Edge(self.name, network, wire.SPOILT, network.note_refusal(self.name))
        self._answered: dict[str, tuple[dict[str, str], Reply]] = {}

    def routes(self, prefix: str) -> list[web.RouteDef]:
        """Return the provider's endpoints under `prefix`, the page, and where its webhook is entered."""
        sessions, refunds = f"{prefix}/v1/checkout/sessions", f"{prefix}/v1/refunds"
        return [
            web.post(sessions, self._serve_push),
            web.get(sessions + "/{id}", self._serve_query),
            web.post(refunds, self._serve_refund),
            web.get(refunds, self._serve_refunds),
            web.get(refunds + "/{id}", self._serve_lookup),
            web.get(f"{prefix}/v1/balance", self._serve_balance),
            web.get(f"{prefix}/c/pay/{{id}}", self._show_page),
            web.post(f"{prefix}/c/pay/{{id}}", self._use_page),
            web.put(f"{prefix}/_sim/webhook", self._enter_webhook),
        ]

    def prompt_text(self, push: Push) -> str:
        """Return what the page shows."""
        return f"Pay {push.currency} {push.amount} to {self.payee()} for {push.extra['name']}"

    def payee(self) -> str:
        """Return the name that the page shows."""
        return self.config.payee

    def visitor(self, push: Push) -> Person:
        """Return who may open the page: somebody, until it closes. Nobody is asked about a refund."""
        if push.outgoing:
            return Person()
        left_s = int(push.extra["expires_at"]) - self._network.timing.now().timestamp()
        return Person(Answer.ASK, prompt_lifetime_s=max(left_s, 0.001))

    def reason(self, answer: Answer, person: Person) -> str:  # noqa: ARG002 - the network's signature
        """Return how a page ends on which nobody paid."""
        return "expired"

    def receipt(self) -> str:
        """Return the id of a payment intent that was never used."""
        return self._id("pi_")

    def notice(self, push: Push) -> bytes:
        """Return nothing: notices go to the webhook, signed."""
        raise NotImplementedError(push.reference)

    def second(self, push: Push) -> Letter | None:
        """Return the signed notice of what a push claims; a forger does not know the secret."""
        if push.outgoing:
            return None
        kind = "completed" if push.paid else "expired"
        return self._letter(f"checkout.session.{kind}", wire.session(push), push)

    def stale(self, push: Push) -> Push:
        """Return what an older notice might have said: that the page closed."""
        return replace(push, code="expired", receipt=None)

    def forged_success(self, push: Push) -> Push:
        """Return a claim that this push was paid."""
        return replace(push, code="paid", receipt=self.receipt(), extra=push.extra | {_FORGED: "yes"})

    def forged_stranger(self, push: Push) -> Push:
        """Return a claim about a session that nobody was given."""
        return replace(self.forged_success(push), reference=self._id("cs_test_"), external_id="")

    async def _serve_push(self, request: web.Request) -> web.StreamResponse:
        form = await _form(request)
        subject = Subject("push", None, form.get("client_reference_id"))
        return await self._served(request, subject, lambda: self._once(request, form, self._push))

    async def _once(
        self,
        request: web.Request,
        form: dict[str, str],
        work: Callable[[web.Request, dict[str, str]], Awaitable[Reply]],
    ) -> Reply:
        """Answer the same key with the same reply; refuse it with other parameters."""
        key = request.headers.get("Idempotency-Key", "")
        known = self._answered.get(key) if key else None
        if known:
            if known[0] != form:
                raise Refused(wire.REUSED)
            return known[1]
        reply = await work(request, form)
        if key and len(self._answered) < _MOST_KEYS:
            self._answered[key] = (form, reply)
        return reply

    async def _push(self, request: web.Request, form: dict[str, str]) -> Reply:
        fields = wire.checked(form, self._network.timing.now())
        if self._network.full:
            raise Refused(wire.SPOILT["too_many"])
        push = self._record(request, form, fields)
        await self._network.accept(self, push)
        return replace(reply_json(200, wire.session(push)), accepted=push.faults)

    def _record(self, request: web.Request, form: Mapping[str, str], fields: Mapping[str, str]) -> Push:
        name = self._id("cs_test_")
        base = request.path.removesuffix("/v1/checkout/sessions")
        extra = {
            "receipt": self.receipt(),
            "expires_at": fields["expires_at"],
            "name": fields["name"],
            "success_url": fields["success_url"],
            "url": f"{request.url.origin()}{base}/c/pay/{name}",
            **{f"m:{key}": value for key, value in wire.metadata(form).items()},
        }
        return Push(
            self.name,
            name,
            form.get("client_reference_id", ""),
            name,  # no phone is known here: each page is a place of its own
            fields["amount"],
            fields["currency"],
            None,
            rfc3339(self._network.timing.now()),
            extra,
        )

    async def _serve_query(self, request: web.Request) -> web.StreamResponse:
        async def work() -> Reply:
            push = self._session(request.match_info["id"])
            told = wire.session(push)
            if push.paid and "payment_intent" in [
                v for k, v in request.query.items() if k.startswith("expand")
            ]:
                told["payment_intent"] = wire.intent(push)
            return reply_json(200, told)

        return await self._served(request, Subject("query", None, request.match_info["id"]), work)

    def _session(self, name: str) -> Push:
        push = self._network.book.find(self.name, name)
        if push is None or push.outgoing:
            raise Refused(wire.missing("checkout.session", name))
        return push

    async def _serve_refund(self, request: web.Request) -> web.StreamResponse:
        form = await _form(request)
        return await self._served(request, Subject("payout"), lambda: self._once(request, form, self._refund))

    async def _refund(self, _request: web.Request, form: dict[str, str]) -> Reply:
        intent = form.get("payment_intent", "")
        paid = next((p for p in self._network.book.debited(self.name) if p.receipt == intent), None)
        if paid is None:
            raise Refused(wire.missing("payment_intent", intent))
        left = wire.amount_of(paid) - sum(wire.amount_of(push) for push in self._refunds_of(intent))
        asked = form.get("amount", str(left))
        if not left:
            raise Refused(wire.error(400, "charge_already_refunded", "Charge has already been refunded."))
        if not (asked.isascii() and asked.isdigit()) or not 0 < int(asked) <= left:
            raise Refused(wire.error(400, "", f"Refund amount ({asked[:20]}) is greater than what is left"))
        push = self._record_refund(paid, int(asked), form)
        self._network.book.accept(push)
        if self.config.refunds_pend:
            self._network.spawn(self._finish(push))
        else:
            self._settle(push)
        return replace(reply_json(200, wire.refund(push)), accepted=push.faults)

    def _record_refund(self, paid: Push, amount: int, form: Mapping[str, str]) -> Push:
        share = replace(paid, amount=wire.decimal(amount, paid.currency))
        named = {f"m:{key}": value for key, value in wire.metadata(form).items()}
        name = self._id("re_")
        return replace(
            share,
            reference=name,
            external_id=named.get("m:payout_id", ""),
            accepted_at=rfc3339(self._network.timing.now()),
            extra={"intent": str(paid.receipt), "receipt": name, **named},
            code="",
            receipt=None,
            settled_at=None,
            faults=[],
            outgoing="refund",
            original=paid.reference,
        )

    async def _finish(self, push: Push) -> None:
        await self._network.timing.sleep(self._network.config.latency.result_s)
        self._settle(push)
        letter = self._letter("refund.updated", wire.refund(push), push)
        if letter:
            await self._network.sender.send("POST", letter.url, letter.body, letter.headers)

    def _settle(self, push: Push) -> None:
        code = self.config.refund_outcome
        receipt = push.reference if code == "paid" else None
        self._network.book.settle(push, code, receipt, self._network.timing.now())

    def _refunds_of(self, intent: str) -> list[Push]:
        book = self._network.book
        return [
            push
            for push in [*book.paid_out(self.name), *book.open_pushes()]
            if push.provider == self.name and push.extra.get("intent") == intent
        ]

    async def _serve_refunds(self, request: web.Request) -> web.StreamResponse:
        async def work() -> Reply:
            listed = [wire.refund(push) for push in self._refunds_of(request.query.get("payment_intent", ""))]
            return reply_json(200, {"object": "list", "data": listed, "has_more": False})

        return await self._served(request, Subject("lookup"), work)

    async def _serve_lookup(self, request: web.Request) -> web.StreamResponse:
        async def work() -> Reply:
            name = request.match_info["id"]
            push = self._network.book.find(self.name, name)
            if push is None or not push.outgoing:
                raise Refused(wire.missing("refund", name))
            return reply_json(200, wire.refund(push))

        return await self._served(request, Subject("lookup"), work)

    async def _serve_balance(self, request: web.Request) -> web.StreamResponse:
        async def work() -> Reply:
            return reply_json(200, {"object": "balance", "available": [], "pending": []})

        return await self._served(request, Subject("query"), work)

    async def _served(
        self, request: web.Request, subject: Subject, work: Callable[[], Awaitable[Reply]]
    ) -> web.StreamResponse:
        async def admitted() -> Reply:
            if not wire.authorised(request.headers.get("Authorization", ""), self.config):
                raise Refused(wire.SPOILT["token_refused"])
            return await work()

        return await self._edge.serve(request, subject, admitted)

    async def _show_page(self, request: web.Request) -> web.Response:
        return page.show(self._of_page(request), self.payee())

    async def _use_page(self, request: web.Request) -> web.Response:
        """Pay, or try a card that is declined: then the page stays open."""
        push = self._of_page(request)
        if (await request.post()).get("card") != "good":
            await self._declined(push)
            return page.show(push, self.payee(), declined=True)
        for prompt in self._network.handsets.prompts(push.msisdn):
            self._network.handsets.reply(prompt.id, Answer.APPROVE)
        raise web.HTTPSeeOther(push.extra["success_url"])

    def _of_page(self, request: web.Request) -> Push:
        push = self._network.book.find(self.name, request.match_info["id"])
        if push is None or push.outgoing:
            raise web.HTTPNotFound
        return push

    async def _declined(self, push: Push) -> None:
        if not push.open:
            return
        fault = {"type": "card_error", "code": "card_declined", "decline_code": "insufficient_funds"}
        told = wire.intent(push, last_payment_error=fault)
        letter = self._letter("payment_intent.payment_failed", told, push)
        if letter:
            await self._network.sender.send("POST", letter.url, letter.body, letter.headers)

    async def _enter_webhook(self, request: web.Request) -> web.Response:
        url = (await json_object(request)).get("url")
        self._network.book.remember(_WEBHOOK, str(url or ""))
        return web.json_response({"url": url})

    def _letter(self, kind: str, about: Mapping[str, object], push: Push) -> Letter | None:
        url = self._network.book.recall(_WEBHOOK) or self.config.webhook_url
        if not url:
            return None
        now = self._network.timing.now()
        body = wire.event(kind, about, self._network.book.next_serial(), now)
        secret = "whsec_somebody_else" if push.extra.get(_FORGED) else self.config.webhook_secret
        return Letter(url, body, {"Stripe-Signature": wire.signature(body, secret, now)})

    def _id(self, prefix: str) -> str:
        return f"{prefix}{self._network.book.next_serial():016d}"


async def _form(request: web.Request) -> dict[str, str]:
    return {name: str(value) for name, value in (await request.post()).items()}
