"""Hearing the front end while a cell is running."""

from __future__ import annotations

import threading

import ipywidgets as ipw
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


def hear_in_subshells(widget: ipw.Widget, in_subshells: bool) -> None:
    """Let subshells handle the messages that the front end sends to a widget: they hear while a cell is running.

    ipykernel 7.4 passes a message to the shell that has last sent one for the widget. While a cell sends them, this is
    the main shell, which hears nothing until the cell ends. Without its method, the subshell handles the message that
    the front end names.
    """
    if widget.comm is None:
        # It is closed.
        return
    if in_subshells:
        widget.comm._reply_subshell_for = None
    else:
        vars(widget.comm).pop("_reply_subshell_for", None)
