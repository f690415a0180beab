from dataclasses import replace

import keras
import numpy as np
import pytest
import tensorflow as tf

from autolr_widget import LRTuner
from autolr_widget.engine.measuring import one_step
from autolr_widget.engine.measuring.line import line_through
from autolr_widget.engine.measuring.sweep import Form
from tests.engine.cases import CASES
from tests.engine.oracle import assert_exact

pytestmark = pytest.mark.trains


def test_one_graph_serves_all_grids_in_a_race(make_model, digits):
    tuner = LRTuner(make_model("adam"), *digits, num_evals=3, horizon=1, pruner="racing")
    tuner.step()
    finer = tuner.renewed(replace(tuner.settings, num_evals=4))
    finer.step()
    fresh = LRTuner(make_model("adam"), *digits, num_evals=4, horizon=1, pruner="racing")
    np.testing.assert_array_equal(finer.measure(0).deltas, fresh.measure(0).deltas)


def test_another_run_uses_the_same_graph(make_model, digits, monkeypatch):
    model = make_model("adam", keras.layers.Dropout(0.3))
    # A graph serves as long as the optimizer keeps its variables, and so this builds them.
    model.fit(*digits, verbose=0)
    tuner = LRTuner(model, *digits, num_evals=3, horizon=1)
    first = tuner.step()
    model.fit(*digits, verbose=0)
    expected = LRTuner(model, *digits, num_evals=3, horizon=1).step()
    assert not np.array_equal(expected.deltas, first.deltas)
    with monkeypatch.context() as patch:
        patch.setattr(one_step.OneStep, "_trace", None)
        np.testing.assert_array_equal(tuner.renewed(tuner.settings).step().deltas, expected.deltas)
    # With several steps it is not needed.
    tuner.renewed(replace(tuner.settings, horizon=2)).step()
    assert tuner._training.one_step is None


@pytest.mark.slow
@pytest.mark.parametrize("name", ["model: Dense", "model: Dropout", "model: Conv2D", "model: MultiHeadAttention"])
def test_every_form_is_exact(name, monkeypatch):
    forms = {"loop": Form(False, 3), "vectorised": Form(True, 1000), "pieces": Form(True, 3), "steps": Form(True, 1000)}
    words = {"loop": "one rate after the other", "vectorised": "1000 rates at once", "pieces": "3 rates at once"}
    case = CASES[name]()
    tuners = []
    for form in forms:
        monkeypatch.setattr(one_step, "form_for", lambda *_, form=form: forms[form])
        monkeypatch.setattr(one_step, "line_through", bent if form == "steps" else line_through)
        tuner = LRTuner(case.make(), case.x, case.y, lr_space=(1e-4, 1e-1), num_evals=7, batch_size=12, horizon=1)
        # This traces the graph, in this form.
        tuner.measure(0)
        assert words.get(form, "takes a step at each rate") in tuner.plan
        tuners.append(tuner)
    assert_exact(case.make, tuners)


def bent(*arguments):
    return line_through(*arguments)._replace(is_straight=tf.constant(False))


def test_masks_are_paired_within_a_round_and_differ_between_rounds(make_model, digits):
    x, y = digits
    tuner = LRTuner(make_model("sgd", keras.layers.Dropout(0.5)), x, y, lr_space=(1e-12, 1e-11), num_evals=2)
    assert abs(tuner.measure(0).deltas).max() < 1e-5
    same_rows = LRTuner(tuner.model, x[:32], y[:32], lr_space=(1e-12, 1e-11), num_evals=2)
    assert abs(same_rows.measure(0).loss - same_rows.measure(1).loss) > 1e-3


def test_a_diverged_rate_is_nan_and_is_counted(make_model, digits):
    tuner = LRTuner(make_model(), *digits, lr_space=(1e-3, 1e38), num_evals=5, num_subsamples=3)
    list(tuner)
    summary = tuner.results.summary()
    assert summary["diverged"].tolist()[0] == 0
    assert summary["diverged"].tolist()[-1] == 3
    assert np.isfinite(summary["mean"].iloc[0])
    assert tuner.results.best_lr("mean") == pytest.approx(1e-3)


def test_running_out_of_memory_raises_memory_error(make_model, digits, monkeypatch):
    tuner = LRTuner(make_model(), *digits, num_evals=3, horizon=1)
    tuner.step()

    def exhausted(*_):
        raise tf.errors.ResourceExhaustedError(None, None, "OOM when allocating a tensor")

    monkeypatch.setattr(tuner._measurement._one_step, "measure", exhausted)
    with pytest.raises(MemoryError, match="OOM"):
        for _ in tuner:
            pass
    assert len(tuner) >= 1


@pytest.mark.parametrize("name", ["layer that writes its own weights", "layer that draws from the global generator"])
def test_a_loss_that_is_no_function_of_the_weights_is_measured_on_paths(name):
    case = CASES[f"model: {name}"]()
    tuner = LRTuner(case.make(), case.x, case.y, lr_space=(1e-4, 1e-1), num_evals=3, batch_size=12, horizon=1)
    tuner.step()
    assert "takes a step at each rate" in tuner.plan
    # A strategy can still be used.
    with tf.distribute.MirroredStrategy(["/cpu:0"]).scope():
        assert tf.distribute.has_strategy()
