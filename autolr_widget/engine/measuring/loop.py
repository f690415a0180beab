"""A loop over the batches of a path, as one graph."""

from __future__ import annotations

from collections.abc import Collection, Mapping, Sequence
from typing import Any

import tensorflow as tf

from autolr_widget.engine.measuring.exchangeable import Exchangeable
from autolr_widget.engine.measuring.training_step import all_finite
from autolr_widget.engine.types import Floats

#: The variables of a path, by the `id` of the variable that each stands for.
Shadows = Mapping[int, tf.Variable]

#: The weights are checked after so many steps, and after the last one: it takes time to read large weights.
LOOKED_AT = 16


class Loop:
    """A loop that calls a function on one batch after the other.

    Parameters
    ----------
    graph
        Returns the losses, the number of steps, and whether the path continues; see `traced_loop`. It is called with
        the handles of variables, with ``first`` and ``last`` of `__call__`, and with its ``leaves``.
    keys
        The keys of the variables whose handles it is called with.

    Attributes
    ----------
    has_run
        Whether it has been called before. The first call takes longer, because TensorFlow optimizes the graph.
    """

    def __init__(self, graph: Exchangeable, keys: Sequence[int]) -> None:
        self.graph, self.keys = graph, keys
        self.has_run = False

    def __call__(self, path: Shadows, first: int, last: int, leaves: Sequence[tf.Tensor]) -> tuple[Floats, bool]:
        """Run the loop. Several threads may do this at once, with different paths.

        Parameters
        ----------
        path
            The variables of the path.
        first, last
            The number of steps before these batches, and the number of steps of a whole path.
        leaves
            The arrays of the batches, of shape ``(steps, batch_size, …)``.

        Returns
        -------
        losses
            The losses that the steps started from, as many as there were steps. The last may not be finite.
        runs
            Whether the path continues. It ends when its loss is not finite, or when its weights are not, which are
            checked every `LOOKED_AT` steps.
        """
        handles = [path[key].handle for key in self.keys]
        self.has_run = True
        losses, steps, runs = self.graph(handles, tf.constant(first), tf.constant(last), *leaves)
        return losses.numpy()[: int(steps)], bool(runs)

    def again(self) -> Loop:
        """Return the same loop with a graph of its own, so that another thread can run it at the same time.

        It calls this one, which TensorFlow inlines. This takes a tenth of the time of tracing it again.
        """
        graph, handles = self.graph, [variable.handle for variable in self.graph.variables]
        calling = Exchangeable(lambda *arguments: graph(handles, *arguments), graph.specs, graph.variables)
        return Loop(calling, self.keys)


def traced_loop(function: Exchangeable, weights: Collection[int], restored: Collection[int], path: Shadows) -> Loop:
    """Return a loop over ``function``.

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
    handles = [path[id(variable)].handle for variable in function.variables]
    undone = [path[key] for key in restored]
    watched = [path[key] for key in weights]

    def loop(first: tf.Tensor, last: tf.Tensor, *leaves: tf.Tensor) -> tuple[tf.Tensor, ...]:
        count = tf.shape(leaves[0])[0]

        def step(index: tf.Tensor, runs: tf.Tensor, losses: tf.TensorArray) -> tuple[Any, ...]:
            before = [tf.identity(variable) for variable in undone]
            loss = function.inlined(handles, *(leaf[index] for leaf in leaves))
            for variable, value in zip(undone, before, strict=True):
                variable.assign(value)
            return index + 1, tf.math.is_finite(loss), losses.write(index, loss)

        def some_steps(index: tf.Tensor, runs: tf.Tensor, losses: tf.TensorArray) -> tuple[Any, ...]:
            end = tf.minimum(count, index + LOOKED_AT - (first + index) % LOOKED_AT)
            index, runs, losses = tf.while_loop(
                lambda index, runs, _: (index < end) & runs, step, (index, runs, losses), parallel_iterations=1
            )
            taken = first + index
            due = (taken % LOOKED_AT == 0) | (taken == last)
            return index, runs & tf.cond(due, lambda: all_finite(watched), lambda: True), losses

        steps, runs, losses = tf.while_loop(
            lambda index, runs, _: (index < count) & runs,
            some_steps if watched else step,
            (0, True, tf.TensorArray(tf.float64, count)),
            parallel_iterations=1,
        )
        return losses.stack(), steps, runs

    number = tf.TensorSpec((), tf.int32)
    specs = tf.nest.flatten(function.specs, expand_composites=True)
    stacked = [tf.TensorSpec((None, *spec.shape), spec.dtype) for spec in specs]
    graph = Exchangeable(loop, [number, number, *stacked], path.values())
    key_of = {id(variable): key for key, variable in path.items()}
    return Loop(graph, [key_of[id(variable)] for variable in graph.variables])
