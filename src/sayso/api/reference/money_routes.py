"""What was used and what it costs: usage, limits, prices, invoices."""

from sayso.api.admin.budgets import BudgetBody
from sayso.api.admin.credits import CreditBody
from sayso.api.admin.invoices import IssueBody
from sayso.api.admin.price_books import PriceBookBody
from sayso.api.admin.rate_limits import RateLimitBody
from sayso.api.admin.spend_alerts import SpendAlertBody
from sayso.api.admin.spend_limit import SpendLimitBody
from sayso.api.reference.account_routes import ORG, PAGE, PROJECT, SDK
from sayso.api.reference.note import Chapter, Json, Key, Note

API_KEY = f"{PROJECT}/api_keys/{{key_id}}"
BUCKETS = (
    "start_time",
    "end_time",
    "bucket_width",
    "group_by[]",
    "project_ids[]",
    "user_ids[]",
    "api_key_ids[]",
    "models[]",
)
PAGED = ("buckets", "page")
MONTHLY: Json = {"threshold_amount": 5000, "currency": "USD", "interval": "month"}
SINCE = {"start_time": 1767225600}

USAGE = Chapter(
    "usage",
    "Usage and costs",
    "Pages of buckets of time. [The API](../api.md#usage-costs-and-limits) says how they are cut.",
    {
        ("GET", f"{ORG}/usage/completions"): Note(
            "Usage of chats and completions",
            f"{SDK}.usage.completions",
            query=(*BUCKETS, "batch", *PAGED),
            asked=SINCE,
        ),
        ("GET", f"{ORG}/usage/audio_transcriptions"): Note(
            "Usage of audio", f"{SDK}.usage.audio_transcriptions", query=(*BUCKETS, *PAGED), asked=SINCE
        ),
        ("GET", f"{ORG}/usage/instances"): Note(
            "Usage of dedicated instances", query=(*BUCKETS, "batch", *PAGED), asked=SINCE
        ),
        ("GET", f"{ORG}/usage/{{kind}}"): Note(
            "Usage of what is not served", query=(*BUCKETS, "batch", *PAGED), asked=SINCE
        ),
        ("GET", f"{ORG}/costs"): Note(
            "Costs", f"{SDK}.usage.costs", query=(*BUCKETS, "line_items[]", *PAGED), asked=SINCE
        ),
    },
)


def _limits() -> dict[Key, Note]:
    """The same routes for the organization, a project and a key."""
    found: dict[Key, Note] = {}
    for base, whose in ((ORG, "the organization"), (PROJECT, "a project"), (API_KEY, "a key")):
        sdk = f"{SDK}.projects.rate_limits" if base == PROJECT else ""
        found[("GET", f"{base}/rate_limits")] = Note(
            f"List the rate limits of {whose}", sdk and f"{sdk}.list_rate_limits", query=PAGE
        )
        found[("POST", f"{base}/rate_limits/{{rate_limit_id}}")] = Note(
            f"Set a rate limit of {whose}",
            sdk and f"{sdk}.update_rate_limit",
            body=RateLimitBody,
            example={"max_requests_per_1_minute": 60},
            codes=("unsupported_parameter",),
        )
        found[("GET", f"{base}/budgets")] = Note(f"List the budgets of {whose}", query=PAGE)
        found[("POST", f"{base}/budgets")] = Note(
            f"Set a budget of {whose}",
            body=BudgetBody,
            example=MONTHLY | {"threshold_amount": 500, "interval": "day"},
        )
        found[("DELETE", f"{base}/budgets/{{interval}}")] = Note(f"Remove a budget of {whose}")
    return found


def _spending(base: str, whose: str, sdk: str) -> dict[Key, Note]:
    alert = MONTHLY | {"notification_channel": {"type": "email", "recipients": ["billing@example.org"]}}
    return {
        ("GET", f"{base}/spend_limit"): Note(
            f"Retrieve the spend limit of {whose}", f"{sdk}.spend_limit.retrieve"
        ),
        ("POST", f"{base}/spend_limit"): Note(
            f"Set the spend limit of {whose}",
            f"{sdk}.spend_limit.update",
            body=SpendLimitBody,
            example=MONTHLY,
        ),
        ("DELETE", f"{base}/spend_limit"): Note(
            f"Remove the spend limit of {whose}", f"{sdk}.spend_limit.delete"
        ),
        ("GET", f"{base}/spend_alerts"): Note(
            f"List the spend alerts of {whose}", f"{sdk}.spend_alerts.list", query=PAGE
        ),
        ("POST", f"{base}/spend_alerts"): Note(
            f"Create a spend alert of {whose}",
            f"{sdk}.spend_alerts.create",
            body=SpendAlertBody,
            example=alert,
        ),
        ("GET", f"{base}/spend_alerts/{{alert_id}}"): Note(
            f"Retrieve a spend alert of {whose}", f"{sdk}.spend_alerts.retrieve"
        ),
        ("POST", f"{base}/spend_alerts/{{alert_id}}"): Note(
            f"Replace a spend alert of {whose}",
            f"{sdk}.spend_alerts.update",
            body=SpendAlertBody,
            example=alert,
        ),
        ("DELETE", f"{base}/spend_alerts/{{alert_id}}"): Note(
            f"Delete a spend alert of {whose}", f"{sdk}.spend_alerts.delete"
        ),
    }


LIMITS = Chapter(
    "limits",
    "Rate limits and budgets",
    "A request must fit under the limits and budgets of its key, its project and its organization. "
    "[The guide](../guides/budgets.md) shows them at work.",
    _limits(),
)
SPENDING = Chapter(
    "spending",
    "Spend limits and alerts",
    "A spend limit is the month's hard budget, in OpenAI's words. An alert tells somebody when a month's "
    "charges reach an amount.",
    _spending(ORG, "the organization", SDK) | _spending(PROJECT, "a project", f"{SDK}.projects"),
)

_PRICE = {"model": "*chat", "meter": "prompt_tokens", "nano_usd": 2000}
BILLING = Chapter(
    "billing",
    "Prices, credits and invoices",
    "Publishing prices, granting credits and issuing invoices are for admin keys of the operator's own "
    "organization, the one with the slug `default`.",
    {
        ("GET", f"{ORG}/price_books"): Note("List price books", query=PAGE),
        ("POST", f"{ORG}/price_books"): Note(
            "Publish a price book",
            body=PriceBookBody,
            example={
                "version": "spring",
                "prices": [
                    _PRICE,
                    _PRICE | {"meter": "completion_tokens"},
                    {"model": "*speech", "meter": "audio_milliseconds", "nano_usd": 100},
                ],
            },
            codes=("insufficient_permissions",),
        ),
        ("POST", f"{ORG}/credits"): Note(
            "Grant a credit",
            body=CreditBody,
            example={"amount": "25.00", "reference": "goodwill"},
            codes=("insufficient_permissions",),
        ),
        ("GET", f"{ORG}/invoices"): Note("List invoices", query=PAGE),
        ("GET", f"{ORG}/invoices/{{month}}"): Note("Retrieve a month's invoice", query=("format",)),
        ("POST", f"{ORG}/invoices/{{month}}"): Note(
            "Issue a month's invoice",
            body=IssueBody,
            example={"note": "Payable within 30 days."},
            codes=("insufficient_permissions",),
        ),
    },
)
