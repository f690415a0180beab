"""What a page is answered while a cell is running. tests/browser/test_training.py has a real kernel and JupyterLab."""

import asyncio
import types

import pytest
import zmq
from jupyter_client.session import Session

from autolr_widget.widget import hearing

CONTROL, OTHER = "control", "other"


@pytest.fixture
def kernel(monkeypatch):
    """What `hearing` uses of an ipykernel 7, without threads and sockets."""
    kernel = types.SimpleNamespace(session=Session(key=b"key"), seen=[], left=[])

    async def main(message):
        kernel.left.append(message)

    async def informs(stream, sender, request):
        kernel.seen.append((stream, sender, request["msg_type"], request["content"]))

    def reads(stream, sender, request):
        kernel.seen.append((stream, sender, request["msg_type"], request["content"]))

    kernel.shell_channel_thread_main = main
    kernel._publish_status = lambda state, channel, parent: kernel.seen.append((state, parent["msg_type"]))
    kinds = {"kernel_info_request": informs, "comm_info_request": informs, "comm_open": reads, "comm_msg": reads}
    kernel.shell_handlers = {**kinds, "comm_close": reads}
    comms = {CONTROL: "jupyter.widget.control", OTHER: "jupyter.widget"}
    known = {name: types.SimpleNamespace(target_name=target) for name, target in comms.items()}
    kernel.comm_manager = types.SimpleNamespace(comms=known)

    def on_recv(receive, copy):
        kernel.receive = receive

    kernel.shell_stream = types.SimpleNamespace(on_recv=on_recv)
    loop = types.SimpleNamespace(add_callback=lambda call, *given, **options: call(*given, **options))
    kernel.shell_channel_thread = types.SimpleNamespace(io_loop=loop)
    monkeypatch.setattr(hearing, "get_ipython", lambda: types.SimpleNamespace(kernel=kernel))
    return kernel


def receive(kernel, kind, content, **header):
    """Let the kernel receive a message, and return its frames."""
    message = kernel.session.msg(kind, content)
    message["header"].update(header)
    frames = [zmq.Frame(b"page"), *map(zmq.Frame, kernel.session.serialize(message))]
    asyncio.run(kernel.receive(frames))
    return frames


def about(comm, method, **more):
    return {"comm_id": comm, "data": {"method": method}, **more}


ASKED = [
    ("kernel_info_request", {}),
    ("comm_info_request", {"target_name": "jupyter.widget"}),
    ("comm_open", {"comm_id": "new", "target_name": "jupyter.widget.control", "data": {}}),
    ("comm_msg", about(CONTROL, "request_states")),
    ("comm_msg", about(OTHER, "request_state")),
    ("comm_close", {"comm_id": CONTROL, "data": {}}),
]


@pytest.mark.parametrize(("kind", "content"), ASKED)
def test_what_a_page_asks_before_it_shows_widgets_is_answered(kernel, kind, content):
    hearing.answer_pages(True)
    receive(kernel, kind, content)
    assert kernel.seen == [
        ("busy", kind),
        (kernel.shell_stream, [b"page"], kind, content),
        ("idle", kind),
    ]
    assert kernel.left == []


@pytest.mark.parametrize(
    ("kind", "content", "header"),
    [
        ("execute_request", {"code": "1"}, {}),
        ("comm_open", {"comm_id": "new", "target_name": "mine", "data": {}}, {}),
        ("comm_msg", about(OTHER, "update"), {}),
        ("comm_msg", about("unknown", "update"), {}),
        ("comm_close", {"comm_id": OTHER, "data": {}}, {}),
        # It has nothing of what it should have.
        ("comm_msg", {}, {}),
        *((*asked, {"subshell_id": "one"}) for asked in ASKED),
    ],
)
def test_everything_else_is_left_to_the_kernel_unread(kernel, kind, content, header):
    hearing.answer_pages(True)
    frames = receive(kernel, kind, content, **header)
    assert kernel.left == [frames]
    assert kernel.seen == []
    _, unread = kernel.session.feed_identities(frames, copy=False)
    assert kernel.session.deserialize(unread, copy=False)["content"] == content


def test_a_message_that_can_not_be_read_is_left_to_the_kernel(kernel):
    hearing.answer_pages(True)
    frames = [zmq.Frame(b"nothing")]
    asyncio.run(kernel.receive(frames))
    assert kernel.left == [frames]


def test_in_the_end_the_kernel_receives_as_before(kernel):
    hearing.answer_pages(True)
    hearing.answer_pages(False)
    assert kernel.receive is kernel.shell_channel_thread_main


def test_a_kernel_without_subshells_is_left_alone(monkeypatch):
    for kernel in (None, object()):
        monkeypatch.setattr(hearing, "get_ipython", lambda kernel=kernel: types.SimpleNamespace(kernel=kernel))
        hearing.answer_pages(True)
