"""A city on a bad day: many residents pay at once while everything that can go wrong does.

`python -m tools.chaos --payments 2000` starts the gateway, a worker and both simulators in this process, lets
residents dial (hops repeated, calls dropped, prompts cancelled, ignored, answered too late), injects every
fault of the simulators, waits until nothing is under way any more, and then compares the simulators' books
with our ledger and checks every invariant. The seed makes people and faults repeat.
"""
