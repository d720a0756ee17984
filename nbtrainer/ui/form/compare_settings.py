"""What differs between settings: taken over, and looked for among the presets."""

from __future__ import annotations

from nbtrainer.config import Config, presets
from nbtrainer.config.task.settings import OTHER_KINDS


def take_changes(config: Config, *, before: Config, after: Config) -> None:
    """Give `config` what differs between `before` and `after`, and leave the rest as it is."""
    old, new = before.model_dump(), after.model_dump()
    for section, settings in new.items():
        group = getattr(config, section)
        for name, value in settings.items():
            # a setting that only the new kind of segmentation has was at its default before, or kept among `other_kinds`
            if name not in old[section] or value != old[section][name]:
                setattr(group, name, value)
        if old[section].keys() - settings.keys() >= {OTHER_KINDS}:
            setattr(group, OTHER_KINDS, {})


def nearest_preset(config: Config) -> str:
    """The preset that `config` differs least from, apart from data and output; empty if the defaults are nearer."""

    def differences(other: Config) -> int:
        mine, theirs = config.model_dump(warnings=False), other.model_dump()
        return sum(
            mine[section].get(name) != theirs[section].get(name)
            for section in mine.keys() - {"data", "output"}
            for name in mine[section].keys() | theirs[section].keys()
        )

    counts = {"": differences(Config())} | {name: differences(Config.preset(name)) for name in presets()}
    return min(counts, key=lambda name: (counts[name], name != ""))
