"""The page `/phone` as a person uses it: what they see, press and type."""

import re

from playwright.sync_api import TimeoutError as NotInTime

CHROMIUM_ARGS = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
]
WITHIN_MS = 10_000


class PhonePage:
    """One page in one window; remembers what the browser complained of and whom else it asked."""

    def __init__(self, page, url):
        self.page, self.url = page, url
        self.complaints, self.strangers = [], []
        page.set_default_timeout(WITHIN_MS)
        page.on("console", lambda told: self.complaints.append(told.text))
        page.on("pageerror", lambda error: self.complaints.append(str(error)))
        page.on("request", self._note)
        page.goto(f"{url}/phone")
        page.wait_for_selector("body.connected")

    def _note(self, request):
        if not request.url.startswith(self.url + "/"):
            self.strangers.append(request.url)

    @property
    def screen(self):
        return self.page.locator("#screen").inner_text()

    @property
    def note(self):
        return self.page.locator("#note").inner_text()

    @property
    def focused(self):
        return self.page.evaluate("document.activeElement.id")

    def sees(self, text, where="#screen"):
        """Wait until `text` is there."""
        try:
            self.page.locator(where).filter(has_text=re.compile(re.escape(text))).wait_for()
        except NotInTime as late:
            shown = f"{self.page.locator(where).inner_text()!r}, note {self.note!r}"
            raise AssertionError(f"{text!r} did not come; {where} shows {shown}") from late

    def use(self, number, **choices):
        """Pick up another phone."""
        self.page.fill("#number", number)
        for name, value in choices.items():
            self.page.select_option(f"#{name}", value)
        self.page.click("text=Use this phone")
        self.sees(number, "#owner")
        self.page.wait_for_function("document.activeElement.id === 'entry'")

    def type(self, keys, then):
        """Type on the keyboard, Enter, and wait for what comes."""
        self.page.keyboard.type(keys)
        self.page.keyboard.press("Enter")
        self.sees(then)

    def tap(self, keys, then=None):
        """Press soft keys one after the other, then Call or Send."""
        for key in keys:
            self.page.locator("#keys button").filter(has=self.page.locator("b", has_text=key)).tap()
        self.page.tap("#call")
        if then:
            self.sees(then)

    def named(self, *roles):
        """Return role and name of everything of these roles, as the browser tells a screen reader."""
        session = self.page.context.new_cdp_session(self.page)
        nodes = session.send("Accessibility.getFullAXTree")["nodes"]
        told = ((node.get("role", {}).get("value"), node.get("name", {}).get("value", "")) for node in nodes)
        return [(role, name) for role, name in told if role in roles]
