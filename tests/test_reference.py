"""The reference page shows the settings as `Settings` documents them."""

import importlib.util
from pathlib import Path

PATH = Path(__file__).parent.parent / "docs" / "reference.py"


def test_the_settings_on_the_page_are_up_to_date():
    specification = importlib.util.spec_from_file_location("reference", PATH)
    reference = importlib.util.module_from_spec(specification)
    specification.loader.exec_module(reference)
    page = reference.PAGE.read_text(encoding="utf-8")
    assert "    horizon=55,\n" in page
    assert "| `horizon` | `55` | an integer of at least 1 |" in page
    assert reference.updated(page) == page, "run `python docs/reference.py`"
