"""From where notices may come, and whose word that is."""

import ipaddress

import pytest
from aiohttp.test_utils import make_mocked_request

from gateway.callback_edge import client, is_allowed

SAFARICOM = (ipaddress.ip_network("196.201.214.0/24"), ipaddress.ip_network("2001:db8::/32"))


@pytest.mark.parametrize(
    ("source", "networks", "allowed"),
    [
        ("203.0.113.9", (), True),
        ("196.201.214.200", SAFARICOM, True),
        ("196.201.215.1", SAFARICOM, False),
        ("::ffff:196.201.214.200", SAFARICOM, True),
        ("2001:db8::7", SAFARICOM, True),
        ("2001:db9::7", SAFARICOM, False),
        ("", SAFARICOM, False),
        ("unknown", SAFARICOM, False),
        ("196.201.214.200, 10.0.0.1", SAFARICOM, False),
    ],
)
def test_a_source_is_allowed_where_no_networks_are_set_or_one_holds_it(source, networks, allowed):
    assert is_allowed(source, networks) is allowed


class Peer:
    def get_extra_info(self, name, default=None):
        return ("10.0.0.1", 4711) if name == "peername" else default


@pytest.mark.parametrize(
    ("forwarded", "proxies", "found"),
    [
        ([], 0, "10.0.0.1"),
        (["196.201.214.200"], 0, "10.0.0.1"),  # anybody can write it
        (["196.201.214.200"], 1, "196.201.214.200"),
        (["6.6.6.6, 196.201.214.200"], 1, "196.201.214.200"),
        (["6.6.6.6", "196.201.214.200"], 1, "196.201.214.200"),
        (["6.6.6.6, 196.201.214.200, 10.0.0.2"], 2, "196.201.214.200"),
        ([], 1, "10.0.0.1"),
        (["196.201.214.200"], 2, "10.0.0.1"),
        (["  "], 1, "10.0.0.1"),
    ],
)
def test_only_what_our_own_proxies_wrote_counts(forwarded, proxies, found):
    headers = [("X-Forwarded-For", value) for value in forwarded]
    request = make_mocked_request("POST", "/cb/x", headers=headers, transport=Peer())
    assert client(request, proxies) == found
