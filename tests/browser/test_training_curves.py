"""The second picture: it is drawn from the run's curves, and shares pointer and choice with the first."""

from itertools import pairwise

import pytest
from playwright.sync_api import expect

from tests.browser.screen import area, run_button, state

# One JupyterLab and one kernel for all of them.
pytestmark = pytest.mark.xdist_group("browser")

NINE = "tuner.close(); tuner = TunerWidget(model, x, y, num_subsamples=3, horizon=20)"


@pytest.fixture
def nine(notebook, page):
    """A widget with nine rates, whose run is done."""
    notebook.execute("LRTuner.step = fast")
    notebook.execute(NINE)
    notebook.run_cell(notebook.add_cell("tuner"))
    expect(state(page)).to_have_text("Ready")
    run_button(page).click()
    expect(state(page)).to_have_text("Done", timeout=60_000)
    # bqplot lays nothing out that is out of sight.
    page.locator(".bqplot").scroll_into_view_if_needed()
    yield notebook
    notebook.evaluate("panel.content.model.sharedModel.deleteCell(panel.content.widgets.length - 1)")
    page.set_viewport_size({"width": 1280, "height": 1000})


def line_of(page, index):
    """The points of a line, in pixels of the page."""
    return page.locator(".autolr-training .autolr-lines .autolr-rate-colored").evaluate_all(
        """(lines, index) => {
            const colour = one => one.style.getPropertyValue('--autolr-on-light');
            const wanted = colour(document.querySelectorAll('.autolr-rate-tick')[index]);
            const line = lines.find(one => colour(one) === wanted);
            const points = line.getAttribute('d').slice(1).split('L').map(point => point.split(',').map(Number));
            const matrix = line.getScreenCTM();
            return points.map(([x, y]) => new DOMPoint(x, y).matrixTransform(matrix)).map(({x, y}) => [x, y]);
        }""",
        index,
    )


def test_the_lines_are_the_means_of_the_rounds(nine, page):
    expect(page.locator(".autolr-training .autolr-help")).to_contain_text("Mean of 3 rounds")
    means = nine.python("tuner.results.curves.mean(axis=0).tolist()")
    ticks = page.locator(".autolr-training .autolr-axis-tick.autolr-axis-loss").evaluate_all(
        "ticks => ticks.map(tick => [Number(tick.textContent), tick.getBoundingClientRect().top])"
    )
    (low, bottom), (high, top) = ticks[0], ticks[-1]
    best = nine.python("int(tuner.results.summary()['mean'].argmin())")
    for index in (0, best):
        points = line_of(page, index)
        assert len(points) == 20
        for (_, y), mean in zip(points, means[index], strict=True):
            assert bottom + (mean - low) / (high - low) * (top - bottom) == pytest.approx(y, abs=1.5)


def test_a_rate_lights_up_in_both_pictures_and_a_click_on_its_line_chooses_it(nine, page):
    box = area(page)
    page.mouse.move(box["x"] + 0.5 * box["width"], box["y"] + 150)
    lit = page.locator(".autolr-end-label.autolr-hovered")
    expect(lit).to_have_text("0.0316")
    best = nine.python("int(tuner.results.summary()['mean'].argmin())")
    x, y = line_of(page, best)[-2]
    page.mouse.move(x, y)
    rate = nine.python(f"tuner.results.rates[{best}]")
    expect(lit).to_have_text(f"{rate:.3g}")
    expect(page.locator(".autolr-readout")).to_contain_text(f"{rate:.3g}")
    page.mouse.click(x, y)
    nine.wait_for(f"tuner.pinned and tuner.selected_lr == {rate}")
    expect(page.locator(".autolr-end-label.autolr-strong")).to_have_text(f"{rate:.3g}")
    page.mouse.move(5, 5)
    expect(lit).to_have_count(0)


def test_the_pictures_are_side_by_side_where_there_is_room(nine, page):
    widget = page.locator(".autolr-widget")
    page.set_viewport_size({"width": 1800, "height": 1000})
    for width, beside in ((1000, True), (700, False), (400, False)):
        widget.evaluate("(node, width) => { node.style.width = `${width}px`; }", width)
        page.wait_for_timeout(500)
        names = (".autolr-area", ".autolr-training .autolr-lines")
        first, second = (page.locator(name).bounding_box() for name in names)
        assert first["height"] == second["height"]
        assert (first["y"] == pytest.approx(second["y"], abs=0.6)) == beside
        if not beside:
            assert first["x"] == pytest.approx(second["x"], abs=0.6)
            assert second["y"] > first["y"] + first["height"]
        labels = page.locator(".autolr-end-label").evaluate_all(
            "labels => labels.map(label => label.getBoundingClientRect()).map(({top, right}) => [top, right])"
        )
        tops = sorted(top for top, _ in labels)
        assert all(after - before > 15 for before, after in pairwise(tops))
        box = widget.bounding_box()
        assert max(right for _, right in labels) <= box["x"] + box["width"]


def test_one_step_has_no_curves_and_the_chart_has_the_whole_width(nine, page):
    page.set_viewport_size({"width": 1800, "height": 1000})
    narrow = area(page)["width"]
    nine.execute("tuner.horizon = 1; tuner.run()")
    expect(page.locator(".autolr-training")).to_be_hidden()
    assert area(page)["width"] > 1.5 * narrow


def test_the_colours_follow_a_switch_of_theme(nine, page):
    colours = []
    for theme in ("Dark", "Light"):
        nine.evaluate("return app.commands.execute('apputils:change-theme', {theme: `JupyterLab ${argument}`})", theme)
        page.wait_for_timeout(500)
        line = page.locator(".autolr-training .autolr-lines path").last
        colours.append(line.evaluate("line => getComputedStyle(line).stroke"))
    assert colours[0] != colours[1]
