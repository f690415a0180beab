import numpy as np

from autolr_widget.widget.pins import Pin, pinned

RATES = np.array([0.1, 1.0, 10.0])


def pin_all(*means):
    pins = []
    for number, mean in enumerate(means):
        pins = pinned(pins, f"run {number}", RATES, np.array(mean, float))
    return pins


def letters(pins):
    return [pin.letter for pin in pins]


def test_each_pin_keeps_its_letter():
    pins = pin_all([1, 2, 3], [2, 3, 4], [3, 4, 5])
    assert letters(pins) == ["A", "B", "C"]
    left = [pins[0], pins[2]]
    assert letters(pinned(left, "next", RATES, np.zeros(3))) == ["A", "C", "B"]


def test_the_oldest_pin_makes_room():
    pins = pin_all([1, 2, 3], [2, 3, 4], [3, 4, 5], [4, 5, 6], [5, 6, 7])
    assert letters(pins) == ["B", "C", "D", "A"]
    assert pins[-1].words == "run 4"


def test_the_same_curve_is_pinned_once():
    pins = pinned([], "run", RATES, np.array([1.0, np.nan, 3.0]))
    assert pinned(pins, "run", RATES, np.array([1.0, np.nan, 3.0])) == pins
    assert len(pinned(pins, "other", RATES, np.array([1.0, np.nan, 3.0]))) == 2


def test_a_curve_without_a_point_is_not_pinned():
    assert pinned([], "run", RATES, np.full(3, np.nan)) == []


def test_the_front_end_gets_the_lowest_point():
    pin = Pin("B", "run", RATES, np.array([-1.0, np.nan, -3.0]))
    assert pin.shown == {"letter": "B", "color": "#a05a9c", "words": "run", "name": "", "rate": 10.0, "change": -3.0}
