"""Films a run of the quickstart's model for the README: ``docs/run.gif``."""

from __future__ import annotations

import io
import tempfile
import time
from pathlib import Path

from PIL import Image
from playwright.sync_api import expect, sync_playwright

from tests.browser.chromium import find
from tests.browser.lab import CHROMIUM_ARGUMENTS, MODEL, Lab, Notebook
from tests.browser.screen import run_button, state

GIF = Path(__file__).parents[2] / "docs" / "run.gif"
WIDGET = "tuner = TunerWidget(model, x, y, num_evals=31, num_subsamples=40, horizon=25)\ntuner"
#: Milliseconds per picture; the film is as fast as the run.
FRAME = 120
#: The filmed area in pixels: the chosen rate, both pictures and the run bar.
WIDTH, HEIGHT = 1000, 556


def main() -> None:
    lab = Lab(Path(tempfile.mkdtemp()))
    try:
        with sync_playwright() as playwright:
            browser = playwright.chromium.launch(executable_path=find(), args=CHROMIUM_ARGUMENTS)
            page = browser.new_page(viewport={"width": 1500, "height": 1400})
            notebook = Notebook(page, lab, MODEL, WIDGET, name="run.ipynb")
            notebook.run_all()
            expect(run_button(page)).to_have_text("Run", timeout=60_000)
            widget = page.locator(".autolr-widget")
            widget.evaluate("(node, width) => { node.style.width = `${width}px`; node.scrollIntoView(); }", WIDTH)
            time.sleep(1)
            box = widget.bounding_box()
            clip = {"x": box["x"], "y": box["y"], "width": WIDTH, "height": HEIGHT}
            frames = [page.screenshot(clip=clip)] * 5
            run_button(page).click()
            while state(page).text_content() != "Done":
                began = time.monotonic()
                frames.append(page.screenshot(clip=clip))
                time.sleep(max(0, FRAME / 1000 - (time.monotonic() - began)))
            time.sleep(0.5)
            frames += [page.screenshot(clip=clip)] * 20
            browser.close()
    finally:
        lab.close()
    images = [Image.open(io.BytesIO(frame)).convert("RGB").quantize(64, dither=Image.Dither.NONE) for frame in frames]
    images[0].save(GIF, save_all=True, append_images=images[1:], duration=FRAME, loop=0, optimize=True)
    print(f"{GIF}: {len(frames)} pictures, {GIF.stat().st_size // 1000} kB")


if __name__ == "__main__":
    main()
