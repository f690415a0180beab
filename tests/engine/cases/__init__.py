"""The models, losses, optimizers and data that the engine measures exactly, or refuses.

Each case is a function that returns a `Case`; its decorator names its row in the table.
"""

from tests.engine.cases import data, losses, models, optimizers, precision, structure, weights
from tests.engine.cases.case import CASES, Case

__all__ = ["CASES", "Case", "data", "losses", "models", "optimizers", "precision", "structure", "weights"]
