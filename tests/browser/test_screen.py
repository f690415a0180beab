"""The chart and the controls by pointer and by keys, and their accessibility."""

import json
import math
from pathlib import Path

import pytest
from playwright.sync_api import expect

from tests.browser.conftest import WIDGET_CODE
from tests.browser.screen import area, run_button, state

# One JupyterLab and one kernel for all of them.
pytestmark = pytest.mark.xdist_group("browser")

AXE = Path(__file__).parents[2] / "js" / "node_modules" / "axe-core" / "axe.min.js"


@pytest.fixture
def done(notebook, page):
    """A widget whose run is done."""
    notebook.execute("LRTuner.advance = fast; tuner.num_subsamples = 12; tuner.run()")
    expect(state(page)).to_have_text("Done")
    page.locator(".autolr-widget").scroll_into_view_if_needed()
    yield notebook
    use_theme(notebook, "Light")
    page.set_viewport_size({"width": 1280, "height": 1000})


def use_theme(notebook, name):
    notebook.evaluate("return app.commands.execute('apputils:change-theme', {theme: `JupyterLab ${argument}`})", name)


def drag(page, box, start, end, y):
    page.mouse.move(box["x"] + start * box["width"], y)
    page.mouse.down()
    page.mouse.move(box["x"] + (start + end) / 2 * box["width"], y)
    page.mouse.move(box["x"] + end * box["width"], y)
    page.mouse.up()


def test_the_plot_area_covers_the_plot_of_bqplot(done, page):
    for width in (1280, 700):
        page.set_viewport_size({"width": width, "height": 1000})
        page.wait_for_timeout(500)
        plot = page.locator(".bqplot .plotarea_background").bounding_box()
        assert area(page) == pytest.approx(plot, abs=0.6)


def test_the_choice_is_dragged(done, page):
    line, box = page.locator(".autolr-chosen").bounding_box(), area(page)
    grip = (line["x"] + line["width"] / 2 - box["x"]) / box["width"]
    drag(page, box, grip, 0.3, box["y"] + 200)
    done.wait_for("tuner.pinned")
    assert done.python("tuner.selected_lr") == pytest.approx(10 ** (-4 + 0.3 * 5), rel=0.2)
    expect(page.get_by_role("button", name="Follow the rule")).to_be_visible()


def test_the_pointer_reads_the_curve(done, page):
    box = area(page)
    page.mouse.move(box["x"] + box["width"] * 0.6, box["y"] + 100)
    readout = page.locator(".autolr-readout")
    expect(readout).to_contain_text("12")
    curve = done.python("[[rate, mean] for rate, mean in tuner.results.summary()['mean'].items()]")
    at = min(curve, key=lambda pair: abs(pair[0] / 10 ** (-4 + 0.6 * 5) - 1))
    shown = [text.replace("\u2212", "-") for text in readout.locator("span").all_text_contents()]
    assert float(shown[1]) == pytest.approx(at[0], rel=5e-3)
    assert float(shown[3]) == pytest.approx(at[1], rel=5e-3)
    page.mouse.move(5, 5)
    expect(readout).to_be_hidden()


def test_a_rule_s_mark_makes_it_the_current_rule(done, page):
    page.locator(".autolr-tick button", has_text="valley").click()
    done.wait_for("tuner.method == 'valley'")
    expect(page.get_by_label("chosen by")).to_have_value("valley")
    assert done.python("tuner.selected_lr == tuner.results.best_lr('valley')")


def test_the_axis_zooms_and_its_range_becomes_the_grid(done, page):
    strip = page.locator(".autolr-strip").bounding_box()
    drag(page, strip, 0.4, 0.8, strip["y"] + 8)
    done.wait_for("tuner._panel.view != tuner._panel.full_view")
    low, high = done.python("tuner._panel.view")
    assert (low, high) == (pytest.approx(1e-2, rel=0.1), pytest.approx(1, rel=0.1))
    # A click in the middle of the plot now chooses the middle of that range.
    box = area(page)
    page.mouse.click(box["x"] + box["width"] / 2, box["y"] + 100)
    done.wait_for("tuner.pinned")
    assert done.python("tuner.selected_lr") == pytest.approx((low * high) ** 0.5, rel=0.2)
    page.locator(".autolr-strip").dblclick()
    done.wait_for("tuner._panel.view == tuner._panel.full_view")
    drag(page, strip, 0.4, 0.8, strip["y"] + 8)
    page.get_by_role("button", name="Make this range the grid of the next run").click()
    done.wait_for("tuner.lr_max < 2")
    expect(page.locator(".autolr-stale")).to_contain_text("starts over")
    run_button(page).click()
    # Not the former run's "Done".
    done.wait_for(f"tuner._panel.full_view == [{low}, {high}]")
    expect(state(page)).to_have_text("Done", timeout=60_000)
    assert done.python("[tuner._panel.full_view, float(tuner.results.rates[0])]") == [[low, high], low]


def test_runs_are_pinned_and_compared(done, page):
    lines = page.locator(".bqplot path.line")
    before, pin = lines.count(), page.get_by_role("button", name="Pin this run")
    place = pin.bounding_box()
    pin.click()
    expect(page.locator(".autolr-legend li")).to_have_count(2)
    assert pin.bounding_box() == place, "a line is kept free for the legend"
    expect(page.locator(".autolr-letters")).to_have_text("A")
    page.get_by_label("Batch size", exact=True).fill("128")
    page.get_by_label("Batch size", exact=True).press("Enter")
    run_button(page).click()
    expect(page.locator(".autolr-legend")).to_contain_text("batches of 128")
    expect(page.locator(".autolr-legend")).to_contain_text("batches of 32")
    assert lines.count() >= before
    dashes = lines.evaluate_all(
        """paths => paths.filter(path => path.getBoundingClientRect().height > 20)
            .map(path => path.style.strokeDasharray.replace(/[ px]/g, ''))"""
    )
    assert "10,5,2,5" in dashes, "a pinned run's line is dashed and visible"
    page.get_by_role("button", name="Unpin A").click()
    expect(page.locator(".autolr-legend li")).to_have_count(0)


def test_each_round_and_the_histogram_on_request(done, page):
    page.locator("summary").click()
    page.get_by_label("Each round's own curve").check()
    done.wait_for("tuner._view.chart._rounds.visible")
    page.get_by_label("Histogram of one rate's rounds").check()
    box = area(page)
    page.mouse.move(box["x"] + box["width"] * 0.75, box["y"] + 100)
    expect(page.locator(".autolr-bars div").first).to_be_visible()
    done.wait_for("sum(tuner._panel.histogram['counts']) == 12 and tuner._panel.probed > 25")
    heights = page.locator(".autolr-bars div").evaluate_all("bars => bars.map(bar => bar.style.height)")
    assert "100%" in heights


def test_a_round_is_explained_stage_by_stage(notebook, page):
    page.get_by_role("button", name="Explain").click()
    page.get_by_role("button", name="One round").click()
    story = page.locator(".autolr-explain")
    names = ["Draw a batch", "Loss before", "Steps at each rate", "Loss after", "The differences", "The mean"]
    for stage, name in enumerate(names, 1):
        expect(story.locator("h4")).to_have_text(f"{stage} of 6 · {name}")
        assert notebook.python("tuner._view.chart._curve.visible") == (stage == 6)
        if stage < 6:
            page.get_by_role("button", name="Next").click()
            notebook.wait_for(f"tuner._panel.stage == {stage + 1}")
    # The rates of its picture are aligned with those of the chart, whose place it takes until the last stage.
    page.get_by_role("button", name="Back").click()
    expect(story.locator(".autolr-picture")).to_be_visible()
    dots = story.locator(".autolr-after, .autolr-broke")
    assert dots.count() == 40
    first, box = dots.first.bounding_box(), area(page)
    assert first["x"] + first["width"] / 2 == pytest.approx(box["x"], abs=1)


def test_an_explained_round_fits_on_a_small_screen(notebook, page):
    page.set_viewport_size({"width": 1280, "height": 720})
    notebook.execute("LRTuner.advance = fast; tuner.horizon = 30")
    page.get_by_role("button", name="Explain").click()
    next_, training = page.get_by_role("button", name="Next"), page.locator(".autolr-training .autolr-losses")
    places = set()
    for number in (1, 2):
        page.get_by_role("button", name="One round").click()
        expect(page.locator(".autolr-explain h4")).to_contain_text("1 of 6", timeout=60_000)
        page.locator(".autolr-widget").evaluate("node => node.scrollIntoView()")
        for stage in range(2, 7):
            next_.click()
            expect(page.locator(".autolr-explain h4")).to_contain_text(f"{stage} of 6")
            notebook.wait_for(f"tuner._panel.stage == {stage}")
            moving = training.locator(".autolr-lines").evaluate("node => node.getAnimations().length")
            assert moving == (stage == 3)
            if stage == 3:
                expect(page.locator(".autolr-training")).to_contain_text(f"Round {number}")
                assert training.locator(".autolr-lines path.autolr-rate-colored").count() > 20
            places.add((str(next_.bounding_box()), str(page.locator(".bqplot").bounding_box())))
    assert len(places) == 1, places
    below = "node => node.getBoundingClientRect().bottom"
    assert page.locator(".bqplot").evaluate(below) <= page.locator(".jp-WindowedPanel-outer").last.evaluate(below)
    page.set_viewport_size({"width": 1280, "height": 1000})


def test_files_are_downloaded(done, page):
    page.locator("summary").click()
    for kind in ("csv", "png", "html", "json"):
        page.get_by_label("Format of the file").select_option(kind)
        with page.expect_download() as download:
            page.get_by_role("button", name="Download").click()
        assert download.value.suggested_filename == f"learning-rate.{kind}"
        text = Path(download.value.path()).read_bytes()
        if kind == "json":
            done.execute(f"from autolr_widget import TuneResults; read = TuneResults.from_json({text.decode()!r})")
            assert done.python("read == tuner.results")
        assert len(text) > 1000


def test_the_python_is_copied(done, page):
    page.context.grant_permissions(["clipboard-read", "clipboard-write"])
    page.locator("summary").click()
    page.get_by_role("button", name="Copy the Python").click()
    expect(page.get_by_role("button", name="Copied")).to_be_visible()
    code = page.evaluate("navigator.clipboard.readText()")
    assert code == done.python("tuner._panel.code")
    assert code.startswith("from autolr_widget import LRTuner")


def test_the_whole_widget_by_keys(notebook, page):
    """From Run to Apply with the keyboard alone."""
    run_button(page).focus()
    page.keyboard.press("Enter")
    notebook.wait_for("tuner.round >= 3")
    page.keyboard.press("Space")
    notebook.wait_for("tuner.status == 'paused'")
    page.keyboard.press("Enter")
    expect(state(page)).to_have_text("Done", timeout=60_000)
    order = []
    page.locator(".autolr-rate").focus()
    for _ in range(60):
        page.keyboard.press("Tab")
        name = page.evaluate(
            """() => { const one = document.activeElement;
                return one.closest('.autolr-widget') && (one.getAttribute('aria-label') || one.textContent); }"""
        )
        if name is None:
            break
        order.append(name)
    wanted = ["Apply", "Refine", "Chosen learning rate, on the chart", "Zoom out", "Zoom in", "Run again", "Reset"]
    wanted += ["Pin this run", "Explain", "Smallest rate", "Rates", "Rounds", "Batch size", "Steps", "More"]
    assert [name for name in order if name in wanted] == wanted
    assert order[-1] == "More", "Tab leaves the widget after its last control"
    line = page.locator(".autolr-chosen")
    line.focus()
    rule = notebook.python("tuner.selected_lr")
    page.keyboard.press("ArrowRight")
    notebook.wait_for("tuner.pinned")
    expect(page.locator(".autolr-readout")).to_be_visible()
    assert notebook.python("tuner.selected_lr") > rule
    page.get_by_role("button", name="Apply").focus()
    page.keyboard.press("Enter")
    expect(page.locator(".autolr-notice")).to_contain_text("Written to the model's optimizer")
    assert notebook.python("abs(float(model.optimizer.learning_rate) / tuner.selected_lr - 1) < 1e-6")
    page.locator("summary").focus()
    page.keyboard.press("Enter")
    expect(page.get_by_label("Seed")).to_be_visible()


@pytest.mark.parametrize("theme", ["Light", "Dark"])
def test_axe_finds_nothing(done, page, theme):
    use_theme(done, theme)
    page.wait_for_timeout(500)
    page.locator("summary").click()
    page.get_by_label("Histogram of one rate's rounds").check()
    page.get_by_role("button", name="Pin this run").click()
    page.get_by_role("button", name="Explain").click()
    done.execute("tuner.lr_max = 1e30; tuner.horizon = 2; tuner.run(); tuner._session.error = 'An error'")
    expect(page.locator(".autolr-diverged").first).to_be_visible()
    page.add_script_tag(path=AXE)
    page.locator(".autolr-chosen").focus()
    found = page.evaluate(
        "axe.run('.autolr-widget').then(({violations, passes}) => ({violations, passes: passes.length}))"
    )
    broken = [(rule["id"], [node["html"][:200] for node in rule["nodes"]]) for rule in found["violations"]]
    assert broken == [], json.dumps(broken, indent=1)
    assert found["passes"] > 15


def test_the_colours_follow_a_switch_of_theme(done, page):
    colours = []
    for theme in ("Light", "Dark", "Light"):
        use_theme(done, theme)
        page.wait_for_timeout(500)
        colours.append(
            page.evaluate(
                """['.autolr-reason', '.bqplot .axis text'].map(name => {
                    const style = getComputedStyle(document.querySelector(name));
                    return name.includes('axis') ? style.fill : style.color; })"""
            )
        )
    assert colours[0] == colours[2]
    assert all(light != dark for light, dark in zip(colours[0], colours[1], strict=True))


@pytest.mark.parametrize("width", [1280, 900, 600, 380, 250])
def test_nothing_overlaps_and_nothing_scrolls_sideways(done, page, width):
    done.execute("tuner.selected_lr = 0.05")
    expect(page.get_by_role("button", name="Follow the rule")).to_be_visible()
    page.locator("summary").click()
    widget = page.locator(".autolr-widget")
    page.set_viewport_size({"width": 1800, "height": 1000})
    widget.evaluate("(node, width) => { node.style.maxWidth = node.style.width = `${width}px`; }", width)
    page.wait_for_timeout(500)
    wide = widget.evaluate("node => [node.clientWidth, node.scrollWidth]")
    assert wide[1] <= wide[0] == width
    assert page.locator(".autolr-axis-name.autolr-axis-step").evaluate("node => node.offsetHeight") < 24, "one line"
    boxes = page.locator(
        ".autolr-widget"
        " :is(button, select, textarea, input:not([type=range]), summary, .autolr-reason, .autolr-progress)"
    ).evaluate_all(
        """nodes => nodes
            .filter(node => node.checkVisibility({visibilityProperty: true}))
            .filter(node => !node.closest('.autolr-tick'))
            .map(node => { const {left, right, top, bottom} = node.getBoundingClientRect();
                return {name: node.className || node.textContent.slice(0, 20), left, right, top, bottom}; })"""
    )
    assert len(boxes) > 20
    for i, one in enumerate(boxes):
        for other in boxes[i + 1 :]:
            apart = (
                one["right"] <= other["left"] + 1
                or other["right"] <= one["left"] + 1
                or one["bottom"] <= other["top"] + 1
                or other["bottom"] <= one["top"] + 1
            )
            assert apart, (one, other)


PRINT = """node => {
    const shown = [...node.querySelectorAll('*')].filter(one =>
        one.checkVisibility({visibilityProperty: true}) && (one.matches('input:not([type=range], [type=checkbox])')
            || [...one.childNodes].some(({nodeType, data}) => nodeType === Node.TEXT_NODE && data.trim())));
    return shown.map(one => [parseFloat(getComputedStyle(one).fontSize), one.textContent.slice(0, 30)]);
}"""


def test_no_text_is_small_and_none_is_below_16_pixels_in_large_print(done, page):
    page.locator("summary").click()
    for name in ("Histogram of one rate's rounds", "What every rule chooses"):
        page.get_by_label(name).check()
    page.get_by_role("button", name="Pin this run").click()
    page.get_by_role("button", name="Explain").click()
    expect(page.locator(".autolr-legend li")).to_have_count(2)
    page.set_viewport_size({"width": 1800, "height": 1000})
    widget, plot = page.locator(".autolr-widget"), page.locator(".bqplot .plotarea_background")
    for large, least in ((False, 12), (True, 16)):
        page.get_by_label("Large print").set_checked(large)
        done.wait_for(f"tuner._panel.large == {large}")
        for width in (1280, 700, 300):
            widget.evaluate("(node, width) => { node.style.maxWidth = node.style.width = `${width}px`; }", width)
            # bqplot lays nothing out that is out of sight.
            page.locator(".autolr-chosen").focus()
            page.wait_for_timeout(700)
            found = widget.evaluate(PRINT)
            assert any("1e-4" in text for _, text in found)
            assert [one for one in found if one[0] < least] == []
            assert widget.evaluate("node => node.scrollWidth") <= width
            assert area(page) == pytest.approx(plot.bounding_box(), abs=0.6)


def test_the_dots_are_on_the_curve(done, page):
    dots, line = page.evaluate(
        """() => {
            const middle = ({left, top, width, height}) => [left + width / 2, top + height / 2];
            const dots = [...document.querySelectorAll('.autolr-point')];
            const path = [...document.querySelectorAll('.bqplot path.line')].find(
                path => getComputedStyle(path).strokeWidth === '2.5px' && getComputedStyle(path).opacity > 0.5);
            const matrix = path.getScreenCTM();
            const line = [];
            for (let at = 0; at < path.getTotalLength(); at += 0.5) {
                const {x, y} = path.getPointAtLength(at).matrixTransform(matrix);
                line.push([x, y]);
            }
            return [dots.map(dot => middle(dot.getBoundingClientRect())), line];
        }"""
    )
    assert len(dots) > 5
    for x, y in dots:
        assert min(math.hypot(x - a, y - b) for a, b in line) < 1.5, (x, y)


def test_nothing_jumps_while_it_runs(notebook, page):
    page.evaluate(
        """() => {
            window.places = new Set();
            const names = ['reason', 'area', 'run', 'progress', 'controls', 'more'].map(name => `.autolr-${name}`);
            const look = () => {
                const boxes = names.map(name => document.querySelector(name).getBoundingClientRect());
                window.places.add(JSON.stringify(boxes.map(({left, top}) => [left, top])));
                window.looking = requestAnimationFrame(look);
            };
            look();
        }"""
    )
    run_button(page).click()
    expect(state(page)).to_have_text("Done", timeout=60_000)
    places = page.evaluate("() => { cancelAnimationFrame(window.looking); return [...window.places]; }")
    assert len(places) == 1, places


def test_what_can_t_be_used_is_told_at_its_field_and_nothing_moves(notebook, page):
    places = """() => [...document.querySelectorAll('.autolr-widget :is(section, button, input, select)')]
        .filter(node => node.checkVisibility())
        .map(node => {
            const [one, all] = [node, node.closest('.autolr-widget')].map(node => node.getBoundingClientRect());
            return [one.left - all.left, one.top - all.top].map(Math.round); })"""
    page.locator("summary").click()
    before = page.evaluate(places)
    for name, wrong, right, words in [
        ("Rates", "1", "8", "Rates must be a whole number of at least 2. 40 is still used."),
        (
            "Batch size",
            "5000",
            "16",
            "Batch size must not be larger than the number of observations. 32 is still used.",
        ),
        (
            "Smallest rate, as a number",
            "20",
            "1e-3",
            "Smallest rate must be below the largest rate, 10. 1e-4 is still used.",
        ),
        ("Learning rate", "0,05", "0.05", "Must be a number above 0, such as 1e-3."),
    ]:
        field = page.get_by_label(name, exact=True)
        field.fill(wrong)
        field.press("Enter")
        message = page.locator(f"#{field.get_attribute('aria-errormessage')}")
        expect(message).to_have_text(words)
        expect(field).to_have_attribute("aria-invalid", "true")
        expect(field).to_have_value(wrong)
        assert page.evaluate(places) == before, name
        field.fill(right)
        field.press("Enter")
        expect(message).to_be_empty()
        expect(field).not_to_have_attribute("aria-invalid", "true")
        notebook.execute("tuner.reset()")
    notebook.wait_for("[tuner.num_evals, tuner.batch_size, tuner.lr_min] == [8, 16, 1e-3]")


def test_a_slider_dragged_hard_during_a_run(notebook, page):
    run_button(page).click()
    notebook.wait_for("tuner.round >= 3")
    slider = page.get_by_label("Batch size, slider")
    slider.scroll_into_view_if_needed()
    box = slider.bounding_box()
    notebook.execute("received = []; tuner.observe(lambda change: received.append(change['new']), names='batch_size')")
    page.mouse.move(box["x"] + 0.1 * box["width"], box["y"] + box["height"] / 2)
    page.mouse.down()
    for i in range(200):
        page.mouse.move(box["x"] + (0.1 + 0.4 * (i % 20) / 20) * box["width"], box["y"] + box["height"] / 2)
    page.mouse.up()
    expect(page.locator(".autolr-stale")).to_contain_text("the next run starts over")
    # The kernel receives the value at the end of a drag only.
    notebook.wait_for("len(received) == 1")
    run_button(page).click()
    # The first run may have been done, too.
    notebook.wait_for("tuner.tuner.settings.batch_size == tuner.batch_size and tuner.status == 'done'")
    size = notebook.python("tuner.batch_size")
    notebook.execute(f"undisturbed = {WIDGET_CODE[:-1]}, batch_size={size}).run()")
    assert notebook.python("undisturbed == tuner.results")


def test_what_is_typed_just_before_run_is_what_is_run(notebook, page):
    notebook.execute("LRTuner.advance = fast; tuner.num_subsamples = 5")
    # In one go, so that the kernel has not answered the first value when the second is set and Run is pressed.
    page.evaluate(
        """() => {
            for (const [name, value] of [['Batch size', '16'], ['Rates', '7']]) {
                const input = document.querySelector(`[aria-label="${name}"]`);
                input.value = value;
                input.dispatchEvent(new Event('change'));
            }
            document.querySelector('.autolr-run').click();
        }"""
    )
    notebook.wait_for("tuner.status == 'done'")
    assert notebook.python("[len(tuner.results.rates), tuner.tuner.settings.batch_size]") == [7, 16]
    expect(page.locator(".autolr-stale")).to_be_empty()
