"""Hearing the front end while a cell is running."""

from __future__ import annotations

import threading

from IPython import get_ipython
from jupyter_ui_poll import ui_events

#: The most messages that are handled at once.
MOST = 10


def hear() -> None:
    """Handle the messages of the front end that have arrived, although this thread is running a cell.

    ipykernel 7 hears messages in other threads, in its subshells, and has no `do_one_iteration`.
    """
    kernel = getattr(get_ipython(), "kernel", None)
    if hasattr(kernel, "do_one_iteration") and threading.current_thread() is threading.main_thread():
        with ui_events() as poll:
            poll(MOST)
