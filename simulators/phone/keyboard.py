"""The person at the keyboard, for whom time may run out."""

import asyncio
import contextlib
import math
import os
import sys
from collections.abc import AsyncIterator
from typing import TextIO

_MOST_AT_ONCE = 4096
_KEEP_PLACE, _BACK_TO_PLACE = "\x1b7", "\x1b8"


class Keyboard:
    """Reads lines of a terminal, a pipe or a file; what was typed ahead is kept for the next question."""

    def __init__(self, fd: int = 0, out: TextIO | None = None) -> None:
        self._fd = fd
        self._out = out or sys.stdout
        self._typed = b""
        self._ended = False

    async def ask(self, question: str, seconds: float | None = None) -> str | None:
        """Ask; None at the end of input (Ctrl-D).

        Raises TimeoutError after `seconds`, which are counted down on a terminal.
        """
        counted = seconds is not None and self._out.isatty()
        self._show(_asked(question, seconds if counted else None))
        try:
            async with asyncio.timeout(seconds), self._counting(question, seconds if counted else None):
                return await self._line()
        except TimeoutError:
            self._show("\n")
            raise

    async def _line(self) -> str | None:
        while b"\n" not in self._typed and not self._ended:
            some = await self._read()
            self._typed += some
            self._ended = not some
        line, newline, self._typed = self._typed.partition(b"\n")
        return line.decode(errors="replace") if line or newline else None

    async def _read(self) -> bytes:
        loop, ready, fd = asyncio.get_running_loop(), asyncio.Event(), self._fd
        try:
            loop.add_reader(fd, ready.set)
        except (OSError, NotImplementedError):  # a file never lets anybody wait; Windows has no such readers
            return await asyncio.to_thread(os.read, fd, _MOST_AT_ONCE)
        try:
            await ready.wait()
        finally:
            loop.remove_reader(fd)
        return os.read(fd, _MOST_AT_ONCE)

    @contextlib.asynccontextmanager
    async def _counting(self, question: str, seconds: float | None) -> AsyncIterator[None]:
        if seconds is None:
            yield
            return
        ticking = asyncio.create_task(self._count_down(question, seconds))
        try:
            yield
        finally:
            ticking.cancel()
            with contextlib.suppress(asyncio.CancelledError):
                await ticking

    async def _count_down(self, question: str, seconds: float) -> None:
        """Write the time anew in front of the question, wherever the person is typing."""
        loop = asyncio.get_running_loop()
        end = loop.time() + seconds
        while (left := end - loop.time()) > 0:
            await asyncio.sleep(min(1.0, left))
            self._show(f"{_KEEP_PLACE}\r{_asked(question, max(0.0, end - loop.time()))}{_BACK_TO_PLACE}")

    def _show(self, text: str) -> None:
        self._out.write(text)
        self._out.flush()


def _asked(question: str, left_s: float | None) -> str:
    return question if left_s is None else f"{math.ceil(left_s):3} s {question}"


ask = Keyboard().ask
"""Asks on this process's own terminal."""
