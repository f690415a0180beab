import keras
import numpy as np
import pytest
import tensorflow as tf

from autolr_widget import TunerWidget
from tests.widget.front_end import from_front_end, send


def test_apply_only_writes_the_rate(widget):
    with pytest.raises(ValueError, match=r"No learning rate is selected\. Run the tuner\. Or set `selected_lr`\."):
        widget.apply()
    widget.run()
    model = widget.tuner.model
    weights = model.get_weights()
    assert widget.apply() == widget.selected_lr
    assert float(model.optimizer.learning_rate) == pytest.approx(widget.selected_lr)
    widget.selected_lr = 0.25
    send(widget, type="apply")
    assert float(model.optimizer.learning_rate) == 0.25
    assert "→ 0.25" in widget._panel.notice
    for before, after in zip(weights, model.get_weights(), strict=True):
        np.testing.assert_array_equal(before, after)


@pytest.mark.parametrize("rate", [keras.optimizers.schedules.ExponentialDecay(0.1, 10, 0.9), lambda: 0.1])
def test_apply_to_a_schedule_or_a_function_raises_an_error(make_model, digits, rate):
    widget = TunerWidget(make_model(keras.optimizers.Adam(rate)), *digits, num_evals=4, num_subsamples=2, horizon=2)
    widget.run()
    message = r"schedule or a function, which can't be replaced\. Compile the model .* of learning_rate=0\."
    with pytest.raises(ValueError, match=message):
        widget.apply()
    send(widget, type="apply")
    assert "schedule" in widget._panel.notice


def test_undo_reverts_each_apply(widget):
    optimizer = widget.tuner.model.optimizer
    before = float(optimizer.learning_rate)
    with pytest.raises(ValueError, match="no `apply` to undo"):
        widget.undo()
    for rate in (0.5, 0.25):
        widget.selected_lr = rate
        widget.apply()
    assert widget._panel.undoable
    assert widget.undo() == pytest.approx(0.5)
    send(widget, type="undo")
    assert float(optimizer.learning_rate) == pytest.approx(before)
    assert not widget._panel.undoable


@pytest.mark.parametrize("lr", [1e-50, 1e300])
def test_a_rate_that_the_optimizer_cannot_hold_is_not_applied(widget, lr):
    widget.selected_lr = lr
    with pytest.raises(ValueError, match="can't hold a learning rate of"):
        widget.apply()
    assert float(widget.tuner.model.optimizer.learning_rate) == pytest.approx(0.001)
    assert not widget._panel.undoable


def test_undo_does_not_write_to_a_replaced_optimizer(widget):
    widget.selected_lr = 0.1
    widget.apply()
    before = widget.tuner.model.optimizer
    widget.tuner.model.compile("sgd", "mse")
    with pytest.raises(ValueError, match="compiled again"):
        widget.undo()
    assert float(before.learning_rate) == pytest.approx(0.1)
    assert float(widget.tuner.model.optimizer.learning_rate) == pytest.approx(0.01)
    assert not widget._panel.undoable


def test_the_screen_tells_the_rates_of_all_parts_of_a_multi_optimizer(make_model, digits):
    optimizers = keras.optimizers
    if not hasattr(optimizers, "MultiOptimizer"):
        pytest.skip("needs a newer Keras")
    # The default comes last.
    sgd, adam = optimizers.SGD(0.1, name="plain"), optimizers.Adam(0.03, name="adaptive")
    parts = optimizers.OptimizerMap(sgd, {".*bias": adam})
    widget = TunerWidget(make_model(optimizers.MultiOptimizer(parts)), *digits)
    meaning = " · the rate of adaptive; plain has 3.33 × it"
    assert widget._panel.reason == "no choice yet, but you can type a rate" + meaning
    widget.selected_lr = 0.02
    assert widget._panel.reason == "your own choice" + meaning
    send(widget, type="apply")
    assert widget._panel.notice == (
        "Written to the model's 2 optimizers, in proportion: 0.03 → 0.02, 0.1 → 0.06667"
        f" · {widget.tuner.model.name} · MultiOptimizer"
    )
    applied = [float(part.learning_rate) for part in widget.tuner.tuned_optimizer.optimizers]
    send(widget, type="undo")
    before = [float(part.learning_rate) for part in widget.tuner.tuned_optimizer.optimizers]
    assert before == pytest.approx([0.03, 0.1])
    exec(widget._panel.code, {"model": widget.tuner.model})
    by_code = [float(part.learning_rate) for part in widget.tuner.tuned_optimizer.optimizers]
    assert by_code == pytest.approx(applied, rel=1e-5), "the factors have six digits"


def first_rates(model, digits, epochs=1):
    """Train, and return the rate of each step."""
    seen = []
    read = keras.callbacks.LambdaCallback(
        on_train_batch_begin=lambda batch, logs: seen.append(float(model.optimizer.learning_rate))
    )
    model.fit(digits[0][:128], digits[1][:128], epochs=epochs, batch_size=32, verbose=0, callbacks=[read])
    return seen


@pytest.mark.parametrize(("kind", "epochs"), [("cosine", 3), ("linear", 3), ("one-cycle", 3), ("restarts", None)])
def test_a_schedule_is_applied_trained_with_and_undone(make_model, digits, kind, epochs):
    # Its own model: the others share their graphs.
    model = make_model("adam", keras.layers.Identity())
    widget = TunerWidget(model, digits[0][:128], digits[1][:128])
    widget.selected_lr = 0.01
    optimizer = model.optimizer
    # A step that was traced with the fixed rate must not be used again.
    model.make_train_function()
    widget.apply(kind, epochs)
    assert model.optimizer is optimizer
    expected = widget.schedule(kind, epochs)
    weights = model.get_weights()
    assert first_rates(model, digits) == pytest.approx([float(expected(step)) for step in range(4)])
    trained = model.get_weights()

    other = make_model(keras.optimizers.Adam(expected), keras.layers.Identity())
    other.set_weights(weights)
    first_rates(other, digits)
    for one, two in zip(trained, other.get_weights(), strict=True):
        np.testing.assert_array_equal(one, two)

    assert widget.undo() == pytest.approx(0.001)
    widget.selected_lr = 0.25
    widget.apply()
    assert first_rates(model, digits) == pytest.approx([0.25] * 4)


@pytest.mark.parametrize("built", [False, True])
def test_a_constant_rate_replaces_a_schedule_that_was_applied(make_model, digits, built):
    model = make_model("adam", keras.layers.Identity())
    widget = TunerWidget(model, *digits)
    optimizer = model.optimizer
    if built:
        optimizer.build(model.trainable_variables)
    # In this order they are saved.
    variables = [id(variable) for variable in optimizer.variables]
    widget.selected_lr = 0.01
    widget.apply("cosine", 5)
    widget.apply()
    assert float(optimizer.learning_rate) == pytest.approx(0.01)
    assert [id(variable) for variable in optimizer.variables] == variables
    assert widget.undo() == pytest.approx(0.01)
    assert isinstance(optimizer._learning_rate, keras.optimizers.schedules.CosineDecay)
    assert widget.undo() == pytest.approx(0.001)
    assert not widget._panel.undoable
    assert [id(variable) for variable in optimizer.variables] == variables


def test_a_schedule_is_not_applied_after_steps_or_to_several_optimizers(make_model, digits):
    model = make_model("adam", keras.layers.Identity())
    widget = TunerWidget(model, *digits)
    widget.selected_lr = 0.01
    first_rates(model, digits)
    with pytest.raises(ValueError, match="has taken 4 steps, and the schedule would continue from there"):
        widget.apply("cosine", 5)
    assert float(model.optimizer.learning_rate) == pytest.approx(0.001)
    assert not widget._panel.undoable
    if hasattr(keras.optimizers, "MultiOptimizer"):
        parts = keras.optimizers.OptimizerMap(keras.optimizers.SGD(0.1), {".*bias": keras.optimizers.Adam(0.03)})
        widget = TunerWidget(make_model(keras.optimizers.MultiOptimizer(parts)), *digits)
        widget.selected_lr = 0.01
        with pytest.raises(ValueError, match="MultiOptimizer: compile it with a schedule"):
            widget.apply("cosine", 5)


@pytest.mark.filterwarnings("ignore:__array__ implementation:DeprecationWarning")  # Keras's own
@pytest.mark.parametrize("undone", [False, True])
def test_a_model_is_saved_in_every_form_after_a_schedule_was_applied(make_model, digits, undone, tmp_path):
    model = make_model("adam", keras.layers.Identity())
    widget = TunerWidget(model, *digits)
    widget.selected_lr = 0.01
    widget.apply("cosine", 5)
    if undone:
        widget.undo()
    first_rates(model, digits)
    tf.train.Checkpoint(model=model, optimizer=model.optimizer).save(str(tmp_path / "checkpoint"))
    model.export(tmp_path / "exported")
    model.save(tmp_path / "model.keras")
    again = keras.saving.load_model(tmp_path / "model.keras")
    for one, two in zip(model.optimizer.variables, again.optimizer.variables, strict=True):
        np.testing.assert_array_equal(one.numpy(), two.numpy())


def during_training(model, digits, do, *callbacks):
    """Train for five batches, and call a function before the third."""
    seen = []

    def begin(batch, logs):
        seen.append(float(model.optimizer.learning_rate))
        if batch == 2:
            do()

    own = keras.callbacks.LambdaCallback(on_train_batch_begin=begin)
    model.fit(digits[0][:160], digits[1][:160], batch_size=32, verbose=0, callbacks=[*callbacks, own])
    return seen


def test_undo_and_apply_while_the_model_trains(make_model, digits):
    model = make_model("adam", keras.layers.Identity())
    widget = TunerWidget(model, *digits)
    widget.selected_lr = 0.25
    widget.apply("cosine", 5)
    assert during_training(model, digits, widget.undo)[3:] == pytest.approx([0.001] * 2)
    model.optimizer.iterations.assign(0)
    widget.apply("cosine", 5)
    assert during_training(model, digits, widget.apply)[3:] == pytest.approx([0.25] * 2)


def test_undo_of_a_rate_that_was_applied_while_a_schedule_trained(make_model, digits):
    schedule = keras.optimizers.schedules.CosineDecay(0.02, 1000)
    model = make_model(keras.optimizers.Adam(schedule), keras.layers.Identity())
    widget = TunerWidget(model, *digits)
    widget.selected_lr = 0.01

    def there_and_back():
        before = float(model.optimizer.learning_rate)
        widget.apply()
        assert float(model.optimizer.learning_rate) == pytest.approx(0.01)
        assert widget.undo() == pytest.approx(before)

    during_training(model, digits, there_and_back, widget.callback())
    assert float(model.optimizer.learning_rate) == pytest.approx(float(schedule(5)))
    during_training(model, digits, widget.apply, widget.callback())
    assert widget.undo() == pytest.approx(float(schedule(10)))
    assert model.optimizer._learning_rate is schedule


def test_a_schedule_is_not_applied_between_two_updates_of_accumulated_gradients(make_model, digits):
    model = make_model(keras.optimizers.Adam(gradient_accumulation_steps=8), keras.layers.Identity())
    widget = TunerWidget(model, *digits)
    widget.selected_lr = 0.01
    first_rates(model, digits)
    with pytest.raises(ValueError, match="has taken 4 steps"):
        widget.apply("cosine", 5)


def test_the_notice_of_undo_names_what_is_there_again(make_model, digits):
    widget = TunerWidget(make_model("adam", keras.layers.Identity()), *digits)
    widget.selected_lr = 0.01
    widget.apply("cosine", 5)
    widget.apply()
    for words in ("its schedule, at a rate of 0.01 again", "its rate of 0.001 again"):
        send(widget, type="undo")
        assert widget._panel.notice == f"The model's optimizer has {words}"


@pytest.mark.parametrize(
    ("optimizer", "kind", "moves"),
    [("adam", "one-cycle", True), ("sgd", "one-cycle", False), ("adam", "cosine", False)],
)
def test_the_notice_says_whether_the_momentum_moves_too(make_model, digits, optimizer, kind, moves):
    widget = TunerWidget(make_model(optimizer, keras.layers.Identity()), *digits)
    widget.selected_lr = 0.01
    from_front_end(widget, kind=kind, epochs=4.0)
    send(widget, type="apply")
    assert "has the schedule" in widget._panel.notice
    assert ("its momentum moves with it" in widget._panel.notice) == moves
    assert ("OneCycleMomentum()" in widget._panel.code) == (kind == "one-cycle")
