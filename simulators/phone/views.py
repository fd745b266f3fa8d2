"""How a call is shown: plain lines, one JSON document, or boxes for a person."""

import json
from typing import Any, Protocol, TextIO

from rich.console import Console
from rich.panel import Panel
from rich.text import Text

from simulators.aggregator.dialler import Call


class View(Protocol):
    """Is told what happens, in order."""

    def screen(self, typed: str, call: Call) -> None:
        """Show the screen that came after `typed` (at first: the code that was dialled)."""
        ...

    def prompt(self, prompt: dict[str, Any]) -> None:
        """Show a PIN prompt that came up or changed its state."""
        ...

    def sms(self, message: dict[str, Any]) -> None:
        """Show an SMS."""
        ...

    def close(self, call: Call) -> None:
        """Show the end."""
        ...


class Plain:
    """Lines of text: `> ` what was typed, `[pin] ` a prompt, `[sms] ` a message."""

    def __init__(self, out: TextIO) -> None:
        self._out = out

    def screen(self, typed: str, call: Call) -> None:
        """Print what was typed and the screen."""
        self._print(f"> {typed}\n{call.screen.text}\n")

    def prompt(self, prompt: dict[str, Any]) -> None:
        """Print the prompt's text, or what became of it."""
        told = prompt["text"] if prompt["state"] == "open" else prompt["answer"] or prompt["state"]
        self._print(f"[pin] {told}")

    def sms(self, message: dict[str, Any]) -> None:
        """Print the message."""
        self._print(f"[sms] {message['from']}: {message['text']}")

    def close(self, call: Call) -> None:
        """Print only what went wrong."""
        if call.screen.error:
            self._print(f"[end] {call.screen.status}: {call.screen.error}")

    def _print(self, text: str) -> None:
        self._out.write(text + "\n")
        self._out.flush()


class Document:
    """One JSON object on one line, when all is over."""

    def __init__(self, out: TextIO) -> None:
        self._out = out
        self._screens: list[dict[str, Any]] = []
        self._prompts: dict[str, dict[str, Any]] = {}
        self._sms: list[dict[str, Any]] = []

    def screen(self, typed: str, call: Call) -> None:
        """Keep the screen."""
        screen = call.screen
        self._screens.append({"input": typed, "text": screen.text, "continues": screen.continues})

    def prompt(self, prompt: dict[str, Any]) -> None:
        """Keep the prompt's latest state."""
        self._prompts[prompt["id"]] = prompt

    def sms(self, message: dict[str, Any]) -> None:
        """Keep the message."""
        self._sms.append(message)

    def close(self, call: Call) -> None:
        """Print the document."""
        document = {
            "session_id": call.session_id,
            "msisdn": call.msisdn,
            "status": call.screen.status,
            "error": call.screen.error,
            "screens": self._screens,
            "prompts": list(self._prompts.values()),
            "sms": self._sms,
        }
        self._out.write(json.dumps(document, ensure_ascii=False) + "\n")
        self._out.flush()


class Boxes:
    """Boxes in colour, for a person at a terminal."""

    def __init__(self, console: Console) -> None:
        self._console = console

    def screen(self, typed: str, call: Call) -> None:
        """Draw the screen."""
        end = "" if call.screen.continues else " (end)"
        self._draw(call.screen.text, f"{typed}{end}", "green")

    def prompt(self, prompt: dict[str, Any]) -> None:
        """Draw the prompt, or say what became of it."""
        if prompt["state"] == "open":
            self._draw(prompt["text"], "PIN", "yellow")
        else:
            self._console.print(f"PIN prompt: {prompt['answer'] or prompt['state']}", markup=False)

    def sms(self, message: dict[str, Any]) -> None:
        """Draw the message."""
        self._draw(message["text"], f"SMS from {message['from']}", "cyan")

    def close(self, call: Call) -> None:
        """Say what went wrong, if anything did."""
        if call.screen.error:
            self._console.print(call.screen.error, markup=False)

    def _draw(self, text: str, title: str, colour: str) -> None:
        # What others wrote is text, never markup.
        self._console.print(Panel.fit(Text(text), title=Text(title), border_style=colour))
