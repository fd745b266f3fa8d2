"""What runs for ever says in one line why it cannot begin."""

import pytest
from processes import environment, free_port

PROCESSES = [("serve", "--port", 0), ("worker",), ("clock",)]
MTN = {
    "MADZI_MTN_BASE_URL": "http://127.0.0.1:9",
    "MADZI_MTN_SUBSCRIPTION_KEY": "k",
    "MADZI_MTN_API_USER": "2f0c8fd2-6ae3-4b4e-9c3e-4b8a7b1d2c3d",
    "MADZI_MTN_API_KEY": "k",
    "MADZI_MTN_TARGET_ENVIRONMENT": "mtnzambia",
}


@pytest.fixture(params=PROCESSES, ids=lambda words: words[0])
def ended(request, processes, tmp_path):
    """Start a process that cannot begin; return its exit code and what it said."""

    def run(**env):
        process = processes.start(*request.param, env=environment(tmp_path, **env))
        code = process.wait(timeout=60)
        return code, processes.said().partition(": ")[2]

    return run


def test_without_a_schema_to_keep_an_account_in(ended):
    assert ended(MADZI_ENV="test", **MTN) == (
        1,
        "madzi: schema_behind: the database has no current schema; run: madzi db upgrade\n",
    )


def test_without_a_server(ended):
    code, said = ended(MADZI_DATABASE_URL=f"postgresql+asyncpg://madzi@127.0.0.1:{free_port()}/madzi", **MTN)
    assert code == 1
    assert said.startswith("madzi: database_unreachable: ")
    assert said.count("\n") == 1
