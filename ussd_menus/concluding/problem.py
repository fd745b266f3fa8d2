"""What is said when a problem has been reported."""

from core.i18n import Text
from ussd_menus import outcome as o
from ussd_menus.arrive import end
from ussd_menus.screens.problem import what
from ussd_menus.view import View


def told(view: View, act: o.Report, result: o.Result) -> o.Outcome:
    """End with the reference by which the report is found again."""
    if not isinstance(result, o.Reported):
        return end(view, "done", Text("problem.not", {"support": view.settings.support_phone}))
    words = {"what": what(act.kind, act.tap_id), "reference": result.reference}
    return end(view, "done", Text("problem.done" if result.is_new else "problem.again", words))
