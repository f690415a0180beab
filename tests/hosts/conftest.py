import pytest

from tests.browser.conftest import chromium as chromium
from tests.hosts.host import KINDS, Host


# A group each: several workers then share them.
@pytest.fixture(scope="package", params=[pytest.param(name, marks=pytest.mark.xdist_group(name)) for name in KINDS])
def host(request, chromium, tmp_path_factory):
    context = chromium.new_context(viewport={"width": 1280, "height": 1000})
    # Voila has loaded its page when the cells have run, and they import TensorFlow.
    context.set_default_timeout(90_000)
    host = Host(request.param, tmp_path_factory.mktemp(request.param), context.new_page())
    yield host
    host.close()
    context.close()
