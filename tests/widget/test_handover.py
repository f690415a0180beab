import keras
import pytest
import tensorflow as tf

from autolr_widget import TunerWidget
from tests.widget.front_end import from_front_end, send


def test_the_code_writes_to_the_optimizer_that_is_tuned(digits):
    model = keras.Sequential([keras.Input(digits[0].shape[1:]), keras.layers.Dense(10)])
    model.compile(keras.optimizers.SGD(), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.other = keras.optimizers.Adam()
    widget = TunerWidget(model, *digits, optimizer="other")
    widget.selected_lr = 0.25
    exec(widget._panel.code, {"model": model})
    assert float(model.other.learning_rate) == 0.25
    assert float(model.optimizer.learning_rate) == pytest.approx(0.01)


def test_the_code_is_right_once_the_step_is_traced(digits):

    class OwnOptimizer(keras.Sequential):
        def train_step(self, data):
            x, y = data
            with tf.GradientTape() as tape:
                loss = self.compute_loss(x=x, y=y, y_pred=self(x, training=True))
            self.other.apply(tape.gradient(loss, self.trainable_variables), self.trainable_variables)
            return {"loss": loss}

    model = OwnOptimizer([keras.Input(digits[0].shape[1:]), keras.layers.Dense(10)])
    model.compile(keras.optimizers.SGD(), loss=keras.losses.SparseCategoricalCrossentropy(from_logits=True))
    model.other = keras.optimizers.SGD()
    widget = TunerWidget(model, *digits, num_evals=2, num_subsamples=1, horizon=2)
    widget.selected_lr = 0.25
    widget.run()
    assert widget._panel.code == "model.other.learning_rate = 0.25"


def test_the_panel_shows_the_schedule_that_apply_sets(make_model, digits):
    widget = TunerWidget(make_model("adam", keras.layers.Identity()), *digits)
    panel = widget._panel
    from_front_end(widget, kind="cosine", epochs=4.0)
    assert panel.schedule == {}, "no rate is selected yet"
    widget.selected_lr = 0.5
    assert panel.schedule["epochs"] == 4
    assert panel.schedule["rates"][::50] == pytest.approx([0.5, 0.25, 0.0], abs=1e-3)
    from_front_end(widget, epochs=-1.0)
    assert "must be a number above 0" in panel.schedule["words"]
    from_front_end(widget, kind="nonsense")
    assert "must be one of" in panel.schedule["words"]
    from_front_end(widget, kind="restarts")
    assert panel.schedule["epochs"] == 28
    send(widget, type="apply", values={"kind": "linear", "epochs": 2.0})
    assert isinstance(widget.tuner.model.optimizer._learning_rate, keras.optimizers.schedules.PolynomialDecay)
    assert "has the schedule “linear” now, instead of 0.001" in panel.notice
    assert panel.undoable


def endless(digits):
    while True:
        yield digits[0][:32], digits[1][:32]


def test_a_stream_has_no_epochs_to_show(make_model, digits):
    widget = TunerWidget(make_model("adam", keras.layers.Identity()), endless(digits))
    widget.selected_lr = 0.5
    from_front_end(widget, kind="cosine")
    assert widget._panel.schedule["words"].startswith("The length of an epoch is not known")


def test_what_the_data_do_not_tell_can_be_passed(make_model, digits):
    widget = TunerWidget(make_model("adam", keras.layers.Identity()), endless(digits))
    widget.selected_lr = 0.5
    with pytest.raises(ValueError, match="The length of an epoch is not known"):
        widget.apply("cosine", 4)
    widget.apply("cosine", epochs=4, warmup=1, steps_per_epoch=10)
    rates = widget.tuner.model.optimizer._learning_rate
    assert [float(rates(step)) for step in (0, 10, 25, 40)] == pytest.approx([0.02, 0.5, 0.25, 0.0], abs=1e-6)
    for name, value in {"epochs": 4, "warmup": 1, "steps_per_epoch": 10}.items():
        with pytest.raises(ValueError, match=f'`{name}` must be None with kind="constant"'):
            widget.apply(**{name: value})


@pytest.mark.parametrize(("kind", "epochs"), [("constant", 3), ("restarts", 3), ("cosine", None)])
def test_epochs_are_given_if_the_kind_has_an_end(widget, kind, epochs):
    widget.selected_lr = 0.01
    with pytest.raises(ValueError, match="`epochs`"):
        widget.apply(kind, epochs)


@pytest.mark.parametrize("kind", ["cosine", "linear", "one-cycle", "restarts"])
def test_the_code_sets_the_schedule_that_is_shown(make_model, digits, kind):
    model = make_model("adam", keras.layers.Identity())
    widget = TunerWidget(model, *digits)
    widget.selected_lr = 0.01
    from_front_end(widget, kind=kind, epochs=4.0)
    exec(widget._panel.code, {"model": model})
    expected = widget.schedule(kind, None if kind == "restarts" else 4.0)
    assert model.optimizer._learning_rate.get_config() == expected.get_config()
    from_front_end(widget, kind="constant")
    assert widget._panel.code == "model.optimizer.learning_rate = 0.01"
