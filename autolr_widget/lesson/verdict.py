"""What is said about an answer."""

from __future__ import annotations

from dataclasses import dataclass

from autolr_widget.lesson.look import STYLE, paragraph

#: What a verdict begins with, and how it looks.
RIGHT, WRONG, OPEN = ("Right.", "right"), ("No.", "wrong"), ("Choose an answer first.", "open")


@dataclass(frozen=True, repr=False)
class Verdict:
    """Whether an answer is right, and why. A notebook shows it as a paragraph.

    Parameters
    ----------
    right
        None if there is no answer yet.
    why
        The reason, as plain text.
    """

    right: bool | None
    why: str = ""

    def __str__(self) -> str:
        return f"{self._kind[0]} {self.why}".rstrip()

    def __repr__(self) -> str:
        return str(self)

    @property
    def paragraph(self) -> str:
        """The verdict as HTML. Its border tells right from wrong too."""
        return paragraph(str(self), f"autolr-verdict autolr-{self._kind[1]}")

    @property
    def _kind(self) -> tuple[str, str]:
        return OPEN if self.right is None else RIGHT if self.right else WRONG

    def _repr_html_(self) -> str:
        return f'{STYLE}<div class="autolr-lesson">{self.paragraph}</div>'
