"""The check of the values of all labels together: what they stand for, and labels without foreground."""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from pathlib import Path

from nbtrainer.checks.background import check_background
from nbtrainer.checks.labels import MOST_CLASSES, _are_drawn, _some
from nbtrainer.config import Config
from nbtrainer.data.file_stats import label_stats
from nbtrainer.datasets.label_sample import Sample
from nbtrainer.datasets.survey import Survey
from nbtrainer.errors import Finding
from nbtrainer.io.annotations import is_annotation

# more than this are rare, and objects often as many
_USUAL_CLASSES = 20


def check_values(
    config: Config, surveyed: Survey, samples: Sequence[Sample], doubtful: Collection[Path] = ()
) -> Iterator[Finding]:
    """Findings about the values of all labels together, and about labels without foreground.

    `doubtful` are labels whose values were probably not drawn, and are not counted as objects.
    """
    is_exact = config.data.exact_statistics
    values = surveyed.label_values([*surveyed.split.train, *surveyed.split.validation], is_exact)
    of_interest = [value for value in config.data.labels_of_interest if value]
    foreground = [value for value in values if value != 0 and (not of_interest or value in of_interest)]
    where = str(surveyed.pairs[0].required_label.parent)
    if not foreground:
        estimated = any(label_stats(pair.required_label, is_exact).is_estimate for pair in surveyed.pairs)
        yield from _no_foreground(config, where, values=values, of_interest=of_interest, is_estimate=estimated)
        return
    if samples and not any(sample.label.any() for sample in samples) and _are_all(samples, surveyed):
        yield Finding(
            where=where,
            wrong="no label has any foreground in what is used of its image",
            remedy="Check the regions, data.label_border, and that outlines lie in their images",
        )
        return
    yield from _blind_validation(surveyed, samples)
    if 0 not in values and not of_interest and len(values) == 1:
        yield Finding(
            where=where,
            wrong=f"every pixel of every label is foreground (only {values[0]})",
            remedy="Background must be 0",
        )
        return
    # of what nobody drew so, the values say nothing
    drawn = [pair for pair in surveyed.pairs if pair.label not in doubtful] if doubtful else surveyed.pairs
    of_drawn = surveyed.label_values(drawn, is_exact)
    yield from check_background(config, surveyed, of_drawn, where)
    if doubtful:
        foreground = [value for value in of_drawn if value in foreground and value]
    yield from _unknown(config, values, where)
    yield from _listed_values(values, of_interest=of_interest)
    yield from _empty(samples)
    if config.task.label_values == "classes" and foreground:
        yield from _grey_classes(surveyed, where, foreground)
    if config.task.label_values == "classes" and len(foreground) > _USUAL_CLASSES and not of_interest:
        yield Finding(
            level="warning",
            where=where,
            wrong=f"there would be {len(foreground):,} classes; such labels usually number single objects",
            remedy="Choose a kind that finds objects (task.kind), or name the classes in data.labels_of_interest",
        )
    if len(foreground) > 2 and config.task.label_values == "foreground" and not of_interest:
        yield Finding(
            level="warning",
            where=where,
            wrong=f"the labels number up to {len(foreground):,} objects or classes; here all of them count as foreground",
            remedy="That is right for telling foreground from background; touching objects will not be told apart",
        )


def _blind_validation(surveyed: Survey, samples: Sequence[Sample]) -> Iterator[Finding]:
    """Images that validate although there is nothing to find in any of them."""
    validating = {id(pair) for pair in surveyed.split.validation}
    seen = [sample for sample in samples if id(sample.pair) in validating]
    if len(seen) == len(validating) > 0 and not any(sample.is_part or sample.label.any() for sample in seen):
        yield Finding(
            level="warning",
            where="data.validation_fraction",
            wrong="no image that validates, or part of one, has any foreground: no score can tell a good model from a bad one",
            remedy="Use images with foreground for validation, a larger fraction, or another training.seed",
        )


def _no_foreground(
    config: Config, where: str, *, values: list[int], of_interest: list[int], is_estimate: bool
) -> Iterator[Finding]:
    ignored = config.data.ignore_value
    if not values and ignored is not None:
        yield Finding(
            where="data.ignore_value",
            wrong=f"every pixel of every label is {ignored}, which is ignored",
            remedy="Choose the value of pixels that nobody annotated, or none",
            suggestions=(None,),
        )
    elif of_interest and any(values):
        yield Finding(
            where="data.labels_of_interest",
            wrong=f"none of the labels holds {', '.join(map(str, of_interest[:5]))}",
            remedy=f"The labels hold {', '.join(map(str, values[:10]))}",
        )
    else:
        yield Finding(
            level="warning" if is_estimate else "error",
            where=where,
            wrong="only background (0) was found in samples of the labels"
            if is_estimate
            else "every label is all background (only 0)",
            remedy="Check that these are the labels, and that foreground has another value than 0"
            + (", or set data.exact_statistics to look at all of them" if is_estimate else ""),
        )


def _unknown(config: Config, values: Sequence[int], where: str) -> Iterator[Finding]:
    """Few classes in a row and 255 besides: what many programs write where nobody annotated."""
    few = [value for value in values if value != 255]
    if config.data.ignore_value is None and 255 in values and 1 < len(few) < 20 and few == list(range(len(few))):
        yield Finding(
            level="warning",
            where=where,
            wrong=f"the labels hold 0 to {few[-1]} and 255",
            remedy="If 255 means not annotated, set data.ignore_value to 255; now it counts as foreground",
        )


def _listed_values(values: list[int], *, of_interest: list[int]) -> Iterator[Finding]:
    missing = [value for value in of_interest if value not in values]
    if missing:
        yield Finding(
            level="warning",
            where="data.labels_of_interest",
            wrong=f"none of the labels holds {_some(missing)}",
            remedy=f"The labels hold {_some(values, 10)}; take it out, or correct it",
        )
    outside = [value for value in values if value and value not in of_interest] if of_interest else []
    if outside:
        yield Finding(
            level="warning",
            where="data.labels_of_interest",
            wrong=f"labels hold {_some(outside)} too, which {'is' if len(outside) == 1 else 'are'} not in the list",
            remedy="They become background, as that setting says; add those that are foreground",
        )


def _empty(samples: Sequence[Sample]) -> Iterator[Finding]:
    for sample in samples:
        # the middle of a large label may be empty, and the rest not
        if not sample.label.any() and not sample.is_part and sample.pair.slice is None and sample.pair.crop is None:
            unknown = sample.known == 0
            yield Finding(
                level="warning",
                where=str(sample.pair.label),
                wrong="nobody annotated any of it (only the ignore value)"
                if unknown
                else "it has no foreground at all",
                remedy="It teaches nothing; leave it out"
                if unknown
                else "That is right if the image shows nothing; else it is not annotated yet, and teaches to overlook",
                fix="exclude",
                files=(str(sample.pair.own_file),),
            )


def _grey_classes(surveyed: Survey, where: str, foreground: list[int]) -> Iterator[Finding]:
    """Classes that are grey values to be told apart by eye (0, 127, 255) rather than numbers."""
    if len(foreground) <= MOST_CLASSES and foreground[-1] > 4 * len(foreground) and not _are_drawn(surveyed):
        yield Finding(
            level="warning",
            where=where,
            wrong=f"classes have the values {_some(foreground)}, which look like shades of grey",
            remedy=f"They are read as {len(foreground)} classes; numbers 1, 2, 3 are safer in other programs",
            fix="classes",
            files=tuple(
                dict.fromkeys(str(pair.label) for pair in surveyed.pairs if not is_annotation(pair.required_label))
            ),
        )


def _are_all(samples: Sequence[Sample], surveyed: Survey) -> bool:
    return len(samples) == len(surveyed.pairs) and not any(sample.is_part for sample in samples)
