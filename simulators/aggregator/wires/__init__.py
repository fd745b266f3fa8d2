"""The aggregators by their wire formats: each keeps of a call what that aggregator keeps."""

from collections.abc import Mapping

from simulators.aggregator.wires.africastalking import AfricasTalking
from simulators.aggregator.wires.arkesel import Arkesel
from simulators.aggregator.wires.base import Wire
from simulators.aggregator.wires.hubtel import Hubtel
from simulators.aggregator.wires.infobip import Infobip
from simulators.aggregator.wires.nalo import Nalo, NaloByNumber

WIRES: Mapping[str, type[Wire]] = {
    "africastalking": AfricasTalking,
    "hubtel": Hubtel,
    "nalo": Nalo,
    "nalo_by_number": NaloByNumber,  # a client that sends no session id
    "arkesel": Arkesel,
    "infobip": Infobip,
}
