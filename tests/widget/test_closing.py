from autolr_widget.widget.closing import owned_widgets


def test_close_stops_the_run(widget):
    widget.start()
    widget.close()
    assert widget.status == "stopped"
    widget._on_message(None, {"type": "tick", "turn": 0}, [])
    assert widget.round == 0


def test_close_closes_the_chart_and_the_panel(widget):
    owned = owned_widgets(widget)
    assert {widget._panel, widget.figure, *widget.figure.marks} <= {*owned}
    widget.close()
    assert all(one.comm is None for one in owned)
