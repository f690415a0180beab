import numpy as np


def from_front_end(widget, **values):
    """Set traits of the panel as the browser does."""
    widget._panel.set_state(values)


def send(widget, **content):
    widget._on_message(None, content, [])


def marks(widget):
    names = ("rounds", "zero", "before", "pins", "dropped", "unfinished", "curve")
    return dict(zip(names, widget.figure.marks, strict=True))


def rates_drawn(widget):
    """The measured rates that the curve goes through."""
    return np.intersect1d(marks(widget)["curve"].x, widget.tuner.rates)


def drawn(widget):
    """The lower and the upper edge of the band, and the mean, that the chart shows at the measured rates."""
    curve = marks(widget)["curve"]
    return curve.y[:, np.isin(curve.x, widget.tuner.rates)]


def seen(widget, summary):
    """The same of a summary: a mean above the chart has no band."""
    edges = np.where(summary["mean"] <= widget._panel.limits[1], [summary["lower"], summary["upper"]], np.nan)
    # The ends of all lines are numbers, for bqplot.
    edges[:, -1] = np.where(np.isnan(edges[:, -1]), summary["mean"].iloc[-1], edges[:, -1])
    return np.vstack([edges, summary["mean"]])


SETTINGS = {"lr_space": (1e-4, 10), "num_evals": 6, "num_subsamples": 5, "horizon": 2}


def tick(widget):
    widget._on_message(None, {"type": "tick", "turn": widget._panel.turn}, [])


def one_round(widget):
    """Press One round, and draw each turn until the round is over."""
    widget.step()
    while widget.status == "running":
        tick(widget)
