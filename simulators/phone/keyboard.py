"""The person at the keyboard."""

import asyncio


async def ask(question: str) -> str | None:
    """Ask on the terminal; None at the end of input (Ctrl-D) hangs up."""
    try:
        return await asyncio.to_thread(input, question)
    except EOFError:
        return None
