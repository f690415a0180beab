"""The README's lines work when pasted."""

import re
from pathlib import Path

ROOT = Path(__file__).parent.parent


def test_the_example_runs():
    (code,) = re.findall(r"```python\n(.*?)```", (ROOT / "README.md").read_text(encoding="utf-8"), re.DOTALL)
    names = {}
    exec(code, names)
    tuner = names["tuner"]
    tuner.num_subsamples = 2
    assert len(tuner.run()) == 2
    assert 0 < tuner.apply() <= 1
    tuner.close()


def test_links_lead_somewhere():
    for page in [ROOT / "README.md", ROOT / "CONTRIBUTING.md", *(ROOT / "docs").glob("*.md")]:
        for target in re.findall(r"\]\(([^)#]+)\)", page.read_text(encoding="utf-8")):
            if "://" not in target:
                assert (page.parent / target).exists(), f"{page.name}: {target}"
