"""The quick start as somebody would use it: a real JupyterLab, a real browser, a real training."""

import pytest
from lab import menu, wait_until_idle
from playwright.sync_api import expect


def press(page, name):
    page.locator(f'.nbt-actions button:has-text("{name}")').click()


def panel(page, title):
    return page.locator(f'.nbt-panel-head button:has-text("{title}")')


@pytest.mark.feature(129, 130, 136, 143)
def test_a_newcomer_trains_stops_reloads_and_predicts(open_notebook):
    page = open_notebook("01_quickstart.ipynb")

    # all cells run, also the last one, which says kindly that there is no model yet
    menu(page, "Run", "Run All Cells")
    page.locator(".nbt").wait_for()
    page.locator(".jp-OutputArea-output pre", has_text="There is no model yet: press Go").wait_for()

    # a setting is changed through the form; a wrong one is answered in a sentence
    panel(page, "Training parameters").click()
    epochs = page.get_by_label("Epochs")
    expect(epochs).to_have_value("30")
    epochs.fill("0")
    epochs.press("Tab")
    page.get_by_text("0 is too small. Give 1 or more.").wait_for()
    epochs.fill("500")
    epochs.press("Tab")
    page.get_by_text("500 epochs, at most 1 min").wait_for()
    expect(page.get_by_text("0 is too small")).to_have_count(0)
    expect(page.locator('button[title^="One epoch passes the whole set"]')).to_be_visible()

    # Go: progress, curves and pictures appear and grow
    press(page, "Go")
    page.get_by_text("● training").wait_for()
    expect(page.locator('.nbt-actions button:has-text("Go")')).to_be_disabled()
    page.locator(".nbt-log", has_text="epoch 2:").wait_for()
    expect(page.locator(".nbt-words")).to_contain_text("left")
    lines = page.locator(".nbt-curve path.line")
    assert any(len(path or "") > 10 for path in (line.get_attribute("d") for line in lines.all()))
    picture = page.locator(".nbt-preview img")
    first = picture.get_attribute("src")
    page.locator(".nbt-log", has_text="epoch 4:").wait_for()
    expect(picture).not_to_have_attribute("src", first or "")

    # the page is reloaded while the run goes on, without having been saved: showing the app again brings it all back
    page.reload()
    wait_until_idle(page)
    page.locator(".jp-CodeCell", has_text="app = nbt.TrainerApp(config=config)").click()
    page.keyboard.press("Control+Enter")
    page.get_by_text("● training").wait_for()
    page.locator(".nbt-log", has_text="epoch 1:").wait_for()
    page.locator(".nbt-preview img").wait_for()
    expect(page.get_by_label("Epochs")).to_have_value("500")
    now = page.locator(".nbt-words").inner_text()
    expect(page.locator(".nbt-words")).not_to_have_text(now)

    # Stop: after the next validation, and then everything is kept
    press(page, "Stop")
    page.get_by_text("■ stopped").wait_for()
    expect(page.locator('.nbt-actions button:has-text("Go")')).to_be_enabled()
    expect(page.locator('.nbt-actions button:has-text("Resume")')).to_be_visible()
    page.get_by_text("Model, curves and previews are in").wait_for()

    # the page is reloaded: all of it is there again
    page.locator(".jp-NotebookPanel").click(position={"x": 8, "y": 200})
    menu(page, "File", "Save Notebook")
    page.locator(".jp-mod-dirty").wait_for(state="detached")
    page.reload()
    wait_until_idle(page)
    page.get_by_text("■ stopped").wait_for()
    page.locator(".nbt-log", has_text="stopped at step").wait_for()
    page.locator(".nbt-preview img").wait_for()
    expect(page.get_by_label("Epochs")).to_have_value("500")

    # the model is loaded and predicts
    page.locator(".jp-WindowedPanel-outer").evaluate("panel => panel.scrollTo(0, panel.scrollHeight)")
    page.locator(".jp-CodeCell", has_text="model = nbt.load_model").click(position={"x": 200, "y": 20})
    # not by the menu: that goes on to a new cell, and JupyterLab takes cells that are out of sight off the page
    page.keyboard.press("Control+Enter")
    page.get_by_text("of nuclei_00.tif is foreground").wait_for()
    page.locator(".jp-RenderedImage img").wait_for()


@pytest.fixture
def heartbeat(monkeypatch):
    """As in Colab: the page asks for news, no thread of the kernel sends them."""
    monkeypatch.setenv("NBTRAINER_FRONTEND", "heartbeat")


def test_with_a_heartbeat_from_the_page_the_dashboard_grows_too(heartbeat, open_notebook):
    page = open_notebook("01_quickstart.ipynb")
    menu(page, "Run", "Run All Cells")
    page.locator(".nbt").wait_for()

    press(page, "Go")
    page.locator(".nbt-log", has_text="epoch 1:").wait_for()
    press(page, "Stop")

    page.get_by_text("■ stopped").wait_for()
    page.locator(".nbt-preview img").wait_for()
