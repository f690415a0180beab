"""Writes the signature and the table of settings in python.md from `Settings`. Run it as `python docs/reference.py`."""

from __future__ import annotations

import inspect
import json
from pathlib import Path

from autolr_widget import TunerWidget
from autolr_widget.engine.arguments import ARGUMENTS
from autolr_widget.engine.settings import SETTINGS, Setting

PAGE = Path(__file__).parent / "python.md"
BEGIN, END = "<!-- settings -->\n", "<!-- /settings -->"


def block() -> str:
    """Return the signature of `TunerWidget` and the settings, as Markdown."""
    rows = ["| argument | default | accepted values | |", "| --- | --- | --- | --- |"]
    for name, default in ARGUMENTS.items():
        if name == "lr_space":
            shown, accepted = repr(default), "two numbers"
            text = "The ends of the grid. As traits, they are `lr_min` and `lr_max`."
        else:
            setting = SETTINGS[name]
            shown, accepted, text = json.dumps(default), accepted_values(setting), f"{setting.help} {setting.details}"
        rows.append(f"| `{name}` | `{shown}` | {accepted} | {text.rstrip()} |")
    return f"```python\n{signature()}\n```\n\n" + "\n".join(rows) + "\n"


def signature() -> str:
    """Return the signature of `TunerWidget`, without types."""
    parameters = inspect.signature(TunerWidget).parameters.values()
    shown = [str(parameter.replace(annotation=parameter.empty)).replace("'", '"') for parameter in parameters]
    first = next(i for i, parameter in enumerate(parameters) if parameter.kind is parameter.KEYWORD_ONLY)
    return "TunerWidget(\n    " + ",\n    ".join([*shown[:first], "*", *shown[first:]]) + ",\n)"


def accepted_values(setting: Setting) -> str:
    """Return in words which values a setting accepts."""
    if setting.options is not None:
        return ", ".join(f"`{json.dumps(v)}`" + f" ({words})" * (v != words) for v, words in setting.options.items())
    if setting.kind != "integer":
        return "a number"
    return f"an integer of at least {setting.least}" + (f", at most {setting.most:,}" if setting.most else "")


def updated(page: str) -> str:
    """Return ``page`` with the current block."""
    before, rest = page.split(BEGIN)
    return before + BEGIN + block() + END + rest.split(END, 1)[1]


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
