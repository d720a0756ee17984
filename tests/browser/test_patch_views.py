"""Examples of augmentation and the patches of an epoch, before anything is trained: a real JupyterLab, real images."""

import re

from playwright.sync_api import expect

APP = """\
import nbtrainer as nbt

config = nbt.Config.preset("binary_2d")
config.sampling.patch_size = [96, 96]
config.training.steps_per_epoch = -1
nbt.TrainerApp("binary_2d", config=config)"""


def open_panel(page, name):
    page.locator(".nbt-panel-head button", has_text=name).click()


def test_examples_of_augmentation_and_places_of_patches_are_seen_before_training(open_notebook, tmp_path):
    page = open_notebook("patches.ipynb", [APP])
    page.locator(".jp-CodeCell").first.click()
    page.keyboard.press("Control+Enter")
    page.get_by_role("button", name="Use sample images").click()
    # the entry is made anew, with the path in its first field
    expect(page.locator(".nbt-entry input[type=text]").first).to_have_value(re.compile("nuclei2d/images"))
    open_panel(page, "Training datasets")

    open_panel(page, "Data augmentation")
    page.get_by_role("button", name="Show examples").click()
    page.get_by_text("Patch 1. The framed one is as it is").wait_for()
    picture = page.locator(".nbt-drawer img").first
    first = picture.get_attribute("src")
    page.get_by_role("button", name="Another patch").click()
    page.get_by_text("Patch 2. The framed one is as it is").wait_for()
    assert picture.get_attribute("src") != first
    page.screenshot(path=tmp_path / "examples.png")
    open_panel(page, "Data augmentation")

    open_panel(page, "Tiling")
    page.get_by_role("button", name="Show where patches fall").click()
    page.get_by_text("patches on this image").wait_for()
    expect(page.get_by_text("of pixels").first).to_be_visible()
    page.get_by_role("button", name="Renew").locator("visible=true").wait_for()
    page.locator('button[title="Next image"]').click()
    page.screenshot(path=tmp_path / "patches.png")
