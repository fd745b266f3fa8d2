"""What people read in Nyanja and Bemba, in full: the main events, plural forms, and what is cut to fit."""

from datetime import UTC, date, datetime

import pytest

from core import gsm
from core.i18n import Text
from sms import templates
from sms.outbound import words
from sms.samples import LONGEST, SHORTEST, samples
from sms.templates import About, Printed
from sms.tenancy_texts import tell
from taps.tenancies.events import TenantAdded, TenantRemoved

CATALOGUES = templates.catalogues()
AT = datetime(2026, 11, 21, 6, 16, tzinfo=UTC)
PRINTED = Printed("*384*7#", "0211000000")
ABOUT = About(3000, "ZMW", "KNY-0417-1", "Airtel Money", ("2026-11",))
RECEIPT = "MP261121.0815.D08222"

SAID = [
    (
        templates.paid(ABOUT, at=AT, receipt=RECEIPT),
        (
            "Madzi: Talandila K30.00 pa KNY-0417-1, Nov. Zonse zalipilidwa. 21 Nov 08:16. Sungani SMS iyi. "
            f"Airtel Money {RECEIPT}"
        ),
        (
            "Madzi: Twapokelela K30.00 pa KNY-0417-1, Nov. Shonse shalipilwa. 21 Nov 08:16. Sungeni SMS iyi. "
            f"Airtel Money {RECEIPT}"
        ),
    ),
    (
        templates.paid_part(ABOUT, PRINTED, left_minor=2000, at=AT, receipt=RECEIPT),
        (
            "Madzi: Talandila K30.00 pa KNY-0417-1, Nov. Kwatsala K20.00, dial *384*7#. 21 Nov 08:16. "
            f"Airtel Money {RECEIPT}"
        ),
        (
            "Madzi: Twapokelela K30.00 pa KNY-0417-1, Nov. Kwashala K20.00, dial *384*7#. 21 Nov 08:16. "
            f"Airtel Money {RECEIPT}"
        ),
    ),
    (
        templates.wait_sms(ABOUT, PRINTED, since=AT),
        (
            "Madzi: Tikali kuyembekeza Airtel Money: K30.00 pa KNY-0417-1, kuyambila 08:16. Musalipilenso. "
            "Simunaone PIN? Dial *384*7#, lembani 1."
        ),
        (
            "Madzi: Tucili tulelolela ba Airtel Money: K30.00 pa KNY-0417-1, ukufuma pa 08:16. "
            "Mwilipila nakabili. Tamumwene PIN? Dial *384*7#, lembeni 1."
        ),
    ),
    (
        templates.not_paid(ABOUT, PRINTED, "balance", retry_at=AT),
        (
            "Madzi: Sitinalandile K30.00 pa KNY-0417-1. Ndalama mu Airtel Money zachepa. "
            "Ndalama zanu sizinachoke. Onjezelani ndalama, dial *384*7#"
        ),
        (
            "Madzi: Tatupokelele K30.00 pa KNY-0417-1. Indalama muli Airtel Money shacepa. "
            "Indalama shenu tashifumine. Lundenipo indalama, dial *384*7#"
        ),
    ),
    (
        templates.late_receipt(ABOUT, at=AT, receipt=RECEIPT),
        (
            "Madzi: Talandila K30.00 pa KNY-0417-1, Nov, 21 Nov 08:16. Si malipilo ena. Receipt yafika. "
            f"Sungani SMS iyi. Airtel Money {RECEIPT}"
        ),
        (
            "Madzi: Twapokelela K30.00 pa KNY-0417-1, Nov, 21 Nov 08:16. Te malipilo yambi. Receipt yafika. "
            f"Sungeni SMS iyi. Airtel Money {RECEIPT}"
        ),
    ),
    (
        templates.remind(ABOUT, PRINTED, due=date(2026, 11, 30), is_late=False),
        (
            "Madzi: Bill: K30.00 pa KNY-0417-1, Nov. Tsiku lomaliza: 30 Nov. Lipilani: dial *384*7#. "
            "Simufuna ma SMS awa? Tumizani STOP"
        ),
        (
            "Madzi: Bill: K30.00 pa KNY-0417-1, Nov. Ubushiku bwa kulekelesha: 30 Nov. "
            "Lipileni: dial *384*7#. Tamulefwaya ama SMS aya? Tumeni STOP"
        ),
    ),
    (
        templates.remind(ABOUT, PRINTED, due=date(2026, 11, 30), is_late=True),
        (
            "Madzi: Bill: K30.00 pa KNY-0417-1, Nov. Tsiku lomaliza linali 30 Nov. Lipilani: dial *384*7#. "
            "Simufuna ma SMS awa? Tumizani STOP"
        ),
        (
            "Madzi: Bill: K30.00 pa KNY-0417-1, Nov. Ubushiku bwa kulekelesha bwali 30 Nov. "
            "Lipileni: dial *384*7#. Tamulefwaya ama SMS aya? Tumeni STOP"
        ),
    ),
    (
        Text("flag.ok.nowhere", {"reference": "F-0042"}),
        "Madzi: Chabwino: tizaona vuto. Uthenga wanu: F-0042. Sungani SMS iyi. Musachite kanthu.",
        "Madzi: Cisuma: tukamona ubwafya. Imbila yenu: F-0042. Sungeni SMS iyi. Mwicita nangu cimo.",
    ),
    (
        tell(TenantAdded("c", "KNY-0417-1", "241703", "+260977123456"), PRINTED, at=AT),
        (
            "Madzi: Chabwino: mwalembedwa pa tap KNY-0417-1, nambala ya tap 241703. Onani, "
            "lipilani: dial *384*7#. Si tap yanu? Tumani foni 0211000000"
        ),
        (
            "Madzi: Cisuma: mwalembwa pa tap KNY-0417-1, namba ya tap 241703. Moneni, "
            "lipileni: dial *384*7#. Te tap yenu? Tumeni foni 0211000000"
        ),
    ),
    (
        tell(TenantRemoved("c", "KNY-0417-1", "+260977123456", 1000, "ZMW"), PRINTED, at=AT),
        (
            "Madzi: Chabwino: nambala yanu yachotsedwa pa tap KNY-0417-1, 21 Nov. Kwatsala K10.00. "
            "Talakwitsa? Tumani foni 0211000000"
        ),
        (
            "Madzi: Cisuma: namba yenu naifumishiwa pa tap KNY-0417-1, 21 Nov. Kwashala K10.00. "
            "Twalubana? Tumeni foni 0211000000"
        ),
    ),
]


@pytest.mark.parametrize(("text", "nyanja", "bemba"), SAID)
def test_the_main_events_read_so(text, nyanja, bemba):
    assert words(text, "ny", CATALOGUES) == nyanja
    assert words(text, "bem", CATALOGUES) == bemba


@pytest.mark.parametrize(
    ("key", "count", "english", "nyanja", "bemba"),
    [
        ("part.months", 1, ", 1 month", ", mwezi 1", ", umweshi 1"),
        ("part.months", 3, ", 3 months", ", miyezi 3", ", imyeshi 3"),
        ("part.people", 0, "0 people", "anthu 0", "abantu 0"),
        ("part.people", 1, "1 person", "munthu 1", "umuntu 1"),
        ("part.people", 4, "4 people", "anthu 4", "abantu 4"),
        ("part.tenants", 1, "1 tenant", "tenant 1", "tenant 1"),
        ("part.tenants", 6, "6 tenants", "ba tenant 6", "ba tenant 6"),
    ],
)
def test_one_is_said_otherwise_than_many(key, count, english, nyanja, bemba):
    text = Text(key, {"count": count})
    said = [CATALOGUES.render(text, language) for language in ("en", "ny", "bem")]
    assert said == [english, nyanja, bemba]


@pytest.mark.parametrize("language", CATALOGUES.languages)
@pytest.mark.parametrize("data", [LONGEST, SHORTEST], ids=["longest", "shortest"])
def test_every_sample_is_one_segment_of_gsm7_in_plain_letters(language, data):
    for sample in samples(data):
        said = words(sample.text, language, CATALOGUES)
        length = gsm.measure(said)
        assert (length.encoding, length.segments) == ("gsm7", 1), said
        assert said.isascii(), said


@pytest.mark.parametrize(("language", "kept"), [("ny", "Musalipilenso"), ("bem", "Mwilipila nakabili")])
def test_what_is_cut_is_never_the_warning(language, kept):
    long = About(999_999, "ZMW", "CHZ-0417-3", "Zamtel Kwacha", ("2026-09", "2026-11"))
    said = words(templates.wait_long(long, PRINTED, since=AT, until=AT), language, CATALOGUES)
    assert kept in said
    assert "K9999.99" in said


def test_a_language_without_a_catalogue_is_answered_in_english():
    text = templates.paid_already(ABOUT)
    assert words(text, "fr", CATALOGUES) == words(text, "en", CATALOGUES)
