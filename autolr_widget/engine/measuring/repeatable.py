"""Makes the random numbers of `tf.random` repeatable in the functions that are traced."""

from __future__ import annotations

import contextlib
import threading
from collections.abc import Callable, Iterator
from typing import Any
from unittest import mock

import keras
import tensorflow as tf
from tensorflow.python.ops import gen_random_ops


@contextlib.contextmanager
def repeatable_random(generator: keras.random.SeedGenerator) -> Iterator[None]:
    """Let what this thread traces draw with seeds of ``generator``, instead of TensorFlow's own state.

    That state is part of the operations and can't be put back, so two paths could not see the same random numbers. The
    numbers have the same distribution. Operations that are not listed in `STATELESS` are traced as they are.
    """
    thread = threading.get_ident()

    def replaced(name: str) -> Callable[..., Any]:
        original, stateless = getattr(gen_random_ops, name), STATELESS[name]

        def draw(*arguments: Any, **named: Any) -> Any:
            if threading.get_ident() != thread:
                return original(*arguments, **named)
            named = {key: value for key, value in named.items() if key not in ("seed", "seed2", "name")}
            return stateless(tf.cast(generator.next(), tf.int64), *arguments, **named)

        return draw

    with contextlib.ExitStack() as stack:
        for name in STATELESS:
            stack.enter_context(mock.patch.object(gen_random_ops, name, replaced(name)))
        yield


#: The stateless counterpart of each operation, with the seed as its first argument.
STATELESS: dict[str, Callable[..., Any]] = {
    "random_standard_normal": lambda seed, shape, dtype: tf.random.stateless_normal(shape, seed, dtype=dtype),
    "random_uniform": lambda seed, shape, dtype: tf.random.stateless_uniform(shape, seed, dtype=dtype),
    "random_uniform_int": lambda seed, shape, minval, maxval: tf.random.stateless_uniform(
        shape, seed, minval, maxval, dtype=tf.convert_to_tensor(minval).dtype
    ),
    "truncated_normal": lambda seed, shape, dtype: tf.random.stateless_truncated_normal(shape, seed, dtype=dtype),
    "random_shuffle": lambda seed, value: tf.random.experimental.stateless_shuffle(value, seed),
    "multinomial": lambda seed, logits, num_samples, output_dtype=tf.int64: tf.random.stateless_categorical(
        logits, num_samples, seed, output_dtype
    ),
}
