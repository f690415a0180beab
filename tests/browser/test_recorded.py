"""An exported page, whose run is live without a kernel and without a network."""

import math
from dataclasses import replace
from pathlib import Path

import pytest
from playwright.sync_api import expect

from autolr_widget.engine.saved.saved_run import SavedRun
from autolr_widget.widget.curve import shown_band
from autolr_widget.widget.export import write_file
from autolr_widget.widget.recording import recording
from tests.browser.screen import area, state

RUN = SavedRun.read(Path(__file__).parents[2] / "docs" / "runs" / "digits-sgd.json")

AXE = Path(__file__).parents[2] / "js" / "node_modules" / "axe-core" / "axe.min.js"
MINUS = "\u2212"

# With the browser of the other tests.
pytestmark = pytest.mark.xdist_group("browser")


@pytest.fixture
def exported(chromium, tmp_path):
    """The page of a run, as anybody opens the file. No request leaves it, and no error is in its console."""
    write_file(tmp_path / "run.html", RUN, None, "tuner = LRTuner(model, x, y)")
    page = chromium.new_page(viewport={"width": 1100, "height": 1000})
    errors, requests = [], []
    page.on("pageerror", lambda error: errors.append(str(error)))
    page.on("request", lambda request: requests.append(request.url))
    page.goto((tmp_path / "run.html").as_uri())
    yield page
    page.close()
    assert errors == []
    assert all(url.startswith("file:") for url in requests), requests


def at(page, rate):
    """The place of a rate in the middle of the plot, which shows the whole grid."""
    box, (low, high) = area(page), RUN.results.rates[[0, -1]]
    return box["x"] + box["width"] * math.log(rate / low) / math.log(high / low), box["y"] + box["height"] / 2


def line_at(page):
    """The learning rate at which the chosen line is, on the whole grid."""
    box, line = area(page), page.locator(".autolr-chosen").bounding_box()
    low, high = RUN.results.rates[[0, -1]]
    return low * (high / low) ** ((line["x"] + line["width"] / 2 - box["x"]) / box["width"])


def read(page):
    """What the readout says: names and values."""
    words = page.locator(".autolr-readout span").all_inner_texts()
    return dict(zip(words[::2], [word.replace(MINUS, "-") for word in words[1::2]], strict=True))


def band_height(page, rate):
    """The height of the band at a rate, as a part of the plot."""
    places = page.locator(".autolr-chart path.autolr-band").get_attribute("d").strip("MZ").split("L")
    low, high = RUN.results.rates[[0, -1]]
    place = math.log(rate / low) / math.log(high / low)
    upper, lower = sorted(float(y) for x, y in (point.split(",") for point in places) if abs(float(x) - place) < 1e-6)
    return lower - upper


@pytest.mark.parametrize("width", [380, 1100])
def test_the_curve_lies_exactly_under_what_is_placed_on_it(exported, width):
    exported.set_viewport_size({"width": width, "height": 1000})
    over = area(exported)
    under = exported.locator(".autolr-chart .autolr-lines").bounding_box()
    assert under == pytest.approx(over, abs=0.5)
    assert exported.evaluate("document.documentElement.scrollWidth") == width


def test_another_rule_moves_the_line_to_its_choice(exported):
    expect(state(exported)).to_have_text("Saved run")
    choices = RUN.results.choices()
    for rule in ("half-minimum", "mean", "steepest", "significant"):
        exported.get_by_label("chosen by").select_option(rule)
        assert line_at(exported) == pytest.approx(choices[rule], rel=0.02)
        shown = float(exported.get_by_role("textbox", name="Learning rate").input_value())
        assert shown == pytest.approx(choices[rule], rel=0.01)
    # The mark of a rule on the chart does the same.
    exported.locator(".autolr-tick button", has_text="valley").first.click()
    assert line_at(exported) == pytest.approx(choices["valley"], rel=0.02)


def test_another_band_has_the_width_that_python_gives(exported):
    deltas, rates = RUN.results.deltas, RUN.results.rates
    lowest = int(deltas.mean(axis=0).argmin())
    for kind in ("t", "anytime", "normal"):
        exported.get_by_role("combobox", name="Band").select_option(kind)
        exported.mouse.move(*at(exported, rates[lowest]))
        band = shown_band(deltas, replace(RUN.settings, band=kind))
        edges = [float(edge) for edge in read(exported)["band"].split(" to ")]
        assert edges == pytest.approx([band.lower[lowest], band.upper[lowest]], rel=0.01)
        low, high = recording(RUN)["bands"][kind]["limits"]
        width = band.upper[lowest] - band.lower[lowest]
        assert band_height(exported, rates[lowest]) == pytest.approx(width / (high - low), rel=1e-4)


def test_pointing_reads_the_curve_and_lights_its_training(exported):
    rates = RUN.results.rates
    exported.mouse.move(*at(exported, rates[6]))
    assert float(read(exported)["mean"]) == pytest.approx(RUN.results.deltas.mean(axis=0)[6], rel=0.01)
    assert read(exported)["rounds"] == str(len(RUN.results))
    expect(exported.locator(".autolr-training path.autolr-hovered")).to_have_count(1)


def test_zooming_moves_the_curve_and_its_ticks(exported):
    mean = exported.locator(".autolr-chart path.autolr-mean")
    before = mean.get_attribute("d")
    exported.get_by_role("button", name="Zoom in").click()
    expect(mean).not_to_have_attribute("d", before)
    ticks = exported.locator(".autolr-chart .autolr-axis-step span").all_inner_texts()
    assert "1e-4" not in ticks
    exported.get_by_role("button", name="Show the whole range").click()
    expect(mean).to_have_attribute("d", before)
    box = area(exported)
    bottom = box["y"] + box["height"] + 10
    exported.mouse.move(box["x"] + 0.5 * box["width"], bottom)
    exported.mouse.down()
    exported.mouse.move(box["x"] + 0.9 * box["width"], bottom, steps=4)
    exported.mouse.up()
    expect(mean).not_to_have_attribute("d", before)


def test_a_rate_of_ones_own_is_judged_until_the_rule_is_followed_again(exported):
    exported.mouse.click(*at(exported, 9.0))
    expect(exported.locator(".autolr-reason")).to_contain_text("your own choice")
    expect(exported.locator(".autolr-warning")).to_have_text("the loss rose at 10, the nearest measured rate")
    exported.get_by_role("button", name="Follow the rule").click()
    expect(exported.locator(".autolr-warning")).to_have_text("")
    assert line_at(exported) == pytest.approx(RUN.results.best_lr(RUN.settings.method), rel=0.02)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_axe_finds_nothing(exported, scheme):
    exported.emulate_media(color_scheme=scheme)
    exported.add_script_tag(path=AXE)
    found = exported.evaluate("axe.run({runOnly: ['wcag2a', 'wcag2aa']})")
    assert len(found["passes"]) > 10
    assert [(one["id"], [node["html"] for node in one["nodes"]]) for one in found["violations"]] == []


def test_nothing_that_needs_a_kernel_is_offered(exported):
    for name in ("Run", "Reset", "Apply", "Refine", "One round", "Use this range", "Download"):
        expect(exported.get_by_role("button", name=name, exact=True)).to_have_count(0)
    expect(exported.locator(".autolr-controls")).to_contain_text("open the run in a notebook")


def test_without_scripts_there_is_the_picture(exported, chromium):
    plain = chromium.new_context(java_script_enabled=False).new_page()
    plain.goto(exported.url)
    expect(plain.locator(".autolr-recorded > svg")).to_be_visible()
    plain.context.close()
