"""Whatever comes in, the person gets a sentence that helps and the operator a code; nothing is half done."""

import json

import pytest
import sqlalchemy as sa
from town import CALLER, PAY_ALL, TAP, TOKEN

from gateway.sessions.tables import ussd_sessions

AT_THE_TAP, AT_THE_AMOUNT = PAY_ALL[:2], (*PAY_ALL[:3], "2")


@pytest.mark.parametrize(
    ("typed", "says"),
    [
        ("KNY-0417-2", "No tap has number KNY-0417-2."),
        ("241730", "No tap has number 241730."),
        ("lwamba", "No tap has number lwamba."),
        ("", ""),
        ("*", ""),
        ("🚰🚰", ""),
        ("KNY\x000417", ""),
        ("9" * 10_000, ""),
        ("Ł" * 10_000, ""),
    ],
)
async def test_what_is_no_tap_number_is_asked_for_again(sqlite_town, typed, says):
    town = sqlite_town
    await town.open()
    await town.hops(*AT_THE_TAP)
    status, body, headers = await town.hop("*".join((*AT_THE_TAP, typed)))
    assert status == 200
    assert body.startswith("CON ")
    assert says in body
    assert "plate" in body
    assert len(body) <= 164
    assert headers["at-ussd-hop-metadata"]
    # And the right number still gets on from there.
    _, body, _ = await town.hop("*".join((*AT_THE_TAP, typed, TAP)))
    assert body.startswith(f"CON {TAP}")


@pytest.mark.parametrize("typed", [" kny 0417 1 ", "kny04171", "KNY-0417-1#"])
async def test_a_tap_number_may_be_typed_loosely(sqlite_town, typed):
    await sqlite_town.open()
    assert (await sqlite_town.hops(*AT_THE_TAP, typed))[-1].startswith(f"CON {TAP}")


@pytest.mark.parametrize(
    "typed", ["0.00", "-5", "12.505", "31", "1,250", "ten", "", "*", "💰", "1e2", "٣٠", "9" * 10_000, "12*5"]
)
async def test_what_is_no_amount_is_asked_for_again(sqlite_town, typed):
    town = sqlite_town
    await town.open()
    await town.hops(*AT_THE_AMOUNT)
    status, body, _ = await town.hop("*".join((*AT_THE_AMOUNT, typed)))
    assert (status, body[:4]) == (200, "CON ")
    assert "K30.05" in body
    assert len(body) <= 164
    assert await town.payments() == []


@pytest.mark.parametrize(
    ("typed", "minor"), [("12", 1200), ("12.5", 1250), ("12,50", 1250), ("K12.50", 1250)]
)
async def test_an_amount_in_any_usual_form_pays_a_part(sqlite_town, typed, minor):
    town = sqlite_town
    await town.open()
    assert (await town.hops(*AT_THE_AMOUNT, typed, "1"))[-1].startswith("END MTN MoMo will now ask")
    (payment,) = await town.all_end()
    assert (payment.amount_minor, payment.status) == (minor, "success")
    assert "Left to pay: K" in (await town.sms())[0]
    await town.agrees()


async def test_a_typed_star_is_one_input_and_not_two(town):
    await town.open()
    await town.hops(*AT_THE_TAP)
    body = (await town.hop("*".join((*AT_THE_TAP, "KNY*0417*2"))))[1]
    assert "KNY*0417*2" in body
    body = (await town.hop("*".join((*AT_THE_TAP, "KNY*0417*2", TAP, "1", "1"))))[1]
    assert body.startswith(("CON ", "END "))  # three inputs in one hop cannot be; nobody is stuck
    await town.agrees()


@pytest.mark.parametrize("text", ["\ud800\udfff", "1*\ud83d", "1\x00*1", "1*" * 5000])
async def test_what_no_database_can_store_is_taken_all_the_same(town, text):
    await town.open()
    form = f"sessionId=s9&phoneNumber=%2B260961234567&networkCode=64502&text={_quoted(text)}"
    headers = {"Content-Type": "application/x-www-form-urlencoded"}
    url = f"{town.gateway_url}/ussd/africastalking/{TOKEN}"
    async with town.http.post(url, data=form, headers=headers) as reply:
        assert reply.status == 200
        assert (await reply.text())[:4] in ("CON ", "END ")


def _quoted(text):
    return "".join(f"%{byte:02X}" for byte in text.encode("utf-8", "surrogatepass"))


@pytest.mark.parametrize(
    ("changes", "code"),
    [
        ({"sessionId": None}, "bad_session_id"),
        ({"sessionId": ""}, "bad_session_id"),
        ({"sessionId": "\x00"}, "bad_session_id"),
        ({"sessionId": "x" * 101}, "bad_session_id"),
        ({"phoneNumber": None}, "bad_phone_number"),
        ({"phoneNumber": ""}, "bad_msisdn"),
        ({"phoneNumber": "call me"}, "bad_msisdn"),
        ({"phoneNumber": "+٢٦٠٩٦١٢٣٤٥٦٧"}, "bad_msisdn"),
        ({"phoneNumber": "+" + "2" * 40}, "bad_msisdn"),
        ({"text": None}, "bad_text"),
    ],
)
async def test_a_form_that_lacks_something_is_refused_with_a_code(sqlite_town, changes, code):
    await sqlite_town.open()
    status, body, headers = await sqlite_town.hop("", **changes)
    assert (status, json.loads(body)["code"]) == (400, code)
    assert headers["Content-Type"].startswith("application/problem+json")
    assert await sqlite_town.rows(sa.select(ussd_sessions)) == []


async def test_a_form_without_a_network_code_is_served(sqlite_town):
    await sqlite_town.open()
    assert (await sqlite_town.hop("", networkCode=None, serviceCode=None))[0] == 200


@pytest.mark.parametrize(
    ("body", "content_type"),
    [
        (b'{"sessionId": "s", "phoneNumber": "+260961234567", "text": ""}', "application/json"),
        (b"sessionId=s&text=", "text/plain"),
        (b"\xff\xfe\x00", "application/x-www-form-urlencoded"),
        (b"sessionId=s&phoneNumber=%2B260961234567&text=", "application/x-www-form-urlencoded; charset=nope"),
        (b"--", "multipart/form-data"),
        (b"nonsense", "multipart/form-data; boundary=x"),
        (b"", "multipart/form-data; boundary=x"),
        (b"", ""),
    ],
)
@pytest.mark.parametrize("rest", ["", "/events"])
async def test_a_body_of_another_kind_is_refused_with_a_code(sqlite_town, body, content_type, rest):
    await sqlite_town.open()
    url = f"{sqlite_town.gateway_url}/ussd/africastalking/{TOKEN}{rest}"
    headers = {"Content-Type": content_type} if content_type else {}
    async with sqlite_town.http.post(url, data=body, headers=headers) as reply:
        assert reply.status == 400
        assert (await reply.json(content_type="application/problem+json"))["code"].startswith("bad_")


@pytest.mark.parametrize("token", ["wrong", TOKEN + "x", "%00", "ü", "%FF"])
async def test_a_wrong_token_is_nothing_that_exists(sqlite_town, token):
    await sqlite_town.open()
    status, body, _ = await sqlite_town.hop("", token=token)
    assert (status, json.loads(body)["code"]) == (404, "not_found")


@pytest.mark.parametrize("path", ["", "/events"])
async def test_an_oversize_body_is_refused(sqlite_town, path):
    await sqlite_town.open()
    url = f"{sqlite_town.gateway_url}/ussd/africastalking/{TOKEN}{path}"
    async with sqlite_town.http.post(url, data={"sessionId": "s", "text": "1" * 70_000}) as reply:
        assert (reply.status, (await reply.json(content_type=None))["code"]) == (413, "too_large")


async def test_only_post_is_taken_and_the_answer_says_so(sqlite_town):
    await sqlite_town.open()
    url = f"{sqlite_town.gateway_url}/ussd/africastalking/{TOKEN}"
    async with sqlite_town.http.get(url) as reply:
        assert (reply.status, (await reply.json(content_type=None))["code"]) == (405, "method_not_allowed")
        assert reply.headers["Allow"] == "POST"


async def test_a_person_who_is_lost_gets_help_after_three_times(sqlite_town):
    await sqlite_town.open()
    call = await sqlite_town.hops(*AT_THE_TAP, "x", "y", "z")
    assert [body[:4] for body in call[-3:]] == ["CON ", "CON ", "END "]
    assert "0211000000" in call[-1]


async def test_ten_thousand_characters_do_not_end_the_call(town):
    await town.open()
    keys = (*AT_THE_TAP, "x" * 10_000, TAP, "1", "1")
    assert (await town.hops(*keys))[-1].startswith("END MTN MoMo will now ask")
    await town.all_end(1)
    assert (await town.payments())[0].msisdn == CALLER
    await town.agrees()
