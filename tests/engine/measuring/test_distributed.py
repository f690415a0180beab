"""Distributed models are refused before anything is touched."""

import json
import subprocess
import sys

import pytest

# One worker runs them all, or each would start the process anew.
pytestmark = [pytest.mark.slow, pytest.mark.xdist_group("distributed")]

# Two devices must be asked for before TensorFlow starts, so this is another process.
TRIED = """
import json
import keras, numpy as np, tensorflow as tf
cpu = tf.config.list_physical_devices("CPU")[0]
tf.config.set_logical_device_configuration(cpu, [tf.config.LogicalDeviceConfiguration()] * 2)
from autolr_widget import LRTuner, TunerWidget

X, Y = np.ones((64, 3), "float32"), np.zeros((64, 1), "float32")
strategy = tf.distribute.MirroredStrategy(["/cpu:0", "/cpu:1"])
assert strategy.num_replicas_in_sync == 2
found = {}

def make(built=True, optimizer="adam", dense=None):
    model = keras.Sequential([keras.Input((3,))] * built + [dense or keras.layers.Dense(1)])
    model.compile(optimizer, "mse")
    return model

def tuner(model, cls=LRTuner):
    return cls(model, X, Y, lr_space=(1e-4, 1e-2), num_evals=2, num_subsamples=1, horizon=2, batch_size=8)

def refused(name, function, model):
    before = model.get_weights()
    try:
        function()
        message = "not refused"
    except ValueError as error:
        message = str(error)
    untouched = len(before) == len(model.weights) and all(map(np.array_equal, before, model.get_weights()))
    found[name] = [message, untouched, model.built]

with strategy.scope():
    inside, unbuilt, optimizer, dense = make(), make(built=False), keras.optimizers.Adam(), keras.layers.Dense(1)
    dense.build((None, 3))
outside, outside_unbuilt = make(), make(built=False)
mixed, layer = make(optimizer=optimizer), make(dense=dense)

def in_scope(function):
    with strategy.scope():
        return function()

refused("made in a scope", lambda: tuner(inside), inside)
refused("unbuilt, made in a scope", lambda: tuner(unbuilt), unbuilt)
refused("tuner made in a scope", lambda: in_scope(lambda: tuner(outside)), outside)
refused("unbuilt, tuner made in a scope", lambda: in_scope(lambda: tuner(outside_unbuilt)), outside_unbuilt)
refused("optimizer made in a scope", lambda: tuner(mixed), mixed)
refused("layer made in a scope", lambda: tuner(layer), layer)
later = tuner(outside)
refused("run in a scope", lambda: in_scope(later.step), outside)
losses = [model.fit(X, Y, verbose=0).history["loss"] for model in (unbuilt, outside_unbuilt)]
found["fit"] = np.isfinite(losses).ravel().tolist()

# The same run, outside of the scope.
alone = tuner(make(), TunerWidget)
alone.run()
in_scope(alone.apply)
found["applied"] = [alone.selected_lr, float(alone.tuner.model.optimizer.learning_rate)]
found["later"] = bool(np.isfinite(later.step().deltas).all())

# Keras's own distribution does nothing in TensorFlow.
keras.utils.set_random_seed(0)
plain = tuner(make()).step().deltas.tolist()
devices = ["cpu:0", "cpu:1"]
mesh = keras.distribution.DeviceMesh((1, 2), ["batch", "model"], devices)
found["keras.distribution"] = []
for distribution in (
    keras.distribution.DataParallel(devices=devices),
    keras.distribution.ModelParallel(layout_map=keras.distribution.LayoutMap(mesh)),
):
    keras.distribution.set_distribution(distribution)
    keras.utils.set_random_seed(0)
    found["keras.distribution"].append(tuner(make()).step().deltas.tolist() == plain)
keras.distribution.set_distribution(None)
with tf.distribute.MultiWorkerMirroredStrategy().scope():
    by_several = make()
refused("made by several", lambda: tuner(by_several), by_several)
print(json.dumps(found))
"""


@pytest.fixture(scope="module")
def found():
    done = subprocess.run([sys.executable, "-c", TRIED], capture_output=True, text=True, timeout=300)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout.splitlines()[-1])


@pytest.mark.parametrize(
    ("name", "message", "built"),
    [
        ("made in a scope", "must not be distributed. Received: a model that was made in the scope of a Mirr", True),
        ("made by several", "must not be distributed. Received: a model that was made in the scope of a Multi", True),
        ("unbuilt, made in a scope", "must not be distributed. Received: a model that was made in the scope", False),
        ("tuner made in a scope", "must not be measured in the scope of a MirroredStrategy", True),
        ("unbuilt, tuner made in a scope", "must not be measured in the scope of a MirroredStrategy", False),
        ("optimizer made in a scope", "must not be distributed. Received: a model with layers or an optimizer", True),
        ("layer made in a scope", "must not be distributed. Received: a model with layers or an optimizer", True),
        ("run in a scope", "must not be measured in the scope of a MirroredStrategy", True),
    ],
)
def test_what_is_distributed_is_refused_and_not_touched(found, name, message, built):
    assert message in found[name][0]
    assert found[name][1:] == [True, built]


def test_models_can_be_trained_and_measured_afterwards(found):
    assert found["fit"] == [True, True]
    assert found["later"]
    assert found["applied"][1] == pytest.approx(found["applied"][0])
    assert found["keras.distribution"] == [True, True]
