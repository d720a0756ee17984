"""The check before a run: everything that is wrong or odd, in sentences, errors first."""

from __future__ import annotations

import dataclasses
import re
from collections.abc import Iterable, Iterator
from pathlib import Path

from nbtrainer.checks.file_metadata import check_reading
from nbtrainer.checks.files import Checked, check_leaks, check_pair, check_problems
from nbtrainer.checks.image_counts import check_counts
from nbtrainer.checks.images import check_images
from nbtrainer.checks.label_values import check_values
from nbtrainer.checks.objects import check_objects
from nbtrainer.checks.pretrained import check_pretrained
from nbtrainer.checks.regions import check_regions
from nbtrainer.checks.sampling import check_sampling
from nbtrainer.checks.settings import check_settings
from nbtrainer.config import Config
from nbtrainer.data.pair import Pair
from nbtrainer.data.split_record import SplitRecord
from nbtrainer.datasets.label_sample import MOST_SAMPLES, Sample, choose_evenly, read_sample
from nbtrainer.datasets.pair_suggestions import suggest_pairs
from nbtrainer.datasets.survey import Survey, survey
from nbtrainer.datasets.task_from_data import check_task
from nbtrainer.errors import Finding, UserError
from nbtrainer.progress import OnProgress

# of findings that say the same of different files, this many are listed one by one
_MOST_OF_A_KIND = 3


def check(config: Config, report: OnProgress | None = None, before: SplitRecord | None = None) -> list[Finding]:
    """Findings about the settings, the files and how both fit together; errors first.

    Reads every file once (of one above 1 GB samples); what labels look like is measured in up to 50 of them, evenly
    chosen. `report(done, of)` is called as it goes on. `before`: of a run that goes on, which keeps its split.
    """
    try:
        config = Config.of(config).validated()
    except UserError as error:
        return error.findings
    findings, surveyed = _collect(check_settings(config)), None
    if not config.data.datasets:
        findings.append(
            Finding(
                where="data.datasets", wrong="no images are chosen", remedy="Add a folder of images and one of labels"
            )
        )
    else:
        surveyed = survey(config, before)
        findings += check_problems(config, surveyed.problems)
        can_be_opened = not any(finding.where == "data.resize" and finding.level == "error" for finding in findings)
        if can_be_opened:
            findings += _group(_collect(_data(config, surveyed, report or _nobody)))
    is_sound = not any(finding.level == "error" for finding in findings)
    findings += check_pretrained(config, surveyed if is_sound else None)
    return sorted(dict.fromkeys(findings), key=lambda finding: finding.level)


def _collect(findings: Iterable[Finding]) -> list[Finding]:
    """All of `findings`; what could not be looked at (a folder that closed meanwhile) is one of them, and ends them."""
    problems = []
    try:
        for finding in findings:
            problems.append(finding)  # one by one: those before an error count
    except UserError as error:
        problems += error.findings
    return problems


def _data(config: Config, surveyed: Survey, report: OnProgress) -> Iterator[Finding]:
    """Each file, then all of them together, then what is measured in some labels."""
    yield from check_regions(config, surveyed)
    # another slice or part of the same files is not looked at again
    pairs = list({(pair.image, pair.label): pair for pair in reversed(surveyed.pairs)}.values())[::-1]
    steps = len(pairs) + min(len(surveyed.pairs), MOST_SAMPLES)
    sound: list[Checked] = []
    of_pairs: list[Finding] = []
    in_order = {pair.dataset for pair in pairs if pair.paired_by_order}
    by_name = {index: dict(suggest_pairs(config, index)) for index in in_order}
    for number, pair in enumerate(pairs, 1):
        findings, known = check_pair(config, surveyed, pair, by_name.get(pair.dataset, {}))
        of_pairs += findings
        if known is not None:
            sound.append(known)
        report(number, steps)
    if not sound:  # leaving all of them out mends nothing
        of_pairs = [dataclasses.replace(each, fix="" if each.fix == "exclude" else each.fix) for each in of_pairs]
    yield from of_pairs
    broken = bool(surveyed.problems) or any(finding.level == "error" for finding in of_pairs)
    yield from check_leaks(config, surveyed)
    yield from check_images(config, sound)
    yield from check_reading(sound)
    if broken:
        report(steps, steps)
        return
    yield from check_counts(config, surveyed)
    if not surveyed.split.train:
        return
    # what is measured in a label that nobody drew so says nothing
    doubtful = {Path(finding.where) for finding in of_pairs if finding.fix == "snap" or "raw image" in finding.remedy}
    samples = [
        sample
        for sample in _samples(config, surveyed, done=len(pairs), steps=steps, report=report)
        if sample.pair.label not in doubtful
    ]
    labelled = surveyed.labelled()
    of_labels = [sample for sample in samples if sample.pair.label is not None]
    if labelled.pairs:
        yield from check_values(config, labelled, of_labels, doubtful)
        yield from check_objects(config.task, of_labels)
    yield from check_task(config, surveyed)
    yield from check_sampling(config, surveyed, samples)


def _samples(config: Config, surveyed: Survey, *, done: int, steps: int, report: OnProgress) -> Iterator[Sample]:
    pairs: list[Pair] = choose_evenly(surveyed.pairs)
    for number, pair in enumerate(pairs, 1):
        sample = read_sample(pair, surveyed.preparation, config.data.labels_of_interest)
        if sample is not None:
            yield sample
        report(done + number, steps)
    report(steps, steps)


def _group(findings: Iterable[Finding]) -> list[Finding]:
    """The findings, of those that say the same of different files the first few and how many more there are."""
    groups: dict[tuple[str, str, str], list[Finding]] = {}
    for finding in findings:
        # numbers and names of files may differ
        pattern = re.sub(r"\S*\d\S*|\S+\.\w+", "#", finding.wrong)
        groups.setdefault((finding.level, finding.fix, pattern), []).append(finding)
    grouped = []
    for same in groups.values():
        grouped += same[:_MOST_OF_A_KIND]
        rest = same[_MOST_OF_A_KIND:]
        if rest:
            much = "" if len({finding.wrong for finding in same}) == 1 else "much "
            more = f"{much}the same is true of {f'{len(rest):,} more files' if len(rest) > 1 else 'one more file'}"
            files = tuple(file for finding in rest for file in finding.files)
            grouped.append(dataclasses.replace(same[0], where=str(Path(same[0].where).parent), wrong=more, files=files))
    return grouped


def _nobody(done: int, of: int) -> None:
    """Who listens where nobody does."""
