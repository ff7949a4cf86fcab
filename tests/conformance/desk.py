"""An operator's desk: ``baton`` beside a running gateway."""

from tests.conformance.scene import Row, Scene
from tests.unit.app.commands import Said, baton


def operate(scene: Scene, *arguments: str) -> Said:
    """Run a command on the running gateway's data and mappings."""
    settings = scene.gateway.settings
    return baton(*arguments, data=settings.data, mappings=str(settings.mappings))


def listed(scene: Scene, kind: str, **filters: str) -> list[Row]:
    """Return what ``baton KIND list --json`` prints."""
    options = [
        word
        for name, value in filters.items()
        for word in (f"--{name.replace('_', '-')}", value)
    ]
    said = operate(scene, kind, "list", "--json", *options)
    assert said.status == 0, said.err
    return said.rows
