import gc
import os

# Before TensorFlow is imported: its notes on the CPU would bury the tests' own output.
os.environ.setdefault("TF_CPP_MIN_LOG_LEVEL", "3")
os.environ.setdefault("CUDA_VISIBLE_DEVICES", "")

import hypothesis
import pytest
import tqdm

from tests.leaks import nothing_is_left_by_fixtures as nothing_is_left_by_fixtures
from tests.leaks import nothing_is_left_by_the_test as nothing_is_left_by_the_test

# These machines are shared, and no test is timed.
hypothesis.settings.register_profile("shared machine", deadline=None)
hypothesis.settings.load_profile("shared machine")

# Its thread, which looks after slow bars, would outlive the test that shows the first bar.
tqdm.tqdm.monitor_interval = 0


@pytest.fixture(scope="session")
def digits():
    """Images in [0, 1], shape (1797, 64), and their digits as integers."""
    from sklearn.datasets import load_digits

    x, y = load_digits(return_X_y=True)
    return (x / 16).astype("float32"), y


@pytest.fixture
def make_model():
    """Builds the same small network from the same weights each time; extra layers go in its middle."""
    import keras

    def make(optimizer="sgd", *layers, loss=None):
        keras.utils.set_random_seed(0)
        model = keras.Sequential(
            [keras.Input((64,)), keras.layers.Dense(16, activation="relu"), *layers, keras.layers.Dense(10)]
        )
        model.compile(optimizer, loss or keras.losses.SparseCategoricalCrossentropy(from_logits=True))
        return model

    return make


def pytest_collection_modifyitems(items):
    # The longest first, or at the end one worker would wait for another.
    items.sort(key=lambda item: "test_lowest_versions" not in item.nodeid)


def pytest_configure(config):
    # pytest-xdist's own. It is not installed with the lowest versions.
    config.addinivalue_line("markers", "xdist_group(name): one worker runs these tests")


@pytest.hookimpl(wrapper=True)
def pytest_collection():
    # What the tests import is never garbage: Python need not look through all of TensorFlow again and again.
    gc.disable()
    try:
        return (yield)
    finally:
        gc.freeze()
        gc.enable()


@pytest.fixture(scope="module", autouse=True)
def garbage_is_collected_after_each_module():
    """And what remains is not looked at again: a worker's graphs of TensorFlow made each later collection slow."""
    yield
    gc.collect()
    gc.freeze()


def pytest_addoption(parser):
    parser.addoption("--refresh", action="store_true", help="make the pictures in docs/screens again")
