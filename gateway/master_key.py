"""Where the master key comes from: the settings, or outside production a file in the data folder."""

import base64
import binascii
import os
import tempfile
from pathlib import Path

import structlog
from pydantic import SecretStr

from core.errors import Refused
from core.vault import KEY_BYTES, MasterKeys
from gateway.settings import Env, Settings

FILE = "master.key"
_log = structlog.get_logger()


def masters(settings: Settings) -> MasterKeys:
    """Return the master keys; outside production one is made where none is set.

    Raises Refused (no_master_key, bad_master_key_file, cannot_write).
    """
    old = (_bytes(settings.master_key_old),) if settings.master_key_old else ()
    if settings.master_key:
        return MasterKeys(_bytes(settings.master_key), old)
    if settings.env is Env.PRODUCTION:
        raise Refused("production needs MADZI_MASTER_KEY", code="no_master_key")
    return MasterKeys(kept(settings.data_dir), old)


def kept(folder: Path) -> bytes:
    """Return the key of a data folder; made where it is missing, readable for its owner only."""
    path = folder / FILE
    try:
        if not path.exists():
            _make(path)
        return _read(path)
    except OSError as wrong:
        raise Refused(f"{path}: {wrong.strerror}", code="cannot_write") from None


def _make(path: Path) -> None:
    path.parent.mkdir(parents=True, exist_ok=True)
    handle, draft = tempfile.mkstemp(dir=path.parent, prefix=FILE)  # 0600 from the beginning
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(base64.b64encode(os.urandom(KEY_BYTES)) + b"\n")
            file.flush()
            os.fsync(file.fileno())
        os.link(draft, path)  # whole or not at all, and never over another process's
        _log.warning("master_key_made", path=str(path), advice="keep it: what it locks opens with it alone")
    except FileExistsError:
        pass
    finally:
        Path(draft).unlink()


def _read(path: Path) -> bytes:
    try:
        key = base64.b64decode(path.read_bytes().strip(), validate=True)
    except binascii.Error:
        key = b""
    if len(key) != KEY_BYTES:
        raise Refused(f"{path} holds no key of 32 bytes in base64", code="bad_master_key_file")
    return key


def _bytes(key: SecretStr) -> bytes:
    return base64.b64decode(key.get_secret_value())
