import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from sms.inbound import Command, Refusal, Why, Word, canonical, example, read
from sms.inbound.keywords import BEMBA, ENGLISH, LANGUAGES, MEANS, NYANJA, TAKES
from sms.inbound.reading import MOST_COMMANDS
from taps.tap_id import make

TAP, OTHER, NUMBER = "KNY-0417-1", make("KNY", 533), "241703"
MARY, JOHN = "+260977123456", "+260966123456"


def registered(name="Mary Banda", *, tap=TAP, phone=MARY, number=None):
    return Command(Word.REG, tap, phone, number=number, text=name)


@pytest.mark.parametrize(
    ("text", "expected"),
    [
        ("BAL", Command(Word.BAL)),
        ("bal", Command(Word.BAL)),
        ("  Bal?! ", Command(Word.BAL)),
        ("please BAL", Command(Word.BAL)),
        ("BAL kny 0417 1", Command(Word.BAL, TAP)),
        ("KNY-0417-1 BAL", Command(Word.BAL, TAP)),
        ("balance", Command(Word.BAL)),
        ("BAL ba Madzi mukwai", Command(Word.BAL)),
        ("PAY", Command(Word.PAY)),
        ("PAY 30", Command(Word.PAY, amount="30")),
        ("PAY30", Command(Word.PAY, amount="30")),
        ("pay K12,5", Command(Word.PAY, amount="K12.5")),
        ("pay 30 kwacha", Command(Word.PAY, amount="30K")),
        ("pay kes 300", Command(Word.PAY, amount="KES300")),
        ("PAY KNY-0417-1", Command(Word.PAY, TAP)),
        ("PAY kny04171 30", Command(Word.PAY, TAP, amount="30")),
        ("pay 30 for kny 417 1", Command(Word.PAY, TAP, amount="30")),
        ("PAY 241703 30", Command(Word.PAY, NUMBER, amount="30")),
        ("PAY 241703 12,50", Command(Word.PAY, NUMBER, amount="12.50")),
        ("PAY 24 17 03 30", Command(Word.PAY, NUMBER, amount="30")),
        ("PAY 241 703 12.50", Command(Word.PAY, NUMBER, amount="12.50")),
        ("LAST", Command(Word.LAST)),
        ("last month I paid", Command(Word.LAST)),
        ("HELP", Command(Word.HELP)),
        ("help me", Command(Word.HELP)),
        ("HELP reg", Command(Word.HELP, text="REG")),
        ("STOP", Command(Word.STOP)),
        ("Stop sending this", Command(Word.STOP)),
        ("START", Command(Word.START)),
        ("LANG NY", Command(Word.LANG, text="ny")),
        ("lang bemba", Command(Word.LANG, text="bem")),
        ("LANG: English", Command(Word.LANG, text="en")),
        ("MOVE 0977123456 KNY-0417-1", Command(Word.MOVE, TAP, MARY)),
        ("move to kny 0417 1 phone 0977123456", Command(Word.MOVE, TAP, MARY)),
        ("REMOVE 0977123456", Command(Word.REMOVE, None, MARY)),
        ("REMOVE KNY-0417-1 0977123456", Command(Word.REMOVE, TAP, MARY)),
        ("COUNT KNY-0417-1 4", Command(Word.COUNT, TAP, number=4)),
        ("COUNT 4 people on KNY-0417-1", Command(Word.COUNT, TAP, number=4)),
        ("COUNT 24 17 03 12", Command(Word.COUNT, NUMBER, number=12)),
        ("LIST", Command(Word.LIST)),
        ("LIST KNY-0417-1", Command(Word.LIST, TAP)),
        ("UNDO", Command(Word.UNDO)),
        ("undo please", Command(Word.UNDO)),
        ("STATUS KNY-0417-1", Command(Word.STATUS, TAP)),
        ("who is on tap 241703", Command(Word.WHO, NUMBER)),
        ("BEHIND", Command(Word.BEHIND)),
        ("behind Ng'ombe", Command(Word.BEHIND, text="Ng'ombe")),
        ("BEHIND zone KNY", Command(Word.BEHIND, text="KNY")),
        ("CASH KNY-0417-1 30", Command(Word.CASH, TAP, amount="30")),
        ("CASH 0977123456 K30 KNY-0417-1", Command(Word.CASH, TAP, MARY, "K30")),
        ("CASH 241703 30 0977123456", Command(Word.CASH, NUMBER, MARY, "30")),
        (
            "FLAG KNY-0417-1 they never pay, look at the pipe",
            Command(Word.FLAG, TAP, text="they never pay look at the pipe"),
        ),
        (
            "pipe near house 12 FLAG KNY-0417-1",
            Command(Word.FLAG, TAP, text="pipe near house 12"),
        ),
    ],
)
def test_a_command_is_read(text, expected):
    assert read(text) == (expected,)


@pytest.mark.parametrize(
    "phone",
    [
        *("0977123456", "977123456", "260977123456", "+260977123456", "00260977123456"),
        *("0977 123 456", "097 712 3456", "097-712-3456", "+260 97 7123456", "+260 97 712-3456"),
        *("260 977 123 456", "(0977)123456", "0977.123.456", "00260 977 123456"),
    ],
)
@pytest.mark.parametrize(
    "order",
    [
        "REG {tap} {phone} Mary Banda 4",
        "reg {phone} Mary Banda {tap} 4",
        "REG Mary Banda, 4, {tap}, {phone}",
        "Mary Banda {phone} REG {tap} 4 people",
        "REG\n{tap}\n{phone}\nMary Banda\n4",
        "REG tap: {tap} phone: {phone} name: Mary Banda 4 occupants",
    ],
)
def test_a_phone_is_read_in_every_form_and_place(phone, order):
    assert read(order.format(tap=TAP, phone=phone)) == (registered(number=4),)


@pytest.mark.parametrize(
    "tap",
    [
        "KNY-0417-1",
        "kny 0417 1",
        "KNY04171",
        "kny-0417 1",
        "Kny 04171",
        "KNY.0417.1",
        "kny 417 1",
        "KN Y-O4I7-1",
    ],
)
def test_a_tap_is_read_however_loosely_it_is_typed(tap):
    assert read(f"COUNT {tap} 6") == (Command(Word.COUNT, TAP, number=6),)


@pytest.mark.parametrize(
    ("typed", "kept"),
    [
        ("mary", "Mary"),
        ("mary jane ng'andu", "Mary Jane Ng'andu"),
        ("J.Phiri", "J.Phiri"),
        ("MARY BANDA", "MARY BANDA"),
        ("Start Mwale", "Start Mwale"),
        ("Bill Banda", "Bill Banda"),
        ("Anne-Marie O'Brien", "Anne-Marie O'Brien"),
        ("Mary\u200f\x00 Banda", "Mary Banda"),
        ("M\u2019bwana", "M'bwana"),
    ],
)
def test_names_are_kept_as_people_write_them(typed, kept):
    (command,) = read(f"REG {TAP} 0977123456 {typed}")
    assert command == registered(kept)


def test_a_number_of_another_country_needs_its_plus():
    assert read(f"MOVE +27821234567 {TAP}") == (Command(Word.MOVE, TAP, "+27821234567"),)
    assert read(f"MOVE 0712345678 {TAP}", "KE") == (Command(Word.MOVE, TAP, "+254712345678"),)


@pytest.mark.parametrize(
    "text",
    [
        "BAL KNY-0417-1 PAY KNY-0417-1 30 LAST",
        "BAL KNY-0417-1\nPAY KNY-0417-1 30\nLAST",
        "bal kny 0417 1; pay 30 kny 0417 1 ;; last",
        "BAL KNY-0417-1\r\n\r\n  PAY\n KNY-0417-1\n30\nLAST",
    ],
)
def test_several_commands_are_read_in_their_order(text):
    assert read(text) == (
        Command(Word.BAL, TAP),
        Command(Word.PAY, TAP, amount="30"),
        Command(Word.LAST),
    )


def test_a_keyword_starts_a_new_command_behind_a_name():
    text = f"REG {TAP} 0977123456 Mary Banda REG {OTHER} 0966123456 John 3 COUNT {TAP} 5"
    assert read(text) == (
        registered(),
        registered("John", tap=OTHER, phone=JOHN, number=3),
        Command(Word.COUNT, TAP, number=5),
    )


def test_what_stands_before_the_first_keyword_belongs_to_it():
    assert read(f"{NUMBER}\nPAY 30") == (Command(Word.PAY, NUMBER, amount="30"),)
    assert read("Hello Madzi\nBAL") == (Command(Word.BAL),)


def test_too_many_commands_are_not_all_carried_out():
    found = read("\n".join(["BAL"] * 30))
    assert len(found) == MOST_COMMANDS + 1
    assert found[-1] == Refusal(Why.TOO_MANY)


@pytest.mark.parametrize(
    ("text", "offers"),
    [
        (f"REGG {TAP} 0977123456 Mary", [f"REG {TAP} 0977123456 Mary"]),
        (f"RGE {TAP} 0977123456 Mary", [f"REG {TAP} 0977123456 Mary"]),
        (f"STAUS {TAP}", [f"STATUS {TAP}"]),
        (f"STAT {TAP}", [f"STATUS {TAP}"]),
        (f"regi {TAP} 0977123456 Mary", [f"REG {TAP} 0977123456 Mary"]),
        ("pls BALL", ["BAL"]),
        ("LOST", ["LAST", "LIST"]),
        ("PYA 30", ["PAY 30"]),
        ("lipilanii 30", ["PAY 30"]),
        # A word that nobody foresaw beside an act.
        (f"PAY {TAP} 30 tomorrow", [f"PAY {TAP} 30"]),
        ("undo mary", ["UNDO"]),
        ("do not stop the water", ["STOP"]),
        # A keyword at the end of a name.
        (f"REG {TAP} 0977123456 Mary Stop", [f"REG {TAP} Mary Stop 0977123456"]),
        (f"REG {TAP} 0977123456 Mary PAY 30", [f"REG {TAP} Mary PAY 0977123456 30"]),
    ],
)
def test_what_is_not_sure_is_asked_with_a_line_to_send(text, offers):
    (refusal,) = read(text)
    assert refusal.why is Why.NEAR
    assert [canonical(command) for command in refusal.meant] == offers
    assert [read(offer) for offer in offers] == [(command,) for command in refusal.meant]


def test_two_whole_readings_are_both_offered():
    # "417 1 5" may be the tap KNY-0417-1 and five, or the tap KNY-4171-…: take one where both digits fit.
    other = next(make("KNY", 4170 + n) for n in range(10) if make("KNY", 417)[-1] == str(n))
    (refusal,) = read(f"PAY kny 417 1 {other[-1]}")
    assert refusal.why is Why.NEAR
    assert {command.tap for command in refusal.meant} == {TAP, other}


@pytest.mark.parametrize(
    ("text", "typed", "likely"),
    [
        ("STATUS KNY-0471-1", "KNY-0471-1", TAP),
        ("STATUS kny 0417 2", "KNY-0417-2", TAP),
        ("STATUS KNY-0418-1", "KNY-0418-1", TAP),
        ("STATUS KMY-0417-1", "KMY-0417-1", TAP),
        ("STATUS KNY-04417-1", "KNY-04417-1", TAP),
        ("STATUS 241730", "241730", NUMBER),
        ("STATUS 241704", "241704", NUMBER),
    ],
)
def test_a_wrong_check_digit_is_answered_with_what_is_likely(text, typed, likely):
    (refusal,) = read(text)
    assert (refusal.why, refusal.typed) == (Why.WRONG_TAP, typed)
    assert likely in refusal.taps
    assert refusal.meant == (Command(Word.STATUS),)


@pytest.mark.parametrize(
    ("text", "typed"),
    [("STATUS 2417033", "2417033"), ("STATUS 24 17033", "2417033"), ("PAY 1000000", "1000000")],
)
def test_a_number_that_is_no_tap_is_shown_as_it_was_typed(text, typed):
    (refusal,) = read(text)
    assert (refusal.why, refusal.typed) == (Why.WRONG_TAP, typed)


def test_a_digit_too_many_is_found():
    (refusal,) = read(f"STATUS {NUMBER}3")
    assert NUMBER in refusal.taps


@pytest.mark.parametrize("text", ["STATUS 24170", "STATUS 24170333", "STATUS 097712345"])
def test_a_number_of_another_length_is_no_tap(text):
    (refusal,) = read(text)
    assert (refusal.why, refusal.typed) == (Why.NO_TAP, "")


def test_a_wrong_tap_keeps_the_rest_of_the_command():
    (refusal,) = read("REG KNY-0471-1 0977123456 Mary Banda 4")
    assert refusal.meant == (registered(tap=None, number=4),)
    assert refusal.taps[0] == TAP  # swapped digits are likelier than others


@pytest.mark.parametrize(
    ("text", "why"),
    [
        ("REG", Why.NO_TAP),
        ("REG 0977123456 Mary", Why.NO_TAP),
        (f"REG {TAP} Mary", Why.NO_PHONE),
        (f"REG {TAP} 097712345 Mary", Why.NO_PHONE),
        (f"REG {TAP} 0977123456", Why.NO_NAME),
        ("REG kny 0417 1 0977123456", Why.NO_NAME),
        (f"REG {TAP} 0977123456 {'a' * 200}", Why.LONG_NAME),
        (f"REG {TAP} 0977123456 Mary {OTHER}", Why.UNCLEAR),
        (f"REG {TAP} 0977123456 0966123456 Mary", Why.UNCLEAR),
        ("MOVE 0977123456", Why.NO_TAP),
        (f"MOVE {TAP}", Why.NO_PHONE),
        ("REMOVE", Why.NO_PHONE),
        (f"COUNT {TAP}", Why.NO_NUMBER),
        (f"COUNT {TAP} four", Why.NO_NUMBER),
        (f"COUNT {TAP} 0", Why.NO_NUMBER),
        ("FLAG", Why.NO_TAP),
        (f"FLAG {TAP}", Why.NO_WORDS),
        ("STATUS", Why.NO_TAP),
        (f"CASH {TAP}", Why.NO_AMOUNT),
        ("CASH 30", Why.NO_TAP),
        ("LANG", Why.NO_LANGUAGE),
        ("LANG french", Why.NO_LANGUAGE),
        ("LANG ny bem", Why.NO_LANGUAGE),
        (f"PAY {TAP} {OTHER}", Why.UNCLEAR),
        (f"PAY {TAP} 30 40", Why.UNCLEAR),
        (f"PAY {TAP} " + "for " * 70 + "30", Why.UNCLEAR),
    ],
)
def test_what_is_missing_is_named(text, why):
    (refusal,) = read(text)
    assert isinstance(refusal, Refusal)
    assert refusal.why is why


@pytest.mark.parametrize("amount", ["-10", "-K10", "-12.50", "-12,50", "\u221210", "-10.", "K-10"])
@pytest.mark.parametrize("text", ["CASH {tap} {amount}", "CASH {amount} {tap}", "PAY {tap} {amount}"])
def test_an_amount_below_nothing_is_never_read_as_the_amount(text, amount):
    (asked,) = read(text.format(tap=TAP, amount=amount))
    assert isinstance(asked, Refusal), asked


def test_a_dash_that_only_parts_words_means_nothing():
    assert read(f"CASH {TAP} - 10") == (Command(Word.CASH, TAP, amount="10"),)


QUOTED = "Madzi: To pay: K30.00 for KNY-0417-1, Nov. Dial *384*7# or send: PAY KNY-0417-1"


def test_keywords_in_our_own_words_are_not_the_persons():
    assert read(QUOTED) == read(f"I am driving.\n> {QUOTED}") == (Refusal(Why.UNKNOWN),)
    assert read(f"LAST\n> {QUOTED}") == (Command(Word.LAST),)


def test_a_person_may_begin_with_our_name():
    assert read(f"Madzi: PAY {TAP} 30 please, thank you") == (Command(Word.PAY, TAP, amount="30"),)


@pytest.mark.parametrize(
    "text",
    [
        *("", " \n\t ", "yes", "thanks", "Zikomo kwambiri", "1", "1234", "4", "???"),
        *("\U0001f600" * 160, "\u200f", "\x00", "'; DROP TABLE taps; --", "{{7*7}} ${x} %s", "a" * 5000),
        *("\u0660\u0669\u0667\u0667", "0977123456", TAP, "hello how are you"),
    ],
)
def test_a_text_without_a_keyword_is_unknown(text):
    assert read(text) == (Refusal(Why.UNKNOWN),)


@pytest.mark.parametrize("language", [ENGLISH, NYANJA, BEMBA])
def test_other_words_mean_the_english_keyword(language):
    for word, others in language.items():
        for other in others:
            line = example(word).replace(word.value, other, 1)
            assert read(line) == read(example(word)), other
            assert read(line.lower()) == read(example(word).lower())


def test_every_example_is_a_command_of_its_word():
    for word in Word:
        (command,) = read(example(word))
        assert isinstance(command, Command), word
        assert command.word is word


def test_no_word_means_two_things():
    listed = [w for language in (ENGLISH, NYANJA, BEMBA) for words in language.values() for w in words]
    assert len(set(listed)) == len(listed)
    assert not set(listed) & {word.value for word in Word}
    assert set(TAKES) == set(Word)
    assert not set(LANGUAGES) & set(MEANS)


# Properties

pieces = st.sampled_from(
    [
        *MEANS,
        *("KNY-0417-1", "kny", "0417", "1", "241703", "24", "17", "03", "0977123456", "0966 123 456", "30"),
        *("12,50", "K30", "Mary", "Banda", "stop", "\n", ";", ",", "to", "REGG", "KNY-0417-2", "kwacha", "4"),
    ]
)
anything = st.text(max_size=200) | st.lists(pieces | st.text(max_size=6), max_size=14).map(" ".join)


@settings(max_examples=400, deadline=None)
@given(anything, st.sampled_from(["ZM", "KE", "ZA"]))
def test_reading_never_raises_and_a_printed_command_reads_the_same(text, country):
    found = read(text, country)
    assert found
    commands = [one for one in found if isinstance(one, Command)]
    offered = [c for one in found if isinstance(one, Refusal) and one.why is Why.NEAR for c in one.meant]
    for command in (*commands, *offered):
        assert read(canonical(command, country), country) == (command,)


names = st.lists(
    st.sampled_from(["Mary", "banda", "Phiri", "Stop", "Bill", "PAY", "Ng'andu", "J.P", "Last", "Count"]),
    min_size=1,
    max_size=4,
).map(" ".join)


@settings(max_examples=200, deadline=None)
@given(
    st.integers(1, 9999),
    st.integers(0, 9_999_999),
    names,
    st.none() | st.integers(1, 999),
    st.randoms(use_true_random=False),
)
def test_a_registration_is_never_read_as_another_one(number, digits, name, people, random):
    tap, phone = make("KNY", number), f"+26097{digits:07d}"
    parts = [tap, "0" + phone[4:], name, *([str(people)] if people else [])]
    random.shuffle(parts)
    found = read("REG " + " ".join(parts))
    for one in found:
        if isinstance(one, Command) and one.word is Word.REG:
            assert (one.tap, one.msisdn) == (tap, phone)
            assert one.number in (people, None)
