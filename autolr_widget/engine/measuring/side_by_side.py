"""Loops over the batches of a path, and several of them side by side: TensorFlow spreads them over the cores."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import tensorflow as tf

from autolr_widget.engine.measuring.exchangeable import Exchangeable
from autolr_widget.engine.measuring.training_step import all_finite
from autolr_widget.engine.types import Floats

#: The variables of a path, by the `id` of the variable that each stands for.
Shadows = Mapping[int, tf.Variable]

#: The weights are looked at after so many steps, and after the last one: it takes time to read large weights.
LOOKED_AT = 8


class Loop:
    """A loop that calls a function on one batch after the other.

    Parameters
    ----------
    function
        Returns the loss of a batch.
    weights
        The `id` of the variables that must stay finite.
    restored
        The `id` of the variables that get back their values after each call of the function.
    path
        Variables of a path, to trace the loop with.
    """

    def __init__(
        self, function: Exchangeable, weights: Collection[int], restored: Collection[int], path: Shadows
    ) -> None:
        handles = [path[id(variable)].handle for variable in function.variables]
        undone = [path[key] for key in restored]
        watched = [path[key] for key in weights]

        def loop(runs: tf.Tensor, first: tf.Tensor, last: tf.Tensor, *leaves: tf.Tensor) -> tuple[tf.Tensor, ...]:
            count = tf.shape(leaves[0])[0]

            def body(index: tf.Tensor, runs: tf.Tensor, losses: tf.TensorArray) -> tuple[Any, ...]:
                before = [tf.identity(variable) for variable in undone]
                loss = function.inlined(handles, *(leaf[index] for leaf in leaves))
                for variable, value in zip(undone, before, strict=True):
                    variable.assign(value)
                runs = tf.math.is_finite(loss)
                if watched:
                    steps = first + index + 1
                    due = (steps % LOOKED_AT == 0) | (steps == last)
                    runs &= tf.cond(due, lambda: all_finite(watched), lambda: True)
                return index + 1, runs, losses.write(index, loss)

            steps, runs, losses = tf.while_loop(
                lambda index, runs, _: (index < count) & runs,
                body,
                (0, runs, tf.TensorArray(tf.float64, count)),
                parallel_iterations=1,
            )
            return losses.stack(), steps, runs

        scalar, number = tf.TensorSpec((), tf.bool), tf.TensorSpec((), tf.int32)
        stacked = [tf.TensorSpec((None, *spec.shape), spec.dtype) for spec in function.specs]
        self.specs = [scalar, number, number, *stacked]
        self.graph = Exchangeable(loop, self.specs, path.values())
        key_of = {id(variable): key for key, variable in path.items()}
        #: The `id` of the variables that stand for those of the graph.
        self.keys = [key_of[id(variable)] for variable in self.graph.variables]


class SideBySide:
    """Several loops in one graph.

    Parameters
    ----------
    loops
        A loop for each path.
    paths
        Variables of as many paths, to trace the graph with.
    """

    def __init__(self, loops: Sequence[Loop], paths: Sequence[Shadows]) -> None:
        def together(runs: tf.Tensor, *rest: tf.Tensor) -> list[Any]:
            each = zip(loops, paths, tf.unstack(runs), strict=True)
            return [loop.graph([path[key].handle for key in loop.keys], run, *rest) for loop, path, run in each]

        specs = [tf.TensorSpec((len(paths),), tf.bool), *loops[0].specs[1:]]
        place = {id(variable): (i, key) for i, path in enumerate(paths) for key, variable in path.items()}
        self._graph = Exchangeable(together, specs, [variable for path in paths for variable in path.values()])
        self._places = [place[id(variable)] for variable in self._graph.variables]

    def __call__(
        self, paths: Sequence[Shadows], running: Sequence[bool], first: int, last: int, leaves: Sequence[tf.Tensor]
    ) -> list[tuple[Floats, int, bool]]:
        """Run the loops.

        Parameters
        ----------
        paths
            The variables of each path.
        running
            Whether each path takes any steps.
        first, last
            The number of steps before these batches, and the number of steps of a whole path.
        leaves
            The arrays of the batches, of shape ``(steps, batch_size, …)``.

        Returns
        -------
        list of (losses, steps, runs)
            For each path the losses, of which those after its last step are not valid; the number of its steps; and
            whether it still runs. A path ends when its loss is not finite, or its weights where they are looked at.
        """
        handles = [paths[i][key].handle for i, key in self._places]
        found = self._graph(handles, tf.constant(running), tf.constant(first), tf.constant(last), *leaves)
        return [(losses.numpy(), int(steps), bool(runs)) for losses, steps, runs in found]
