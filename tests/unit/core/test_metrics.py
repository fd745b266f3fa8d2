from prometheus_client import CollectorRegistry, Histogram, generate_latest

from core.metrics import observe_all

BOUNDS = (0.005, 0.01, 0.1, 1)
AMOUNTS = (0.0, 0.005, 0.0051, 0.01, 0.02, 0.1, 1, 1.5, 40)


def _shown(observe):
    registry = CollectorRegistry()
    observe(Histogram("wait_seconds", "How long", buckets=BOUNDS, registry=registry))
    return [line for line in generate_latest(registry).decode().splitlines() if "created" not in line]


def test_many_amounts_at_once_are_counted_as_each_by_itself():
    def each(histogram):
        for amount in AMOUNTS:
            histogram.observe(amount)

    def by_batches(histogram):
        for part in (AMOUNTS[:4], (), AMOUNTS[4:]):
            observe_all(histogram, part)

    shown = _shown(by_batches)
    assert shown == _shown(each)
    assert f"wait_seconds_count {float(len(AMOUNTS))}" in shown
