"""Tests of one group are run by one worker, so that they share a server, a kernel and a browser."""

import pytest


@pytest.mark.xdist_group("together")
def test_xdist_knows_the_group_of_a_test(request):
    if not request.config.getoption("loadgroup", False):
        pytest.skip("the tests are not distributed by groups")
    # xdist reads the group there. pytest 9.2 ignores what xdist 3.8 writes to it.
    assert request.node.nodeid.endswith("@together")
