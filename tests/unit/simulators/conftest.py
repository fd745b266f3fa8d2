import json
from importlib.resources import files

import pytest


@pytest.fixture(scope="session")
def vectors():
    def read(name, member="vectors"):
        return json.loads(files("fixtures").joinpath("wire", f"{name}.json").read_text("utf-8"))[member]

    return read
