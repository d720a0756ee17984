"""Takes the screenshot of the README: the quick start in a real JupyterLab, after its run. Needs a `chromium`.

`python docs/make_screenshots.py [FOLDER] [--panels]`; `--panels` also takes one of each opened panel, light and dark.
"""

from __future__ import annotations

import shutil
import sys
import tempfile
from pathlib import Path

from playwright.sync_api import Page, sync_playwright

ROOT = Path(__file__).parents[1]
sys.path.insert(0, str(ROOT / "tests" / "browser"))
from lab import menu, serving, wait_until_idle  # noqa: E402

PATIENCE_MS = 180_000


def main(folder: Path, panels: bool) -> None:
    """Write `screenshot.png` (and pictures of panels) into `folder`."""
    with sync_playwright() as driver:
        browser = driver.chromium.launch(executable_path=shutil.which("chromium"), args=["--no-sandbox"])
        for theme in ("Light", "Dark") if panels else ("Light",):
            scratch = Path(tempfile.mkdtemp())
            (scratch / "work").mkdir()
            shutil.copy(ROOT / "notebooks" / "01_quickstart.ipynb", scratch / "work")
            with serving(scratch / "work", scratch / "home", theme=f"JupyterLab {theme}") as address:
                page = browser.new_page(viewport={"width": 1440, "height": 1400})
                page.set_default_timeout(PATIENCE_MS)
                page.goto(f"{address}/lab/tree/01_quickstart.ipynb")
                wait_until_idle(page)
                _train(page)
                name = "screenshot" if theme == "Light" else "screenshot_dark"
                page.locator(".nbt").first.screenshot(path=folder / f"{name}.png")
                if panels:
                    _open_each(page, folder, theme.lower())
                page.close()


def _train(page: Page) -> None:
    menu(page, "View", "File Browser")
    menu(page, "View", "File Browser")
    if page.locator("#jp-left-stack").is_visible():
        page.locator('.lm-TabBar-tab[data-id="filebrowser"]').click()
    menu(page, "Run", "Run All Cells")
    page.locator(".nbt").wait_for()
    # a panel without paths: they would be those of whoever takes the picture
    page.locator('.nbt-panel-head button:has-text("Model & compile")').click()
    page.locator('.nbt-actions button:has-text("Go")').click()
    page.get_by_text("finished").first.wait_for()
    page.locator(".nbt-preview img").wait_for()
    page.wait_for_timeout(1500)  # the last curves are drawn


def _open_each(page: Page, folder: Path, theme: str) -> None:
    heads = page.locator(".nbt-panel-head button")
    page.locator('.nbt-panel-head button:has-text("Model & compile")').click()
    for index in range(heads.count()):
        heads.nth(index).click()
        page.wait_for_timeout(700)
        page.locator(".nbt").first.screenshot(path=folder / f"panel_{index + 1}_{theme}.png")
        heads.nth(index).click()


if __name__ == "__main__":
    arguments = [argument for argument in sys.argv[1:] if argument != "--panels"]
    main(Path(arguments[0]) if arguments else ROOT / "docs", "--panels" in sys.argv)
