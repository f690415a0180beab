def test_closing_it_stops_the_run(widget):
    widget.start()
    widget.close()
    assert widget.status == "stopped"
    widget._on_message(None, {"type": "tick", "round": 0}, [])
    assert widget.round == 0
