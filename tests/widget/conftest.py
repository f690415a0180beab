import pytest

from autolr_widget import TunerWidget
from tests.widget.counting_tuner import make_session


@pytest.fixture
def widget(make_model, digits):
    tuner = TunerWidget(make_model("adam"), *digits, lr_space=(1e-4, 10), num_evals=12, num_subsamples=4, method="mean")
    yield tuner
    tuner.close()


@pytest.fixture
def session():
    return make_session(5)
