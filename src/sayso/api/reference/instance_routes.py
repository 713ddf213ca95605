"""Dedicated instances."""

from sayso.api.admin.instance_bodies import EndBody, InstanceChangesBody, NewInstanceBody
from sayso.api.reference.account_routes import ORG, PAGE
from sayso.api.reference.note import Chapter, Note

ONE = f"{ORG}/instances/{{instance_id}}"
REPEATED = ("idempotency_in_progress", "idempotency_key_reused", "instance_state_conflict")

INSTANCES = Chapter(
    "instances",
    "Dedicated instances",
    "Compute of one project's own, paid for by time. [Dedicated instances](../dedicated.md) says what they "
    "do and cost, [the guide](../guides/dedicated-instances.md) makes one.",
    {
        ("GET", f"{ORG}/instances"): Note(
            "List instances", query=(*PAGE, "project_id", "include_terminated")
        ),
        ("POST", f"{ORG}/instances"): Note(
            "Create an instance",
            body=NewInstanceBody,
            example={
                "project_id": "{project_id}",
                "name": "fast",
                "model": "gpt-3.5-turbo",
                "cores": 1,
                "memory_mib": 2048,
                "load": {"preset": "latency"},
            },
            codes=("capacity_unavailable", "model_not_found", "name_taken", "no_price", *REPEATED[:2]),
        ),
        ("GET", ONE): Note("Retrieve an instance"),
        ("POST", ONE): Note(
            "Change an instance",
            body=InstanceChangesBody,
            example={"load": {"max_concurrency": 4}},
            codes=("capacity_unavailable", *REPEATED),
        ),
        ("DELETE", ONE): Note("Delete an instance", codes=("term_not_over", *REPEATED)),
        ("POST", f"{ONE}/start"): Note("Start an instance", codes=("capacity_unavailable", *REPEATED)),
        ("POST", f"{ONE}/drain"): Note(
            "Drain an instance", body=EndBody, example={"drain_seconds": 30}, codes=REPEATED
        ),
        ("POST", f"{ONE}/stop"): Note("Stop an instance", codes=REPEATED),
        ("GET", f"{ONE}/events"): Note("List an instance's events", query=PAGE),
        ("GET", f"{ONE}/segments"): Note("List the seconds that are paid for", query=PAGE),
        ("GET", f"{ONE}/curve"): Note("Retrieve an instance's load curve"),
        ("GET", f"{ONE}/utilization"): Note(
            "See how busy an instance was", query=("hours", "bucket_minutes")
        ),
        ("GET", f"{ORG}/instance_break_even"): Note(
            "Compare with paying for tokens", query=("project_id", "model", "cores")
        ),
        ("GET", f"{ORG}/instance_capacity"): Note("See what machines have left", query=PAGE),
    },
)
