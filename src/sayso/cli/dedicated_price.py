"""What `sayso price --compare-dedicated` prints."""

import json

from sayso.billing.money import format_usd
from sayso.cli.console import out
from sayso.dedicated.advice import Advice
from sayso.dedicated.shapes import advice_shape


def print_advice(found: Advice, *, as_json: bool) -> None:
    """Say where an instance and paying for tokens cost the same, and whether an instance here gets there."""
    shape = advice_shape(found)
    if as_json:
        out.out(json.dumps(shape), highlight=False)
        return
    reach = shape["measured_tokens_per_day"]
    measured = (
        "not measured yet (sayso instances curve)"
        if reach is None
        else f"{reach:,} tokens a day, {shape['measured_tokens_per_second']} a second"
        + ("" if found.even.is_reachable else ": not reachable here")
    )
    traffic = f"{shape['traffic']['tokens_per_day']:,} tokens a day in the last 30 days"
    lines = {
        "instance": f"${format_usd(found.nano_usd_per_hour)} per hour",
        "tokens": f"{shape['nano_usd_per_token']} nano-dollars each, {found.model}",
        "the same at": f"{shape['break_even_tokens_per_day']:,} tokens a day, "
        f"{shape['break_even_tokens_per_second']} a second",
        "can do here": measured,
        "your own": traffic,
    }
    for name, text in lines.items():
        out.print(f"{name:13}{text}", markup=False)
    out.print(f"\n{found.text}", markup=False)
