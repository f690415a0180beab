"""A progress bar in a terminal, for a run without a front end."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager
from typing import Any

from tqdm import tqdm

from autolr_widget.widget.session import Session


@contextmanager
def progress_bar(session: Session, total: int) -> Iterator[None]:
    """Show how many of ``total`` rounds ``session`` has finished. Outside of a terminal, show nothing."""
    with tqdm(total=total, unit="round", disable=None) as bar:

        def advance(change: dict[str, Any]) -> None:
            bar.n = change["new"]
            bar.refresh()

        session.observe(advance, names="round")
        try:
            yield
        finally:
            session.unobserve(advance, names="round")
