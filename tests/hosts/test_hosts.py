"""The widget in each host: real servers, real kernels, a real model, a real browser."""

import re
import time

import pytest
from playwright.sync_api import expect

from tests.browser.screen import expect_rounds, progress, run_button, state
from tests.hosts.host import ROUNDS

# Counts the pictures of the chart while the run lasts.
WATCH = """() => {
    window.drawn = new Set();
    const chart = document.querySelector('.bqplot');
    new MutationObserver(() => {
        if (document.querySelector('.autolr-run').textContent !== 'Pause') return;
        window.drawn.add([...chart.querySelectorAll('path.line')].map(path => path.getAttribute('d')).join());
    }).observe(chart, {subtree: true, attributes: true, attributeFilter: ['d']});
}"""

# Longer than the silence after which the kernel continues by itself. If it is quick, the run ends meanwhile.
FROZEN = 8


def expect_done(page, views=1):
    expect(state(page)).to_have_text(["Done"] * views, timeout=60_000)
    expect_rounds(page, ROUNDS, ROUNDS, views)


def expect_as_alone(host):
    """Each round was run once, and has the result of the engine alone."""
    noted = host.diary
    assert noted["python"] == host.python
    assert noted["status"] == "done"
    assert noted["measured"] == list(range(ROUNDS))
    assert noted["as_alone"]
    assert noted["selected_lr"] == noted["alone"]


def wait_for_round(host, number):
    for _ in range(600):
        if host.diary["round"] >= number:
            return
        host.page.wait_for_timeout(50)
    raise AssertionError(f"round {number} was not reached in 30 s: {host.diary}")


def lines(page):
    return page.locator(".bqplot").evaluate_all(
        "all => all.map(chart => [...chart.querySelectorAll('path.line')].map(path => path.getAttribute('d')).join())"
    )


def test_a_run_moves_the_chart_pauses_and_ends_with_the_rate_of_the_engine_alone(host):
    host.show()
    page = host.page
    page.evaluate(WATCH)
    run_button(page).click()
    expect(run_button(page)).to_have_text("Pause")
    wait_for_round(host, 10)
    host.picture("running")
    run_button(page).click()
    expect(run_button(page)).to_have_text("Resume")
    page.wait_for_timeout(500)
    paused = host.diary
    assert paused["status"] == "paused"
    page.wait_for_timeout(3500)  # longer than the silence after which the kernel would continue by itself
    assert host.diary == paused
    run_button(page).click()
    expect_done(page)
    drawn = page.evaluate("window.drawn.size")
    assert drawn > ROUNDS / 2, f"{drawn} pictures of {ROUNDS} rounds"
    expect_as_alone(host)
    host.picture("done")


def test_two_views_show_the_same(host):
    host.show(views=2)
    page = host.page
    run_button(page).nth(0).click()
    expect(run_button(page)).to_have_text(["Pause", "Pause"])
    wait_for_round(host, 5)
    run_button(page).nth(1).click()
    expect(run_button(page)).to_have_text(["Resume", "Resume"])
    expect(state(page)).to_have_text(["Paused", "Paused"])
    run_button(page).nth(0).click()
    expect_done(page, views=2)
    expect_as_alone(host)
    first, second = lines(page)
    assert first == second


def test_a_reload_and_another_page(host):
    host.show()
    page = host.page
    run_button(page).click()
    wait_for_round(host, 3)
    before = host.diary["kernel"]
    host.reload()
    if host.keeps_its_kernel:
        # On a busy machine, the run may end before the page is back.
        expect(run_button(page)).to_have_text(re.compile("Pause|Run again"), timeout=60_000)
        other = host.open_in_another_page()
        for each in (page, other):
            expect_done(each)
        other.close()
        assert host.diary["kernel"] == before
    else:
        expect(run_button(page)).to_have_text("Run", timeout=90_000)
        expect(progress(page)).to_be_empty()
        assert host.diary["kernel"] != before
        run_button(page).click()
        expect_done(page)
    expect_as_alone(host)


@pytest.mark.parametrize("host", [pytest.param("colab", marks=pytest.mark.xdist_group("colab"))], indirect=True)
def test_a_page_that_was_frozen_catches_up(host):
    """In Colab, such a page misses what the kernel did meanwhile. Other hosts deliver it later."""
    host.show()
    page = host.page
    run_button(page).click()
    wait_for_round(host, 3)
    # Nothing runs in a page that shows an alert. A loop that waits would do the same, and keep a core busy.
    page.once("dialog", lambda dialog: (time.sleep(FROZEN), dialog.accept()))
    page.evaluate("alert()")
    assert host.diary["round"] > 10, "the kernel has not continued by itself"
    expect_done(page)
    expect_as_alone(host)


def test_a_training_moves_its_picture_also_after_a_reload_waits_and_stops(host):
    if not host.hears_while_a_cell_runs:
        pytest.skip("the kernel hears nothing while a cell is running")
    host.show()
    host.train()
    page = host.page
    training, losses = page.locator(".autolr-live-state"), page.locator(".autolr-live-batches")

    def expect_to_move():
        path = losses.get_attribute("d")
        expect(losses).not_to_have_attribute("d", path, timeout=15_000)

    def press(name, then):
        page.locator(".autolr-live").get_by_role("button", name=name).click()
        expect(training).to_have_text(then, timeout=15_000)

    expect(training).to_have_text("Running", timeout=30_000)
    expect_to_move()
    host.picture("training")
    host.reload_busy()
    expect(training).to_have_text("Running", timeout=60_000)
    expect_to_move()
    press("Pause", "Paused")
    page.wait_for_timeout(500)
    path = losses.get_attribute("d")
    page.wait_for_timeout(1000)
    assert losses.get_attribute("d") == path
    press("Resume", "Running")
    expect_to_move()
    press("Stop", "Stopped")
    assert host.has_trained()
