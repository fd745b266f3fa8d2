import pytest

from benchmarks import __main__ as benchmarks


@pytest.mark.parametrize("name", sorted(benchmarks._ALL))
def test_the_page_names_every_benchmark_before_its_table(name):
    intro = benchmarks.PAGE.read_text(encoding="utf-8").partition(benchmarks.BEGIN)[0]
    assert f"`{name}`" in intro or f"benchmarks {name}`" in intro
