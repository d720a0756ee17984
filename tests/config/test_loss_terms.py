"""The settings of a sum of losses."""

import json

import pytest

from nbtrainer.catalog import LOSSES
from nbtrainer.catalog.losses import PARAMETERS
from nbtrainer.cli.settings import read_config
from nbtrainer.config import Config
from nbtrainer.config.describe import settings
from nbtrainer.config.loss_terms import LOSS_TERMS
from nbtrainer.errors import UserError

SUM = [{"loss": "dice", "weight": 0.5, "smoothing": 1.0}, {"loss": "cl_dice", "iterations": 5}]


def test_every_loss_can_be_a_term_with_its_parameters_as_they_are_declared_beside_the_loss():
    beside = {row.name: row for row in settings() if row.section == "compile"}
    (row,) = (row for row in settings() if row.path == "compile.loss_terms")
    assert list(row.entries) == list(LOSSES) == list(LOSS_TERMS)
    for name, rows in row.entries.items():
        assert [each.name for each in rows] == ["weight", *LOSSES[name].parameters]
        for own in rows[1:]:
            declared = beside[PARAMETERS[own.name]]
            for what in ("title", "help", "default", "minimum", "maximum", "above", "below", "unit", "kind", "integer"):
                assert getattr(own, what) == getattr(declared, what)


def test_a_sum_is_saved_and_loaded(tmp_path):
    config = Config()
    config.compile.loss_terms = SUM
    again = Config.load(config.save(tmp_path / "config.json"))
    assert again == config
    assert [term.parameters for term in again.compile.loss_terms] == [
        {"smoothing": 1.0, "per_patch": False, "with_background": True},
        {"smoothing": 1e-5, "iterations": 5},
    ]


def test_settings_of_before_have_no_sum(tmp_path):
    values = json.loads(Config(compile={"loss": "tversky", "tversky_alpha": 0.3}).save(tmp_path / "a.json").read_text())
    new = ("loss_terms", "focal_alpha", "overlap_per_patch", "border_weight")
    values["compile"] = {name: value for name, value in values["compile"].items() if name not in new}
    (tmp_path / "old.json").write_text(json.dumps(values))
    config = Config.load(tmp_path / "old.json")
    assert config.compile.loss == "tversky" and config.compile.loss_terms == []
    assert config == Config.load(tmp_path / "a.json")


def test_the_command_line_takes_a_sum_and_one_number_of_it(tmp_path):
    path = Config().save(tmp_path / "config.json")
    config = read_config(path, [f"compile.loss_terms={json.dumps(SUM)}", "compile.loss_terms[1].weight=0.25"])
    assert [(term.loss, term.weight) for term in config.compile.loss_terms] == [("dice", 0.5), ("cl_dice", 0.25)]


@pytest.mark.parametrize(
    ("term", "where", "sentence"),
    [
        ({"loss": "dicee"}, "compile.loss_terms[0]", "the loss 'dicee' is unknown.*Did you mean dice?"),
        ({"weight": 1}, "compile.loss_terms[0]", "does not say its loss.*dice"),
        ({"loss": "dice", "weight": -1}, "compile.loss_terms[0].weight", "-1 is too small"),
        ({"loss": "dice", "smooth": 1}, "compile.loss_terms[0].smooth", "Did you mean.*smoothing"),
        ({"loss": "dice", "gamma": 1}, "compile.loss_terms[0].gamma", "this setting is unknown"),
        ({"loss": "cl_dice", "iterations": 99}, "compile.loss_terms[0].iterations", "too large"),
        ("dice", "compile.loss_terms[0]", "is not a group of settings"),
    ],
)
def test_a_wrong_term_is_refused_in_a_sentence(term, where, sentence):
    config = Config()
    with pytest.raises(UserError, match=sentence) as error:
        config.compile.loss_terms = [term]
    assert error.value.findings[0].where == where
    assert config.compile.loss_terms == []


def test_a_loss_alone_and_its_parameters_have_no_effect_beside_a_sum():
    config = Config(compile={"loss": "tversky", "loss_terms": SUM})
    rows = {row.name: row for row in settings() if row.section == "compile"}
    assert [rows[name].has_effect(config) for name in ("loss", "tversky_alpha", "loss_terms")] == [False, False, True]
    config.compile.loss_terms = []
    assert rows["loss"].has_effect(config) and rows["tversky_alpha"].has_effect(config)
