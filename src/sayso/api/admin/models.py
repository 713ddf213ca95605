"""The routers of snapshots and of their names, in one tuple."""

from sayso.api.admin.model_aliases import model_aliases_router

model_routers = (model_aliases_router,)
