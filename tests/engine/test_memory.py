import subprocess
import sys

import pytest

pytestmark = pytest.mark.slow


def test_a_large_model_needs_as_much_memory_as_documented():
    """25 million parameters, Adam, 100 rates. The bound is the one in `docs/what-it-takes.md`."""
    code = """
import os, threading, time, keras, numpy as np
from autolr_widget import LRTuner
layers = [keras.layers.Dense(3500, activation="relu") for _ in range(3)]
model = keras.Sequential([keras.Input((64,)), *layers, keras.layers.Dense(10)])
model.compile("adam", "mse")
x, y = np.random.default_rng(0).normal(size=(64, 64)), np.zeros((64, 10))
assert model.count_params() > 24e6
model.optimizer.build(model.trainable_variables)
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
before = peak = resident()
def watch():
    global peak
    while True:
        peak = max(peak, resident())
        time.sleep(0.005)
threading.Thread(target=watch, daemon=True).start()
LRTuner(model, x, y, num_evals=100, horizon=1).step()
print(peak - before)
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    weights, slots = 100, 200
    assert float(done.stdout) < 2 * (weights + slots) + 3 * weights + 256


def test_memory_does_not_grow_over_5000_rounds():
    code = """
import os, keras, numpy as np
from autolr_widget import LRTuner
model = keras.Sequential([keras.Input((8,)), keras.layers.Dense(8, activation="relu"), keras.layers.Dense(1)])
model.compile("adam", "mse")
x = np.random.default_rng(0).normal(size=(500, 8))
tuner = LRTuner(model, x, x[:, :1], num_evals=10, num_subsamples=5000, horizon=1)
def resident():
    with open("/proc/self/statm") as file:
        return int(file.read().split()[1]) * os.sysconf("SC_PAGE_SIZE") / 2**20
marks = [resident() for round in tuner if round.index % 1000 == 999]
print(marks[-1] - marks[0])
"""
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert float(done.stdout) < 8


IMAGES = """
import resource, keras, numpy as np
from autolr_widget import LRTuner
layers = keras.layers.Conv2D(8, 16, 16, activation="relu"), keras.layers.Flatten(), keras.layers.Dense(10)
model = keras.Sequential([keras.Input((224, 224, 3)), *layers])
model.compile("adam", keras.losses.SparseCategoricalCrossentropy(from_logits=True))
generator = np.random.default_rng(0)
def images(count):
    return generator.random((count, 224, 224, 3), dtype="float32"), generator.integers(0, 10, count)
def batches():
    while True:
        yield images(32)
"""
FIT = {
    "arrays": "model.fit(*images(640), batch_size=32, verbose=0)",
    "stream": "model.fit(batches(), steps_per_epoch=55, verbose=0)",
}
# The default grid may be widened, which takes as long as another round.
GRID = "lr_space=(1e-4, 10), num_evals=3"
TUNE = {"arrays": f"LRTuner(model, *images(640), {GRID}).step()", "stream": f"LRTuner(model, batches(), {GRID}).step()"}
PEAK = "\nprint(resource.getrusage(resource.RUSAGE_SELF).ru_maxrss / 1024)\n"


# The states of the four paths, of 22,000 parameters with Adam, are 1 MB. In one process, which keeps what `fit` leaves.
@pytest.mark.parametrize("data", ["arrays", "stream"])
def test_large_images_need_at_most_200_mb_more_than_fit(data):
    code = IMAGES + FIT[data] + PEAK + TUNE[data] + PEAK
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    fit, tune = map(float, done.stdout.split())
    assert tune < fit + 1 + 200
