"""The widget in a real JupyterLab, with a real kernel and a real model."""

import time

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import ROUNDS, WIDGET_CODE
from tests.browser.screen import area, expect_rounds, progress, rounds, run_button, state

# One JupyterLab and one kernel for all of them.
pytestmark = pytest.mark.xdist_group("browser")


def test_run_moves_the_chart_round_after_round(notebook, page):
    page.evaluate(
        """() => {
            window.drawn = [];
            const chart = document.querySelector('.bqplot');
            const bar = document.querySelector('.autolr-run-bar progress');
            new MutationObserver(() => {
                const paths = [...chart.querySelectorAll('path.line')].map(path => path.getAttribute('d')).join();
                if (paths !== window.last) window.drawn.push(bar.value);
                window.last = paths;
            }).observe(chart, {subtree: true, attributes: true, attributeFilter: ['d']});
        }"""
    )
    run_button(page).click()
    expect(run_button(page)).to_have_text("Pause")
    expect(page.locator(".autolr-progress")).to_contain_text("left")
    expect(state(page)).to_have_text("Done", timeout=60_000)
    expect_rounds(page, ROUNDS, ROUNDS)
    assert notebook.python("[tuner.status, tuner.round, len(tuner.results)]") == ["done", ROUNDS, ROUNDS]
    drawn = sorted(set(page.evaluate("window.drawn")))
    assert len(drawn) > ROUNDS * 2 // 3, f"the line was redrawn after {len(drawn)} of {ROUNDS} rounds: {drawn}"
    chosen = notebook.python("tuner.selected_lr")
    # It shows three digits.
    assert float(page.locator(".autolr-rate").input_value()) == pytest.approx(chosen, rel=5e-3)


def test_pause_stops_at_once_and_resume_continues(notebook, page):
    run_button(page).click()
    notebook.wait_for("tuner.round >= 5")
    run_button(page).click()
    expect(run_button(page)).to_have_text("Resume")
    notebook.wait_for("tuner.status == 'paused'")
    paused_at = notebook.python("tuner.round")
    time.sleep(4)  # longer than the silence after which the kernel would continue by itself
    assert notebook.python("[tuner.status, tuner.round]") == ["paused", paused_at]
    run_button(page).click()
    expect(state(page)).to_have_text("Done", timeout=60_000)
    notebook.execute(f"undisturbed = {WIDGET_CODE}.run()")
    assert notebook.python("undisturbed == tuner.results")


def test_pause_works_while_another_cell_sleeps(notebook, page):
    run_button(page).click()
    notebook.wait_for("tuner.round >= 3")
    notebook.begin("import time; time.sleep(5); seen_after = tuner.round")
    time.sleep(0.5)
    run_button(page).click()
    expect(run_button(page)).to_have_text("Resume", timeout=1000)
    time.sleep(0.6)
    stopped_at = rounds(page)
    time.sleep(2)
    assert rounds(page) == stopped_at < ROUNDS
    notebook.wait_for("'seen_after' in globals()")
    time.sleep(3.5)
    assert notebook.python("[tuner.status, tuner.round, seen_after]") == ["paused", stopped_at, stopped_at]


def test_another_cell_answers_during_the_run(notebook, page):
    run_button(page).click()
    notebook.wait_for("tuner.round >= 2")
    begun = time.monotonic()
    assert notebook.python("6 * 7") == 42
    assert time.monotonic() - begun < 2
    assert notebook.python("tuner.status") == "running"
    expect(state(page)).to_have_text("Done", timeout=60_000)


def test_step_reset_and_run_again(notebook, page):
    page.get_by_role("button", name="One round").click()
    expect_rounds(page, 1, ROUNDS)
    expect(state(page)).to_have_text("Paused")
    page.get_by_role("button", name="One round").click()
    expect_rounds(page, 2, ROUNDS)
    page.get_by_role("button", name="Reset").click()
    expect(progress(page)).to_be_empty()
    assert notebook.python("[tuner.status, tuner.round, tuner.selected_lr]") == ["idle", 0, None]
    run_button(page).click()
    expect(state(page)).to_have_text("Done", timeout=60_000)
    run_button(page).click()
    notebook.wait_for("tuner.status == 'running'")


def test_the_thumbs_move_by_keyboard(notebook, page):
    thumb = page.get_by_role("slider", name="Smallest rate")
    thumb.focus()
    thumb.press("ArrowRight")
    expect(thumb).to_have_attribute("aria-valuetext", "1.26e-4")
    notebook.wait_for("tuner.lr_min == 1.26e-4")
    thumb.press("ArrowLeft")
    notebook.wait_for("tuner.lr_min == 1e-4")
    other = page.get_by_role("slider", name="Largest rate")
    other.press("Home")  # would cross the other thumb
    assert notebook.python("tuner.lr_max") == 10
    other.press("ArrowLeft")
    notebook.wait_for("tuner.lr_max == 7.94")


def test_numbers_for_the_ends_can_be_typed(notebook, page):
    number = page.get_by_role("textbox", name="Largest rate, as a number")
    number.fill("0.5")
    number.press("Enter")
    notebook.wait_for("tuner.lr_max == 0.5")
    for refused in ("-3", "fast", "1e-9", ""):
        number.fill(refused)
        number.press("Enter")
        expect(number).to_have_attribute("aria-invalid", "true")
        expect(number).to_have_value(refused)
    assert notebook.python("tuner.lr_max") == 0.5
    notebook.execute("tuner.lr_max = 2.0")
    expect(number).to_have_value("2")


def test_a_slider_makes_the_run_stale_and_the_next_run_starts_over(notebook, page):
    run_button(page).click()
    notebook.wait_for("tuner.round >= 3")
    page.get_by_role("slider", name="Smallest rate").press("ArrowRight")
    expect(page.locator(".autolr-stale")).to_contain_text("the next run starts over")
    expect(run_button(page)).to_have_text("Run again")
    run_button(page).click()
    expect(state(page)).to_have_text("Done", timeout=60_000)
    assert notebook.python("float(tuner.results.rates[0])") == 1.26e-4


def test_a_click_on_the_chart_selects_a_rate(notebook, page):
    run_button(page).click()
    expect(state(page)).to_have_text("Done", timeout=60_000)
    rule = notebook.python("tuner.selected_lr")
    box = area(page)
    page.mouse.click(box["x"] + box["width"] * 0.4, box["y"] + box["height"] * 0.3)
    notebook.wait_for("tuner.pinned")
    expected = 10 ** (-4 + 0.4 * 5)
    assert notebook.python("tuner.selected_lr") == pytest.approx(expected, rel=0.2)
    page.get_by_role("button", name="Follow the rule").click()
    notebook.wait_for("not tuner.pinned")
    assert notebook.python("tuner.selected_lr") == rule
    # After another run, on another grid.
    notebook.execute("tuner.lr_min = 1e-3")
    run_button(page).click()
    notebook.wait_for("tuner.status == 'running'")
    expect(state(page)).to_have_text("Done", timeout=60_000)
    box = area(page)
    page.mouse.click(box["x"] + box["width"] * 0.25, box["y"] + box["height"] * 0.5)
    notebook.wait_for("tuner.pinned")
    assert notebook.python("tuner.selected_lr") == pytest.approx(1e-2, rel=0.15)


def test_the_rules_are_named_and_refine_measures_around_the_choice(notebook, page):
    run_button(page).click()
    expect(state(page)).to_have_text("Done", timeout=60_000)
    expect(page.locator(".autolr-reason")).to_contain_text("other batches would choose")
    expect(page.locator(".autolr-tick button", has_text="half-minimum")).to_be_visible()
    chosen = notebook.python("tuner.selected_lr")
    page.get_by_role("button", name="Refine").click()
    expect(state(page)).to_have_text("Running")
    expect(state(page)).to_have_text("Done", timeout=60_000)
    assert notebook.python(f"1e-4 < tuner.lr_min < {chosen} < tuner.lr_max < 10")
    gray = page.locator(".bqplot path.line").evaluate_all(
        "all => all.filter(one => getComputedStyle(one).stroke === 'rgb(128, 128, 128)' && one.checkVisibility())"
        ".map(one => getComputedStyle(one).strokeDasharray)"
    )
    assert len(set(gray)) == len(gray) == 2, "the line at zero is dashed, and the previous run is dotted"


def test_the_axis_changes_under_the_curve(notebook, page):
    run_button(page).click()
    expect(state(page)).to_have_text("Done", timeout=60_000)
    expect(page.locator(".bqplot")).to_contain_text("1e-3")
    page.locator("summary").click()
    page.get_by_label("Axis").select_option("linear")
    expect(page.locator(".bqplot .axis:visible").first).not_to_contain_text("1e-3")
    box = area(page)
    page.mouse.click(box["x"] + box["width"] * 0.5, box["y"] + box["height"] * 0.7)
    notebook.wait_for("tuner.pinned")
    assert notebook.python("tuner.selected_lr") == pytest.approx(5, rel=0.2)
    assert notebook.python("tuner._panel.stale") is False


def test_the_kernel_moves_the_marker_and_apply_writes_the_rate(notebook, page):
    notebook.execute("tuner.selected_lr = 1e-3")
    expect(page.locator(".autolr-rate")).to_have_value("0.001")
    first = page.locator(".autolr-chosen").bounding_box()
    notebook.execute("tuner.selected_lr = 1e-1")
    expect(page.locator(".autolr-rate")).to_have_value("0.1")
    moved = page.locator(".autolr-chosen").bounding_box()["x"] - first["x"]
    assert moved == pytest.approx(2 / 5 * area(page)["width"], abs=2)
    page.get_by_role("button", name="Apply").click()
    expect(page.locator(".autolr-notice")).to_contain_text("Written to the model's optimizer: 0.01 → 0.1")
    assert notebook.python("round(float(model.optimizer.learning_rate), 6)") == 0.1
    page.get_by_role("button", name="Undo").click()
    expect(page.locator(".autolr-notice")).to_contain_text("has its rate of 0.01 again")
    assert notebook.python("round(float(model.optimizer.learning_rate), 6)") == 0.01
    expect(page.get_by_role("button", name="Undo")).to_be_disabled()


def test_a_reload_resumes(notebook, page):
    run_button(page).click()
    notebook.wait_for("tuner.round >= 3")
    notebook.reload()
    expect(run_button(page)).to_have_text("Pause", timeout=20_000)
    expect(state(page)).to_have_text("Done", timeout=60_000)
    assert notebook.python("[tuner.round, len(tuner.results)]") == [ROUNDS, ROUNDS]
    expect_rounds(page, ROUNDS, ROUNDS)


def test_the_kernel_continues_without_a_page(notebook, page):
    run_button(page).click()
    notebook.wait_for("tuner.round >= 3")
    notebook.evaluate("return panel.context.save()")
    page.goto("about:blank")
    time.sleep(9)
    notebook.open(query="")
    expect_rounds(page, ROUNDS, ROUNDS, timeout=20_000)
    assert notebook.python("tuner.status") == "done"


def test_an_error_is_shown_as_text(notebook, page):
    notebook.execute("def fail(*_):\n    raise ValueError('<img src=x onerror=alert(1)>')\nLRTuner.advance = fail")
    run_button(page).click()
    expect(page.locator(".autolr-error")).to_have_text("Round 1 failed. ValueError: <img src=x onerror=alert(1)>")
    assert page.locator(".autolr-run-bar img").count() == 0
    notebook.execute("LRTuner.advance = slow")
    run_button(page).click()
    expect(state(page)).to_have_text("Done", timeout=60_000)
    expect(page.locator(".autolr-error")).to_have_text("")


def test_an_interrupt_keeps_the_rounds(notebook, page):
    run_button(page).click()
    notebook.wait_for("tuner.round >= 3")
    run_button(page).click()
    notebook.wait_for("tuner.status == 'paused'")
    notebook.begin("tuner.run()")
    page.wait_for_timeout(500)
    notebook.evaluate("return panel.sessionContext.session.kernel.interrupt()")
    expect(page.locator(".autolr-error")).to_contain_text("Interrupted in round", timeout=10_000)
    kept = notebook.python("tuner.round")
    assert kept >= 3
    run_button(page).click()
    expect(state(page)).to_have_text("Done", timeout=60_000)
    assert notebook.python("len(tuner.results)") == ROUNDS


def test_an_interrupt_stops_a_run_that_no_cell_waits_for(notebook, page):
    run_button(page).click()
    notebook.wait_for("tuner.round >= 3")
    notebook.evaluate("return panel.sessionContext.session.kernel.interrupt()")
    expect(page.locator(".autolr-error")).to_contain_text("Interrupted in round", timeout=10_000)
    assert 3 <= notebook.python("tuner.round") < ROUNDS
    run_button(page).click()
    expect(state(page)).to_have_text("Done", timeout=60_000)
    notebook.execute("import signal; after = signal.getsignal(signal.SIGINT)")
    notebook.evaluate("return panel.sessionContext.session.kernel.interrupt()")
    page.wait_for_timeout(500)
    assert notebook.python("tuner.status") == "done"


def test_shift_enter_on_a_button_is_jupyterlab_s(notebook, page):
    page.get_by_role("button", name="One round").click()
    expect_rounds(page, 1, ROUNDS)
    page.get_by_role("button", name="One round").press("Enter")
    expect_rounds(page, 2, ROUNDS)
    page.get_by_role("button", name="One round").press("Shift+Enter")
    expect(progress(page)).to_be_empty()
    assert notebook.python("[tuner.status, tuner.round]") == ["idle", 0], "the cell ran, not the button"


def test_two_widgets_run_side_by_side(notebook, page):
    # At the same time: with graphs of their own.
    notebook.execute("training.Training = Training")
    notebook.execute("other = TunerWidget(model, x, y, seed=3, num_evals=30, num_subsamples=15, horizon=3)")
    notebook.run_cell(notebook.add_cell("other"))
    expect(run_button(page)).to_have_count(2)
    run_button(page).nth(0).click()
    run_button(page).nth(1).click()
    expect(state(page).nth(0)).to_have_text("Done", timeout=60_000)
    expect(state(page).nth(1)).to_have_text("Done", timeout=60_000)
    notebook.execute(f"a = {WIDGET_CODE}.run()")
    notebook.execute("b = TunerWidget(model, x, y, seed=3, num_evals=30, num_subsamples=15, horizon=3).run()")
    assert notebook.python("[a == tuner.results, b == other.results]") == [True, True]
    notebook.execute("other.close()")
    notebook.evaluate("panel.content.model.sharedModel.deleteCell(panel.content.widgets.length - 1)")
