"""The interface for the platform's BFF and for staff tools, under `/api/v1` (contract §4)."""

from collections.abc import AsyncIterator, Awaitable, Callable
from math import ceil

import sqlalchemy as sa
from aiohttp import web
from sqlalchemy.ext.asyncio import AsyncConnection

from core.errors import BadTapId, NotFound
from core.ids import is_uuid
from gateway.api import answers, finding, openapi, pages, plans, reading, tap_status
from gateway.api.auth import Tokens, bearer, check_may_pay
from gateway.api.gateways import Branches
from gateway.api.intake import Intake
from gateway.api.rates import Rates
from gateway.api.schemas import PayRequest
from gateway.problems import guarded, problem
from gateway.runtime import Runtime
from payments import links, stories, tables
from payments.records import Payment
from taps import store as taps_store
from taps import tap_id as tap_ids
from taps.model import User

_Handler = Callable[[web.Request], Awaitable[web.StreamResponse]]
_UserHandler = Callable[[web.Request, User], Awaitable[web.StreamResponse]]
_USUAL_COUNTRY = "ZM"


def add_to(app: web.Application, runtime: Runtime, wake: Callable[[], None]) -> None:
    """Add the interface; `wake` tells a worker in this process that the outbox has something."""
    rest = Rest(runtime, wake)
    app.add_routes(guarded(rest.routes()))
    app.cleanup_ctx.append(rest.life)


class Rest:
    """The endpoints."""

    def __init__(self, runtime: Runtime, wake: Callable[[], None]) -> None:
        settings = runtime.settings
        self._runtime = runtime
        self._wake = wake
        self._tokens = Tokens(runtime.db, runtime.clock)
        self._rates = Rates(runtime.clock, per_s=settings.api_rate_per_s, burst=settings.api_burst)
        self._branches = Branches(runtime)
        self._intake: Intake | None = None

    def routes(self) -> list[web.RouteDef]:
        """Return every route; all but the document need a token."""
        return [
            web.get("/api/v1/openapi.json", document),
            web.post("/api/v1/payments", self._for_users(self.pay)),
            web.get("/api/v1/payments", self._for_users(self.list_payments)),
            web.get("/api/v1/payments/{payment_id}", self._for_users(self.show_payment)),
            web.get("/api/v1/taps/{tap_id}/status", self._for_users(self.show_tap)),
            web.get("/api/v1/zones/{zone}/gateways", self._for_users(self._branches.show_all)),
            web.get("/api/v1/zones/{zone}/gateways/{provider}", self._for_users(self._branches.show)),
            web.put("/api/v1/zones/{zone}/gateways/{provider}", self._for_users(self._branches.change)),
        ]

    async def life(self, _app: web.Application) -> AsyncIterator[None]:
        """Take requests to pay for as long as the application runs."""
        runtime = self._runtime
        self._intake = Intake(runtime.db, runtime.clock, runtime.ids, runtime.payments)
        yield
        await self._intake.close()

    def _for_users(self, handle: _UserHandler) -> _Handler:
        async def handler(request: web.Request) -> web.StreamResponse:
            user = await self._tokens.user(bearer(request.headers.get("Authorization", "")))
            if user is None:
                return _unauthorized()
            wait_s = self._rates.take(user.name)
            return _too_many(wait_s) if wait_s else await handle(request, user)

        return handler

    async def pay(self, request: web.Request, user: User) -> web.StreamResponse:
        """Start to collect, or repeat the answer that this key was given before."""
        check_may_pay(user)
        if self._intake is None:
            raise RuntimeError("the application has not been started")
        try:
            key = reading.idempotency_key(request.headers)
            body = await reading.body(request, PayRequest)
        except (reading.WrongType, reading.BadFields) as wrong:
            return wrong.answer()
        answer = await self._intake.answer(plans.ask(key, user, body))
        if answer.status == answers.ACCEPTED:
            self._wake()
        return answer

    async def show_payment(self, request: web.Request, user: User) -> web.StreamResponse:
        """Show a payment with its trail."""
        name = request.match_info["payment_id"]
        async with self._runtime.db.read() as connection:
            payment = await _find(connection, name, user)
            orders = await stories.orders_of(connection, [payment.payment_id])
            before = (await stories.before(connection, [payment])).get(payment.payment_id)
            story = stories.payment_json(payment, orders[payment.payment_id], before)
            story["transitions"] = await stories.transitions(connection, payment.payment_id)
            link = (await links.of_payments(connection, [payment.payment_id])).get(payment.payment_id)
        if link and payment.is_open:
            story["links"]["pay"] = links.address(self._runtime.settings.public_url, link.token)
        return answers.as_json(story)

    async def list_payments(self, request: web.Request, user: User) -> web.StreamResponse:
        """Show a page of payments."""
        async with self._runtime.db.scan() as connection:
            question = pages.read(request.query, await _country(connection, user))
            return answers.as_json(await pages.page(connection, question, user.zones))

    async def show_tap(self, request: web.Request, user: User) -> web.StreamResponse:
        """Show what an agent sees of a tap."""
        try:
            name = tap_ids.read(request.match_info["tap_id"])
        except BadTapId as wrong:
            raise NotFound(wrong.detail, code="no_such_tap") from None
        async with self._runtime.db.read() as connection:
            tap = finding.seen((await finding.taps(connection, [name])).get(name), user)
            return answers.as_json(await tap_status.of(connection, tap, self._runtime.clock.now()))


async def document(_request: web.Request) -> web.Response:
    """Show the OpenAPI document; it tells nothing that is secret."""
    return answers.stored(200, openapi.as_text())


async def _find(connection: AsyncConnection, name: str, user: User) -> Payment:
    """Return a payment by its id or request id; raises NotFound where the user's zone has none such."""
    if is_uuid(name):
        p = tables.payments.c
        which = sa.or_(p.payment_id == name.lower(), p.payment_request_id == name.lower())
        found = (await connection.execute(sa.select(tables.payments).where(which))).first()
        if found and user.covers(found.zone):
            return Payment.of(found)
    raise NotFound("there is no such payment", code="no_such_payment")


async def _country(connection: AsyncConnection, user: User) -> str:
    """Return in which country's way this user writes phone numbers: that of their zones, if it is one."""
    zones = (await taps_store.zones_by_ids(connection, user.zones)).values() if user.zones else ()
    countries = {zone.country for zone in zones}
    return countries.pop() if len(countries) == 1 else _USUAL_COUNTRY


def _unauthorized() -> web.Response:
    answer = problem(401, "unauthorized", "Send a valid token: Authorization: Bearer … (madzi users token).")
    answer.headers["WWW-Authenticate"] = "Bearer"
    return answer


def _too_many(wait_s: float) -> web.Response:
    answer = problem(429, "too_many_requests", "This token asks too often. Wait a little.")
    answer.headers["Retry-After"] = str(ceil(wait_s))
    return answer
