"""One trait that is kept equal to another."""

from __future__ import annotations

import traitlets


def mirror(source: traitlets.HasTraits, target: traitlets.HasTraits, *names: str) -> None:
    """Keep these traits of ``target``, read-only ones too, equal to those of ``source`` from now on."""

    def update(name: str) -> None:
        # The current value: an observer before this one may have changed it again, which `traitlets.link` gets wrong.
        target.set_trait(name, getattr(source, name))

    for name in names:
        update(name)
        source.observe(lambda change: update(change["name"]), names=name)
