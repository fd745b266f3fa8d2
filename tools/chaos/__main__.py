"""The command line of `tools.chaos`."""

import argparse
import asyncio
import sys

from core import logs
from tools import chaos
from tools.chaos.day import run
from tools.chaos.plan import Outcome, Plan, every_fault


def tell(outcome: Outcome) -> None:
    """Print what the day came to."""
    print(f"payments   {dict(outcome.statuses)} in {outcome.seconds:.0f} s")
    print(f"sms        {dict(outcome.sms)}")
    print(f"suspense   {dict(outcome.suspense)}")
    for name in ("missing_here", "missing_there", "sums_differ", "unknowable"):
        rows = getattr(outcome, name)
        print(f"{name:<10} {len(rows)}")
        for row in rows[:10]:
            print(f"    {row}")
    for verdict in outcome.verdicts:
        if not verdict.holds:
            print(f"BROKEN     {verdict.name}: {verdict.rows[:3]}")
    print("books and ledger agree, every invariant holds" if outcome.agrees else "THEY DO NOT AGREE")


def main() -> None:
    """Run from the command line."""
    parser = argparse.ArgumentParser("tools.chaos", description=(chaos.__doc__ or "").partition("\n")[0])
    parser.add_argument("--payments", type=int, default=200)
    parser.add_argument("--seed", type=int, default=7)
    parser.add_argument("--rate", type=float, default=0.02, help="probability of each fault")
    parser.add_argument("--database-url", default="")
    args = parser.parse_args()
    logs.configure("ERROR")
    plan = Plan(args.payments, args.seed, every_fault(args.rate), database_url=args.database_url)
    outcome = asyncio.run(run(plan))
    tell(outcome)
    sys.exit(0 if outcome.agrees else 1)


if __name__ == "__main__":
    main()
