"""The routers of snapshots and of their names, in one tuple."""

from sayso.api.admin.model_aliases import model_aliases_router
from sayso.api.admin.model_deprecations import model_deprecations_router
from sayso.api.admin.model_pins import model_pins_router
from sayso.api.admin.snapshots import snapshots_router

model_routers = (model_aliases_router, model_deprecations_router, model_pins_router, snapshots_router)
