"""Several web processes share the callers of one database."""

import asyncio

from town import PAY_ALL, TAP, free_port


async def _two(town):
    one = await town.open(processes=2)
    two = await town.open(processes=2, port=free_port(), worker=False)
    return one.url, two.url


async def test_hops_may_alternate_between_processes(town):
    urls = await _two(town)
    bodies = [(await town.hop("*".join(PAY_ALL[:n]), url=urls[n % 2]))[1] for n in range(len(PAY_ALL) + 1)]
    assert bodies[-1].startswith("END MTN MoMo will now ask")
    await town.all_end(1)
    await town.agrees()


async def test_a_hop_repeated_at_another_process_gets_the_same_bytes(town):
    one, two = await _two(town)
    for n in range(len(PAY_ALL) + 1):
        text = "*".join(PAY_ALL[:n])
        first = await town.hop(text, url=one)
        again = await town.hop(text, url=two)
        assert first[:2] == again[:2]
        assert first[2]["at-ussd-hop-metadata"] == again[2]["at-ussd-hop-metadata"]
    await town.all_end(1)
    await town.agrees()


async def test_the_confirming_hop_at_two_processes_at_the_same_moment(town):
    one, two = await _two(town)
    await town.hops(*PAY_ALL[:4], url=one)
    replies = await asyncio.gather(*(town.hop("*".join(PAY_ALL), url=url) for url in (one, two, one, two)))
    assert {body[:12] for _, body, _ in replies} == {"END MTN MoMo"}
    await town.all_end(1)
    await town.agrees()


async def test_a_first_hop_that_pays_at_two_processes_at_the_same_moment(town):
    one, two = await _two(town)
    history = f"1*{TAP}*1*1"
    replies = await asyncio.gather(*(town.hop(history, url=url) for url in (one, two, one, two)))
    assert {body[:12] for _, body, _ in replies} == {"END MTN MoMo"}
    await town.all_end(1)
    await town.agrees()
