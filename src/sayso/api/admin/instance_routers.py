"""The routers of dedicated instances, in one tuple."""

from sayso.api.admin.instance_break_even import instance_break_even_router
from sayso.api.admin.instance_capacity import instance_capacity_router
from sayso.api.admin.instances import instances_router

instance_routers = (instances_router, instance_break_even_router, instance_capacity_router)
