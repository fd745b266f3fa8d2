import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # test folders are no packages; `payments_world` lies here

from payments_world import World


@pytest.fixture
def world():
    """A small city with debts, and payments decided without a database."""
    return World()
