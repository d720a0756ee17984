"""Which images trained and which judged in the earlier sessions of a run: one that goes on keeps to it."""

from __future__ import annotations

import dataclasses
from collections.abc import Iterable, Mapping, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, Literal

from nbtrainer.data.file_names import match_parts, normal_form, parts_of, shortest_names
from nbtrainer.data.pair import Crop, Pair
from nbtrainer.data.split import Split
from nbtrainer.io.formats import version
from nbtrainer.wording import first_of_many

_VERBS = {"train": "trained", "validation": "validated", "test": "tested"}


@dataclass(frozen=True, kw_only=True)
class SplitEntry:
    """An image of a run (of a stack one slice, of a divided image one part), and its use; `none`: in a gap between
    blocks. `is_missing`: it was gone in the last session, which told so."""

    image: str
    dataset: int = 0
    slice: int | None = None
    part: Crop | None = None
    use: Literal["train", "validation", "test", "none"] = "none"
    is_missing: bool = False

    @classmethod
    def of(cls, pair: Pair, use: Literal["train", "validation", "test", "none"] = "none") -> SplitEntry:
        part = None if pair.crop is None else tuple((int(start), int(stop)) for start, stop in pair.crop)
        return cls(image=str(pair.image), dataset=pair.dataset, slice=pair.slice, part=part, use=use)

    def as_record(self) -> list[Any]:
        part = None if self.part is None else [list(ends) for ends in self.part]
        return [self.image, self.dataset, self.slice, part, self.use, self.is_missing]

    @classmethod
    def from_record(cls, values: Sequence[Any]) -> SplitEntry:
        image, dataset, index, part, use, is_missing = values
        return cls(
            image=image,
            dataset=dataset,
            slice=index,
            part=None if part is None else tuple(tuple(ends) for ends in part),
            use=use,
            is_missing=is_missing,
        )


@dataclass
class SplitRecord:
    """The images of a run by their use. `entries`: all of them, before regions; `drawn`: those that patches are cut from,
    in the order of their numbers; `versions`: time and size of files, by path."""

    entries: list[SplitEntry] = field(default_factory=list)
    drawn: list[SplitEntry] = field(default_factory=list)
    versions: dict[str, tuple[int, ...]] = field(default_factory=dict)

    @classmethod
    def of(cls, listed: Sequence[Pair], split: Split, drawn: Iterable[Pair], before: SplitRecord | None) -> SplitRecord:
        """Of a session with the pairs `listed` and their `split`; images of `before` that are gone are remembered."""
        entries = [SplitEntry.of(pair, use) for use in ("train", "validation", "test") for pair in getattr(split, use)]
        used = {(entry.image, entry.dataset, entry.slice) for entry in entries}
        others = map(SplitEntry.of, listed)
        entries += [entry for entry in others if (entry.image, entry.dataset, entry.slice) not in used]
        if before is not None:
            entries += [dataclasses.replace(entry, is_missing=True) for entry in before.missing(listed)]
        return cls(entries, [SplitEntry.of(pair, "train") for pair in drawn])

    def as_record(self) -> dict[str, Any]:
        """Plain values for a checkpoint."""
        return {
            "entries": [entry.as_record() for entry in self.entries],
            "drawn": [entry.as_record() for entry in self.drawn],
        }

    @classmethod
    def from_record(cls, record: Mapping[str, Any], versions: Mapping[str, Iterable[int]]) -> SplitRecord:
        return cls(
            [SplitEntry.from_record(values) for values in record["entries"]],
            [SplitEntry.from_record(values) for values in record["drawn"]],
            {path: tuple(version) for path, version in versions.items()},
        )

    def apply(self, pairs: Sequence[Pair]) -> Split:
        """`pairs` by the use that they had, in the order in which they had it; new ones train unless their dataset says
        otherwise. What trained never judges, whatever its dataset says by now."""
        numbered: dict[tuple[str, int | None], list[tuple[int, SplitEntry]]] = {}
        places = self._places(pairs)
        for number, entry in enumerate(self.entries):
            numbered.setdefault((places.get(entry.image, ""), entry.slice), []).append((number, entry))
        uses: dict[str, list[tuple[int, Pair]]] = {"train": [], "validation": [], "test": [], "none": []}
        for pair in pairs:
            own = _of_dataset(numbered.get((str(pair.image), pair.slice), []), pair.dataset)
            if not own:
                uses["train" if pair.use == "auto" else pair.use].append((len(self.entries), pair))
            elif pair.use in ("auto", *(entry.use for _, entry in own)) or _did_train(own):
                for number, entry in own:
                    uses[entry.use].append((number, dataclasses.replace(pair, crop=entry.part)))
            else:
                uses[pair.use].append((own[0][0], pair))
        train, validation, test = (
            [pair for _, pair in sorted(uses[use], key=lambda entry: entry[0])]
            for use in ("train", "validation", "test")
        )
        return Split(train, validation, test)

    def missing(self, pairs: Sequence[Pair]) -> list[SplitEntry]:
        """What is not among `pairs` any more."""
        places = self._places(pairs)
        there = {(str(pair.image), pair.slice) for pair in pairs}
        return [entry for entry in self.entries if (places.get(entry.image, ""), entry.slice) not in there]

    def numbers(self, pairs: Sequence[Pair], *, drawn: Sequence[Pair]) -> dict[int, int]:
        """By the number that an image to cut patches from had, the number that it has among `drawn`, of all `pairs`."""
        places = self._places(pairs)
        now: dict[tuple[str, int | None, Crop | None], list[int]] = {}
        for number, entry in enumerate(SplitEntry.of(pair) for pair in drawn):
            now.setdefault((entry.image, entry.slice, entry.part), []).append(number)
        numbers = {}
        for number, entry in enumerate(self.drawn):
            same = now.get((places.get(entry.image, ""), entry.slice, entry.part))
            if same:
                numbers[number] = same.pop(0)
        return numbers

    def warnings(self, pairs: Sequence[Pair]) -> list[str]:
        """Sentences about images that are gone since the last session, that are new, and that may not judge."""
        sentences = []
        missing = [entry for entry in self.missing(pairs) if not entry.is_missing]
        for use, verb in _VERBS.items():
            gone = list(dict.fromkeys(Path(entry.image) for entry in missing if entry.use == use))
            if gone:
                sentences.append(
                    f"gone since the run was stopped: {first_of_many(shortest_names(gone))}, which {verb}. It goes on without"
                )
        places = self._places(pairs)
        known = {places[entry.image] for entry in self.entries if entry.image in places}
        new = list(dict.fromkeys(pair.image for pair in pairs if str(pair.image) not in known and pair.use == "auto"))
        if new:
            sentences.append(
                f"new since the run was stopped: {first_of_many(shortest_names(new))}. What is new trains; what validates stays as it was"
            )
        trained = {places[entry.image] for entry in self.entries if entry.use == "train" and entry.image in places}
        judged = {
            places[each.image]
            for each in self.entries
            if each.use in _VERBS and each.use != "train" and each.image in places
        }
        leaked = [pair for pair in pairs if pair.use in ("validation", "test") and str(pair.image) in trained - judged]
        if leaked:
            names = first_of_many(shortest_names(list(dict.fromkeys(pair.image for pair in leaked))))
            sentences.append(
                f"trained in this run, and cannot judge it: {names}. It trains on; start a new run to change that"
            )
        return sentences

    def _places(self, pairs: Sequence[Pair]) -> dict[str, str]:
        """Where each image of the record lies now: where it lay; else moved within its dataset, the same name, time and
        size; else, of a dataset of which nothing is where it was, the same name, as many folders above it as may be."""
        now = {str(pair.image) for pair in pairs}
        places = {entry.image: entry.image for entry in self.entries if entry.image in now}
        old = [path for path in dict.fromkeys(entry.image for entry in self.entries) if path not in places]
        free = [path for path in dict.fromkeys(str(pair.image) for pair in pairs) if path not in places]
        if not old or not free:
            return places
        alike: dict[tuple[Any, ...], list[str]] = {}
        for path in free:
            alike.setdefault((normal_form(Path(path).name), version(Path(path))), []).append(path)
        for path in old:
            same = alike.get((parts_of(path)[-1], self.versions.get(path)), [])
            if len(same) == 1:
                places[path] = same.pop()
        left = {entry.dataset for entry in self.entries if places.get(entry.image) == entry.image}
        of = {entry.image: entry.dataset for entry in self.entries}
        old = [path for path in old if path not in places and of[path] not in left]
        taken = set(places.values())
        free = [path for path in free if path not in taken]
        chosen = match_parts([parts_of(path) for path in old], offered=[parts_of(path) for path in free]).chosen
        return places | {old[i]: free[j] for i, j in chosen.items()}


def _of_dataset(own: list[tuple[int, SplitEntry]], dataset: int) -> list[tuple[int, SplitEntry]]:
    """Of a file that several datasets have, what it was in this one, if it was in it."""
    return [entry for entry in own if entry[1].dataset == dataset] or own


def _did_train(own: Iterable[tuple[int, SplitEntry]]) -> bool:
    return any(entry.use == "train" for _, entry in own)
