"""A training with the widget's callback, while its cell blocks the kernel's main shell."""

import pytest
from playwright.sync_api import expect

from tests.browser.screen import area

# One JupyterLab and one kernel for all of them.
pytestmark = pytest.mark.xdist_group("browser")

# The batches are slow, so that there is time to press buttons.
FIT = """
import time
class Slow(keras.callbacks.Callback):
    def on_train_batch_end(self, batch, logs=None):
        rates.append(float(self.model.optimizer.learning_rate))
        time.sleep(0.02)
rates, ended = [], False
model.fit(x, y, epochs=1000, validation_split=0.2, verbose=0, callbacks=[Slow(), tuner.callback()])
ended = True
"""


@pytest.fixture
def training(notebook, page):
    """A notebook in which a cell trains. In the end, it trains no longer."""
    notebook.begin(FIT)
    expect(page.locator(".autolr-live-state")).to_have_text("Running", timeout=60_000)
    yield notebook
    # Where a test has failed, it still trains.
    notebook.evaluate("return panel.sessionContext.session.kernel.interrupt()")
    notebook.execute("pass")


def live(page, name):
    return page.locator(f".autolr-live-{name}")


def button(page, name):
    return page.locator(".autolr-live").get_by_role("button", name=name)


def end(page, notebook):
    button(page, "Stop").click()
    expect(live(page, "state")).to_have_text("Stopped", timeout=15_000)
    assert notebook.python("ended"), "the cell has finished"


def length(page):
    """The number of points of the line of the losses."""
    return (live(page, "batches").get_attribute("d") or "").count(",")


def wait_for(page, condition):
    for _ in range(300):
        if condition():
            return
        page.wait_for_timeout(50)
    raise AssertionError("it did not happen in 15 s")


def test_a_training_is_watched_and_steered_while_its_cell_runs(training, page):
    before = length(page)
    wait_for(page, lambda: length(page) > before + 10)
    expect(live(page, "dot").first).to_be_attached(timeout=15_000)
    expect(live(page, "progress")).to_contain_text("of 1000 · about ")
    expect(live(page, "progress")).to_contain_text("rate 0.01")

    field = page.get_by_label("Learning rate", exact=True)
    field.fill("0.05")
    field.press("Enter")
    expect(live(page, "progress")).to_contain_text("rate 0.05")
    expect(live(page, "mark")).to_have_count(1)

    box = area(page)
    page.mouse.click(box["x"] + 0.6 * box["width"], box["y"] + 0.5 * box["height"])
    dragged = float(field.input_value())
    assert dragged not in (0.05, 0.01)
    expect(live(page, "progress")).to_contain_text(f"rate {dragged:g}")

    page.locator(".autolr-chosen").press("ArrowLeft")
    expect(live(page, "mark")).to_have_count(3)
    moved = float(field.input_value())
    assert moved < dragged

    end(page, training)
    changes = training.python("[rates[0]] + [b for a, b in zip(rates, rates[1:]) if a != b]")
    assert changes == pytest.approx([0.01, 0.05, dragged, moved])


def test_a_paused_training_waits_until_it_is_resumed(training, page):
    button(page, "Pause").click()
    expect(live(page, "state")).to_have_text("Paused", timeout=15_000)
    page.wait_for_timeout(500)
    path = live(page, "batches").get_attribute("d")
    page.wait_for_timeout(1000)
    assert live(page, "batches").get_attribute("d") == path
    button(page, "Resume").click()
    expect(live(page, "state")).to_have_text("Running", timeout=15_000)
    wait_for(page, lambda: live(page, "batches").get_attribute("d") != path)
    end(page, training)


def test_an_interrupt_ends_a_paused_training(training, page):
    button(page, "Pause").click()
    expect(live(page, "state")).to_have_text("Paused", timeout=15_000)
    training.evaluate("return panel.sessionContext.session.kernel.interrupt()")
    expect(live(page, "state")).to_have_text("Stopped", timeout=15_000)
    assert not training.python("ended")
    expect(button(page, "Pause")).to_be_disabled()


# What receives the messages of ipykernel 7.
RECEIVER = "str(get_ipython().kernel.shell_stream._recv_callback)"


def test_after_a_reload_a_training_is_watched_and_steered_while_its_cell_still_runs(training, page):
    training.evaluate("return panel.context.save()")
    page.reload()
    # The widget manager waits for four seconds before it asks in another way.
    expect(live(page, "state")).to_have_text("Running", timeout=30_000)
    before = length(page)
    wait_for(page, lambda: length(page) > before + 5)
    expect(live(page, "dot").first).to_be_attached(timeout=15_000)

    box = area(page)
    page.mouse.click(box["x"] + 0.6 * box["width"], box["y"] + 0.5 * box["height"])
    clicked = float(page.get_by_label("Learning rate", exact=True).input_value())
    expect(live(page, "progress")).to_contain_text(f"rate {clicked:g}")
    page.locator(".autolr-chosen").press("ArrowLeft")
    expect(live(page, "mark")).to_have_count(2)

    button(page, "Pause").click()
    expect(live(page, "state")).to_have_text("Paused", timeout=15_000)
    button(page, "Resume").click()
    expect(live(page, "state")).to_have_text("Running", timeout=15_000)
    end(page, training)
    changes = training.python("[rates[0]] + [b for a, b in zip(rates, rates[1:]) if a != b]")
    assert changes[:2] == pytest.approx([0.01, clicked])
    assert changes[2] < clicked
    assert "shell_channel_thread_main" in training.python(RECEIVER), "the kernel is as it was"


AGAIN = """
model.set_weights(keras.models.clone_model(model).get_weights())
model.optimizer.learning_rate = 1e-5
model.fit(x, y, batch_size=16, epochs=8, verbose=0, callbacks=[tuner.callback(retune="plateau")])
"""


def test_a_training_that_looks_again_says_what_it_did_and_pins_the_curve(notebook, page):
    notebook.begin(AGAIN)
    expect(live(page, "state")).to_have_text("Looking again…", timeout=60_000)
    expect(live(page, "look")).to_contain_text("Changed 1e-5 to ", timeout=60_000)
    expect(live(page, "mark")).to_have_count(1)
    expect(live(page, "state")).to_have_text("Ended", timeout=60_000)
    expect(page.locator(".autolr-pin-name").first).to_contain_text("look after")
    assert notebook.python("[look.adopted for look in tuner.looks][0]")
