"""The package works with the lowest versions that pyproject.toml declares, together."""

import json
import subprocess

from packaging.version import Version

from tests.hosts import environments

VERSIONS = "import importlib.metadata as m, json, sys; print(json.dumps([m.version(name) for name in sys.argv[1:]]))"


def test_the_environment_has_the_lowest_versions():
    project = environments.project()
    wanted = environments.lowest([*project["dependencies"], *project["optional-dependencies"]["parquet"]])
    names, versions = zip(*(requirement.split("==") for requirement in wanted), strict=True)
    command = [environments.python("lowest"), "-c", VERSIONS, *names]
    printed = subprocess.run(command, capture_output=True, text=True, check=True).stdout
    assert [*map(Version, json.loads(printed))] == [*map(Version, versions)]


# The tests of `make quick`, and those that lean on the inside of Keras, because all of them would take ten minutes. Two
# of the slow cases fail, where Keras 3.5 differs: `fit` itself raises if dictionaries have another order than the
# outputs, and the engine refuses a stateful GRU, whose state is not tracked.
def test_the_tests_pass():
    # Warnings of our dependencies' old versions about each other are not ours.
    options = ["-m", "not slow and (not trains or inside)", "-W", "default", "-q", "-p", "no:cacheprovider"]
    tests = [environments.ROOT / "tests" / path for path in ("engine", "widget")]
    command = [environments.python("lowest"), "-m", "pytest", *options, *tests]
    done = subprocess.run(command, cwd=environments.ROOT, capture_output=True, text=True)
    assert done.returncode == 0, done.stdout[-5000:] + done.stderr[-2000:]
