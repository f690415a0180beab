import numpy as np
import pytest
from scipy.stats import t

from autolr_widget.engine.live.verdict import _apart, verdict
from autolr_widget.engine.types import Round

student = t.ppf
RATES = 0.1 * 4.0 ** np.arange(-2, 3)
NOISE = np.resize([0.3, -0.1, 0.1, -0.3], 20)


def round_of(after, noise=0.0, start=2.0):
    """A round whose paths begin at the loss ``start`` and are at those of ``after`` in their second half."""
    curves = np.full((len(after), 20), start)
    curves[:, 10:] = np.array(after)[:, np.newaxis]
    starts = np.full(20, start)
    # The noise of the batches, and that of the paths.
    curves += NOISE + noise * np.random.default_rng(0).normal(size=curves.shape)
    deltas = (curves - starts - NOISE)[:, 10:].mean(axis=1)
    return Round(0, start, deltas, np.isfinite(deltas), curves, starts)


def judged(after, **options):
    return verdict(RATES, 2, round_of(after, **options))


def test_a_rate_that_is_too_low_is_raised_to_half_of_the_lowest_point():
    found = judged([2.0, 2.0, 1.9, 1.5, 1.0])
    assert found.better
    assert found.proposed == pytest.approx(RATES[-1] / 2)
    assert found.gain == pytest.approx(0.9)
    assert found.uncertainty == pytest.approx(0.0, abs=1e-9)
    assert found.words.startswith("after 20 steps, the loss is 0.9 lower at 1.6, which is more than the noise of ")


def test_a_rate_that_is_too_high_is_lowered():
    found = judged([1.5, 1.0, 2.5, 5.0, np.nan])
    assert found.better
    assert RATES[0] <= found.proposed < RATES[1]
    assert found.gain == pytest.approx(1.5)


def test_a_gain_within_the_noise_is_none():
    assert judged([1.95, 1.95, 1.95, 1.9, 1.8], noise=0.05).better
    found = judged([1.95, 1.95, 1.95, 1.9, 1.8], noise=0.5)
    assert not found.better
    assert 0 < found.gain <= found.uncertainty
    assert found.proposed == pytest.approx(RATES[-1] / 2)


@pytest.mark.parametrize(
    ("one", "other", "words"),
    [
        (0.9, 0.1, ("0.9", "0.1")),
        (0.141, 0.139, ("0.141", "0.139")),
        (0.1402, 0.1398, ("0.1402", "0.1398")),
        (123.4, 123.2, ("123.4", "123.2")),
        (0.14, 0.14, ("0.14", "0.14")),
        (0.1, np.nextafter(0.1, 1), ("0.10000000000000001", "0.10000000000000002")),
        (0.0, 1e-9, ("0", "1e-09")),
    ],
)
def test_two_numbers_that_differ_do_not_look_equal(one, other, words):
    assert _apart(one, other) == words
    assert _apart(other, one) == words[::-1]


def test_the_words_tell_the_gain_and_the_noise_apart(monkeypatch):
    gain = judged([1.95, 1.95, 1.95, 1.9, 1.8], noise=0.05).gain
    # The noise is nearly as large as the gain.
    noise = judged([1.95, 1.95, 1.95, 1.9, 1.8], noise=0.05).uncertainty
    monkeypatch.setattr("scipy.stats.t.ppf", lambda level, freedom: student(level, freedom) * 0.999 * gain / noise)
    found = judged([1.95, 1.95, 1.95, 1.9, 1.8], noise=0.05)
    assert found.better
    lower, noise = _apart(found.gain, found.uncertainty)
    assert f"{found.gain:.2g}" == f"{found.uncertainty:.2g}", "otherwise this test shows nothing"
    assert lower != noise
    assert f"the loss is {lower} lower at 1.6, which is more than the noise of {noise}" in found.words


def test_noise_of_the_batches_cancels_out():
    assert judged([2.0, 2.0, 1.99, 1.98, 1.97]).better


@pytest.mark.parametrize("after", [[1.9, 1.5, 1.0, 1.5, 1.9], [1.9, 1.8, 1.5, 1.0, 1.5], [1.8, 1.4, 1.3, 1.5, 1.9]])
def test_a_rate_within_a_factor_of_five_is_kept(after):
    found = judged(after)
    assert not found.better
    assert (found.gain, found.uncertainty) == (None, None)
    assert found.proposed is not None
    assert found.words == "no clearly better rate was found"


def test_a_present_rate_that_diverges_is_left():
    found = judged([1.5, np.nan, np.nan, np.nan, np.nan])
    assert (found.better, found.gain, found.uncertainty) == (True, None, None)
    assert found.words == "the loss diverges at 0.1"


def test_if_all_rates_diverge_none_is_proposed():
    found = judged([np.nan] * 5)
    assert (found.better, found.proposed) == (False, None)


def test_where_no_rate_lowers_the_loss_that_which_raises_it_least_is_proposed():
    found = judged([2.1, 2.2, 2.9, 4.0, 9.0])
    assert found.better
    assert found.proposed == pytest.approx(RATES[0])


def test_a_proposed_rate_is_within_the_grid():
    assert judged([1.0, 1.5, 1.9, 2.5, 4.0]).proposed == pytest.approx(RATES[0])


def test_of_two_rates_the_better_one_is_proposed():
    rates = np.array([0.1 / 8, 0.1])
    lower, higher = (verdict(rates, 1, round_of(after)) for after in ([1.8, 1.9], [1.9, 1.8]))
    assert (lower.better, lower.proposed) == (True, rates[0])
    assert (higher.better, higher.proposed) == (False, rates[1])
    assert higher.words == "the loss is not lower at 0.0125"
    rising = verdict(rates, 1, round_of([2.1, 2.4]))
    assert (rising.better, rising.proposed) == (True, rates[0])
