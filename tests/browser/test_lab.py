import pytest

from tests.browser.lab import Lab


def test_a_server_that_does_not_come_up_is_ended(tmp_path, monkeypatch):
    def fail(_):
        raise RuntimeError("The server did not start")

    monkeypatch.setattr(Lab, "_wait_until_up", fail)
    # What it leaves fails this test, see tests/leaks.py.
    with pytest.raises(RuntimeError, match="did not start"):
        Lab(tmp_path)


@pytest.mark.xdist_group("browser")
def test_the_stacks_show_what_a_kernel_is_doing(notebook, lab):
    notebook.begin("def busy(): import time; time.sleep(3)\nbusy()")
    notebook.page.wait_for_timeout(500)
    assert "in busy" in lab.stacks()
