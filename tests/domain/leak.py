"""It drips at the observatory, at nine in the morning."""

from tests.domain import observatory
from tests.domain.world import World


def leaking() -> World:
    """The observatory's world, with its incident just opened."""
    world = World(
        plan=observatory.plan(),
        directory=observatory.directory(),
        calendar=observatory.CALENDAR,
        now=observatory.TUESDAY,
    )
    world.alert(severity="drip")
    return world
