"""What is to be learned: one object whose class is the model of the chosen kind of segmentation.

Assigning `kind` changes the class, and with it which settings there are. Values of settings that only other kinds have
are kept beside it, so that nothing is lost by looking at another kind, and settings may be given in any order.
A setting that several kinds inherit from one class (`nbtrainer.config.task.shared`) has one value for all of them; one that
each declares for itself has a value for each, even if the name is the same.
"""

from __future__ import annotations

import inspect
from collections.abc import Mapping
from functools import cache
from typing import TYPE_CHECKING, Any, ClassVar, Literal

from pydantic import PrivateAttr, ValidationError, model_serializer

from nbtrainer.catalog import TASKS
from nbtrainer.config import messages
from nbtrainer.config.section import Declaration, Decoding, Section, field, metadata_of, warn_renamed
from nbtrainer.errors import SettingError

LabelValues = Literal["foreground", "classes", "objects", "cells_or_outlines", "not_needed"]
# headings that the form shows settings of a task under
DECODING, LOSS = "From predictions to labels", "In the loss"
# the entry of a settings file that holds the values of other kinds
OTHER_KINDS = "other_kinds"


class TaskSettings(Section):
    """What is to be learned."""

    where: ClassVar[str] = "task"
    # what the values of labels mean to this kind
    label_values: ClassVar[LabelValues]
    # the setting that names the decoder; empty: there is one only
    decoder_setting: ClassVar[str] = ""

    kind: str = field(
        "binary",
        title="Kind of segmentation",
        help="What the network tells apart.",
        choices=TASKS,
    )
    dim: Literal[2, 3] = field(
        2,
        title="Dimensions",
        help="2 for images, 3 for volumes.",
    )

    # by the class that declares a setting, and its name
    _others: dict[tuple[type, str], Any] = PrivateAttr(default_factory=dict)

    def __init__(self, **values: Any) -> None:
        own_kind = _kind_of(type(self))
        kind = values.get("kind", own_kind)
        model = models().get(kind) if isinstance(kind, str) else None
        # an unknown kind is refused by the field
        object.__setattr__(self, "__class__", model or models()[own_kind])
        for old in sorted(type(self).renamed().keys() & values.keys()):
            warn_renamed(type(self), old)
        values = type(self).with_new_names({"kind": own_kind} | values)
        others = values.pop(OTHER_KINDS, {})
        super().__init__(**values)
        self._keep(others)

    @property
    def has_objects(self) -> bool:
        """Whether predictions are single objects."""
        return False

    @property
    def tunes_thresholds(self) -> bool:
        """Whether thresholds are chosen on the validation images."""
        return False

    @property
    def named_classes(self) -> list[str]:
        """The names that the user gave to classes."""
        return []

    @property
    def learns_size(self) -> bool:
        """Whether a size model is learned at the end of a run."""
        return False

    @classmethod
    def decoding(cls) -> dict[str, Decoding]:
        """The settings that may be changed after a prediction, the choice of the decoder first."""
        marked = {name: each for name, info in cls.model_fields.items() if (each := metadata_of(info).decoding)}
        return dict(sorted(marked.items(), key=lambda item: item[0] != cls.decoder_setting))

    def value_for(self, kind: str, *, name: str) -> Any:
        """The value that setting `name` has, or would have, with this `kind`."""
        key = _key(models()[kind], name)
        if key in _keys(type(self)):
            return self.__dict__[name]
        return self._others[key] if key in self._others else _default(models()[kind], name)

    @property
    def other_kinds(self) -> dict[str, dict[str, Any]]:
        """What was set of settings that only other kinds have, by kind and name; a setting of several stands at the first."""
        listed: dict[str, dict[str, Any]] = {}
        done = set()
        for kind, model in models().items():
            for name in model.model_fields:
                key = _key(model, name)
                if key in self._others and key not in done and self._others[key] != _default(model, name):
                    listed.setdefault(kind, {})[name] = self._others[key]
                    done.add(key)
        return listed

    @classmethod
    def declarations(cls) -> list[Declaration]:
        """The settings of all kinds, each with the kinds that have it."""
        return _declarations()

    @classmethod
    def renamed(cls) -> dict[str, str]:
        return {old: each.name for each in _declarations() for old in metadata_of(each.info).old_names}

    @classmethod
    def with_new_names(cls, values: Mapping[str, Any]) -> dict[str, Any]:
        """Settings of any kinds, under names old or new, as those of the kind that is chosen and an entry `other_kinds`.

        Of two kinds that declare one name each for itself, the chosen one is meant.
        """
        chosen = values.get("kind")
        chosen = chosen if isinstance(chosen, str) and chosen in models() else _kind_of(cls)
        own: dict[str, Any] = {}
        others: dict[str, dict[str, Any]] = {}
        for name, value in values.items():
            if name == OTHER_KINDS:
                continue
            meant = _meant(name, values)
            # what no kind has is refused with the rest
            if not meant or chosen in meant:
                own[meant.get(chosen, name)] = value
            for kind, new_name in {} if chosen in meant else meant.items():
                others.setdefault(kind, {})[new_name] = value
        for kind, settings in _groups_by_kind(values.get(OTHER_KINDS) or {}).items():
            others.setdefault(kind, {}).update(settings)
        return own | ({OTHER_KINDS: others} if others else {})

    if TYPE_CHECKING:  # which settings there are follows the kind, so that mypy cannot know

        def __getattr__(self, name: str) -> Any: ...

    else:

        def __getattr__(self, name: str) -> Any:
            if name.startswith("_") or not (kinds := _kinds_with(name)):
                return super().__getattr__(name)
            # of several kinds that this one is not, that for which a value was given
            given = (kind for kind in kinds if _key(models()[kind], kinds[kind]) in self._others)
            kind = self.kind if self.kind in kinds else next(given, next(iter(kinds)))
            self._warn_if_old(name, kind=kind)
            return self.value_for(kind, name=kinds[kind])

    def __setattr__(self, name: str, value: Any) -> None:
        if name == "kind" and value in models():
            self._switch(value)
        elif name == OTHER_KINDS:
            groups = _groups_by_kind(value)
            self._others = {}
            self._keep(groups)
        elif name in type(self).model_fields or not (kinds := _kinds_with(name)):
            super().__setattr__(name, value)
        else:
            self._warn_if_old(name, kind=self.kind if self.kind in kinds else next(iter(kinds)))
            if self.kind in kinds:
                super().__setattr__(kinds[self.kind], value)
                return
            try:
                self._keep({kind: {new_name: value} for kind, new_name in kinds.items()})
            except ValidationError as error:
                raise SettingError.of(messages.findings(error, type(self), prefix=self.where)) from None

    def _warn_if_old(self, name: str, *, kind: str) -> None:
        """Warn if `name` is an old one of a setting of `kind`."""
        if name in type(self).renamed():
            warn_renamed(type(self), name, of="" if kind == self.kind else kind)

    def _switch(self, kind: str) -> None:
        old, new = type(self), models()[kind]
        known = self._others | {_key(old, name): self.__dict__[name] for name in old.model_fields}
        keys = {name: _key(new, name) for name in new.model_fields}
        values = {name: known.pop(key) if key in known else _default(new, name) for name, key in keys.items()}
        object.__setattr__(self, "__class__", new)
        object.__setattr__(self, "__dict__", values | {"kind": kind})
        self.__pydantic_fields_set__.intersection_update(values)
        self._others = known

    def _keep(self, others: Mapping[str, Mapping[str, Any]]) -> None:
        """Keep settings of other kinds, by kind and name; one that each of several kinds declares needs to suit one of them."""
        refused: dict[str, ValidationError] = {}
        taken = set()
        for kind, settings in others.items():
            model = models()[kind]
            for name, value in settings.items():
                try:
                    blank = model.__pydantic_validator__.validate_assignment(model.model_construct(), name, value)
                except ValidationError as error:
                    refused[name] = error
                    continue
                taken.add(name)
                if _key(model, name) not in _keys(type(self)):
                    self._others[_key(model, name)] = getattr(blank, name)
        for name in refused.keys() - taken:
            raise refused[name]

    @model_serializer(mode="wrap")
    def _with_other_kinds(self, serialize: Any) -> dict[str, Any]:
        others = self.other_kinds
        return serialize(self) | ({OTHER_KINDS: others} if others else {})


@cache
def models() -> dict[str, type[TaskSettings]]:
    """The model of each kind of segmentation."""
    return {kind: TASKS.load_settings(kind) for kind in TASKS}


def _groups_by_kind(values: Any) -> Mapping[str, Mapping[str, Any]]:
    """What an entry `other_kinds` holds; raises `UserError` if that is not a group of settings for each of some kinds."""
    where = f"{TaskSettings.where}.{OTHER_KINDS}"
    if not isinstance(values, Mapping):
        raise SettingError(where, f"{values!r} is not a group of settings", 'Give {"kind": {"setting": value}}')
    for kind, settings in values.items():
        if kind not in models():
            close = messages.nearest(str(kind), models())
            guess = f"Did you mean {close}? " if close else ""
            remedy = f"{guess}Kinds of segmentation are {messages.join_or(models())}"
            raise SettingError(where, f"the kind {kind!r} is unknown", remedy)
        if not isinstance(settings, Mapping):
            raise SettingError(f"{where}.{kind}", f"{settings!r} is not a group of settings", 'Give {"setting": value}')
    return values


def _kind_of(model: type[TaskSettings]) -> str:
    return next((kind for kind, other in models().items() if other is model), next(iter(TASKS)))


def _key(model: type[TaskSettings], name: str) -> tuple[type, str]:
    """The class that declares a setting, and its name."""
    return next(each for each in model.__mro__ if name in inspect.get_annotations(each)), name


@cache
def _keys(model: type[TaskSettings]) -> frozenset[tuple[type, str]]:
    return frozenset(_key(model, name) for name in model.model_fields)


def _default(model: type[TaskSettings], name: str) -> Any:
    return model.model_fields[name].get_default(call_default_factory=True)


@cache
def _declarations() -> list[Declaration]:
    by_key: dict[tuple[type, str], Declaration] = {}
    for kind, model in models().items():
        for name, info in model.model_fields.items():
            key = _key(model, name)
            kinds = (*by_key[key].kinds, kind) if key in by_key else (kind,)
            by_key[key] = Declaration(name, by_key[key].info if key in by_key else info, kinds)
    return [each._replace(kinds=()) if len(each.kinds) == len(models()) else each for each in by_key.values()]


@cache
def _kinds_with(name: str) -> dict[str, str]:
    """The kinds that have a setting of this name, which may be an old one, and its name of today."""
    return {
        kind: new_name
        for kind, model in models().items()
        for new_name, info in model.model_fields.items()
        if name == new_name or name in metadata_of(info).old_names
    }


def _meant(name: str, values: Mapping[str, Any]) -> dict[str, str]:
    """The kinds whose setting is meant by `name` among the names of `values`, and its name of today.

    With both the old and the new name of a setting the new one counts, unless another setting has that name too, whose
    it was before.
    """
    meant = {}
    for kind, new_name in _kinds_with(name).items():
        model = models()[kind]
        is_old_given = any(old in values for old in metadata_of(model.model_fields[new_name]).old_names)
        others = [kind for kind in _kinds_with(new_name) if new_name in models()[kind].model_fields]
        is_shared = len({_key(models()[other], new_name) for other in others}) > 1
        if not (is_old_given and is_shared) if name == new_name else new_name not in values or is_shared:
            meant[kind] = new_name
    return meant
