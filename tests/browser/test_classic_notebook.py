"""The quick start in the classic notebook with the widgets of Colab: ipywidgets 7, ipykernel 6, bqplot 0.12."""

import shutil
from pathlib import Path

import classic
import pytest
from playwright.sync_api import expect

pytestmark = pytest.mark.skipif(
    not classic.is_installed(), reason="the notebook of this environment is not the classic one"
)

NOTEBOOKS = Path(__file__).parents[2] / "notebooks"


@pytest.fixture
def page(browser, tmp_path):
    shutil.copytree(NOTEBOOKS, tmp_path / "work")
    with classic.serve_classic(tmp_path / "work", tmp_path / "home") as address:
        opened = browser.new_page(viewport={"width": 1240, "height": 1600})
        opened.set_default_timeout(90_000)
        opened.goto(f"{address}/notebooks/01_quickstart.ipynb")
        classic.wait_until_connected(opened)
        yield opened
        opened.close()


def test_a_newcomer_trains_stops_and_predicts(page):
    classic.run_all(page)
    page.locator(".nbt").wait_for()
    page.locator(".output_area pre", has_text="There is no model yet: press Go").wait_for()

    page.locator('.nbt-panel-head button:has-text("Training parameters")').click()
    epochs = page.get_by_label("Epochs")
    expect(epochs).to_have_value("30")
    epochs.fill("500")
    epochs.press("Tab")
    page.get_by_text("500 epochs, at most 1 min").wait_for()

    page.locator('.nbt-actions button:has-text("Go")').click()
    page.get_by_text("● training").wait_for()
    page.locator(".nbt-log", has_text="epoch 2:").wait_for()
    page.locator(".nbt-preview img").wait_for()
    assert any(len(line.get_attribute("d") or "") > 10 for line in page.locator(".nbt-curve path.line").all())

    page.locator('.nbt-actions button:has-text("Stop")').click()
    page.get_by_text("■ stopped").wait_for()
    page.get_by_text("Model, curves and previews are in").wait_for()

    classic.run_last(page)
    page.get_by_text("of nuclei_00.tif is foreground").wait_for()
    page.locator(".output_area img").last.wait_for()
