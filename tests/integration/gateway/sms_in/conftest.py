import sys
from pathlib import Path

import pytest

sys.path.append(str(Path(__file__).parent))  # test folders are no packages; `village` lies here

from village import Village


@pytest.fixture
async def village(db):
    made = Village(db)
    await made.settle()
    yield made
    await made.close()
