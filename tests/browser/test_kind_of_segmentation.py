"""The kind of segmentation and the thresholds of a model, as somebody would try them: a real JupyterLab, real training."""

import re

from playwright.sync_api import expect

# two slow cores, shared: five seconds were too few once
expect.set_options(timeout=60_000)

APP = """\
import nbtrainer as nbt

config = nbt.Config.preset("binary_2d")
folder = nbt.samples.path("nuclei2d")
config.update(
    data={"datasets": [{"images": str(folder / "images"), "labels": str(folder / "labels")}]},
    sampling={"patch_size": [64, 64]},
    model={"features": [8, 16]},
    training={
        "epochs": 4, "steps_per_epoch": 20, "batch_size": 4,
        "precision": "float32", "memory_format": "contiguous", "torch_compile": "off",
    },
)
nbt.TrainerApp("binary_2d", config=config)"""


def run_cell(page):
    page.locator(".jp-CodeCell").first.click()
    page.keyboard.press("Control+Enter")
    page.locator(".nbt-kinds").wait_for()


def kind(page, name):
    return page.locator(".nbt-kinds button", has_text=name)


def count(page):
    return page.locator(".nbt-adjust .nbt-count")


def test_settings_follow_the_kind_and_a_threshold_that_is_moved_is_seen_and_kept(open_notebook, tmp_path):
    page = open_notebook("kinds.ipynb", [APP])
    run_cell(page)
    page.locator(".nbt-panel-head button", has_text="Model").click()

    # what a kind does not need is not there, and comes back with its value
    expect(kind(page, "Foreground")).to_have_class(re.compile("nbt-kind-chosen"))
    expect(page.get_by_label("Width of contours")).to_be_hidden()
    kind(page, "Objects by contour").click()
    width = page.get_by_label("Width of contours")
    expect(width).to_be_visible()
    page.get_by_text("Every object by itself").wait_for()
    width.fill("2")
    width.press("Tab")
    kind(page, "without labels").click()
    expect(width).to_be_hidden()
    expect(page.get_by_label("Number of classes")).to_be_visible()
    expect(page.get_by_label("Loss", exact=True).locator("option")).to_have_count(2)
    kind(page, "Objects by contour").click()
    expect(width).to_be_visible()
    expect(width).to_have_value("2")
    page.screenshot(path=tmp_path / "kinds.png")
    page.locator(".nbt-panel-head button", has_text="Model").click()

    # a short training, with a curve from the starting weights on, terms of the loss, and reports
    page.locator('.nbt-actions button:has-text("Go")').click()
    page.get_by_text("✓ finished").wait_for()
    expect(page.locator(".nbt-curve option", has_text="Loss (contour)")).to_have_count(1)
    page.get_by_role("button", name="Worst objects of the validation images").click()
    page.frame_locator(".nbt-report iframe").get_by_role("heading", name="Validation images").wait_for()
    page.screenshot(path=tmp_path / "report.png")
    page.get_by_role("button", name="Worst objects of the validation images").click()
    expect(page.locator(".nbt-report iframe")).to_have_count(0)

    # a threshold is moved: picture and count follow
    page.locator(".nbt-adjust .nbt-panel-head button").click()
    count(page).wait_for()
    picture = page.locator(".nbt-adjust .nbt-seen img")
    own, before = count(page).inner_text(), picture.get_attribute("src") or ""
    handle = page.locator('.nbt-adjust .nbt-field:has-text("Foreground above") .noUi-handle')
    handle.focus()
    handle.press("ArrowRight")
    expect(picture).not_to_have_attribute("src", before)
    handle.press("End")
    expect(count(page)).not_to_have_text(own)
    expect(page.locator(".nbt-adjust .nbt-numbers")).to_contain_text("in the model")
    page.locator(".nbt-adjust").screenshot(path=tmp_path / "moved.png")

    # set back, moved again, and kept
    page.locator(".nbt-adjust").get_by_role("button", name="Reset").click()
    expect(count(page)).to_have_text(own)
    handle.focus()
    handle.press("PageDown")
    page.locator(".nbt-adjust").get_by_role("button", name="Keep in the model").click()
    page.get_by_text("✓ Kept in best-").wait_for()
    expect(page.locator(".nbt-adjust").get_by_role("button", name="Keep in the model")).to_be_disabled()
    page.locator(".nbt-adjust").screenshot(path=tmp_path / "kept.png")
