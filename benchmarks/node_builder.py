"""A USSD menu builder for Node with sessions and stored replies in Redis, for comparison in the same run.

It is installed for the run into a folder that goes away again; nothing of it is part of Madzi.
"""

import contextlib
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from pathlib import Path

NAME = "Node USSD builder, sessions and stored replies in Redis"
PACKAGES = ("ussd-menu-builder@1.2.0", "express@5", "redis@6")
SERVER = Path(__file__).parent / "node" / "server.js"
_INSTALL_S = 120


@contextlib.contextmanager
def installed() -> Iterator[Path | str]:
    """Give the folder with the server and what it needs, or why there is none."""
    node, npm = shutil.which("node"), shutil.which("npm")
    if node is None or npm is None:
        yield "Node or npm is missing"
        return
    with tempfile.TemporaryDirectory(prefix="madzi-bench-node-") as name:
        folder = Path(name)
        shutil.copy(SERVER, folder)
        options = ["--prefix", name, "--no-audit", "--no-fund", "--ignore-scripts", "--silent"]
        try:
            command_ = [npm, "install", *options, *PACKAGES]
            done = subprocess.run(command_, timeout=_INSTALL_S, check=False)  # noqa: S603 - fixed words
        except subprocess.TimeoutExpired:
            yield "npm did not come to an end"
            return
        yield folder if done.returncode == 0 else f"npm could not install {PACKAGES[0]}"


def command(folder: Path, port: int, redis_url: str) -> list[str]:
    """Return what starts the server."""
    return [shutil.which("node") or "node", str(folder / SERVER.name), str(port), redis_url]
