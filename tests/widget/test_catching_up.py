"""A page that missed what the kernel did by itself is sent everything."""

import pytest

from autolr_widget.widget import session as session_module
from autolr_widget.widget.closing import owned_widgets
from tests.widget.front_end import send, tick


def public(widget):
    return {name for name in widget.keys if not name.startswith("_")}


@pytest.fixture
def sent_whole(widget, monkeypatch):
    """The widgets whose whole state is sent, in the order of the messages."""
    whole = []

    def record(each):
        def send_state(key=None):
            names = {key} if isinstance(key, str) else set(each.keys if key is None else key)
            assert not names & {"_esm", "_css"}, "the bundle is large, and never changes"
            if names >= public(each):
                whole.append(each)

        monkeypatch.setattr(each, "send_state", send_state)

    for each in [*owned_widgets(widget.figure), widget.figure, widget._panel]:
        record(each)
    return whole


def go_on_alone(widget, monkeypatch):
    with monkeypatch.context() as patched:
        patched.setattr(session_module, "SILENCE", 0)
        widget._session._go_on_after_silence()


@pytest.mark.parametrize("message", [{"type": "tick", "turn": 0}, {"type": "pause"}, {"type": "start"}])
def test_a_page_that_missed_a_turn_is_sent_everything_once(widget, sent_whole, monkeypatch, message):
    widget.start()
    go_on_alone(widget, monkeypatch)
    assert (widget._session.turn, sent_whole) == (1, [])
    send(widget, **message)
    assert set(sent_whole) >= {widget._panel, widget.figure, *widget.figure.marks}
    assert sent_whole[-1] is widget._panel, "it asks for the next turn"
    sent_whole.clear()
    send(widget, type="tick", turn=0)
    assert sent_whole == []


def test_a_page_that_saw_each_turn_is_not_sent_everything(widget, sent_whole, monkeypatch):
    monkeypatch.setattr(session_module, "TURN", 0)
    widget.start()
    go_on_alone(widget, monkeypatch)
    tick(widget)
    send(widget, type="tick", turn=0)
    assert sent_whole == []
