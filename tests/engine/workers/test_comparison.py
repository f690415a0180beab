import pytest

from autolr_widget.engine.workers.comparison import Comparison


@pytest.mark.parametrize(
    ("there", "words"),
    [
        (0.019, "2 processes together take 9.5 ms per step, and this process alone 10 ms, so they measure the rest."),
        (0.02, "2 processes together take 10 ms per step, and this process alone 10 ms, so it measures the rest."),
    ],
)
def test_processes_help_if_they_are_faster_together(there, words):
    found = Comparison(0.01, there, 2)
    assert found.helps == (there < 0.02)
    assert found.words == words
