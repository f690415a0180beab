"""The parts of `notebooks/lesson.ipynb`: questions that check their answers, and pictures. None imports TensorFlow."""

from autolr_widget.lesson.curves import Curves
from autolr_widget.lesson.look import large_notebook
from autolr_widget.lesson.measuring import dip, measure, nearest
from autolr_widget.lesson.parabola import Parabola, comes_down
from autolr_widget.lesson.question import Question
from autolr_widget.lesson.verdict import Verdict

__all__ = ["Curves", "Parabola", "Question", "Verdict", "comes_down", "dip", "large_notebook", "measure", "nearest"]
