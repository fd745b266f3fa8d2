"""Starting a simulator may be broken off at any moment."""

import asyncio
import gc

import pytest

from simulators.aggregator import app as aggregator
from simulators.aggregator.config import Config as AggregatorConfig
from simulators.providers import app as providers
from simulators.providers.config import Config as ProvidersConfig
from simulators.serve import start


@pytest.mark.parametrize(
    "create",
    [lambda: providers.create(ProvidersConfig()), lambda: aggregator.create(AggregatorConfig())],
    ids=["providers", "aggregator"],
)
@pytest.mark.parametrize("steps", range(5))
@pytest.mark.filterwarnings("ignore:unclosed <socket:ResourceWarning")  # asyncio's own, where it was binding
async def test_what_was_opened_is_closed_where_the_start_is_broken_off(create, steps):
    left = []
    asyncio.get_running_loop().set_exception_handler(lambda _loop, context: left.append(context["message"]))
    starting = asyncio.ensure_future(start(create()))
    for _ in range(steps):
        await asyncio.sleep(0)
    starting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await starting
    del starting
    gc.collect()
    assert left == []
