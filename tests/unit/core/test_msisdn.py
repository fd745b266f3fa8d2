import pytest

from core import msisdn
from core.errors import BadMsisdn

MARY = "+260961234567"


@pytest.mark.parametrize(
    "text",
    [
        *["0961234567", "961234567", "260961234567", "+260961234567", "00260961234567", " 0961234567 "],
        *["096 123 4567", "096-123-4567", "096.123.4567", "+260 96 123-4567", "(096) 1234567"],
        *["+260 (0) 961 234 567", "00 260 961 234 567", "096/1234567"],
    ],
)
def test_every_usual_form_is_the_same_number(text):
    assert msisdn.parse(text) == MARY


# Reference zambia §1: leading digits and who holds them.
PREFIXES = [
    *[(prefix, "MTN") for prefix in ("96", "76", "56")],
    *[(prefix, "AIRTEL") for prefix in ("97", "77", "57")],
    *[(prefix, "ZAMTEL") for prefix in ("95", "75", "55")],
    *[(prefix, "") for prefix in ("79",)],
]


@pytest.mark.parametrize(("prefix", "holder"), PREFIXES)
def test_a_prefix_says_whose_number_it_is(prefix, holder):
    number = msisdn.parse(f"0{prefix}1234567")
    assert number == f"+260{prefix}1234567"
    network = msisdn.network(number)
    assert network.country == "ZM"
    assert holder in network.name
    assert bool(network.name) == bool(holder)


@pytest.mark.parametrize("prefix", ["98", "78", "58"])
def test_zedmobile_is_none_of_the_three(prefix):
    name = msisdn.network(msisdn.parse(f"0{prefix}1234567")).name
    assert name
    assert not any(known in name for known in ("MTN", "AIRTEL", "ZAMTEL"))


@pytest.mark.parametrize(
    ("text", "country", "number"),
    [
        ("0712345678", "KE", "+254712345678"),
        ("+254712345678", "ZM", "+254712345678"),
        ("00254712345678", "ZM", "+254712345678"),
        ("+256772123456", "ZM", "+256772123456"),
    ],
)
def test_other_countries_numbers_are_read(text, country, number):
    assert msisdn.parse(text, country) == number


def test_a_kenyan_number_is_safaricoms():
    network = msisdn.network("+254712345678")
    assert (network.name, network.country) == ("SAFARICOM", "KE")


@pytest.mark.parametrize(
    "text",
    [
        *["", " ", "0", "12345", "096123456", "09612345678", "0941234567", "0911234567", "+260", "+", "999"],
        *[
            "abc",
            "096ABCDEFG",
            "09612ABCDE",
            "096123456O",
            "0961234567 ext 5",
            "0961234567x5",
            "0961234567;ext=5",
        ],
        *[
            "0961234567#5",
            "tel:0961234567",
            "call 0961234567",
            "💧",
            "0961234567\x00",
            "9" * 33,
            "0" * 10_000,
        ],
        *["+999123456789", "KNY-0417-1", "0961234567,0977123456"],
    ],
)
def test_what_is_no_number_is_refused_and_never_read_as_somebody_elses(text):
    with pytest.raises(BadMsisdn):
        msisdn.parse(text)


@pytest.mark.parametrize("text", ["+260961234567", "260961234567", " 260961234567 "])
def test_an_aggregators_number_gets_its_plus(text):
    assert msisdn.from_wire(text) == MARY


@pytest.mark.parametrize(
    "text", ["", "0961234567", "+0961234567", "abc", "+26096", "2609 61234567", "1" * 16, "٢٦٠٩٦١٢٣٤٥٦٧"]
)
def test_an_aggregators_nonsense_is_refused(text):
    with pytest.raises(BadMsisdn):
        msisdn.from_wire(text)


@pytest.mark.parametrize(
    ("number", "local"),
    [(MARY, "0961234567"), ("+254712345678", "0712345678"), ("+256772123456", "+256772123456")],
)
def test_the_owner_reads_the_number_as_they_write_it(number, local):
    assert msisdn.local_form(number) == local


@pytest.mark.parametrize(
    ("number", "masked"),
    [
        (MARY, "26096****567"),
        ("260961234567", "26096****567"),
        ("+254712345678", "25471****678"),
        ("12345678", "****"),
        ("", "****"),
    ],
)
def test_a_masked_number_shows_its_network_and_three_digits(number, masked):
    assert msisdn.mask(number) == masked


@pytest.mark.parametrize(
    ("text", "masked"),
    [
        ("from +260961234567 to 254712345678.", "from 26096****567 to 25471****678."),
        ("typed 0961234567", "typed 096****567"),
        ('{"msisdn":"+256772123456"}', '{"msisdn":"25677****456"}'),
        ("at 2026-11-21T06:00:00.123456Z", "at 2026-11-21T06:00:00.123456Z"),
        ("payment 01a1fcb0-af00-7103-8386-bbc4cd613e30", "payment 01a1fcb0-af00-7103-8386-bbc4cd613e30"),
        ("amount 3000000000 KNY-0417-1", "amount 3000000000 KNY-0417-1"),
    ],
)
def test_numbers_inside_texts_are_masked_and_nothing_else(text, masked):
    assert msisdn.mask_in(text) == masked
