"""The models, losses, optimizers and data that the engine measures exactly, or refuses.

`CASES` holds a function per case, by name. The modules register them when they are imported.
"""

from tests.engine.cases import data, losses, models, optimizers, precision, structure, weights
from tests.engine.cases.case import CASES, Case

__all__ = ["CASES", "Case", "data", "losses", "models", "optimizers", "precision", "structure", "weights"]
