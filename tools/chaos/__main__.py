"""The command line of `tools.chaos`."""

import argparse
import asyncio
import logging
import sys
import tempfile
from collections.abc import Iterable, Sequence
from pathlib import Path

from core import logs
from core.money import display
from tools import chaos
from tools.chaos.day import run
from tools.chaos.plan import Outcome, Plan, Sum, every_fault


def tell(outcome: Outcome) -> None:
    """Print what the day came to."""
    count = sum(outcome.statuses.values())
    print(f"payments   {count}: {dict(outcome.statuses)} in {outcome.seconds:.0f} s")
    print(f"by rail    {dict(outcome.providers)}")
    print(f"payouts    {dict(outcome.payouts)}")
    print(f"office     {dict(outcome.acts)}")
    print(f"breakers   opened {outcome.breakers} times")
    print(f"sms        {dict(outcome.sms)}")
    print(f"debits     {dict(outcome.credited)}")
    _tell_sums("money in", outcome.money_in)
    _tell_sums("money out", outcome.money_out)
    print(f"wallets    {_money(outcome.wallets)}")
    _tell_rows("nobody could know", outcome.unknowable)
    print("open, for people to look at:")
    for one in outcome.open:
        print(f"  {one.count:>5} {one.kind:<34}{_money(one.held):<22} {one.why or 'NOBODY KNOWS WHY'}")
        print(f"        such as: {one.example}")
    _tell_wrong(outcome)
    print("books and ledger agree, every invariant holds" if outcome.agrees else "THEY DO NOT AGREE")


def _tell_sums(title: str, sums: Iterable[Sum]) -> None:
    print(f"{title:<24}{'at the rail':>16}{'in our ledger':>16}{'unknowable':>14}")
    for one in sums:
        there, here, unknown = (
            display(minor, one.currency) for minor in (one.there_minor, one.here_minor, one.unknowable_minor)
        )
        verdict = "" if one.agrees else "  DIFFERS"
        print(f"  {one.account_id:<18}{one.currency:<4}{there:>16}{here:>16}{unknown:>14}{verdict}")


def _tell_wrong(outcome: Outcome) -> None:
    for name in ("missing_here", "missing_there", "out_missing_here", "out_missing_there", "leaks"):
        _tell_rows(name.replace("_", " "), getattr(outcome, name))
    print(f"exceptions in the logs: {sum(outcome.traces.values())} {dict(outcome.traces)}")
    if any(outcome.under_way.values()):
        print(f"still under way: {outcome.under_way}")
    print(f"madzi verify: {len(outcome.verdicts)} invariants, {len(outcome.broken)} broken")
    for verdict in outcome.broken:
        print(f"BROKEN     {verdict.name}: {verdict.rows[:3]}")


def _tell_rows(title: str, rows: Sequence[object]) -> None:
    print(f"{title}: {len(rows)}")
    for row in rows[:12]:
        print(f"    {row}")


def _money(held: object) -> str:
    pairs = held.items() if isinstance(held, dict) else ()
    return " ".join(display(minor, currency) for currency, minor in sorted(pairs))


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser("tools.chaos", description=(chaos.__doc__ or "").partition("\n")[0])
    parser.add_argument("--payments", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rate", type=float, default=0.02, help="probability of each fault")
    parser.add_argument("--per-s", type=float, default=10.0, help="people who begin to pay, each second")
    parser.add_argument("--database-url", default="")
    parser.add_argument("--log", type=Path, help="keep the logs of the day here")
    args = parser.parse_args()
    with tempfile.TemporaryDirectory() as folder:
        log = args.log or Path(folder) / "chaos.log"
        plan = Plan(
            args.payments, args.seed, every_fault(args.rate), per_s=args.per_s,
            database_url=args.database_url, log=log,
        )  # fmt: skip
        with log.open("w") as to:
            logs.configure("INFO", to=to)
            logging.basicConfig(level=logging.INFO, stream=to, force=True)
            outcome = asyncio.run(run(plan))
    tell(outcome)
    sys.exit(0 if outcome.agrees else 1)


if __name__ == "__main__":
    main()
