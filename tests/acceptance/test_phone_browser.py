"""The phone in a real browser: dial, drop, go on, pay, read and write SMS; by hand, by keyboard, by ear."""

import json
import os
import shutil
import time

import pytest
from phone_page import CHROMIUM_ARGS, PhonePage
from phone_town import Town
from processes import Processes, environment, free_port, http, until

REQUIRED = bool(os.environ.get("CI")) or os.environ.get("MADZI_BROWSER_TESTS") == "required"
PAYER = "0961234567"


def chromium_path():
    """Return where Chromium is. Without one the tests are skipped, but never where they are required."""
    found = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")
    if not found and REQUIRED:
        pytest.fail("no Chromium here, and browser tests are required: .ci/run installs it")
    if not found:
        pytest.skip("no Chromium on this machine (apt-get install chromium)")
    return found


@pytest.fixture(scope="module")
def browser():
    path = chromium_path()
    from playwright.sync_api import sync_playwright

    with sync_playwright() as playwright:
        browser = playwright.chromium.launch(executable_path=path, args=CHROMIUM_ARGS)
        yield browser
        browser.close()


@pytest.fixture(scope="module")
def demo(tmp_path_factory, browser):
    """A real demo, four times as quick; gives its addresses."""
    folder = tmp_path_factory.mktemp("phone")
    processes, data = Processes(folder), folder / "var"
    words = ("demo", "--port", free_port(), "--data", data, "--speed", "4")
    running = processes.start(*words, env=environment(data, PYTHONUNBUFFERED="1"))
    try:
        until(lambda: "Ctrl-C stops it." in processes.said() or running.poll() is not None, within_s=30)
        assert running.poll() is None, processes.said()
        yield json.loads((data / "demo.json").read_text())
    finally:
        processes.close()


@pytest.fixture(scope="module")
def built_town(browser):
    town = Town()
    yield town
    town.close()


@pytest.fixture
def town(built_town):
    """The small gateway, which has heard nothing yet."""
    built_town.forget()
    return built_town


@pytest.fixture
def opened(browser):
    """Opens the page in a window of a size; nothing is complained of, no other host asked."""
    contexts, phones = [], []

    def open_at(url, width=1000, height=820, **how):
        contexts.append(browser.new_context(viewport={"width": width, "height": height}, **how))
        phones.append(PhonePage(contexts[-1].new_page(), url))
        return phones[-1]

    yield open_at
    for context in contexts:
        context.close()
    assert [(phone.complaints, phone.strangers) for phone in phones] == [([], [])] * len(phones)


def told(url):
    return json.loads(http("GET", url)[1])


# With the real gateway behind it


def test_a_tap_is_paid_with_the_keyboard_alone(demo, opened):
    phone = opened(demo["gateway_url"])
    phone.type("*384*7#", then="1 English")
    phone.type("1", then="1 Pay for a tap")
    phone.type("1", then="Type the tap number.")
    phone.type("KNY-0417-1", then="To pay: K30.00")
    phone.type("1", then="Pay K30.00 for KNY-0417-1 with MTN MoMo")
    phone.type("1", then="MTN MoMo will now ask for your PIN")
    phone.page.locator("#prompt").wait_for()
    assert "KANYAMA WATER TRUST" in phone.page.locator("#prompt-text").inner_text()
    assert phone.focused == "pin"
    phone.page.keyboard.type("1234")
    phone.page.keyboard.press("Enter")
    phone.sees("Madzi: Paid K30.00 for KNY-0417-1", "#messages")
    assert phone.note == "PIN prompt: approved."
    assert not phone.page.locator("#prompt").is_visible()
    assert phone.focused == "entry"
    assert phone.page.locator("#envelope").get_attribute("aria-label") == "1 new message"
    (debit,) = told(f"{demo['providers_url']}/_sim/book")["debited"]
    assert (debit["msisdn"], debit["amount"]) == ("+260961234567", "30.00")


def test_a_dropped_session_goes_on_in_a_small_window(demo, opened):
    phone = opened(demo["gateway_url"], 320, 480, has_touch=True)
    phone.use("0971230002")
    phone.tap("*384*7#", then="1 English")
    phone.tap("1", then="1 Pay for a tap")
    phone.tap("1", then="Type the tap number.")
    phone.tap("194340", then="KNY-0290-2")
    phone.page.tap("#hang-up")
    phone.sees("You hung up. Dial again to go on where you were.", "#note")
    phone.tap("", then="1 Go on where I was")
    phone.tap("1", then="KNY-0290-2 (194340)")
    width, shown = phone.page.evaluate("[document.documentElement.scrollWidth, innerWidth]")
    assert (width, shown) == (320, 320)
    for name in ("#screen", "#entry", "#call", "#keys button:last-child"):
        box = phone.page.locator(name).bounding_box()
        assert box["x"] >= 0, name
        assert box["x"] + box["width"] <= 320, name
        assert box["y"] + box["height"] <= 480, f"{name} is below the window"


@pytest.mark.parametrize(
    ("number", "tap", "wallet", "act", "note", "sms"),
    [
        ("0961230011", "BLN-0001-0", "full", "Escape", "cancelled", "It was cancelled on the phone"),
        ("0961230012", "BLN-0006-9", "empty", "1234", "too little money", "Too little money in MTN MoMo"),
        ("0961230013", "BLN-0012-7", "full", "9999", "wrong PIN", "Not paid"),
    ],
)
def test_a_prompt_that_is_not_approved(demo, opened, number, tap, wallet, act, note, sms):
    phone = opened(demo["gateway_url"])
    phone.use(number, wallet=wallet)
    phone.type("", then="1 English")
    phone.type("1", then="1 Pay for a tap")
    phone.type("1", then="Type the tap number.")
    phone.type(tap, then="To pay:")
    phone.type("1", then="with MTN MoMo")
    phone.type("1", then="will now ask for your PIN")
    phone.page.locator("#prompt").wait_for()
    if act == "Escape":
        phone.page.keyboard.press(act)
    else:
        phone.page.fill("#pin", act)
        phone.page.click("text=Approve")
    phone.sees(note, "#note")
    phone.sees(sms, "#messages")


def test_a_page_that_is_left_lets_the_number_answer_by_itself_again(demo, opened):
    phone = opened(demo["gateway_url"])
    phone.use("0961230020")
    people = f"{demo['providers_url']}/_sim/people"
    until(lambda: "+260961230020" in told(people)["told"])
    phone.page.goto("about:blank")
    until(lambda: "+260961230020" not in told(people)["told"])
    phone.strangers.clear()


def test_phones_worth_picking_up_are_offered_and_habits_are_kept(demo, opened):
    phone = opened(demo["gateway_url"])
    offered = phone.page.locator("#whose option").all_inner_texts()
    assert {"somebody new", "caretaker of KNY-0417-1", "agent in KNY", "has no wallet"} <= set(offered)
    phone.page.select_option("#whose", label="cancels the PIN prompt")
    assert phone.page.input_value("#number") == "0961239902"
    assert phone.page.input_value("#answers") == "itself"
    phone.page.click("text=Use this phone")
    phone.sees("0961239902", "#owner")
    phone.page.reload()
    phone.sees("0961239902", "#owner")


# With screens of our own


def test_the_time_of_the_network_is_counted_down_and_then_over(town, opened):
    town.screens = {"": "CON 1 Pay"}
    phone = opened(town.url)
    phone.use("0951234567")
    assert "ZAMTEL waits 1.5 s for an answer, 60 s in all." in phone.page.locator("#limits").inner_text()
    began = time.monotonic()
    phone.type("", then="1 Pay")
    assert phone.page.locator("#left").inner_text() in ("2 s", "1 s")
    assert float(phone.page.locator("#bar").get_attribute("max")) == 1.5
    phone.sees("Time is over: the network ended the session.", "#note")
    assert time.monotonic() - began >= 1.5
    assert "1 Pay" not in phone.screen
    assert not phone.page.locator("#bar").is_visible()
    assert [end["status"] for end in town.ends if end["phoneNumber"] == "+260951234567"] == ["Incomplete"]


def test_the_network_that_is_chosen_is_the_one_that_is_sent(town, opened):
    phone = opened(town.url)
    phone.use(PAYER, carrier="64503")
    assert phone.page.locator("#network").inner_text() == "ZAMTEL"
    phone.type("", then="what?")
    assert town.hops[-1]["networkCode"] == "64503"


def test_what_people_are_called_is_text_and_never_markup(town, opened):
    name = "<script>document.title='x'</script><img src=x onerror=alert(1)> & {{7*7}} \u202e<b>Mary</b>"
    town.screens = {"": f"CON {name}"}
    phone = opened(town.url)
    phone.type("", then="Mary")
    assert phone.page.locator("#screen").text_content() == name
    assert phone.page.locator("#screen *").count() == 0
    sent = {"username": "madzi", "to": "+260961234567", "message": name, "from": "<b>MADZI</b>"}
    key = "demo-africastalking-api-key"
    reply = phone.page.request.post(
        f"{town.aggregator}/version1/messaging", form=sent, headers={"apiKey": key}
    )
    assert reply.status == 201
    phone.sees("From <b>MADZI</b>", "#messages")
    assert phone.page.locator("#messages .in p").first.text_content() == name
    assert phone.page.locator("#messages b, #messages img, #messages script, #whose i").count() == 0
    assert phone.page.title() == "Madzi phone (simulated)"


def test_the_longest_screen_is_read_whole(town, opened):
    longest = "\n".join(["Madzi water taps", *(f"{key} Something to choose" for key in range(1, 7))])[:160]
    town.screens = {"": f"CON {longest}"}
    for width, height in ((1000, 820), (320, 480)):
        phone = opened(town.url, width, height)
        phone.type("", then="Madzi water taps")
        assert phone.screen == longest
        tall, room = phone.page.evaluate("[screen => screen.scrollHeight, screen => screen.clientHeight]"
                                         ".map(read => read(document.getElementById('screen')))")  # fmt: skip
        assert tall <= room


def test_an_sms_is_written_and_taken(town, opened):
    phone = opened(town.url)
    phone.page.click("text=Send SMS")
    assert phone.note == "Write something first."
    phone.page.fill("#sms-text", "REG KNY-0417-1 0977123456 Mary Banda 4")
    assert phone.page.locator("#sms-count").inner_text() == "38 letters"
    phone.page.click("text=Send SMS")
    phone.sees("Sent.", "#messages")
    (sms,) = [sms for sms in town.sms if sms["text"].startswith("REG")]
    assert (sms["from"], sms["to"], sms["text"]) == (
        "+260961234567",
        "38407",
        "REG KNY-0417-1 0977123456 Mary Banda 4",
    )


def test_a_language_is_asked_for_by_sms(town, opened):
    phone = opened(town.url)
    phone.use(PAYER, language="ny")
    until(lambda: [sms for sms in town.sms if sms["text"] == "LANG NY"])
    assert phone.page.locator("#screen").get_attribute("lang") == "ny"


def test_letters_come_by_pressing_a_key_again(town, opened):
    phone = opened(town.url, has_touch=True)
    phone.page.tap("#letters")

    def press(*keys):
        for key in keys:
            phone.page.locator("#keys button").filter(has=phone.page.locator("b", has_text=key)).tap()

    press("5", "5", "6", "6", "9", "9", "9")
    assert phone.page.input_value("#entry") == "KNY"
    assert phone.page.locator("#said").inner_text() == "Y"
    phone.page.tap("#clear")
    phone.page.tap("#letters")
    press("2", "0", "0")
    assert phone.page.input_value("#entry") == "KNa0"
    assert phone.page.locator("#letters").get_attribute("aria-label") == "Keys type small letters"


FOCUS = """() => {
  const here = document.activeElement;
  return [here.id || here.innerText, here !== document.body && getComputedStyle(here).outlineStyle];
}"""


def test_the_keyboard_reaches_everything_and_shows_where_it_is(town, opened):
    phone = opened(town.url)
    reached = {}
    phone.page.evaluate("document.activeElement.blur()")
    for _ in range(60):
        phone.page.keyboard.press("Tab")
        element, outline = phone.page.evaluate(FOCUS)
        if element in reached:
            break
        if outline:  # the browser's own bar comes once a round
            reached[element] = outline
    wanted = {
        "screen",
        "entry",
        "letters",
        "clear",
        "call",
        "hang-up",
        "sms-text",
        "number",
        "carrier",
        "language",
    }
    assert wanted <= set(reached)
    assert set(reached.values()) == {"solid"}


def test_a_key_goes_to_the_screen_wherever_the_focus_is_not_in_a_field(town, opened):
    town.screens = {"": "CON 1 Pay", "1": "CON tap?"}
    phone = opened(town.url)
    phone.type("", then="1 Pay")
    phone.page.locator("#screen").focus()
    phone.type("1", then="tap?")
    phone.page.fill("#sms-text", "")
    phone.page.locator("#sms-text").focus()
    phone.page.keyboard.type("7")
    assert (phone.page.input_value("#sms-text"), phone.page.input_value("#entry")) == ("7", "")
    phone.page.keyboard.press("Escape")
    phone.sees("You hung up.", "#note")
    assert town.ends[-1]["status"] == "Incomplete"


def test_a_gateway_that_is_away_and_a_number_that_cannot_be_are_said(town, opened):
    town.screens = {"": "nonsense"}
    phone = opened(town.url)
    phone.type("", then="Connection problem or invalid MMI code.")
    assert "nonsense" in phone.note
    phone.page.fill("#number", "12")
    phone.page.click("text=Use this phone")
    phone.sees("no such phone number exists", "#note")
    assert phone.focused == "number"
    # What the simulator refuses is the person's mistake, not the page's.
    assert all("400" in told or "503" in told for told in phone.complaints)
    phone.complaints.clear()


# By ear


def test_a_screen_reader_hears_what_each_thing_is(town, opened):
    town.screens = {"": "CON 1 Pay"}
    phone = opened(town.url)
    phone.type("", then="1 Pay")
    named = phone.named(
        "button", "textbox", "combobox", "progressbar", "timer", "group", "region", "log", "heading"
    )
    assert [role for role, name in named if not name and role not in ("timer", "group")] == []
    assert {
        ("textbox", "Your answer"),
        ("button", "Send"),
        ("button", "Hang up"),
        ("button", "2, a b c"),
        ("button", "star"),
        ("button", "Keys type digits"),
        ("button", "Clear one character"),
        ("progressbar", "Time left to answer"),
        ("group", "Keypad"),
        ("region", "Phone"),
        ("log", "Messages"),
        ("combobox", "Language"),
    } <= set(named)
    screen = phone.page.locator("#screen")
    assert [screen.get_attribute(name) for name in ("role", "aria-live", "aria-atomic")] == [
        "status",
        "polite",
        "true",
    ]
    assert phone.page.locator("#left").get_attribute("aria-live") == "off"


CONTRASTS = """() => {
  const channel = (value) => (value /= 255) <= 0.04045 ? value / 12.92 : ((value + 0.055) / 1.055) ** 2.4;
  const light = ([r, g, b]) => 0.2126 * channel(r) + 0.7152 * channel(g) + 0.0722 * channel(b);
  const parts = (colour) => colour.match(/[\\d.]+/g).map(Number);
  const behind = (element) => {
    const found = parts(getComputedStyle(element).backgroundColor);
    return found.length === 3 || found[3] > 0 ? found : behind(element.parentElement);
  };
  const poor = [];
  for (const element of document.querySelectorAll("body *")) {
    const text = [...element.childNodes].some((node) => node.nodeType === 3 && node.textContent.trim());
    if (!text || !element.checkVisibility() || element.closest("option, .unseen")) continue;
    const [a, b] = [parts(getComputedStyle(element).color), behind(element)].map(light).sort((x, y) => y - x);
    const ratio = (a + 0.05) / (b + 0.05);
    if (ratio < 4.5) poor.push(`${element.tagName} ${element.textContent.trim()} ${ratio.toFixed(2)}`);
  }
  return poor;
}"""


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_stands_out_from_what_is_behind_it(town, opened, scheme):
    town.screens = {"": "CON 1 Pay"}
    phone = opened(town.url, color_scheme=scheme)
    phone.type("", then="1 Pay")
    phone.page.evaluate("document.getElementById('prompt').show()")
    assert phone.page.evaluate(CONTRASTS) == []


def test_an_sms_is_answered(demo, opened):
    phone = opened(demo["gateway_url"])
    phone.use("0961230031")
    phone.page.fill("#sms-text", "bal bln-0012-7")
    phone.page.click("text=Send SMS")
    phone.sees("for BLN-0012-7", "#messages")


@pytest.mark.parametrize(
    ("number", "wire"),
    [("0961230041", "hubtel"), ("0961230042", "nalo"), ("0961230043", "arkesel"), ("0961230044", "infobip")],
)
def test_a_dropped_session_goes_on_over_every_aggregator(demo, opened, number, wire):
    phone = opened(demo["gateway_url"])
    phone.use(number, wire=wire)
    for keys, then in (
        ("", "1 English"),
        ("1", "1 Pay for a tap"),
        ("1", "tap number"),
        ("892570", "BLN-0001-0"),
    ):
        phone.type(keys, then=then)
    phone.page.keyboard.press("Escape")
    phone.sees("You hung up.", "#note")
    phone.type("", then="1 Go on where I was")
    phone.type("1", then="BLN-0001-0 (892570)")
