"""What tests of instances' lives share: an instance that is ready, and what was charged for it."""

from sqlalchemy import func, select

from sayso.billing.invoice_store import first_fault
from sayso.billing.tables import InstanceTimeRow
from sayso.billing.verify import verify
from sayso.ids import InstanceId
from tests.integration.dedicated.worlds import MACHINE, World

HOUR = 3_600
DAY = 86_400
POOL = MACHINE.shared


async def charged(world: World, instance_id: InstanceId) -> tuple[int, int]:
    """Seconds and nano-dollars that were posted."""
    table = InstanceTimeRow
    sums = (func.sum(table.ended_at - table.started_at), func.sum(table.nano_usd))
    async with world.db.read() as session:
        found = (await session.execute(select(*sums).where(table.instance_id == instance_id))).one()
    return int(found[0] or 0), int(found[1] or 0)


async def books_agree(world: World) -> None:
    assert (await verify(world.db)).divergence is None
    assert await first_fault(world.db) is None


async def ready(world: World, name: str = "fast", cores: int = 1, months: int = 0) -> InstanceId:
    made = await world.verbs.create(world.owner, world.wanted(name, cores, months))
    assert made.state == "reserved"
    await world.settle()
    assert (await world.instance(made.id)).state == "ready"
    return made.id
