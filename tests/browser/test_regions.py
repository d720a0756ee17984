"""Regions of interest drawn with the mouse, the pair table and the histogram: a real JupyterLab, real images."""

import json
import re

import pytest
from lab import wait_until_idle
from playwright.sync_api import expect

APP = """\
import nbtrainer as nbt

app = nbt.TrainerApp("binary_2d")
app"""
READ = """\
import json

print(json.dumps([region.model_dump() for region in app.config.data.datasets[0].regions]))"""
SIDE = 256  # of the sample images


def run(page, number):
    """Run a cell; the keys are pressed again if the page was not ready to take them."""
    cell = page.locator(".jp-CodeCell").nth(number)
    prompt = cell.locator(".jp-InputPrompt")
    before = prompt.inner_text()
    for left in reversed(range(4)):
        cell.locator(".jp-InputArea-editor").click()
        page.keyboard.press("Control+Enter")
        try:
            expect(prompt).not_to_have_text(before, timeout=15_000)
            return
        except AssertionError:
            if not left:
                raise


def regions(page):
    """The regions as the kernel knows them."""
    run(page, 1)
    page.locator(".jp-OutputArea-output pre").wait_for()
    wait_until_idle(page)
    return json.loads(page.locator(".jp-OutputArea-output pre").inner_text())


class Mouse:
    """A mouse that thinks in pixels of the image, y before x."""

    def __init__(self, page):
        self._page = page

    def _at(self, y, x):
        # the page may have been scrolled
        box = self._page.locator(".nbt-canvas image").bounding_box()
        return box["x"] + (x + 0.5) * box["width"] / SIDE, box["y"] + (y + 0.5) * box["height"] / SIDE

    def click(self, *at):
        self._page.mouse.click(*self._at(*at))

    def double_click(self, *at):
        self._page.mouse.dblclick(*self._at(*at))

    def drag(self, start, end):
        self._page.mouse.move(*self._at(*start))
        self._page.mouse.down()
        self._page.mouse.move(*self._at(*end), steps=8)
        self._page.mouse.up()


def choose(page, mode, hint):
    page.locator(".nbt-modes button", has_text=mode).click()
    page.get_by_text(hint).wait_for()
    # what listens to drags lies over the figure, and only as long as it listens
    expect(page.locator(".nbt-canvas .brushintsel .overlay")).to_have_count(int(mode == "Rectangle"))


def corners(page, number):
    return page.locator(".nbt-region").nth(number).locator("input").nth(1)


@pytest.fixture
def page(open_notebook):
    opened = open_notebook("regions.ipynb", [APP, READ])
    run(opened, 0)
    opened.get_by_role("button", name="Use sample images").click()
    # the entry is made anew, with the path in its first field and the same names on its buttons
    expect(opened.locator(".nbt-entry input[type=text]").first).to_have_value(re.compile("nuclei2d/images"))
    return opened


@pytest.mark.feature(62)
def test_regions_are_drawn_moved_renamed_and_deleted_with_the_mouse(page, tmp_path):
    mouse = Mouse(page)
    page.get_by_role("button", name="Draw or type").click()
    page.locator(".nbt-canvas image").wait_for()

    choose(page, "Rectangle", "Drag from one corner")
    mouse.drag((20, 30), (100, 120))
    expect(corners(page, 0)).to_have_value("20 30, 100 120")
    mouse.drag((150, 20), (200, 60))
    expect(corners(page, 1)).to_have_value("150 20, 200 60")

    choose(page, "Polygon", "Click corner after corner")
    for corner in ((140, 130), (140, 230), (220, 200)):
        mouse.click(*corner)
    mouse.double_click(230, 140)
    expect(corners(page, 2)).to_have_value("140 130, 140 230, 220 200, 230 140")

    choose(page, "Select", "Press Rectangle or Polygon")
    mouse.click(40, 50)
    page.locator(".nbt-canvas .dot").first.wait_for()
    mouse.drag((100, 120), (80, 100))
    expect(corners(page, 0)).to_have_value("20 30, 80 100")
    mouse.drag((50, 65), (70, 75))
    expect(corners(page, 0)).to_have_value("40 40, 100 110")

    name = page.locator(".nbt-region").nth(0).locator("input").nth(0)
    name.fill("cortex")
    name.press("Enter")
    mouse.click(170, 40)
    page.locator(".nbt-editor button", has_text="Delete").click()
    expect(page.locator(".nbt-region")).to_have_count(2)
    page.screenshot(path=tmp_path / "regions.png")

    assert [(region["name"], region["shape"], region["points"]) for region in regions(page)] == [
        ("cortex", "rectangle", [[40, 40], [100, 110]]),
        ("region 3", "polygon", [[140, 130], [140, 230], [220, 200], [230, 140]]),
    ]


def test_the_pair_table_and_the_histogram_are_seen_before_training(page, tmp_path):
    page.get_by_role("button", name="List images and labels").click()
    expect(page.locator(".nbt-table tbody tr")).to_have_count(4)
    expect(page.locator(".nbt-table")).to_contain_text("nuclei_11.tif")
    page.get_by_role("button", name="Pictures").click()
    expect(page.locator(".nbt-table img")).to_have_count(4)
    page.screenshot(path=tmp_path / "pairs.png")

    page.locator(".nbt-panel-head button", has_text="Normalization").click()
    page.get_by_role("button", name="Show histogram").click()
    expect(page.get_by_text("as stored, 0 to")).to_be_visible()
    expect(page.locator(".nbt-small-curve path.line")).to_have_count(2)

    page.locator(".nbt-actions button", has_text="Check").click()
    page.get_by_text("There are only 4 images").first.wait_for()
    page.screenshot(path=tmp_path / "histogram.png")
