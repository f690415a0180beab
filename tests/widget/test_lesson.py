import numpy as np

from autolr_widget.engine.data.subsample import subsample
from tests.widget.front_end import from_front_end, marks, send


def test_explained_the_chart_waits_for_its_stage(widget):
    from_front_end(widget, explain=True)
    for seen in range(2):
        widget.step()
        send(widget, type="tick", round=seen)
        assert (widget._panel.stage, widget.round) == (1, seen + 1)
        told, last = widget._panel.lesson, widget.tuner.rounds[-1]
        assert (told["round"], told["before"], len(told["drawn"])) == (seen + 1, last.loss, 32)
        np.testing.assert_allclose(told["after"], last.loss + last.deltas)
        # The first batch of the round, of the very observations.
        expected = subsample(1797, 32, 42, seen, 55)[:32]
        np.testing.assert_allclose(np.array(told["drawn"]) * 1797, np.sort(expected), atol=0.1)
        assert marks(widget)["curve"].visible == (seen > 0)
        from_front_end(widget, stage=6)
        np.testing.assert_allclose(marks(widget)["curve"].y[2], widget.results.summary()["mean"], rtol=1e-6)
    widget.step()
    send(widget, type="tick", round=2)
    before = marks(widget)["curve"].y
    from_front_end(widget, explain=False)
    assert not np.array_equal(marks(widget)["curve"].y, before), "who stops listening sees the chart"
    from_front_end(widget, explain=True)
    widget.start()
    send(widget, type="tick", round=3)
    np.testing.assert_allclose(marks(widget)["curve"].y[2], widget.results.summary()["mean"], rtol=1e-6)


def test_refine_and_go_on_do_not_wait_for_an_explanation(widget):
    from_front_end(widget, explain=True)
    widget.step()
    send(widget, type="tick", round=0)
    from_front_end(widget, stage=6)
    widget.step()
    send(widget, type="tick", round=1)
    assert widget._panel.stage == 1
    widget.refine()
    widget.run()
    assert marks(widget)["curve"].visible
    assert widget._panel.lesson == {}
    # Nor does a step that is none.
    widget.step()
    widget.method = "median"
    assert widget._panel.stage == 0


def test_another_rule_does_not_begin_the_lesson_anew(widget):
    from_front_end(widget, explain=True)
    widget.step()
    send(widget, type="tick", round=0)
    from_front_end(widget, stage=3)
    widget.method = "median"
    assert widget._panel.stage == 3


def test_a_lesson_of_a_race_tells_of_the_rates_that_race(widget):
    widget.num_subsamples, widget.pruner, widget.horizon = 24, "racing", 1
    widget.run()
    widget.num_subsamples = 25
    from_front_end(widget, explain=True)
    widget.step()
    send(widget, type="tick", round=24)
    told = widget._panel.lesson
    assert len(told["rates"]) == len(told["after"]) == widget.tuner.rounds[-1].measured.sum() < 12
    assert None not in told["after"]
