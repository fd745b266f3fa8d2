"""Where the money of a payout lies in the books, and how much of it there is: pure."""

from msgspec.structs import replace

from core.errors import Refused
from payments.payouts.desk import PayoutDesk
from payments.payouts.records import Payout, Source
from payments.records import Claim, Payment
from payments.wallet import accounts as wallets
from taps.debts import allocate

# (ledger account, minor units, order, part, item)
Pieces = list[Source]


def of_payment(desk: PayoutDesk, payment: Payment) -> Pieces:
    """Return all of a payment's money that can be taken, in the order in which it is.

    What fitted no debt comes first: in suspense, then in the payer's wallet. What paid debts comes last.
    """
    return [*_in_suspense(desk, payment), *_in_wallets(desk, payment), *_in_debts(desk, payment)]


def of_wallet(desk: PayoutDesk, msisdn: str, currency: str) -> Pieces:
    """Return what lies in a wallet."""
    account = wallets.held_for(msisdn)
    left_minor = -desk.balance(account, currency)
    return [_piece(account, left_minor)] if left_minor > 0 else []


def of_item(desk: PayoutDesk, item_id: str) -> Pieces:
    """Return what suspense holds for an item; nothing where somebody has placed it already."""
    item = desk.items[item_id]
    if item.status != "open" or not item.held_minor:
        return []
    return [_piece(f"suspense:{item.account_id}", item.held_minor, item_id=item_id)]


def total_minor(pieces: Pieces) -> int:
    """Return how much there is."""
    return sum(piece.amount_minor for piece in pieces)


def take(desk: PayoutDesk, payout: Payout) -> Pieces:
    """Return the sources of a payout, exactly its amount; raises Refused where that is not there any more."""
    pieces = _pieces(desk, payout)
    if total_minor(pieces) < payout.amount_minor:
        raise Refused("the money is not there any more: it has paid something meanwhile", code="not_there")
    taken: Pieces = []
    left_minor = payout.amount_minor
    in_debts = [piece for piece in pieces if piece.part_id]
    for piece in (piece for piece in pieces if not piece.part_id):
        share = min(piece.amount_minor, left_minor)
        left_minor -= share
        taken += [replace(piece, amount_minor=share)] if share else []
    taken += _off_debts(desk, payout, in_debts, left_minor) if left_minor else []
    return [replace(one, payout_id=payout.payout_id, seq=seq) for seq, one in enumerate(taken)]


def _pieces(desk: PayoutDesk, payout: Payout) -> Pieces:
    if payout.reason == "suspense" and payout.item_id:
        return of_item(desk, payout.item_id)
    if payout.reason == "wallet":
        return of_wallet(desk, payout.msisdn, payout.currency)
    return of_payment(desk, desk.books.payments[payout.payment_id or ""])


def _piece(account: str, amount_minor: int, **where: str) -> Source:
    return Source(payout_id="", seq=0, ledger_account=account, amount_minor=amount_minor, **where)


def _in_suspense(desk: PayoutDesk, payment: Payment) -> Pieces:
    items = sorted((i for i in desk.items.values() if i.payment_id == payment.payment_id), key=_item_id)
    currency = desk.credits[payment.payment_id].currency
    return [piece for i in items if i.currency == currency for piece in of_item(desk, i.item_id)]


def _item_id(item: object) -> str:
    return str(getattr(item, "item_id", ""))


def _in_wallets(desk: PayoutDesk, payment: Payment) -> Pieces:
    """Return the payment's surplus as far as it still lies in the wallet, and no payout has taken it."""
    currency = desk.credits[payment.payment_id].currency
    pieces = []
    for account, came_minor in desk.surplus.get(payment.payment_id, ()):
        gone_minor = sum(s.amount_minor for s in _taken(desk, payment) if s.ledger_account == account)
        left_minor = min(came_minor - gone_minor, -desk.balance(account, currency))
        pieces += [_piece(account, left_minor)] if left_minor > 0 else []
    return pieces


def _taken(desk: PayoutDesk, payment: Payment) -> Pieces:
    """Return what payouts of a payment hold or have given."""
    mine = [p for p in desk.of_payment(payment.payment_id) if p.is_holding or p.status == "completed"]
    return [source for payout in mine for source in desk.sources[payout.payout_id]]


def _in_debts(desk: PayoutDesk, payment: Payment) -> Pieces:
    """Return what paid debts, and is not on its way back already."""
    sellers = {order.order_id: order.seller for order in desk.books.orders.get(payment.payment_id, ())}
    holding = [p for p in desk.of_payment(payment.payment_id) if p.is_holding]
    held: dict[str, int] = {}
    for source in (s for payout in holding for s in desk.sources[payout.payout_id] if s.part_id):
        held[source.part_id or ""] = held.get(source.part_id or "", 0) + source.amount_minor
    claims = sorted(desk.books.claims.get(payment.payment_id, {}).values(), key=_part_id)
    return [
        _piece(
            f"seller:{payment.zone}:{sellers[claim.order_id]}",
            claim.credited_minor - held.get(claim.part_id, 0),
            order_id=claim.order_id,
            part_id=claim.part_id,
        )
        for claim in claims
        if claim.credited_minor > held.get(claim.part_id, 0)
    ]


def _part_id(claim: Claim) -> str:
    return claim.part_id


def _off_debts(desk: PayoutDesk, payout: Payout, pieces: Pieces, amount_minor: int) -> Pieces:
    """Take from debts so that what stays paid is what a payment of that much would have paid."""
    payment = desk.books.payments[payout.payment_id or ""]
    parts = desk.books.parts[payment.tap_id]
    paid = [replace(parts[p.part_id or ""], amount_minor=p.amount_minor, paid_minor=0) for p in pieces]
    stays_minor = total_minor(pieces) - amount_minor
    stays = {part.part_id: n for part, n in allocate(paid, stays_minor)} if stays_minor else {}
    off = [(piece, piece.amount_minor - stays.get(piece.part_id or "", 0)) for piece in pieces]
    return [replace(piece, amount_minor=n) for piece, n in off if n]
