"""Several paths side by side in one graph: independent loops, which TensorFlow spreads over the cores."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from typing import Any

import tensorflow as tf

from autolr_widget.engine.measuring.exchangeable import Exchangeable
from autolr_widget.engine.types import Floats

#: The variables of a path, by the `id` of the variable that each stands for.
Shadows = Mapping[int, tf.Variable]


class SideBySide:
    """A graph of loops, one for each path, which call a function on one batch after the other.

    Parameters
    ----------
    functions
        For each path the function, which returns the loss of a batch, and whether the weights are finite afterwards.
    restored
        For each path the `id` of the variables that get back their values after each call of the function.
    paths
        The variables of as many paths.
    """

    def __init__(
        self, functions: Sequence[Exchangeable], restored: Sequence[set[int]], paths: Sequence[Shadows]
    ) -> None:
        specs = [tf.TensorSpec((len(paths),), tf.bool)]
        specs += [tf.TensorSpec((None, *spec.shape), spec.dtype) for spec in functions[0].specs]

        def loops(running: tf.Tensor, *leaves: tf.Tensor) -> list[tuple[tf.Tensor, ...]]:
            each = zip(functions, restored, paths, tf.unstack(running), strict=True)
            return [_loop(*one, leaves) for one in each]

        place = {id(variable): (i, key) for i, path in enumerate(paths) for key, variable in path.items()}
        self._graph = Exchangeable(loops, specs, [variable for path in paths for variable in path.values()])
        self._places = [place[id(variable)] for variable in self._graph.variables]

    def __call__(
        self, paths: Sequence[Shadows], running: Sequence[bool], leaves: Sequence[tf.Tensor]
    ) -> list[tuple[Floats, int, bool]]:
        """Run the loops.

        Parameters
        ----------
        paths
            The variables of each path.
        running
            Whether each path takes any steps.
        leaves
            The arrays of the batches, of shape ``(steps, batch_size, …)``.

        Returns
        -------
        list of (losses, steps, runs)
            For each path the losses, of which those after its last step are not valid; the number of its steps; and
            whether it still runs. A path ends when its loss or its weights are not finite.
        """
        handles = [paths[i][key].handle for i, key in self._places]
        found = self._graph(handles, tf.constant(running), *leaves)
        return [(losses.numpy(), int(steps), bool(runs)) for losses, steps, runs in found]


def _loop(
    function: Exchangeable, restored: set[int], path: Shadows, runs: tf.Tensor, leaves: Sequence[tf.Tensor]
) -> tuple[tf.Tensor, ...]:
    handles = [path[id(variable)].handle for variable in function.variables]
    undone = [path[key] for key in restored]
    count = tf.shape(leaves[0])[0]

    def body(index: tf.Tensor, runs: tf.Tensor, losses: tf.TensorArray) -> tuple[Any, ...]:
        before = [tf.identity(variable) for variable in undone]
        loss, finite = function(handles, *(leaf[index] for leaf in leaves))
        for variable, value in zip(undone, before, strict=True):
            variable.assign(value)
        return index + 1, finite & tf.math.is_finite(loss), losses.write(index, loss)

    steps, runs, losses = tf.while_loop(
        lambda index, runs, _: (index < count) & runs,
        body,
        (0, runs, tf.TensorArray(tf.float64, count)),
        parallel_iterations=1,
    )
    return losses.stack(), steps, runs
