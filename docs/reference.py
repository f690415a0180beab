"""Writes the table of settings in python.md from `Settings`: `python docs/reference.py`."""

from __future__ import annotations

import json
from pathlib import Path

from autolr_widget.engine.arguments import ARGUMENTS
from autolr_widget.engine.settings import SETTINGS

PAGE = Path(__file__).parent / "python.md"
BEGIN, END = "<!-- settings: made by docs/reference.py -->\n", "<!-- end of settings -->"


def settings_table() -> str:
    """The settings as Markdown, a row per argument."""
    rows = ["| argument | default | |", "| --- | --- | --- |"]
    for name, default in ARGUMENTS.items():
        if name == "lr_space":
            rows.append(f"| `lr_space` | `{default}` | The two ends of the grid, as traits `lr_min` and `lr_max`. |")
            continue
        setting = SETTINGS[name]
        options = setting.options or {}
        values = [f"`{json.dumps(v)}`" + (f" ({words})" if words != v else "") for v, words in options.items()]
        text = setting.help + (f" One of {', '.join(values)}." if values else "") + f" {setting.details}".rstrip()
        rows.append(f"| `{name}` | `{json.dumps(default)}` | {text} |")
    return "\n".join(rows) + "\n"


def updated(page: str) -> str:
    """``page`` with the current table."""
    before, rest = page.split(BEGIN)
    return before + BEGIN + settings_table() + END + rest.split(END, 1)[1]


if __name__ == "__main__":
    PAGE.write_text(updated(PAGE.read_text(encoding="utf-8")), encoding="utf-8")
