"""A fresh folder with its processes; everything that a test started is ended after it."""

import sys
from pathlib import Path

import pytest

# `processes` stands beside the tests that start them.
sys.path.append(str(Path(__file__).parent))

from processes import Processes


@pytest.fixture
def processes(tmp_path):
    started = Processes(tmp_path)
    yield started
    started.close()
