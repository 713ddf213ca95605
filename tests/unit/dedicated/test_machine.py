"""How a machine is divided."""

import pytest

from sayso.core.cores import usable_cores
from sayso.dedicated.configuration import NO_SHARE, Share
from sayso.dedicated.machine import divided, this_machine
from sayso.errors import ConfigurationError


def test_the_last_cores_are_the_instances() -> None:
    machine = divided((0, 2, 4, 6), 3, 4_096)
    assert (machine.pool_cores, machine.instance_cores) == ((0,), (2, 4, 6))
    assert machine.instances == Share(3, 4_096)


def test_without_cores_there_are_no_instances() -> None:
    machine = this_machine(0, 0)
    assert machine.pool_cores == usable_cores()
    assert machine.instances == NO_SHARE


@pytest.mark.parametrize("wanted", [2, 3])
def test_the_pool_keeps_a_core(wanted: int) -> None:
    with pytest.raises(ConfigurationError, match="instance_cores"):
        divided((0, 1), wanted, 1_024)


def test_half_of_the_memory_unless_it_is_said() -> None:
    half = this_machine(0, 0).instance_memory_mib
    assert half > 256
    assert this_machine(0, 256).instance_memory_mib == 256
