import numpy as np

from autolr_widget.engine.data.subsample import subsample
from tests.widget.front_end import drawn, from_front_end, marks, one_round, tick


def test_the_chart_waits_for_its_stage_of_the_lesson(widget):
    from_front_end(widget, explain=True)
    for seen in range(2):
        one_round(widget)
        assert (widget._panel.stage, widget.round) == (1, seen + 1)
        lesson, last = widget._panel.lesson, widget.tuner.rounds[-1]
        assert (lesson["round"], lesson["before"], len(lesson["drawn"])) == (seen + 1, last.loss, 32)
        np.testing.assert_allclose(lesson["after"], last.loss + last.deltas)
        # The rows of the first batch of the round.
        expected = subsample(1797, 32, 42, seen, 55)[:32]
        np.testing.assert_allclose(np.array(lesson["drawn"]) * 1797, np.sort(expected), atol=0.1)
        assert marks(widget)["curve"].visible == (seen > 0)
        assert widget._panel.curves_of == ("Round 1" if seen else "")
        from_front_end(widget, stage=3)
        # The training curves are those of this round alone.
        curves = np.frombuffer(widget._panel.curves, dtype=np.float32).reshape(last.curves.shape)
        np.testing.assert_allclose(curves, last.curves, rtol=1e-6)
        assert widget._panel.curves_of == f"Round {seen + 1}"
        from_front_end(widget, stage=6)
        assert widget._panel.curves_of == ("Mean of 2 rounds" if seen else "Round 1")
        np.testing.assert_allclose(drawn(widget)[2], widget.results.summary()["mean"], rtol=1e-6)
    one_round(widget)
    before = marks(widget)["curve"].y
    from_front_end(widget, explain=False)
    assert not np.array_equal(marks(widget)["curve"].y, before), "leaving the lesson shows the chart"
    from_front_end(widget, explain=True)
    widget.start()
    while widget.status == "running":
        tick(widget)
    np.testing.assert_allclose(drawn(widget)[2], widget.results.summary()["mean"], rtol=1e-6)


def test_the_training_curves_of_the_round_are_there_again_on_the_way_back(widget):
    from_front_end(widget, stage=3)
    assert widget._panel.notice == "", "no round has been measured yet"
    from_front_end(widget, explain=True, stage=0)
    for _ in range(2):
        one_round(widget)
        from_front_end(widget, stage=6)
    seen = []
    for values in ({"stage": 5}, {"stage": 6}, {"stage": 4}, {"explain": False}, {"explain": True}, {"stage": 6}):
        from_front_end(widget, **values)
        seen.append(widget._panel.curves_of)
    assert seen == ["Round 2", "Mean of 2 rounds", "Round 2", "Mean of 2 rounds", "Round 2", "Mean of 2 rounds"]


def test_refine_and_run_do_not_wait_for_the_lesson(widget):
    from_front_end(widget, explain=True)
    one_round(widget)
    from_front_end(widget, stage=6)
    one_round(widget)
    assert widget._panel.stage == 1
    widget.refine()
    widget.run()
    assert marks(widget)["curve"].visible
    assert widget._panel.lesson == {}
    # Neither does a step after the last round.
    widget.step()
    widget.method = "median"
    assert widget._panel.stage == 0


def test_another_rule_does_not_restart_the_lesson(widget):
    from_front_end(widget, explain=True)
    one_round(widget)
    from_front_end(widget, stage=3)
    widget.method = "median"
    assert widget._panel.stage == 3


def test_the_lesson_of_a_race_shows_only_the_remaining_rates(widget):
    widget.num_subsamples, widget.pruner, widget.horizon = 24, "racing", 1
    widget.run()
    widget.num_subsamples = 25
    from_front_end(widget, explain=True)
    one_round(widget)
    lesson = widget._panel.lesson
    assert len(lesson["rates"]) == len(lesson["after"]) == widget.tuner.rounds[-1].measured.sum() < 12
    assert None not in lesson["after"]
