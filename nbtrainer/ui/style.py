"""The one place with colours, widths, fonts and CSS: themes change them here, and only here."""

from __future__ import annotations

import ipywidgets

from nbtrainer.catalog import TASKS
from nbtrainer.ui import icons as glyphs

FORM_WIDTH = 400
DASHBOARD_WIDTH = 584  # with the form, its border and padding: side by side from 1,000 px on
WIDE = 760  # the form while something in it needs room: beside the dashboard on a large screen, above it elsewhere
LABEL_WIDTH = "138px"
CURVE_HEIGHT = "210px"
HISTOGRAM_HEIGHT = "110px"

# the colours of the preview pictures, exactly
_SWATCHES = {"over-mark": "#E69F00", "missed-mark": "#56B4E9"}
# on pictures, whatever the theme
_ON_PICTURES = {
    "region": "#56B4E9",
    "left-out": "#D55E00",
    "given": "#CC79A7",
    "chosen": "#F0E442",
    "handle": "#FFFFFF",
    "ground": "#171B20",
    "truth": "#009E73",
}

# Okabe and Ito; the darker or lighter of each pair, by theme
_LIGHT = {"training": "#0072B2", "validation": "#B84E00", "over": "#8A5A00", "missed": "#1A6F9E"}
_DARK = {"training": "#56B4E9", "validation": "#E69F00", "over": "#E69F00", "missed": "#56B4E9"}

# ipywidgets 7 refuses var(...) as a colour; its classic front ends have a light theme
_THEMED = int(ipywidgets.__version__.partition(".")[0]) >= 8


def colour(name: str) -> str:
    """A colour as bqplot takes it: of a curve (`training`, `validation`), `muted`, `grid`, or of a region on a picture."""
    if name in _ON_PICTURES:
        return _ON_PICTURES[name]
    if _THEMED:
        return f"var(--nbt-{name})"
    return (_LIGHT | {"muted": "#5A6270", "grid": "#E6E8EB"})[name]


def with_colors(name: str) -> tuple[int, int, int]:
    """The red, green and blue of a colour on pictures, from 0 to 255."""
    red, green, blue = bytes.fromhex(_ON_PICTURES[name][1:])
    return red, green, blue


def mark(colour: tuple[int, int, int]) -> str:
    """The style of a name that stands for what is painted in `colour`, as an attribute of its element."""
    return f'class="nbt-tone" style="--mark: #{bytes(colour).hex()}"'


def sheet() -> str:
    """The style sheet, as an HTML element."""
    return f"<style>{_CSS}{_kinds()}</style>"


def beside(title: str) -> str:
    """The widest that a panel's line may be next to `title`, so that both can be read."""
    return f"calc(100% - {8 * len(title) + 64}px)"


def _kinds() -> str:
    """The little picture on the button of each kind of segmentation."""
    return "".join(
        f".nbt .nbt-kinds button.nbt-kind-{kind} {{ background-image: {glyphs.as_url(glyphs.glyph_of(kind), _glyph_colours())}; }}\n"
        for kind in TASKS
    )


def _glyph_colours() -> dict[str, str]:
    return _ON_PICTURES | {"over": _SWATCHES["over-mark"], "missed": _SWATCHES["missed-mark"]}


def _variables(colours: dict[str, str]) -> str:
    return "".join(f"--nbt-{name}: {value}; " for name, value in colours.items())


_CSS = f"""
.nbt {{
  {_variables(_LIGHT | _SWATCHES)}
  --nbt-text: var(--jp-ui-font-color1, #212121); --nbt-muted: #5A6270; --nbt-line: var(--jp-border-color2, #D5D9DE);
  --nbt-page: var(--jp-layout-color1, #FFFFFF); --nbt-head: var(--jp-layout-color2, #F1F3F5);
  --nbt-accent: #0072B2; --nbt-on-accent: #FFFFFF; --nbt-fine: #00704F; --nbt-look: #7A5200; --nbt-wrong: #A8321F;
  --nbt-grid: #E6E8EB;
  --jp-widgets-font-size: 13px; --jp-widgets-inline-height: 28px;
  font-size: 13px; line-height: 1.4; color: var(--nbt-text); background: var(--nbt-page);
  border: 1px solid var(--nbt-line); box-sizing: border-box; overflow: hidden;
}}
[data-jp-theme-light="false"] .nbt, html[theme="dark"] .nbt, body[data-vscode-theme-kind="vscode-dark"] .nbt {{
  {_variables(_DARK)}
  --nbt-muted: #A7B0BB; --nbt-accent: #56B4E9; --nbt-on-accent: #10151A; --nbt-fine: #4CC9A0; --nbt-look: #E6B450;
  --nbt-wrong: #FF9B80; --nbt-grid: #2E343B; color-scheme: dark;
}}
html[theme="dark"] .nbt {{ --nbt-text: #E3E6EA; --nbt-page: #1E1E1E; --nbt-head: #2A2C2F; --nbt-line: #44484D; }}
.nbt .widget-html, .nbt .widget-html-content, .nbt .jupyter-widget-html-content {{
  line-height: 1.4; font-size: 13px; color: var(--nbt-text); height: auto; min-height: 0;
}}
.nbt .widget-html:empty {{ display: none; }}
.nbt .widget-box, .nbt .widget-hbox, .nbt .widget-vbox {{ overflow: visible; }}
.nbt .widget-label {{ color: var(--nbt-text); }}
.nbt .nbt-head {{ background: var(--nbt-head); border-bottom: 1px solid var(--nbt-line); padding: 6px 10px; align-items: center; flex-wrap: wrap; }}
.nbt .nbt-name {{ font-weight: 600; font-size: 15px; padding: 0 6px; }}
.nbt .nbt-columns {{ flex-flow: row wrap; align-items: stretch; }}
.nbt .nbt-form {{ flex: 1 1 {FORM_WIDTH}px; min-width: 0; box-sizing: border-box; }}
.nbt .nbt-board {{
  flex: 1000 1 {DASHBOARD_WIDTH}px; min-width: 0; box-sizing: border-box; padding: 10px 14px; border-left: 1px solid var(--nbt-line);
}}
.nbt .nbt-panel-head {{
  position: relative; min-height: 34px; align-items: center; justify-content: flex-end; border-bottom: 1px solid var(--nbt-line);
}}
.nbt .nbt-panel-head button {{
  position: absolute; left: 0; top: 0; width: 100%; height: 100%; margin: 0; padding: 0 10px; text-align: left;
  background: transparent; color: var(--nbt-text); border: none; box-shadow: none; font-weight: 600; display: flex; align-items: center;
}}
.nbt .nbt-panel-head button i {{ width: 16px; color: var(--nbt-muted); }}
.nbt .nbt-panel-head.nbt-open {{ background: var(--nbt-head); }}
.nbt .nbt-panel-head .widget-html {{ pointer-events: none; position: relative; margin: 0 10px 0 0; min-width: 0; }}
.nbt .nbt-panel-head .widget-html-content {{ overflow: hidden; }}
.nbt .nbt-line {{ display: flex; gap: 6px; justify-content: flex-end; white-space: nowrap; }}
.nbt .nbt-line > :first-child {{ overflow: hidden; text-overflow: ellipsis; min-width: 0; }}
.nbt .nbt-line > :last-child {{ flex: none; }}
.nbt .nbt-panel-body {{ padding: 8px 10px 10px; border-bottom: 1px solid var(--nbt-line); }}
.nbt .nbt-muted, .nbt .nbt-muted .widget-html-content {{ color: var(--nbt-muted); }}
.nbt .nbt-small {{ font-size: 11.5px; }}
.nbt .nbt-guide {{ line-height: 1.45; margin: 1px 0; }}
.nbt .nbt-guide summary {{ cursor: pointer; }}
.nbt .nbt-guide p {{ margin: 2px 0 5px; }}
.nbt .nbt-source a {{ text-decoration: underline; }}
.nbt .nbt-fine {{ color: var(--nbt-fine); }} .nbt .nbt-look {{ color: var(--nbt-look); }} .nbt .nbt-wrong {{ color: var(--nbt-wrong); }}
.nbt .nbt-over::before, .nbt .nbt-missed::before {{ content: "■"; color: var(--nbt-over-mark); }}
.nbt .nbt-missed::before {{ color: var(--nbt-missed-mark); }}
.nbt .nbt-over {{ color: var(--nbt-over); }} .nbt .nbt-missed {{ color: var(--nbt-missed); }}
.nbt .nbt-training {{ color: var(--nbt-training); }} .nbt .nbt-validation {{ color: var(--nbt-validation); }}
.nbt .nbt-subhead {{ font-weight: 600; color: var(--nbt-muted); font-size: 11.5px; margin: 6px 2px 0; }}
.nbt .nbt-field .widget-label {{
  white-space: normal; line-height: 1.2; height: auto; min-height: 28px; display: flex; align-items: center; justify-content: flex-end;
  text-align: right; overflow: visible;
}}
.nbt .nbt-field .widget-text, .nbt .nbt-field .widget-dropdown, .nbt .nbt-field .widget-checkbox {{
  flex: 1 1 auto; width: auto; min-width: 0; height: auto; align-items: center;
}}
.nbt .nbt-field input[type="text"], .nbt .nbt-field select, .nbt .nbt-head select, .nbt .nbt-plain select {{
  background-color: var(--nbt-page); color: var(--nbt-text); border: 1px solid var(--nbt-line); min-width: 0; height: 28px;
}}
.nbt select {{ appearance: auto; -webkit-appearance: auto; background-image: none !important; }}
.nbt .nbt-unset input::placeholder {{ color: var(--nbt-muted); opacity: 1; }}
.nbt .nbt-refused input[type="text"], .nbt .nbt-refused select {{ border-color: var(--nbt-wrong); }}
.nbt .nbt-changed > .widget-hbox .widget-label {{ font-weight: 600; }}
.nbt .nbt-field .widget-checkbox label {{ justify-content: flex-start; text-align: left; }}
.nbt .nbt-field .widget-checkbox .widget-label-basic {{ white-space: normal; gap: 6px; line-height: 1.2; display: flex; align-items: center; }}
.nbt .nbt-field.nbt-first {{ padding: 8px 10px 6px; border-bottom: 1px solid var(--nbt-line); }}
.nbt .nbt-first .nbt-under {{ margin-left: 2px; }}
.nbt .nbt-kind-head {{ align-items: center; }}
.nbt .nbt-kind-head > .widget-html {{ white-space: nowrap; flex: 0 0 auto; }}
.nbt .nbt-kind-head > :nth-child(2) {{ flex: 1 1 0; min-width: 0; }}
.nbt .nbt-kind-head .widget-html-content {{ overflow: hidden; text-overflow: ellipsis; }}
.nbt .nbt-kinds {{ display: grid; grid-template-columns: repeat(auto-fill, minmax(114px, 1fr)); gap: 3px; margin: 3px 0; }}
.nbt .nbt-kinds button.jupyter-button.nbt-kind {{
  width: auto; min-width: 0; height: auto; min-height: 42px; margin: 0; padding: 3px 3px 3px 52px; font-size: 11px; line-height: 1.15;
  white-space: normal; overflow: visible; text-overflow: clip; background-color: transparent; background-repeat: no-repeat;
  background-size: 42px auto; background-position: 5px center; border: 1px solid transparent; border-radius: 3px; color: var(--nbt-muted);
  display: flex; align-items: center; justify-content: flex-start; text-align: left;
}}
.nbt .nbt-kinds button.jupyter-button.nbt-kind:hover {{ border-color: var(--nbt-line); }}
.nbt .nbt-kinds button.jupyter-button.nbt-kind.nbt-kind-chosen {{
  border-color: var(--nbt-accent); box-shadow: inset 0 0 0 1px var(--nbt-accent); color: var(--nbt-text);
}}
.nbt .nbt-under {{ margin-left: calc({LABEL_WIDTH} + 10px); }}
.nbt .nbt-under .widget-html-content {{ overflow-wrap: anywhere; }}
.nbt .nbt-unit {{ flex: 0 0 auto; color: var(--nbt-muted); font-size: 11.5px; }}
.nbt .nbt-entry {{ border-left: 2px solid var(--nbt-line); margin: 4px 0 4px 2px; padding-left: 6px; }}
.nbt button.jupyter-button {{
  background: var(--nbt-page); color: var(--nbt-text); border: 1px solid var(--nbt-line); box-shadow: none; font-size: 13px;
  width: auto; flex: 0 0 auto; height: 28px; line-height: 26px; padding: 0 10px;
}}
.nbt .nbt-panel-head button.jupyter-button {{ background: transparent; border: none; height: 100%; width: 100%; box-shadow: none; }}
.nbt button.jupyter-button.nbt-icon {{ padding: 0 8px; min-width: 28px; }}
.nbt button.jupyter-button.nbt-quiet {{ border-color: transparent; background: transparent; color: var(--nbt-muted); padding: 0 4px; }}
.nbt button.jupyter-button.nbt-quiet.nbt-icon {{ padding: 0; min-width: 20px; width: 20px; margin: 2px 1px; }}
.nbt button.jupyter-button.nbt-quiet.nbt-icon i {{ margin: 0; }}
.nbt button.jupyter-button.nbt-link {{
  border: none; background: transparent; color: inherit; text-decoration: underline; padding: 0 4px; height: auto; line-height: 1.4;
  min-width: 0; margin: 0; white-space: normal; text-align: left; box-shadow: none !important;
}}
.nbt button.jupyter-button.nbt-next {{
  background: var(--nbt-accent); color: var(--nbt-on-accent); border-color: var(--nbt-accent); font-weight: 600;
}}
.nbt button:disabled {{ opacity: .55; }}
.nbt button:focus-visible, .nbt input:focus-visible, .nbt select:focus-visible {{ outline: 2px solid var(--nbt-accent); outline-offset: 1px; }}
.nbt .nbt-actions {{ padding: 8px 10px; flex-wrap: wrap; }}
.nbt .nbt-finding > button.jupyter-button {{ width: 92px !important; padding-left: 0; }}
.nbt .nbt-under-actions {{ padding: 0 12px 10px; }}
.nbt .nbt-pill {{ border: 1px solid currentColor; border-radius: 12px; padding: 1px 10px; font-weight: 600; white-space: nowrap; }}
.nbt .nbt-bar {{ height: 8px; background: var(--nbt-line); border-radius: 4px; overflow: hidden; }}
.nbt .nbt-bar > div {{ height: 100%; background: var(--nbt-accent); }}
.nbt .nbt-words {{ display: flex; flex-wrap: wrap; column-gap: 18px; margin-top: 6px; align-items: center; }}
.nbt .nbt-words > :last-child {{ margin-left: auto; }}
.nbt .nbt-tiles {{ display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); gap: 8px; }}
.nbt .nbt-tile {{ border: 1px solid var(--nbt-line); border-radius: 3px; padding: 6px 8px; }}
.nbt .nbt-tile b {{ font-size: 18px; font-weight: 600; }}
.nbt .nbt-tile div {{ font-size: 11.5px; color: var(--nbt-muted); }}
.nbt .nbt-tile span {{ font-size: 11.5px; color: var(--nbt-muted); }}
.nbt .nbt-curves {{ flex-flow: row wrap; }}
.nbt .nbt-curve {{ flex: 1 1 260px; min-width: 0; padding-right: 10px; box-sizing: border-box; }}
.nbt .nbt-curve-head {{ align-items: center; justify-content: space-between; min-height: 30px; }}
.nbt .nbt-curve-head > .widget-html {{ white-space: nowrap; flex: 0 0 auto; }}
.nbt .nbt-curve-head > .widget-dropdown {{ flex: 0 1 auto; min-width: 0; }}
.nbt .nbt-seen .nbt-curve-head > .widget-html {{ white-space: normal; flex: 0 1 auto; min-width: 0; }}
.nbt .nbt-curve-head select {{ background-color: var(--nbt-page); color: var(--nbt-text); border: 1px solid var(--nbt-line); height: 24px; }}
.nbt .bqplot text {{ fill: var(--nbt-muted) !important; font-size: 11px; }}
.nbt .bqplot .axis path, .nbt .bqplot .axis line {{ stroke: var(--nbt-grid); }}
.nbt .bqplot .plotarea_background {{ fill: transparent !important; }}
.nbt .bqplot .svg-background, .nbt .svg-background {{ background: transparent !important; }}
.nbt .nbt-report iframe {{
  width: 100%; height: 520px; min-height: 160px; resize: vertical; overflow: auto; border: 1px solid var(--nbt-line);
  background: {_ON_PICTURES["handle"]}; color-scheme: light; box-sizing: border-box;
}}
.nbt .nbt-adjust {{ margin-top: 12px; border: 1px solid var(--nbt-line); border-bottom: none; }}
.nbt .nbt-adjust .nbt-seen {{ flex: 1 1 320px; max-width: 480px; min-width: 0; box-sizing: border-box; margin-right: 12px; }}
.nbt .nbt-adjust .widget-image {{ width: 100%; height: auto; max-width: 100%; margin: 0; object-fit: contain; align-self: flex-start; }}
.nbt .nbt-adjust .nbt-line {{ font-size: 11.5px; }}
.nbt .nbt-adjust .nbt-seen .widget-hslider {{ width: auto; }}
.nbt .nbt-field .widget-hslider {{ flex: 1 1 auto; width: auto; min-width: 0; height: auto; align-items: center; }}
.nbt .nbt-field .widget-hslider .widget-readout {{ min-width: 44px; }}
.nbt .nbt-numbers {{ padding: 0 2px 6px; }} .nbt .nbt-numbers .nbt-count {{ font-size: 18px; font-weight: 600; }}
.nbt .nbt-numbers span {{ color: var(--nbt-muted); font-size: 11.5px; }}
.nbt .nbt-predicting {{ min-width: 160px; }}
.nbt .nbt-tone {{ margin-left: 8px; white-space: nowrap; }} .nbt .nbt-tone::before {{
  content: "■ "; color: var(--mark); text-shadow: 0 0 1px {_ON_PICTURES["ground"]};
}}
.nbt .nbt-captions {{ display: grid; grid-template-columns: repeat(4, minmax(0, 1fr)); text-align: center; font-size: 11.5px; color: var(--nbt-muted); }}
.nbt .nbt-captions > * {{ white-space: nowrap; }}
.nbt .nbt-preview img {{ width: 100%; height: auto; max-width: 100%; margin: 0; object-fit: contain; }}
.nbt .nbt-log {{
  font-family: var(--jp-code-font-family, monospace); font-size: 11.5px; max-height: 180px; overflow-y: auto;
  border-top: 1px solid var(--nbt-line); padding-top: 6px; white-space: pre-wrap; overflow-wrap: anywhere;
}}
.nbt pre.nbt-code {{
  background: var(--nbt-head); color: var(--nbt-text); padding: 8px; margin: 0; font-size: 11.5px; line-height: 1.4; max-height: 320px;
  overflow: auto; white-space: pre-wrap; overflow-wrap: anywhere; font-family: var(--jp-code-font-family, monospace); user-select: all;
}}
.nbt .nbt-form:has(.nbt-opened) {{ flex: 1 1 {WIDE}px; }}
.nbt .nbt-bar-of-tools {{ flex-flow: row wrap; align-items: center; }}
.nbt .nbt-pairs, .nbt .nbt-histogram, .nbt .nbt-drawer {{ margin: 4px 0 6px; }}
.nbt .nbt-pairs > button, .nbt .nbt-histogram > button {{ align-self: flex-start; }}
.nbt .nbt-drawer .widget-image {{ width: auto; height: auto; max-width: 100%; object-fit: contain; align-self: flex-start; }}
.nbt .nbt-drawer .widget-dropdown {{ flex: 1 1 140px; width: auto; }}
.nbt .nbt-shares {{ display: grid; grid-template-columns: minmax(90px, max-content) 1fr max-content; gap: 3px 8px; align-items: center; font-size: 11.5px; max-width: 640px; margin: 4px 0; }}
.nbt .nbt-shares > :nth-child(3n+1) {{ overflow-wrap: anywhere; }} .nbt .nbt-shares > :nth-child(3n) {{ text-align: right; }}
.nbt .nbt-plain input[type="text"] {{
  background-color: var(--nbt-page); color: var(--nbt-text); border: 1px solid var(--nbt-line); min-width: 0; height: 28px;
}}
.nbt .nbt-form {{ container-type: inline-size; }}
.nbt .nbt-table table {{ border-collapse: collapse; width: 100%; font-size: 12px; margin: 2px 0; }}
.nbt .nbt-table th {{ text-align: left; font-weight: normal; color: var(--nbt-muted); font-size: 11.5px; padding: 2px 6px; }}
.nbt .nbt-table td {{ padding: 3px 6px; vertical-align: top; border-top: 1px solid var(--nbt-line); }}
.nbt .nbt-table tr {{ background: transparent !important; }}
.nbt .nbt-table th, .nbt .nbt-table td {{ text-align: left; white-space: normal; max-width: none; }}
.nbt .nbt-table td.nbt-mark {{ width: 1%; white-space: nowrap; }}
.nbt .nbt-table td.nbt-names {{ overflow-wrap: anywhere; }}
.nbt .nbt-table .nbt-remark td {{ border-top: none; padding-top: 0; font-size: 11.5px; }}
.nbt .nbt-table td > div {{ color: var(--nbt-muted); font-size: 11.5px; }}
.nbt .nbt-table img, .nbt .nbt-no-picture {{
  width: 56px; height: 56px; object-fit: contain; margin: 0 6px 0 0; display: inline-block; vertical-align: middle; background: var(--nbt-head);
}}
.nbt .nbt-wide-only {{ display: none; }}
@container (min-width: 620px) {{ .nbt .nbt-wide-only {{ display: table-cell; }} .nbt .nbt-narrow-only {{ display: none; }} }}
.nbt .nbt-field-name {{ width: {LABEL_WIDTH}; flex: 0 0 auto; text-align: right; margin-right: 10px; }}
.nbt .nbt-editor {{ border: 1px solid var(--nbt-line); margin: 4px 2px; padding: 6px; box-sizing: border-box; }}
.nbt .nbt-stage {{ flex-flow: row wrap; align-items: flex-start; }}
.nbt .nbt-picture {{ flex: 0 1 auto; max-width: 100%; min-width: 0; padding-right: 10px; box-sizing: border-box; }}
.nbt .nbt-beside {{ flex: 1 1 300px; min-width: 0; box-sizing: border-box; }}
.nbt .nbt-regions {{ margin-top: 4px; max-width: 620px; }}
.nbt .nbt-editor .nbt-bar-of-tools .widget-dropdown {{ flex: 0 0 auto; width: 170px; }}
.nbt .nbt-region {{ align-items: center; }}
.nbt .nbt-field .nbt-region .widget-text {{ flex: 1 1 120px; }}
.nbt .nbt-field .nbt-region .nbt-region-name {{ flex: 0 0 108px; }}
.nbt .nbt-refused .nbt-editor input[type="text"], .nbt .nbt-refused .nbt-editor select {{ border-color: var(--nbt-line); }}
.nbt .nbt-modes .widget-toggle-button, .nbt .nbt-modes button {{ width: auto; }}
.nbt button.jupyter-button.mod-active {{ background: var(--nbt-head); border-color: var(--nbt-accent); color: var(--nbt-text); box-shadow: none; }}
.nbt .nbt-canvas .lines path, .nbt .nbt-canvas .curve, .nbt .nbt-canvas .label, .nbt .nbt-canvas path.line, .nbt .nbt-canvas path.area {{ pointer-events: none; }}
.nbt .nbt-canvas.nbt-drawing .dot {{ pointer-events: none; }}
.nbt .nbt-canvas.nbt-drawing {{ cursor: crosshair; }}
.nbt .nbt-canvas text {{ fill: #FFFFFF !important; paint-order: stroke; stroke: #00000099; stroke-width: 3px; pointer-events: none; }}
.nbt .nbt-small-curve {{ flex: 1 1 150px; min-width: 0; }}
.nbt .nbt-finding {{ align-items: flex-start; padding: 2px 0; }}
.nbt .nbt-finding .nbt-fix {{ align-self: flex-start; }}
.nbt .nbt-finding-picture {{ width: 48px; height: 48px; object-fit: contain; margin: 0 8px 0 0; }}
"""
