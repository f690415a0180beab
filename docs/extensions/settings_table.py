"""The directive ``settings``: a table of all settings, from `Settings`."""

import json

from docutils import nodes
from sphinx.application import Sphinx
from sphinx.util.docutils import SphinxDirective

from autolr_widget.engine.arguments import ARGUMENTS
from autolr_widget.engine.settings import ENDS_HELP, SETTINGS, Setting


def table() -> str:
    """Return the settings as a table in Markdown, in the order of the arguments."""
    rows = ["| argument | default | accepted values | |", "| --- | --- | --- | --- |"]
    for name, default in ARGUMENTS.items():
        if name == "lr_space":
            shown, accepted, text = (
                repr(default),
                "two numbers",
                f"{ENDS_HELP} As traits, they are `lr_min` and `lr_max`.",
            )
        else:
            setting = SETTINGS[name]
            shown, accepted, text = json.dumps(default), accepted_values(setting), f"{setting.help} {setting.details}"
        rows.append(f"| `{name}` | `{shown}` | {accepted} | {text.rstrip()} |")
    return "\n".join(rows)


def accepted_values(setting: Setting) -> str:
    """Return in words which values a setting accepts."""
    if setting.options is not None:
        return ", ".join(f"`{json.dumps(v)}`" + f" ({words})" * (v != words) for v, words in setting.options.items())
    if setting.kind != "integer":
        return "a number"
    return f"an integer of at least {setting.least}" + (f", at most {setting.most:,}" if setting.most else "")


class SettingsTable(SphinxDirective):
    """Takes the place of the table on the page."""

    def run(self) -> list[nodes.Node]:
        return self.parse_text_to_nodes(table())


def setup(app: Sphinx) -> dict[str, bool]:
    app.add_directive("settings", SettingsTable)
    return {"parallel_read_safe": True}
