"""A person's wallet with us: money that fitted no debt, and pays first the next time (design §4, rule 6)."""
