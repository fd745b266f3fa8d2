"""A city on a bad day: many residents pay at once by every rail while everything that can go wrong does.

`python -m tools.chaos --payments 2000` starts the gateway, a worker and all simulators in this process.
People dial (hops repeated, calls dropped, prompts cancelled, ignored, answered too late), pay by hand, by
card over the platform, and in cash; the office gives money back and sees to suspense; one network goes down
for a while; every fault of the simulators is injected. When nothing is under way any more, the rails' books
are compared with our ledger, every invariant is checked, everything left open is listed with its reason, and
the logs are searched for secrets. The seed makes people and faults repeat.
"""
