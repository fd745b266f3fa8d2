"""The worker's life: it stops when it is told to, whatever else happens at that moment."""

import asyncio

from town import PAY_ALL


async def _closes(house):
    closing = asyncio.create_task(house.close())
    done, _ = await asyncio.wait({closing}, timeout=8)
    assert done, "it does not stop"


async def test_a_worker_that_is_woken_and_stopped_at_once_stops(sqlite_town):
    for _ in range(5):
        house = await sqlite_town.open()
        await asyncio.sleep(0.05)  # it has looked, and waits
        house.worker.wake()
        await _closes(house)


async def test_a_worker_that_is_stopped_with_work_in_hand_leaves_it_to_the_next(town):
    town.fault("mtn", "push", "slow_drip")
    house = await town.open(provider_timeout_s=1)
    await town.hops(*PAY_ALL)
    await asyncio.sleep(0.3)
    await _closes(house)
    await town.open()
    await town.payment("success")
    await town.agrees()
