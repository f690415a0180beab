import pytest

from autolr_widget.lesson.question import Question


@pytest.fixture
def sum_of_two():
    return Question("2 + 2?", {"4": "As always.", "5": "Count again."}, right="4")


@pytest.fixture
def prediction():
    return Question("Where does it go?", {"left": "", "right": "Look at the bottom."})


def press(question, answer):
    question._buttons[answer].click()


def shown(question):
    return question._words.value


def test_a_wrong_answer_is_told_why_and_can_be_changed(sum_of_two):
    assert str(sum_of_two.verdict) == "Choose an answer first."
    assert shown(sum_of_two) == ""
    press(sum_of_two, "5")
    assert str(sum_of_two.verdict) == "No. Count again."
    assert "No. Count again." in shown(sum_of_two)
    press(sum_of_two, "4")
    assert str(sum_of_two.verdict) == "Right. As always."
    assert "Right. As always." in shown(sum_of_two)


def test_a_prediction_is_judged_by_what_was_measured(prediction):
    press(prediction, "right")
    assert "noted" in shown(prediction)
    assert "Right" not in shown(prediction)
    verdict = prediction.reveal("left", "It moved by 3.")
    assert verdict.right is False
    assert str(verdict) == "No. You said: right. Measured: left. It moved by 3. Look at the bottom."
    assert str(verdict) in shown(prediction)
    assert all(button.disabled for button in prediction._buttons.values()), "it is known now"


def test_a_right_prediction(prediction):
    press(prediction, "right")
    press(prediction, "left")
    assert str(prediction.reveal("left")) == "Right. You said: left. Measured: left."


def test_nothing_is_revealed_before_there_is_an_answer(prediction):
    verdict = prediction.reveal("left", "It moved by 3.")
    assert verdict.right is None
    assert str(verdict) == "Choose an answer first. Then run this cell again."
    press(prediction, "left")
    assert prediction.reveal("left").right


def test_the_chosen_answer_is_marked(prediction):
    press(prediction, "left")
    assert [button.description for button in prediction._buttons.values()] == ["● left", "○ right"]
    prediction.answer = None
    assert [button.description for button in prediction._buttons.values()] == ["○ left", "○ right"]


def test_input_errors(prediction):
    with pytest.raises(ValueError, match=r"`right` must be one of \['4', '5'\]. Received: right='6'"):
        Question("2 + 2?", {"4": "", "5": ""}, right="6")
    with pytest.raises(ValueError, match=r"Received: right='up'"):
        prediction.reveal("up")
    with pytest.raises(ValueError, match=r"Received: answer='up'"):
        prediction.answer = "up"


def test_nothing_that_is_shown_is_markup():
    question = Question("<b>1</b>?", {"<i>a</i>": "<u>why</u>", "b": ""}, right="<i>a</i>")
    question.answer = "<i>a</i>"
    texts = "".join(child.value for child in question.children[1:] if hasattr(child, "value"))
    assert "<b>" not in texts
    assert "<u>" not in texts
    assert "&lt;u&gt;why&lt;/u&gt;" in question.verdict._repr_html_()


def test_closing_closes_all_of_its_widgets(prediction):
    parts = [prediction, *prediction.children, *(child.layout for child in prediction.children)]
    prediction.close()
    assert all(part.comm is None for part in parts)
    prediction.close()
