"""Hearing the front end while a cell is running."""

from __future__ import annotations

import inspect
import threading
from functools import partial
from typing import Any

import ipywidgets as ipw
from IPython import get_ipython
from jupyter_ui_poll import ui_events

#: The most messages that are handled at once.
MOST = 10
#: What a page asks before it shows widgets, and the comm on which it asks for their states.
INFO, CONTROL = ("kernel_info_request", "comm_info_request"), "jupyter.widget.control"


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


def answer_pages(begin: bool) -> None:
    """Begin to answer a page that is loaded while a cell is running, or leave it to the main shell again.

    The page asks the main shell of ipykernel 7 what kernel this is, which widgets there are, and what their states are:
    it makes subshells later. The main shell would only answer when the cell ends, so the thread that receives the
    messages answers. It only reads.
    """
    kernel: Any = getattr(get_ipython(), "kernel", None)
    receiver = getattr(kernel, "shell_channel_thread", None)
    if receiver is not None:
        receive = partial(_receive, kernel) if begin else kernel.shell_channel_thread_main
        # Only that thread may use the stream.
        receiver.io_loop.add_callback(kernel.shell_stream.on_recv, receive, copy=False)


async def _receive(kernel: Any, message: list[Any]) -> None:
    """Answer what a page asks before it shows widgets, and let the kernel handle every other message."""
    session = kernel.session
    try:
        sender, frames = session.feed_identities(message, copy=False)
        # With its content, the session would take the same message for a repeated one afterwards.
        packed = session.deserialize(frames, content=False, copy=False)
        asks = packed["header"].get("subshell_id") is None and _asks(kernel, packed["msg_type"], packed["content"])
        request = session.deserialize(frames, copy=False) if asks else None
    except Exception:
        # The kernel says what is wrong with it.
        request = None
    if request is None:
        await kernel.shell_channel_thread_main(message)
        return
    # The page waits for both. JupyterLab then shows the kernel as idle, as after each message to a subshell.
    kernel._publish_status("busy", "shell", request)
    answer = kernel.shell_handlers[request["msg_type"]](kernel.shell_stream, sender, request)
    if inspect.isawaitable(answer):
        await answer
    kernel._publish_status("idle", "shell", request)


def _asks(kernel: Any, kind: str, packed: Any) -> bool:
    """Return whether this is what a page asks before it shows widgets."""
    if kind in INFO:
        return True
    if kind not in ("comm_open", "comm_msg", "comm_close"):
        return False
    content = kernel.session.unpack(packed)
    comm = kernel.comm_manager.comms.get(content["comm_id"])
    target = content["target_name"] if kind == "comm_open" else getattr(comm, "target_name", "")
    return bool(target == CONTROL or content["data"].get("method") == "request_state")
