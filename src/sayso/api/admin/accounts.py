"""The routers of accounts and of their data, in one tuple."""

from sayso.api.admin.admin_api_keys import admin_api_keys_router
from sayso.api.admin.audit_logs import audit_logs_router
from sayso.api.admin.data_retention import data_retention_router
from sayso.api.admin.deletion_receipts import deletion_receipts_router
from sayso.api.admin.erasures import erasures_router
from sayso.api.admin.improvement import improvement_router
from sayso.api.admin.invites import invites_router
from sayso.api.admin.kept_data import kept_data_router
from sayso.api.admin.legal_holds import legal_holds_router
from sayso.api.admin.model_permissions import model_permissions_router
from sayso.api.admin.project_api_keys import project_api_keys_router
from sayso.api.admin.project_users import project_users_router
from sayso.api.admin.projects import projects_router
from sayso.api.admin.service_accounts import service_accounts_router
from sayso.api.admin.users import users_router

account_routers = (
    admin_api_keys_router,
    audit_logs_router,
    data_retention_router,
    deletion_receipts_router,
    erasures_router,
    improvement_router,
    invites_router,
    kept_data_router,
    legal_holds_router,
    model_permissions_router,
    project_api_keys_router,
    project_users_router,
    projects_router,
    service_accounts_router,
    users_router,
)
