import pydantic
import pytest

from gateway.settings import Sessions, Settings


def settings(monkeypatch, **env):
    for name, value in env.items():
        monkeypatch.setenv(f"MADZI_{name}", value)
    return Settings(_env_file=None)


@pytest.mark.parametrize(
    ("env", "kept_in"),
    [
        ({}, Sessions.DATABASE),
        ({"REDIS_URL": "redis://127.0.0.1:6379/0"}, Sessions.REDIS),
        ({"REDIS_URL": "unix:///run/redis.sock", "SESSIONS": "redis"}, Sessions.REDIS),
        ({"REDIS_URL": "rediss://host/1", "SESSIONS": "database"}, Sessions.DATABASE),
        ({"SESSIONS": "memory"}, Sessions.MEMORY),
        ({"SESSIONS": "auto"}, Sessions.DATABASE),
    ],
)
def test_calls_are_kept_in_redis_where_one_is_named_unless_told_otherwise(monkeypatch, env, kept_in):
    assert settings(monkeypatch, **env).kept_in is kept_in


def test_redis_without_its_address_stops_the_start_with_what_to_set(monkeypatch):
    with pytest.raises(pydantic.ValidationError, match="MADZI_SESSIONS=redis needs MADZI_REDIS_URL"):
        settings(monkeypatch, SESSIONS="redis")


@pytest.mark.parametrize("url", ["127.0.0.1:6379", "http://127.0.0.1", "redis", "/run/redis.sock"])
def test_an_address_that_is_no_redis_stops_the_start_with_how_it_begins(monkeypatch, url):
    with pytest.raises(pydantic.ValidationError, match="begins with redis://, rediss:// or unix://"):
        settings(monkeypatch, REDIS_URL=url)


def test_a_store_that_does_not_exist_stops_the_start(monkeypatch):
    with pytest.raises(pydantic.ValidationError, match="memory"):
        settings(monkeypatch, SESSIONS="paper")
