"""The routers of usage, costs, limits and money, in one tuple."""

from sayso.api.admin.budgets import budgets_router
from sayso.api.admin.costs import costs_router
from sayso.api.admin.credits import credits_router
from sayso.api.admin.invoices import invoices_router
from sayso.api.admin.price_books import price_books_router
from sayso.api.admin.rate_limits import rate_limits_router
from sayso.api.admin.spend_alerts import spend_alerts_router
from sayso.api.admin.spend_limit import spend_limit_router
from sayso.api.admin.usage import usage_router

money_routers = (
    usage_router,
    costs_router,
    rate_limits_router,
    budgets_router,
    spend_limit_router,
    spend_alerts_router,
    price_books_router,
    invoices_router,
    credits_router,
)
