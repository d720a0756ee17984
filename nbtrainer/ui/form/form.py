"""The form: panels made from the rows that describe the settings; it edits a config and holds no truth of its own."""

from __future__ import annotations

import dataclasses
from collections.abc import Callable, Iterable
from pathlib import Path
from typing import Any, TypeAlias

import ipywidgets as w

from nbtrainer import samples
from nbtrainer.catalog import TASKS
from nbtrainer.config import Config
from nbtrainer.config.describe import Setting, settings
from nbtrainer.errors import Finding
from nbtrainer.ui.background import API, Api, RunInBackground, run_inline
from nbtrainer.ui.data_views.augmentation_preview import AugmentationPreview
from nbtrainer.ui.data_views.histogram import HistogramView
from nbtrainer.ui.data_views.pair_table import PairTable
from nbtrainer.ui.data_views.patch_map import PatchMap
from nbtrainer.ui.data_views.roi_editor import Editor
from nbtrainer.ui.data_views.roi_field import RegionsField
from nbtrainer.ui.data_views.stacks import StackTool
from nbtrainer.ui.form.field import Field
from nbtrainer.ui.form.fields import ChoicesField, field_for
from nbtrainer.ui.form.list_field import EntriesField
from nbtrainer.ui.form.panels import ABOVE, PLANS, Panel, missing
from nbtrainer.ui.form.task_field import KindField
from nbtrainer.ui.widgets import Guard, create

# what these settings amount to while they are "auto"
_MEANINGS: dict[str, Callable[[Config], Iterable[str]]] = {
    "compile.metrics": lambda config: TASKS.load(config.task.kind).default_metrics,
}
# what images look like and what becomes of them depends on these sections
_ABOUT_IMAGES = ("data", "task", "normalization")
# what a patch looks like depends on these sections and settings
_ABOUT_PATCHES = ("data", "task", "normalization", "sampling", "augmentation", "training.seed", "model.input_channels")
# and where patches fall on these
_ABOUT_PLACES = (
    *("data", "task", "sampling", "augmentation", "training.seed", "training.shuffle"),
    *("training.batch_size", "training.steps_per_epoch"),
)
Read: TypeAlias = Callable[[], Any]
Write: TypeAlias = Callable[[Any], None]


class Form:
    """Edits `config`.

    Parameters
    ----------
    config
        What is edited, in place.
    base
        What counts as unchanged: the preset that the config was made from.
    guard
        Wraps callbacks, so that their errors are shown.
    on_edit
        Called after every entry, right or wrong.
    api, work
        What is asked about images, and how that is done without keeping the page waiting.
    """

    def __init__(
        self,
        config: Config,
        *,
        base: Config,
        guard: Guard,
        on_edit: Callable[[], None],
        api: Api = API,
        work: RunInBackground = run_inline,
    ) -> None:
        self.config, self.base = config, base
        self._on_edit, self._guard, self._api, self._work = on_edit, guard, api, work
        sample = create(
            w.Button,
            description="Use sample images",
            icon="picture-o",
            tooltip="Nuclei that come with nbtrainer, to try it out",
            layout=w.Layout(align_self="flex-start"),
        )
        sample.on_click(guard(lambda _: self.use_samples()))
        self.pairs = PairTable(lambda: self.config, api, work, guard)
        self.histogram = HistogramView(lambda: self.config, api, work, guard)
        self.gallery = AugmentationPreview(lambda: self.config, api, work, guard)
        self.patch_map = PatchMap(lambda: self.config, api, work, guard)
        self.stacks = StackTool(lambda: self.config, self.use_file, api, work, guard)
        extras: dict[str, list[w.Widget]] = {
            "data.datasets": [sample, self.pairs.box, self.stacks.box],
            "augmentation": [self.gallery.box],
            "sampling": [self.patch_map.box],
            "normalization": [self.histogram.box],
        }
        self.panels = [Panel(number, plan, self._field, extras, guard) for number, plan in enumerate(PLANS, start=1)]
        self._above = {row.path: self._create_field(row, KindField) for row in settings() if row.path in ABOVE}
        for first in self._above.values():
            first.box.add_class("nbt-first")
        boxes = [*(first.box for first in self._above.values()), *(panel.box for panel in self.panels)]
        self.box = create(w.VBox, children=boxes)
        self.load(config, base=base)

    def load(self, config: Config, *, base: Config) -> None:
        """Show another config."""
        self.config, self.base = config, base
        self.pairs.forget()
        self.histogram.forget()
        self.gallery.forget()
        self.patch_map.forget()
        if not config.data.datasets:
            config.data.datasets = [{}]  # type: ignore[list-item]  # so that there is a field to fill in
        self.show_findings([])
        if missing(config):
            self.panels[0].open()

    def use_samples(self) -> None:
        """Take the sample images as the only data set."""
        folder = samples.path("nuclei2d")
        self.field("data.datasets").enter([{"images": str(folder / "images"), "labels": str(folder / "labels")}])

    def use_file(self, kind: str, path: str) -> None:
        """Take `path` as the `images` or `labels` of the last data set."""
        fields: list[Field] = self.field("data.datasets").fields  # type: ignore[attr-defined]
        [field for field in fields if field.setting.name == kind][-1].enter(path)

    def field(self, path: str) -> Field:
        """The field of the setting at `path`; its panel is built if it was not yet."""
        panel = next(panel for panel in self.panels if panel.holds(path))
        panel.build()
        fields = [field for field in panel.fields if field.setting.path == path]
        return next((field for field in fields if field.setting.suits(self.config.task.kind)), fields[0])

    def show_findings(self, findings: list[Finding]) -> None:
        """Say what a check found, beside the fields; what it said before is forgotten."""
        placed = [self._beside_field(finding) for finding in findings]
        for panel in self.panels:
            panel.show_findings([finding for finding in placed if panel.holds(finding.where)])
            panel.show(self.config)
        for first in self._above.values():
            first.show()
            any(first.show_findings(finding) for finding in placed)

    def refused_entries(self) -> list[Finding]:
        """What was typed and not taken: the fields say so, and the config knows nothing of it."""
        return [finding for panel in self.panels for finding in panel.refused_entries()]

    def panel_of(self, finding: Finding) -> Panel | None:
        """The panel that a finding belongs to, or None if it has none."""
        where = self._beside_field(finding).where
        return next((panel for panel in self.panels if panel.holds(where)), None)

    def _beside_field(self, finding: Finding) -> Finding:
        """A finding about a file stands beside the field that led to the file."""
        file = Path(finding.where)
        if not file.is_absolute():
            return finding
        for index, dataset in enumerate(self.config.data.datasets):
            for name in ("images", "labels"):
                chosen = getattr(dataset, name)
                if chosen and self.config.resolve(chosen) in (file, *file.parents):
                    where = f"data.datasets[{index}].{name}"
                    return dataclasses.replace(finding, where=where, wrong=f"in {file.name}: {finding.wrong}")
        return dataclasses.replace(finding, where="data.datasets", wrong=f"in {file.name}: {finding.wrong}")

    def show_view(self, *, is_complete: bool, is_helping: bool) -> None:
        """The simple or the complete view, with help under the fields or without."""
        for first in self._above.values():
            first.show_view(is_complete=is_complete, is_helping=is_helping)
        for panel in self.panels:
            panel.show_view(is_complete=is_complete, is_helping=is_helping)

    def _field(self, row: Setting) -> Field:
        return self._above.get(row.path) or self._create_field(
            row, self._entries if row.kind == "entries" else field_for
        )

    def _create_field(self, row: Setting, kind: Callable[..., Field]) -> Field:
        def group(config: Config) -> Any:
            return getattr(config, row.section)

        field = kind(
            row,
            lambda: row.value_in(self.config),
            lambda value: setattr(group(self.config), row.name, value),
            lambda: row.value_in(self.base),
            self._guard,
        )
        if isinstance(field, ChoicesField) and row.path in _MEANINGS:
            field.meaning = lambda: _MEANINGS[row.path](self.config)
            field.show()
        field.on_settled = lambda: self._follow_entry(field)
        return field

    def _entries(self, row: Setting, read: Read, write: Write, default: Read, guard: Guard) -> Field:
        return EntriesField(row, read, write, default, guard=guard, editors={"regions": self._regions})

    def _regions(self, row: Setting, read: Read, write: Write, default: Read, guard: Guard) -> Field:
        return RegionsField(row, read, write, default=default, guard=guard, open_editor=self._editor)

    def _editor(self, field: RegionsField) -> Editor:
        return Editor(field, self.config, self._api, self._work, self._guard)

    def _follow_entry(self, field: Field) -> None:
        panel = next(panel for panel in self.panels if panel.holds(field.setting.path))
        panel.drop_findings_of(field)
        for other in self.panels if field.setting.path == "task.kind" else [panel]:
            other.show(self.config)
        if field.setting.section in _ABOUT_IMAGES:
            self.histogram.renew()
        # the split is drawn by the seed
        if field.setting.section in ("data", "task") or field.setting.path == "training.seed":
            self.pairs.mark_stale()
        for names, view in ((_ABOUT_PATCHES, self.gallery), (_ABOUT_PLACES, self.patch_map)):
            if field.setting.section in names or field.setting.path in names:
                view.mark_stale()
        self._on_edit()
