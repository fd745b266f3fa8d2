import sys
from pathlib import Path

import pytest

sys.path.insert(0, str(Path(__file__).parent))  # test folders are no packages; `tenancies_world` lies here

from tenancies_world import World


@pytest.fixture
def world():
    """Two caretakers with a few taps, nobody on them, and changes decided without a database."""
    return World()
