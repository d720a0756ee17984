"""The check of a model that training starts from, against the settings and the data."""

from __future__ import annotations

from collections.abc import Iterator

from nbtrainer.config import Config
from nbtrainer.datasets.survey import Survey, anisotropic_levels_in, normalizer_of
from nbtrainer.datasets.task_from_data import task_of
from nbtrainer.errors import Finding, UserError


def check_pretrained(config: Config, surveyed: Survey | None) -> Iterator[Finding]:
    """Whether it can be read, is built like the network, and was trained for something like this.

    `surveyed`: the data, None where they cannot be read.
    """
    if not config.model.pretrained or not config.resolve(config.model.pretrained).exists():
        return  # the check of the settings says so
    from nbtrainer.inference import pretrained  # brings torch, without which the form stands first

    try:
        start = pretrained.starting_point(config)
    except UserError as error:
        yield from error.findings
        return
    if start is None or surveyed is None or not surveyed.split.train:
        return
    try:
        task = task_of(config, surveyed)
        channels = config.model.input_channels
        if channels == "auto":
            channels = surveyed.preparation.open(surveyed.pairs[0])[0].channels
    except UserError:
        return  # the check of the file or of the kind says why
    settings = pretrained.network_settings(
        config,
        task,
        input_channels=channels,
        anisotropic_levels=start.network.get("anisotropic_levels", anisotropic_levels_in(config, surveyed)),
    )
    yield from pretrained.differences(config, settings, task, normalizer_of(config), start)
