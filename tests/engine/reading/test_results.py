import json
import math

import keras
import numpy as np
import pandas as pd
import pytest
from hypothesis import given
from hypothesis import strategies as st

from autolr_widget import LRTuner, TuneResults
from autolr_widget.engine.rate_text import rate_text
from autolr_widget.engine.reading.selection import RULES
from autolr_widget.engine.types import Round, Unfinished
from tests.engine.reading.curves import CURVE, DELTAS, GRID, RATES


@given(DELTAS)
def test_summary_equals_pandas_on_the_finite_rounds(deltas):
    frame = pd.DataFrame(np.where(np.isfinite(deltas), deltas, np.nan), columns=RATES)
    results = TuneResults(RATES, deltas)
    summary = results.summary(alpha=0.1)
    pd.testing.assert_frame_equal(results.frame, frame, check_names=False)
    for percent in (5, 25, 75, 95):
        expected = frame.quantile(percent / 100).to_numpy()
        np.testing.assert_allclose(summary[f"q{percent:02}"], expected, rtol=1e-9, atol=1e-6)
    for statistic in ("mean", "median", "std"):
        expected = getattr(frame, statistic)().to_numpy()
        np.testing.assert_allclose(summary[statistic], expected, rtol=1e-9, atol=1e-6)
    pd.testing.assert_index_equal(summary.index, pd.Index(RATES, name="learning_rate"))
    assert summary["count"].tolist() == frame.count().tolist()
    assert (summary["count"] + summary["diverged"] == len(deltas)).all()
    margin = 1.6448536269514722 * frame.std().to_numpy() / np.sqrt(frame.count().to_numpy().clip(1))
    np.testing.assert_allclose(summary["upper"] - summary["lower"], 2 * margin, rtol=1e-7, atol=1e-5)


@pytest.mark.parametrize(
    ("drop", "end"), [([-5, -4, -3, -2, -1], "lower"), ([-1, -2, -3, -4, -5], "upper"), ([-1, -2, -5, -4, -3], "")]
)
def test_a_choice_at_the_edge_is_flagged(drop, end):
    assert TuneResults(RATES, np.array([drop] * 2, float)).edge() == end


def test_the_largest_rate_that_did_not_diverge_is_not_an_edge():
    assert TuneResults(RATES, np.array([[-1, -2, -3, -4, math.nan]])).edge() == ""


@given(DELTAS, st.sampled_from(["log", "linear"]))
def test_json_round_trip(deltas, scale):
    results = TuneResults(RATES, deltas, scale)
    text = results.to_json()
    assert TuneResults.from_json(text) == results
    json.loads(text, parse_constant=lambda name: pytest.fail(f"{name} is not JSON"))


HEAD = '{"format": "autolr_widget.TuneResults", "version": 1, "scale": '


@pytest.mark.parametrize(
    ("text", "message"),
    [
        ("", "it is not JSON"),
        ("[]", 'its "format" is not "autolr_widget.TuneResults"'),
        ("{}", 'its "format" is not "autolr_widget.TuneResults"'),
        ('{"format": "autolr_widget.Run", "version": 1}', 'its "format" is not "autolr_widget.TuneResults"'),
        ('{"format": "autolr_widget.TuneResults", "version": 2}', 'its "version" is 2, .* reads only version 1'),
        (HEAD + '"log", "rates": [1, 2], "deltas": [[1]]}', "row 0 of `deltas` is not a list of 2 values"),
        (HEAD + '"log", "rates": ["a"], "deltas": [[1]]}', "`rates` contains 'a'"),
        (HEAD + '"log", "rates": [2, 1], "deltas": []}', "`rates` must be finite, not negative and in increasing"),
        (HEAD + '"log", "rates": [1], "deltas": [[1]], "measured": [[false]]}', "must be NaN where `measured`"),
        (HEAD + '"cubic", "rates": [1], "deltas": [[1]]}', "`scale` must be one of"),
        (HEAD + '"log", "rates": [1]}', "`results` lacks the key 'deltas'"),
    ],
)  # fmt: skip
def test_damaged_json_is_refused(text, message):
    with pytest.raises(ValueError, match="Argument `text` must be JSON written by .*, but .*" + message):
        TuneResults.from_json(text)


def test_results_are_equal_by_value():
    deltas = np.array([[1.0, math.nan, 2.0, 3.0, 4.0]])
    assert TuneResults(RATES, deltas) == TuneResults(RATES, deltas)
    assert TuneResults(RATES, deltas) != TuneResults(RATES, deltas + 1)
    assert TuneResults(RATES, deltas) != TuneResults(RATES, deltas, "linear")


def test_a_custom_rule_works_like_the_built_in_ones(monkeypatch):
    monkeypatch.setitem(RULES, "third", lambda rates, deltas: float(rates[2]))
    results = TuneResults(GRID, np.tile(CURVE, (3, 1)))
    assert results.best_lr("third") == 1e-2
    assert results.choices()["third"] == 1e-2
    assert results.certainty("third").agreement == 1


def test_the_repr_is_one_line():
    results = TuneResults(GRID, np.tile(CURVE, (2, 1)))
    assert repr(results) == (
        f"TuneResults: 2 rounds at 6 rates from 1e-4 to 10; lowest mean {CURVE.min():g} at 1; "
        f'rule "half-minimum" chooses {rate_text(results.best_lr())}'
    )
    assert repr(TuneResults(GRID, CURVE[np.newaxis])).startswith("TuneResults: 1 round at 6 rates")
    assert repr(TuneResults(GRID, np.empty((0, 6)))) == "TuneResults: 0 rounds at 6 rates from 1e-4 to 10"
    assert repr(TuneResults(np.empty(0), np.empty((1, 0)))).startswith("TuneResults: 1 round at 0 rates")
    # A rate that diverged in some round is not the lowest.
    some = np.where(GRID == 1, [[math.nan], [-99]], CURVE)
    assert "lowest mean -0.9 at 0.1;" in repr(TuneResults(GRID, some))


def test_the_repr_says_why_nothing_is_chosen():
    rising = repr(TuneResults(GRID, np.ones((2, 6))))
    assert rising.startswith("TuneResults: 2 rounds at 6 rates from 1e-4 to 10; lowest mean 1 at 1e-4. Rule ")
    assert rising.endswith("finds no rate that lowers the loss. Try rates below 1e-4, such as 1e-7 to 1e-4.")
    diverged = repr(TuneResults(GRID, np.full((2, 6), math.nan)))
    assert diverged.startswith("TuneResults: 2 rounds at 6 rates from 1e-4 to 10. Every learning rate from 0.0001")


def test_the_repr_of_a_round_is_one_line():
    curves = np.ones((5, 20))
    measured = np.arange(5) < 3
    assert repr(Round(3, 2.5, curves[:, 0], measured, curves, curves[0])) == (
        "Round 3: loss 2.5 before 20 steps at 3 of 5 rates"
    )
    assert repr(Round(0, 2.5, curves[:, 0], measured, curves[:, :1], curves[0, :1])) == (
        "Round 0: loss 2.5 before 1 step at 3 of 5 rates"
    )
    assert repr(Unfinished(0, curves, curves[0], np.full(5, 7), 7, 0.1)) == "Round 0, after 7 of 20 steps"


def test_half_minimum_is_at_the_edge_if_the_lowest_mean_is():
    results = TuneResults(GRID[:5], np.tile(CURVE[:5], (2, 1)))
    assert (results.best_lr("half-minimum"), results.edge("half-minimum")) == (1 / 2, "upper")


@pytest.mark.parametrize("alpha", [0, 1, 1.5, math.nan])
def test_summary_refuses_an_alpha_outside_0_to_1(alpha):
    with pytest.raises(ValueError, match="`alpha` must lie between 0 and 1"):
        TuneResults(RATES, np.ones((2, 5))).summary(alpha)


def test_a_plot_has_the_mean_the_band_and_a_line_at_0():
    import matplotlib as mpl

    mpl.use("Agg")
    results = TuneResults(RATES, np.array([[-1.0, -2, -3, 4, 5], [-2, -3, -3, 4, 6]]))
    axes = results.plot()
    mean, zero = axes.lines
    np.testing.assert_array_equal(mean.get_xdata(), RATES)
    np.testing.assert_array_equal(mean.get_ydata(), [-1.5, -2.5, -3, 4, 5.5])
    np.testing.assert_array_equal(zero.get_ydata(), [0, 0])
    assert (zero.get_linestyle(), zero.get_color()) == ("--", "gray")
    (band,) = axes.collections
    summary = results.summary()
    corners = band.get_paths()[0].vertices
    for edge in ("lower", "upper"):
        for corner in zip(RATES, summary[edge], strict=True):
            assert np.isclose(corners, corner).all(axis=1).any()
    assert band.get_alpha() == 0.3
    assert (axes.get_xscale(), axes.get_xlabel(), axes.get_ylabel()) == ("log", "Learning rate", "Change in loss")
    assert [text.get_text() for text in axes.get_legend().get_texts()] == ["mean", "95% band"]
    assert results.plot(0.1, axes, "t") is axes
    assert axes.get_legend().get_texts()[3].get_text() == "90% band"
    results.plot(ax=axes, label="Adam")
    assert axes.get_legend().get_texts()[4].get_text() == "Adam"
    assert mpl.colors.same_color(axes.collections[2].get_facecolor()[0][:3], axes.lines[4].get_color())


@pytest.mark.parametrize(
    ("measured", "written"),
    [
        (None, None),
        ([[True, True], [True, True]], None),
        ([[True, True], [True, False]], [[True, True], [True, False]]),
    ],
)
def test_json_says_what_was_measured_unless_everything_was(measured, written):
    results = TuneResults([0.1, 1], [[1, 2], [3, math.nan]], measured=measured)
    assert json.loads(results.to_json())["measured"] == written
    assert TuneResults.from_json(results.to_json()) == results


def test_results_can_be_read_from_a_saved_run():
    results = TuneResults(RATES, np.ones((2, 5)))
    run = {"format": "autolr_widget.Run", "results": json.loads(results.to_json())}
    assert TuneResults.from_json(json.dumps(run)) == results


@pytest.mark.parametrize(
    ("key", "value", "message"), [("scale", 1, "`scale`"), ("measured", [[1, 2, 3, 4, 5]] * 2, "`measured`")]
)
def test_json_with_a_value_of_the_wrong_type_is_refused(key, value, message):
    content = json.loads(TuneResults(RATES, np.ones((2, 5))).to_json())
    with pytest.raises(ValueError, match=message):
        TuneResults.from_json(json.dumps(content | {key: value}))


def test_results_are_read_only_arrays():
    results = TuneResults([0, 1, 1], [[1, 2, 3]], "linear", measured=[[1, 1, 1]])
    arrays = (results.rates, results.deltas, results.measured)
    assert [array.dtype for array in arrays] == [float, float, bool]
    for array in arrays:
        with pytest.raises(ValueError, match="read-only"):
            array[0] = 0


@pytest.mark.parametrize(
    ("rates", "deltas", "message"),
    [
        ([[0.1, 1]], [[1, 2]], r"`deltas` must have one row .*rates\.shape=\(1, 2\), deltas\.shape=\(1, 2\)"),
        ([0.1, 1], [1, 2], r"`deltas` must have one row .*rates\.shape=\(2,\), deltas\.shape=\(2,\)"),
        ([0.1, 1], [[1, 2, 3]], r"`deltas` must have one row .*rates\.shape=\(2,\), deltas\.shape=\(1, 3\)"),
        ([-0.1, 1], [[1, 2]], "`rates` must be finite, not negative and in increasing order"),
        ([0.1, math.inf], [[1, 2]], "`rates` must be finite, not negative and in increasing order"),
    ],
)
def test_bad_rates_and_deltas_are_refused(rates, deltas, message):
    with pytest.raises(ValueError, match=message):
        TuneResults(rates, deltas)


def test_measured_must_have_the_shape_of_deltas():
    with pytest.raises(ValueError, match=r"`measured` must have .*measured\.shape=\(2,\), deltas\.shape=\(1, 2\)"):
        TuneResults([0.1, 1], [[1, 2]], measured=[True, True])


@pytest.fixture(scope="module")
def runs():
    keras.utils.set_random_seed(0)
    model = keras.Sequential([keras.Input((4,)), keras.layers.Dense(3, "relu"), keras.layers.Dense(1)])
    model.compile("sgd", "mse")
    x = np.random.default_rng(0).normal(size=(70, 4)).astype("float32")

    def run(horizon, **settings):
        tuner = LRTuner(model, x, x[:, :1], lr_space=(1e-3, 1e25), num_evals=6, num_subsamples=2, batch_size=6,
                        horizon=horizon, **settings)  # fmt: skip
        list(tuner)
        return tuner.results

    return run


@pytest.mark.trains
@pytest.mark.parametrize("steps", [2, 3, 5, 13, 20])
def test_a_shorter_horizon_gives_what_a_run_with_it_would_give(runs, steps):
    # 20 steps go through the data twice. The largest rates diverge.
    longest = runs(20)
    assert np.isnan(longest.deltas).any()
    assert longest.at(steps) == runs(steps)


@pytest.mark.parametrize(
    ("results", "steps", "message"),
    [
        (lambda runs: runs(4), 1, "must lie between 2 and 4. Received: steps=1"),
        (lambda runs: runs(4), 5, "must lie between 2 and 4. Received: steps=5"),
        (lambda runs: runs(4, evaluate_on="train"), 3, 'a run with evaluate_on="progressive"'),
        (lambda runs: TuneResults(RATES, CURVE[None, :5]), 3, "Received: results without them"),
    ],
)
def test_a_horizon_that_can_t_be_read(runs, results, steps, message):
    with pytest.raises(ValueError, match=message):
        results(runs).at(steps)


@pytest.mark.parametrize(("curves", "starts"), [((2, 5, 3), (2, 4)), ((2, 4, 3), (2, 3)), ((1, 5, 3), (1, 3))])
def test_curves_must_fit_the_rounds(curves, starts):
    with pytest.raises(ValueError, match="`curves` and `starts` must have one loss per step"):
        TuneResults(RATES, np.zeros((2, 5)), curves=np.zeros(curves), starts=np.zeros(starts))
