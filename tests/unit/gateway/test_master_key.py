"""Where the master key comes from, and what is refused."""

import base64
import stat

import pytest
from pydantic import ValidationError

from core.errors import Refused
from gateway.master_key import FILE, kept, masters
from gateway.settings import Settings

ONE, TWO = bytes(range(32)), bytes(range(32, 64))
PRODUCTION = {
    "env": "production",
    "channel_token": "x" * 20,
    "metrics_token": "y" * 20,
    "public_url": "https://madzi.example",
    "database_url": "sqlite+aiosqlite:///x.db",
}


def settings(**given):
    return Settings(_env_file=None, **given)


def text(key):
    return base64.b64encode(key).decode()


def test_the_settings_come_first(tmp_path):
    found = masters(settings(master_key=text(ONE), master_key_old=text(TWO), data_dir=tmp_path))
    assert (found.current, found.old) == (ONE, (TWO,))
    assert not (tmp_path / FILE).exists()


def test_without_one_a_key_is_made_once_for_its_owner_only(tmp_path):
    folder = tmp_path / "var"
    first = masters(settings(data_dir=folder))
    assert masters(settings(data_dir=folder)) == first
    assert len(first.current) == 32
    assert stat.S_IMODE((folder / FILE).stat().st_mode) == 0o600
    assert [file.name for file in folder.iterdir()] == [FILE]
    assert masters(settings(data_dir=tmp_path / "other")) != first


def test_that_it_was_made_is_said_without_telling_it(tmp_path, capsys):
    key = kept(tmp_path)
    said = capsys.readouterr()
    assert str(tmp_path / FILE) in said.out + said.err
    assert text(key) not in said.out + said.err
    kept(tmp_path)
    assert capsys.readouterr().out == ""


@pytest.mark.parametrize("content", ["", "x", text(ONE[:31]), "not base64 at all!"])
def test_a_file_that_holds_no_key_is_not_replaced(tmp_path, content):
    (tmp_path / FILE).write_text(content)
    with pytest.raises(Refused, match="bad_master_key_file"):
        kept(tmp_path)
    assert (tmp_path / FILE).read_text() == content


def test_a_folder_that_cannot_be_is_said_so(tmp_path):
    (tmp_path / "var").write_text("a file")
    with pytest.raises(Refused, match="cannot_write"):
        kept(tmp_path / "var")


def test_production_needs_one():
    with pytest.raises(ValidationError, match="MADZI_MASTER_KEY"):
        settings(**PRODUCTION)
    assert masters(settings(**PRODUCTION, master_key=text(ONE))).current == ONE


@pytest.mark.parametrize("name", ["master_key", "master_key_old"])
def test_a_key_of_another_size_is_refused(name):
    with pytest.raises(ValidationError, match="32 bytes"):
        settings(**{name: text(ONE[:16])})
