"""Gradient descent on a parabola. The student sets the first step by dragging."""

from __future__ import annotations

from functools import partial
from typing import Any

import bqplot
import ipywidgets as ipw
import numpy as np
import traitlets

from autolr_widget.engine.types import Floats
from autolr_widget.lesson.look import Part, paragraph
from autolr_widget.lesson.picture import ORANGE, picture
from autolr_widget.lesson.verdict import Verdict
from autolr_widget.widget.chart import CURVE, NEUTRAL

#: Where each path starts, and how many steps it has.
START, STEPS = 1.0, 20
#: The ends of the pictures.
WIDEST, HIGHEST = 1.6, 4.8
#: The largest rate that can be set, and the distance of two rates.
LARGEST, FINEST = 0.6, 0.005

#: What the tasks ask for: the words on the button, the factor of a step, and the rate as a formula.
GOALS = {
    "bottom": ("Check 1: the first step lands on the bottom", 0.0, "This is 1 / L: the curvature L is {:g}."),
    "edge": ("Check 2: the largest rate that does not explode", -1.0, "This is 2 / L, and any larger rate explodes."),
}
#: How far the factor of a step may be off.
CLOSE = 0.015


def path(rate: float, curvature: float, start: float = START, steps: int = STEPS) -> Floats:
    """Return the weight before each step of gradient descent on the loss ``curvature · w² / 2``, and after the last.

    The gradient is ``curvature · w``, so each step multiplies the weight by ``1 - rate · curvature``.

    >>> path(0.25, 2.0, steps=3).tolist()
    [1.0, 0.5, 0.25, 0.125]
    """
    weights = [start]
    for _ in range(steps):
        weights.append(weights[-1] - rate * curvature * weights[-1])
    return np.array(weights)


def comes_down(rate: float, curvature: float) -> bool:
    """Return whether 200 steps end closer to the bottom than they began.

    >>> comes_down(0.4, 4.0), comes_down(0.6, 4.0)
    (True, False)
    """
    weights = path(rate, curvature, steps=200)
    return bool(abs(weights[-1]) < abs(weights[0]))


def motion(rate: float, curvature: float) -> str:
    """Return in words what the steps do."""
    factor = 1 - rate * curvature
    if abs(factor) < CLOSE:
        return "the first step lands on the bottom"
    if abs(factor + 1) < CLOSE:
        return "the steps jump from side to side, and come no lower"
    if factor < -1:
        return "each step lands higher than the last: the loss explodes"
    if factor < 0:
        return "the steps pass the bottom each time, and still come down"
    return "the steps come down on one side" + (", slowly" if factor > 0.8 else "")


class Parabola(Part):
    """A parabola, the steps of gradient descent on it, and the loss after each step.

    The orange point below the parabola is where the first step lands. Dragging it sets the learning rate, and so does
    the slider. Two buttons check whether the rate is the one that a task asks for.

    Parameters
    ----------
    curvature
        The curvature ``L`` of the loss. The steps come down if the rate is below ``2 / L``.

    Examples
    --------
    >>> bowl = Parabola(curvature=4)
    >>> bowl.rate = 0.3
    >>> bowl.check("bottom")
    No. At 0.3, the steps pass the bottom each time, and still come down.
    >>> bowl.close()
    """

    rate = traitlets.Float(0.02, help="The learning rate")

    def __init__(self, curvature: float = 4.0) -> None:
        self.curvature = curvature
        self._moved = self._dragging = False
        weight = bqplot.LinearScale(min=-WIDEST, max=WIDEST)
        loss = bqplot.LinearScale(min=-0.1 * HIGHEST, max=HIGHEST)
        on_bowl = {"x": weight, "y": loss}
        weights = np.linspace(-WIDEST, WIDEST, 161)
        bowl = bqplot.Lines(x=weights, y=self._loss(weights), scales=on_bowl, colors=[NEUTRAL], stroke_width=3)
        # bqplot can draw no line without points.
        anything = {"x": [0.0, 1.0], "y": [0.0, 0.0], "scales": on_bowl}
        self._steps = bqplot.Lines(**anything, colors=[CURVE], stroke_width=2)
        self._points = bqplot.Scatter(**anything, colors=[CURVE], default_size=90)
        self._first = bqplot.Lines(**anything, colors=[ORANGE], stroke_width=4)
        self._tip = bqplot.Scatter(x=[START], y=[0.0], scales=on_bowl, colors=[ORANGE], default_size=400)
        self._tip.enable_move = self._tip.restrict_x = self._tip.update_on_move = True
        by_step = {"x": bqplot.LinearScale(min=0, max=STEPS), "y": loss}
        self._losses = bqplot.Lines(
            x=np.arange(STEPS + 1.0), y=np.ones(STEPS + 1), scales=by_step, colors=[CURVE], stroke_width=3
        )
        shares = {"height": "290px", "width": "auto", "flex": "1 1 320px"}
        drawn = [bowl, self._steps, self._points, self._first, self._tip]
        pictures = ipw.HBox(
            [
                picture(drawn, on_bowl, ("weight", "loss"), layout=shares),
                picture([self._losses], by_step, ("training step", "loss"), layout=shares),
            ]
        )
        pictures.add_class("autolr-pictures")
        self._slider = ipw.FloatSlider(
            self.rate, min=FINEST, max=LARGEST, step=FINEST, readout_format=".3f", description="rate"
        )
        self._motion, self._verdict = ipw.HTML(), ipw.HTML()
        self._buttons = {goal: ipw.Button(description=words) for goal, (words, _, _) in GOALS.items()}
        for goal, button in self._buttons.items():
            button.on_click(partial(self._on_check, goal))
        super().__init__(self._motion, pictures, self._slider, *self._buttons.values(), self._verdict)
        traitlets.link((self, "rate"), (self._slider, "value"))
        self._tip.observe(self._on_drag, names="x")
        self._tip.on_drag_end(lambda *_: self._place_tip())
        self.observe(self._on_rate, names="rate")
        self._show()

    def check(self, goal: str) -> Verdict:
        """Return whether the rate is the one that a task asks for.

        Parameters
        ----------
        goal
            ``"bottom"``: the first step lands on the bottom. ``"edge"``: the largest rate that does not explode.
        """
        _, factor, formula = GOALS[goal]
        if not self._moved:
            return Verdict(None, "Drag the orange point, or the slider.")
        right = abs(1 - self.rate * self.curvature - factor) < CLOSE
        at = f"At {self.rate:.3g}, {motion(self.rate, self.curvature)}."
        return Verdict(right, f"{at} {formula.format(self.curvature)}" if right else at)

    def _loss(self, weights: Floats) -> Floats:
        return self.curvature * weights**2 / 2

    def _on_check(self, goal: str, _: Any) -> None:
        self._verdict.value = self.check(goal).paragraph

    def _on_drag(self, change: dict[str, Any]) -> None:
        landed = float(change["new"][0])
        if landed == self._landing:
            return
        # The point follows the pointer, not the rate.
        self._dragging = True
        rate = (START - landed) / (self.curvature * START)
        self.rate = float(np.clip(round(rate / FINEST) * FINEST, FINEST, LARGEST))
        self._dragging = False

    @property
    def _landing(self) -> float:
        """Where the first step lands, or the edge of the picture."""
        return float(np.clip(path(self.rate, self.curvature, steps=1)[1], -WIDEST, WIDEST))

    def _place_tip(self) -> None:
        self._tip.x = np.array([self._landing])

    def _on_rate(self, _: Any) -> None:
        self._moved = True
        self._verdict.value = ""
        self._show()

    def _show(self) -> None:
        weights = path(self.rate, self.curvature)
        # Far outside of the picture, a browser can't draw a line.
        far = np.flatnonzero(abs(weights) > 4 * WIDEST)
        shown = weights[: far[0] + 1] if far.size else weights
        with self._steps.hold_sync():
            self._steps.x, self._steps.y = shown, self._loss(shown)
        inside = shown[(abs(shown) < WIDEST) & (self._loss(shown) < HIGHEST)]
        with self._points.hold_sync():
            self._points.x, self._points.y = inside, self._loss(inside)
        self._first.x = np.array([START, self._landing])
        self._losses.y = np.clip(self._loss(weights), 0, 4 * HIGHEST)
        if not self._dragging:
            self._place_tip()
        factor = 1 - self.rate * self.curvature
        self._motion.value = paragraph(
            f"Each step multiplies the distance to the bottom by {factor:.2f}: {motion(self.rate, self.curvature)}."
        )
