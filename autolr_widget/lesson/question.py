"""A question with some answers to choose from."""

from __future__ import annotations

from collections.abc import Mapping
from functools import partial
from typing import Any

import ipywidgets as ipw
import traitlets

from autolr_widget.lesson.look import Part, paragraph
from autolr_widget.lesson.verdict import Verdict


class Question(Part):
    """A question with some answers. What is right is known from the start, or is measured later.

    Parameters
    ----------
    text
        The question, as plain text.
    answers
        The answers, and why each of them is right or wrong. The reason may be empty if `reveal` gives it.
    right
        The right answer. Then each click is judged at once, and a wrong one can be changed. None if it has not been
        measured yet: the answer is a prediction, which can be changed until `reveal`.

    Raises
    ------
    ValueError
        If ``right`` is not among the answers.

    Examples
    --------
    >>> question = Question("2 + 2?", {"4": "As always.", "5": "Count again."}, right="4")
    >>> question.answer = "5"
    >>> question.verdict
    No. Count again.
    >>> question.close()
    """

    answer = traitlets.Unicode(None, allow_none=True, help="The answer that was chosen, or None")

    def __init__(self, text: str, answers: Mapping[str, str], right: str | None = None) -> None:
        self._answers = dict(answers)
        self._right = right
        self._check(right)
        # Buttons, because JupyterLab takes the arrow keys away from radio buttons.
        self._buttons = {answer: ipw.Button() for answer in answers}
        self._words = ipw.HTML()
        super().__init__(ipw.HTML(paragraph(text, "autolr-question")), *self._buttons.values(), self._words)
        for answer, button in self._buttons.items():
            button.on_click(partial(self._on_click, answer))
        self.observe(self._show, names="answer")
        self._show()

    @property
    def verdict(self) -> Verdict:
        """What is said about the answer."""
        if self.answer is None:
            return Verdict(None)
        return Verdict(self.answer == self._right, self._answers[self.answer])

    def reveal(self, right: str, why: str = "") -> Verdict:
        """Compare a prediction with what was measured, and return the verdict. It also appears below the question.

        Parameters
        ----------
        right
            The answer that the measurement gives.
        why
            What was measured, as plain text. It comes before the reason of the answer.

        Raises
        ------
        ValueError
            If ``right`` is not among the answers.
        """
        self._check(right)
        if self.answer is None:
            return Verdict(None, "Then run this cell again.")
        seen = f"You said: {self.answer}. Measured: {right}."
        reasons = " ".join(filter(None, (seen, why, self._answers[self.answer])))
        verdict = Verdict(self.answer == right, reasons)
        for button in self._buttons.values():
            button.disabled = True
        self._words.value = verdict.paragraph
        return verdict

    def _check(self, right: str | None) -> None:
        if right is not None and right not in self._answers:
            raise ValueError(f"Argument `right` must be one of {[*self._answers]}. Received: right={right!r}")

    def _on_click(self, answer: str, _: Any) -> None:
        self.answer = answer

    @traitlets.validate("answer")
    def _check_answer(self, proposal: dict[str, Any]) -> str | None:
        answer: str | None = proposal["value"]
        if answer is not None and answer not in self._answers:
            raise ValueError(f"`answer` must be one of {[*self._answers]}. Received: answer={answer!r}")
        return answer

    def _show(self, _: Any = None) -> None:
        for answer, button in self._buttons.items():
            chosen = answer == self.answer
            button.description = f"{'●' if chosen else '○'} {answer}"
            (button.add_class if chosen else button.remove_class)("autolr-chosen-answer")
        if self._right is not None:
            self._words.value = self.verdict.paragraph if self.answer is not None else ""
        elif self.answer is not None:
            self._words.value = paragraph("Your prediction is noted. You can change it until it is checked.")
