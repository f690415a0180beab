"""The examples of keras.io that are rebuilt in `tests.engine.keras_io`, measured against real training.

``make keras-io`` prints one line per example. Here is every sixth of them.
"""

from __future__ import annotations

import collections
import itertools
import math
import time
import traceback
import warnings
from dataclasses import dataclass

import keras
import numpy as np
import pytest

from autolr_widget import LRTuner
from tests.engine.keras_io import EXAMPLES, Example
from tests.engine.keras_io.example import ADVERSARIAL, EXACT, REPEATABLE
from tests.engine.keras_io.twin import Twin, Variables, batches_of, is_stream

pytestmark = pytest.mark.slow

ROUNDS = 2
SETTINGS = {
    "lr_space": (1e-4, 1e-1),
    "num_evals": 3,
    "num_subsamples": ROUNDS,
    "batch_size": 8,
    "horizon": 4,
    "evaluate_on": "progressive",
}


@dataclass
class Verdict:
    """What the engine did with an example, and how many of how many losses are equal to the last bit."""

    word: str
    equal: int = 0
    count: int = 0


def tuned(example: Example, **settings) -> LRTuner:
    """A tuner that has measured all its rounds."""
    model, data = _made(example)
    tuner = LRTuner(model, **data, **SETTINGS | example.settings | settings)
    for _ in range(ROUNDS):
        tuner.step()
    return tuner


def _made(example: Example) -> tuple[keras.Model, dict]:
    # The data first: a model draws from what `make` seeds.
    data = example.arguments()
    return example.make(), data


def verdict(example: Example) -> Verdict:
    """``"exact"``, ``"repeatable"`` or ``"refused"``, as the example expects. Anything else raises."""
    if example.expected.startswith("refused: "):
        model, data = _made(example)
        with pytest.raises(ValueError, match=f"(?s){example.expected.removeprefix('refused: ')}"):
            LRTuner(model, **data, **SETTINGS | example.settings).step()
        return Verdict("refused")
    variables = Variables()
    data = example.arguments()
    with variables.scope():
        model = example.make()
    before = variables.values()
    tuner = LRTuner(model, **data, **SETTINGS | example.settings)
    for _ in range(ROUNDS):
        tuner.step()
    curves = tuner.results.curves
    for was, variable in zip(before, variables.values(), strict=True):
        np.testing.assert_array_equal(was, variable, "the tuner changed the model")
    batches = batches_of(tuner, example, ROUNDS)
    twin = Twin(example, batches[0][0])
    if example.expected == REPEATABLE:
        np.testing.assert_array_equal(curves, tuned(example).results.curves)
        assert_plausible(example, twin, batches[0])
        return Verdict(REPEATABLE)
    truth = np.array([[twin.curve(rate, batches[index], index) for rate in tuner.rates] for index in range(ROUNDS)])
    assert truth.shape == (ROUNDS, len(tuner.rates), 4)
    assert np.ptp(truth[:, :, -1], axis=1).min() > 1e-4 * abs(truth).max(), "all rates end alike"
    np.testing.assert_allclose(curves, truth, rtol=1e-5, atol=1e-7)
    # What they are compared with: the losses of the starting state.
    still = [twin.curve(0.0, batches[index], index, still=True) for index in range(ROUNDS)]
    np.testing.assert_allclose(tuner.results.starts, still, rtol=1e-5, atol=1e-7)
    return Verdict(EXACT, int((curves.astype("float32") == truth.astype("float32")).sum()), truth.size)


def assert_plausible(example: Example, twin: Twin, batches: list) -> None:
    """At a rate of almost 0, the losses must be like those of real steps, which draw other random numbers."""
    still = tuned(example, lr_space=(1e-9, 1e-8)).results.curves[0, 0]
    truth = np.array([twin.curve(1e-9, batches, index) for index in range(12)])
    spread = truth.std(axis=0) + 1e-3 * abs(truth).mean(axis=0)
    assert (abs(still - truth.mean(axis=0)) < 5 * spread).all(), (still, truth.mean(axis=0), spread)


def fits(example: Example) -> None:
    """Train the model for an epoch, with plain `fit`. An example that can't be trained is a mistake of ours."""
    model, data = _made(example)
    batch_size = {} if is_stream(data["x"]) else {"batch_size": SETTINGS["batch_size"]}
    history = model.fit(**data, **batch_size, **example.fit, epochs=1, verbose=0).history
    assert history
    assert all(np.isfinite(value).all() for value in history.values()), history


# Keras warns about weights that do not affect a loss.
@pytest.mark.filterwarnings("ignore:Gradients do not exist")
@pytest.mark.parametrize("name", [*EXAMPLES][::6])
def test_example(name):
    example = EXAMPLES[name]()
    assert verdict(example).word == example.expected.split(":")[0]


@pytest.mark.parametrize("name", ["vision/nnclr", "vision/siamese_network", "audio/speaker_recognition_using_cnn"])
def test_the_twin_is_trained_as_by_fit(name):
    example = EXAMPLES[name]()
    data = example.arguments()["x"].repeat().take(4)
    batches = [*data]
    twin = Twin(example, batches[0])
    twin.curve(0.01, batches)
    model = example.make()
    getattr(model, example.settings.get("optimizer", "optimizer")).learning_rate = 0.01
    model.fit(example.arguments()["x"].repeat().take(4), shuffle=False, verbose=0)
    for ours, variable in zip(twin.model.variables, model.variables, strict=True):
        np.testing.assert_allclose(ours, variable, rtol=1e-5, atol=1e-6)


def test_there_are_enough_examples_and_enough_of_them_override_the_step():
    assert len(EXAMPLES) >= 44
    # Not all models are made, but only until enough of them are found.
    enough = math.ceil(0.27 * len(EXAMPLES))
    own = (name for name, make in EXAMPLES.items() if type(make().make()).train_step is not keras.Model.train_step)
    assert len([*itertools.islice(own, enough)]) == enough


def main() -> None:
    warnings.simplefilter("ignore")
    counts: collections.Counter[str] = collections.Counter()
    equal = count = works = 0
    for name, make in EXAMPLES.items():
        began = time.perf_counter()
        example = make()
        note = ""
        try:
            fits(example)
        except Exception:
            traceback.print_exc()
            counts["NOT TRAINED BY FIT"] += 1
            print(f"{'NO FIT':10} {name}", flush=True)
            continue
        try:
            found = verdict(example)
            works += found.word != "refused"
            equal, count = equal + found.equal, count + found.count
            note = f", {found.equal} of {found.count} losses equal to the last bit" if found.count else ""
        except Exception:
            traceback.print_exc()
            found = Verdict("WRONG")
        counts[found.word] += 1
        print(f"{found.word:10} {name}{note}, {time.perf_counter() - began:.1f} s", flush=True)
    trained = len(EXAMPLES) - counts["NOT TRAINED BY FIT"]
    print(f"\n{len(EXAMPLES)} examples: " + ", ".join(f"{n} {word}" for word, n in counts.items()))
    print(f"{equal} of {count} losses equal to the last bit")
    adversarial = sum(make().expected == ADVERSARIAL for make in EXAMPLES.values())
    print(f"{works} of the {trained} that `fit` trains can be tuned: {works / trained:.1%}")
    print(f"Without the {adversarial} adversarial ones: {works / (trained - adversarial):.1%}")


if __name__ == "__main__":
    main()
