"""How to ask each route for something: the rows of the tenant matrix, in an order in which all succeed."""

from collections.abc import Mapping
from dataclasses import dataclass, field


@dataclass(frozen=True)
class Row:
    """How to ask a route for something: with a body, a query, and other ids for names in its path."""

    body: Mapping[str, object] | None = None
    query: str = ""
    ids: dict[str, str] = field(default_factory=dict)
    owner: int = 200  # what an owner gets


NAMED = {"name": "renamed"}
ADMIN_KEY = {"key_id": "admin_key_id"}
RETENTION = {"retention_type": "zero_data_retention"}
MODELS = {"mode": "allow_list", "model_ids": ["fake-chat"]}
CHAT = {"model": "fake-chat", "messages": [{"role": "user", "content": "hello"}]}
STORED = CHAT | {"store": True}
USAGE = "?start_time=1700000000&limit=1"
SPEND_LIMIT = {"threshold_amount": 1_000_000, "currency": "USD", "interval": "month"}
BUDGET = SPEND_LIMIT | {"interval": "day"}
RATES = {"max_requests_per_1_minute": 1_000}
EVERY_MODEL = {"rate_limit_id": "rl-*"}
DAILY = {"interval": "day"}
SPEND_ALERT = SPEND_LIMIT | {"notification_channel": {"type": "email", "recipients": ["someone@example.org"]}}
METERS = (("*chat", "prompt_tokens"), ("*chat", "completion_tokens"), ("*speech", "audio_milliseconds"))
PRICES = {
    "version": "next",
    "prices": [{"model": model, "meter": meter, "nano_usd": 1} for model, meter in METERS],
}
INSTANCE = {"project_id": "{project_id}", "name": "fast", "model": "fake-chat", "cores": 1, "memory_mib": 1}
OF_PROJECT = {"alert_id": "project_alert_id"}
ORG = "/v1/organization"
PROJECT = f"{ORG}/projects/{{project_id}}"
KEY = f"{PROJECT}/api_keys/{{key_id}}"

ROWS: dict[tuple[str, str], Row] = {
    ("POST", "/v1/chat/completions"): Row(CHAT),
    ("GET", "/v1/chat/completions"): Row(),
    ("GET", "/v1/chat/completions/{completion_id}"): Row(),
    ("POST", "/v1/chat/completions/{completion_id}"): Row({"metadata": {"a": "b"}}, owner=400),  # it is held
    ("GET", "/v1/chat/completions/{completion_id}/messages"): Row(),
    ("DELETE", "/v1/chat/completions/{completion_id}"): Row(),
    ("POST", "/v1/completions"): Row({"model": "fake-chat", "prompt": "hello"}),
    ("GET", "/v1/models"): Row(),
    ("GET", "/v1/models/{model}"): Row(ids={"model": "fake-chat"}),
    ("DELETE", "/v1/models/{model}"): Row(ids={"model": "fake-chat"}, owner=403),
    ("POST", "/v1/audio/transcriptions"): Row(owner=400),
    ("POST", "/v1/audio/translations"): Row(owner=400),
    ("POST", "/v1/audio/languages"): Row(owner=400),
    ("GET", f"{ORG}/admin_api_keys"): Row(),
    ("POST", f"{ORG}/admin_api_keys"): Row(NAMED),
    ("GET", f"{ORG}/admin_api_keys/{{key_id}}"): Row(ids=ADMIN_KEY),
    ("DELETE", f"{ORG}/admin_api_keys/{{key_id}}"): Row(ids=ADMIN_KEY),
    ("GET", f"{ORG}/audit_logs"): Row(),
    ("GET", f"{ORG}/data_retention"): Row(),
    ("POST", f"{ORG}/data_retention"): Row(RETENTION),
    ("GET", f"{ORG}/kept_data"): Row(),
    ("GET", f"{PROJECT}/kept_data"): Row(),
    ("GET", f"{ORG}/improvement"): Row(),
    ("POST", f"{ORG}/improvement"): Row({"opted_in": True}),
    ("GET", f"{ORG}/erasures"): Row(),
    ("POST", f"{ORG}/erasures"): Row({"scope": "user", "id": "user_1"}),
    ("GET", f"{ORG}/erasures/{{erasure_id}}"): Row(),
    ("GET", f"{ORG}/deletion_receipts"): Row(),
    ("GET", f"{ORG}/deletion_receipts/{{receipt_id}}"): Row(),
    ("GET", f"{ORG}/legal_holds"): Row(),
    ("POST", f"{ORG}/legal_holds"): Row({"reason": "an order"}),
    ("GET", f"{ORG}/legal_holds/{{hold_id}}"): Row(),
    ("POST", f"{ORG}/legal_holds/{{hold_id}}/release"): Row(),
    ("GET", f"{ORG}/instances"): Row(),
    ("POST", f"{ORG}/instances"): Row(INSTANCE),
    ("GET", f"{ORG}/instances/{{instance_id}}"): Row(),
    ("POST", f"{ORG}/instances/{{instance_id}}"): Row({}),
    ("GET", f"{ORG}/instances/{{instance_id}}/events"): Row(),
    ("GET", f"{ORG}/instances/{{instance_id}}/segments"): Row(),
    ("GET", f"{ORG}/instances/{{instance_id}}/curve"): Row(),
    ("GET", f"{ORG}/instances/{{instance_id}}/utilization"): Row(),
    ("POST", f"{ORG}/instances/{{instance_id}}/start"): Row(),
    ("POST", f"{ORG}/instances/{{instance_id}}/drain"): Row({}),
    ("POST", f"{ORG}/instances/{{instance_id}}/stop"): Row(),
    ("DELETE", f"{ORG}/instances/{{instance_id}}"): Row(),
    ("GET", f"{ORG}/instance_break_even"): Row(query="?model=fake-chat"),
    ("GET", f"{ORG}/instance_capacity"): Row(),
    ("GET", f"{ORG}/invites"): Row(),
    ("POST", f"{ORG}/invites"): Row({"email": "new@example.org", "role": "reader"}),
    ("GET", f"{ORG}/invites/{{invite_id}}"): Row(),
    ("DELETE", f"{ORG}/invites/{{invite_id}}"): Row(),
    ("GET", f"{ORG}/projects"): Row(),
    ("POST", f"{ORG}/projects"): Row(NAMED),
    ("GET", PROJECT): Row(),
    ("POST", PROJECT): Row(NAMED),
    ("GET", f"{PROJECT}/api_keys"): Row(),
    ("GET", f"{PROJECT}/api_keys/{{key_id}}"): Row(),
    ("POST", f"{PROJECT}/api_keys/{{key_id}}"): Row({"scopes": []}),
    ("GET", f"{KEY}/rate_limits"): Row(),
    ("POST", f"{KEY}/rate_limits/{{rate_limit_id}}"): Row(RATES, ids=EVERY_MODEL),
    ("POST", f"{KEY}/budgets"): Row(BUDGET),
    ("GET", f"{KEY}/budgets"): Row(),
    ("DELETE", f"{KEY}/budgets/{{interval}}"): Row(ids=DAILY),
    ("DELETE", f"{PROJECT}/api_keys/{{key_id}}"): Row(),
    ("GET", f"{PROJECT}/data_retention"): Row(),
    ("POST", f"{PROJECT}/data_retention"): Row(RETENTION),
    ("GET", f"{PROJECT}/model_permissions"): Row(),
    ("POST", f"{PROJECT}/model_permissions"): Row(MODELS),
    ("DELETE", f"{PROJECT}/model_permissions"): Row(),
    ("GET", f"{PROJECT}/service_accounts"): Row(),
    ("POST", f"{PROJECT}/service_accounts"): Row(NAMED),
    ("GET", f"{PROJECT}/service_accounts/{{account_id}}"): Row(),
    ("POST", f"{PROJECT}/service_accounts/{{account_id}}"): Row(NAMED),
    ("POST", f"{PROJECT}/service_accounts/{{account_id}}/api_keys"): Row(NAMED),
    ("DELETE", f"{PROJECT}/service_accounts/{{account_id}}"): Row(),
    ("GET", f"{PROJECT}/users"): Row(),
    ("POST", f"{PROJECT}/users"): Row({"user_id": "{user_id}", "role": "member"}, owner=400),
    ("GET", f"{PROJECT}/users/{{user_id}}"): Row(),
    ("POST", f"{PROJECT}/users/{{user_id}}"): Row({"role": "owner"}),
    ("DELETE", f"{PROJECT}/users/{{user_id}}"): Row(),
    ("GET", f"{ORG}/users"): Row(),
    ("GET", f"{ORG}/users/{{user_id}}"): Row(),
    ("POST", f"{ORG}/users/{{user_id}}"): Row({"role": "reader"}),
    ("DELETE", f"{ORG}/users/{{user_id}}"): Row(),
    ("GET", f"{ORG}/usage/completions"): Row(query=USAGE),
    ("GET", f"{ORG}/usage/audio_transcriptions"): Row(query=USAGE),
    ("GET", f"{ORG}/usage/instances"): Row(query=USAGE),
    ("GET", f"{ORG}/usage/{{kind}}"): Row(query=USAGE, ids={"kind": "embeddings"}),
    ("GET", f"{ORG}/costs"): Row(query=USAGE),
    ("GET", f"{PROJECT}/rate_limits"): Row(),
    ("POST", f"{PROJECT}/rate_limits/{{rate_limit_id}}"): Row(RATES, ids={"rate_limit_id": "rl-fake-chat"}),
    ("GET", f"{ORG}/rate_limits"): Row(),
    ("POST", f"{ORG}/rate_limits/{{rate_limit_id}}"): Row(RATES, ids=EVERY_MODEL),
    ("POST", f"{ORG}/budgets"): Row(BUDGET),
    ("GET", f"{ORG}/budgets"): Row(),
    ("DELETE", f"{ORG}/budgets/{{interval}}"): Row(ids=DAILY),
    ("POST", f"{PROJECT}/budgets"): Row(BUDGET),
    ("GET", f"{PROJECT}/budgets"): Row(),
    ("DELETE", f"{PROJECT}/budgets/{{interval}}"): Row(ids=DAILY),
    ("GET", f"{ORG}/spend_limit"): Row(),
    ("POST", f"{ORG}/spend_limit"): Row(SPEND_LIMIT),
    ("DELETE", f"{ORG}/spend_limit"): Row(),
    ("GET", f"{PROJECT}/spend_limit"): Row(),
    ("POST", f"{PROJECT}/spend_limit"): Row(SPEND_LIMIT),
    ("DELETE", f"{PROJECT}/spend_limit"): Row(),
    ("GET", f"{ORG}/spend_alerts"): Row(),
    ("POST", f"{ORG}/spend_alerts"): Row(SPEND_ALERT),
    ("GET", f"{ORG}/spend_alerts/{{alert_id}}"): Row(),
    ("POST", f"{ORG}/spend_alerts/{{alert_id}}"): Row(SPEND_ALERT),
    ("DELETE", f"{ORG}/spend_alerts/{{alert_id}}"): Row(),
    ("GET", f"{PROJECT}/spend_alerts"): Row(),
    ("POST", f"{PROJECT}/spend_alerts"): Row(SPEND_ALERT),
    ("GET", f"{PROJECT}/spend_alerts/{{alert_id}}"): Row(ids=OF_PROJECT),
    ("POST", f"{PROJECT}/spend_alerts/{{alert_id}}"): Row(SPEND_ALERT, ids=OF_PROJECT),
    ("DELETE", f"{PROJECT}/spend_alerts/{{alert_id}}"): Row(ids=OF_PROJECT),
    ("GET", f"{ORG}/price_books"): Row(),
    ("POST", f"{ORG}/price_books"): Row(PRICES),
    ("GET", f"{ORG}/model_aliases"): Row(),
    ("POST", f"{ORG}/model_aliases"): Row({"alias": "one-more", "snapshot": "fake-chat"}),
    ("POST", f"{ORG}/model_aliases/rollback"): Row({"alias": "one-more"}, owner=400),  # it has not moved
    ("GET", f"{ORG}/model_deprecations"): Row(),
    ("POST", f"{ORG}/model_deprecations"): Row({"model": "one-more", "shutdown_at": 4_000_000_000}),
    ("DELETE", f"{ORG}/model_deprecations/{{model}}"): Row(ids={"model": "one-more"}),
    ("GET", f"{ORG}/snapshots"): Row(),
    ("DELETE", f"{ORG}/snapshots/{{snapshot}}"): Row(ids={"snapshot": "fake-chat"}, owner=404),  # no files
    ("GET", f"{PROJECT}/model_pins"): Row(),
    ("POST", f"{PROJECT}/model_pins"): Row({"model": "fake-chat"}),
    ("DELETE", f"{PROJECT}/model_pins/{{model}}"): Row(ids={"model": "fake-chat"}),
    ("GET", f"{ORG}/invoices"): Row(),
    ("GET", f"{ORG}/invoices/{{month}}"): Row(ids={"month": "2026-01"}),
    ("POST", f"{ORG}/invoices/{{month}}"): Row({}, ids={"month": "2026-01"}, owner=400),  # nothing was used
    ("POST", f"{ORG}/credits"): Row({"amount": "1.00", "reference": "a present"}),
    ("POST", f"{PROJECT}/archive"): Row(),
}
