"""How instances look from outside, as JSON: the API and the command line show the same."""

import json
from collections.abc import Sequence
from dataclasses import asdict
from typing import Any

from sayso.billing.money import format_usd
from sayso.dedicated.advice import Advice
from sayso.dedicated.capacity import Capacity
from sayso.dedicated.configuration import Configuration
from sayso.dedicated.events import Event
from sayso.dedicated.instance import Instance
from sayso.dedicated.measured import Curve
from sayso.dedicated.plan import Plan, Reserved
from sayso.dedicated.record import encode, kind_of
from sayso.dedicated.runtime import RuntimeStatus
from sayso.dedicated.segments import Segment
from sayso.dedicated.utilization import Use

_MICRO = 1_000_000


def instance_shape(instance: Instance, status: RuntimeStatus | None = None) -> dict[str, Any]:
    """Return an instance; moments are Unix seconds, memory is MiB, amounts are decimals in dollars.

    `now` is how it runs at this moment, None where that is not here.
    """
    standing = instance.standing
    coming = standing.next_configuration
    return {
        "id": instance.id,
        "object": "organization.instance",
        "project_id": instance.project_id,
        "name": instance.name,
        "status": instance.state,
        "created_at": instance.created_at // _MICRO,
        "plan": _plan(instance.plan),
        **configuration_shape(instance.configuration),
        "config_version": instance.config_version,
        "updating_to": configuration_shape(coming) if coming else None,
        "price": {
            "usd_per_hour": format_usd(standing.rate.of(instance.share.units)),
            "price_version": standing.rate.price_version,
        },
        "node": standing.node or None,
        "deleting": standing.deleting,
        "failure": standing.failure or None,
        "now": _now(instance, status) if status else None,
    }


def _now(instance: Instance, status: RuntimeStatus) -> dict[str, Any]:
    """Return the load of an instance; its utilization is of what its load settings let through."""
    return {
        "up": status.up,
        "running": status.running,
        "waiting": status.waiting,
        "utilization": round(status.running / instance.load.max_concurrency, 3),
        "places": status.places,
        "resident_mib": status.resident_mib,
        "system_fingerprint": status.fingerprint or None,
    }


def configuration_shape(configuration: Configuration) -> dict[str, Any]:
    """Return what an instance runs."""
    share = configuration.share
    return {
        "snapshot": configuration.snapshot,
        "cores": share.cores,
        "memory_mib": share.memory_mib,
        "gpus": share.gpus,
        "vram_mib": share.vram_mib,
        "context_length": configuration.context_length,
        "load": asdict(configuration.load),
    }


def curve_shape(instance_id: str, curve: Curve | None) -> dict[str, Any]:
    """Return a load curve; seconds and units a second are numbers, `measured_at` is Unix seconds."""
    return {
        "object": "organization.instance.curve",
        "instance_id": instance_id,
        "measured_at": curve.measured_at // _MICRO if curve else None,
        "config_version": curve.config_version if curve else None,
        "levels": [asdict(level) for level in curve.levels] if curve else [],
    }


def utilization_shape(instance_id: str, found: Sequence[Use]) -> dict[str, Any]:
    """Return how busy an instance was; `time` is the Unix second that a minute begins with."""
    return {
        "object": "organization.instance.utilization",
        "instance_id": instance_id,
        "data": [
            {
                "time": one.minute,
                "utilization": round(one.share, 4),
                "busy_seconds": one.busy_ms / 1_000,
                "open_seconds": one.open_ms / 1_000,
            }
            for one in found
        ],
    }


def event_shape(event: Event) -> dict[str, Any]:
    """Return what has happened; `at` is in Unix seconds with microseconds, as text."""
    return {
        "id": f"{event.seq}",
        "object": "organization.instance.event",
        "seq": event.seq,
        "at": f"{event.wall // _MICRO}.{event.wall % _MICRO:06}",
        "monotonic_ns": event.monotonic,
        "type": kind_of(event.change),
        "actor": event.actor,
        "cause": event.cause,
        "details": json.loads(encode(event.change)),
    }


def segment_shape(segment: Segment) -> dict[str, Any]:
    """Return seconds that are paid for."""
    return {
        "id": f"{segment.start}",
        "object": "organization.instance.segment",
        "start": segment.start,
        "end": segment.end,
        "seconds": segment.seconds,
        "config_version": segment.config_version,
        "price_version": segment.price_version,
        "usd_per_hour": format_usd(segment.nano_usd_per_hour),
        "nano_usd": segment.nano_usd,
        "amount": format_usd(segment.nano_usd),
        "final": segment.final,
    }


def capacity_shape(one: Capacity) -> dict[str, Any]:
    """Return what a machine has, and what of it is left."""
    return {
        "id": one.node,
        "object": "organization.instance_capacity",
        "total": asdict(one.total),
        "shared_pool": asdict(one.shared),
        "held": asdict(one.held),
        "free": asdict(one.free),
        "seen_at": one.seen_at // _MICRO,
    }


def advice_shape(found: Advice) -> dict[str, Any]:
    """Return a comparison of an instance's price with that of tokens; token counts are rounded down."""
    even, traffic = found.even, found.traffic
    reach = even.reachable_per_day
    return {
        "object": "organization.instance_break_even",
        "model": found.model,
        "snapshot": found.snapshot,
        "price_version": found.price_version,
        "usd_per_hour": format_usd(found.nano_usd_per_hour),
        "nano_usd_per_token": _decimal(found.nano_usd_per_token),
        "break_even_tokens_per_day": int(even.tokens_per_day),
        "break_even_tokens_per_second": _decimal(even.tokens_per_second),
        "measured_tokens_per_second": None if even.sustainable is None else _decimal(even.sustainable),
        "measured_tokens_per_day": None if reach is None else int(reach),
        "reachable_here": even.is_reachable,
        "traffic": {
            "days": 30,
            "prompt_tokens": traffic.prompt_tokens,
            "completion_tokens": traffic.completion_tokens,
            "tokens_per_day": int(traffic.tokens_per_day),
            "amount": format_usd(traffic.charged),
        },
        "advice": found.text,
    }


def _plan(plan: Plan) -> dict[str, Any]:
    if isinstance(plan, Reserved):
        return {"type": "reserved", "months": plan.months, "start": plan.start, "end": plan.end}
    return {"type": "on_demand"}


def _decimal(number: Any) -> str:
    """Return a fraction with at most three places, rounded down."""
    thousandths = int(number * 1_000)
    return f"{thousandths // 1_000}.{thousandths % 1_000:03}".rstrip("0").rstrip(".")
