"""Traits that are kept equal to those of another object."""

from __future__ import annotations

import traitlets


def mirror(source: traitlets.HasTraits, target: traitlets.HasTraits, *names: str) -> None:
    """Keep the traits ``names`` of ``target`` equal to those of ``source`` from now on. They may be read-only."""

    def update(name: str) -> None:
        # Read the current value, because an earlier observer may have changed it again. `traitlets.link` would copy the
        # value that the change reports, which is then outdated.
        target.set_trait(name, getattr(source, name))

    for name in names:
        update(name)
        source.observe(lambda change: update(change["name"]), names=name)
