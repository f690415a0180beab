"""Examples of keras.io, rebuilt small with made-up data, in our own words.

`EXAMPLES` holds a function per example, by the name of its page: ``vision/nnclr`` is keras.io/examples/vision/nnclr.
The scripts under ``proposed/`` were offered to keras.io, and what is under ``other/`` is on none of its pages. The
modules register the functions when they are imported.
"""

from tests.engine.keras_io import (
    adversarial,
    adversarial_graphs_and_sound,
    audio_and_graphs,
    diffusion_and_molecules,
    generative,
    nlp,
    recipes,
    self_supervised,
    tables_and_series,
    teachers,
    text_generation,
    vision,
    vision_methods,
    vision_steps,
)
from tests.engine.keras_io.example import EXAMPLES, Example

__all__ = [
    "EXAMPLES",
    "Example",
    "adversarial",
    "adversarial_graphs_and_sound",
    "audio_and_graphs",
    "diffusion_and_molecules",
    "generative",
    "nlp",
    "recipes",
    "self_supervised",
    "tables_and_series",
    "teachers",
    "text_generation",
    "vision",
    "vision_methods",
    "vision_steps",
]
