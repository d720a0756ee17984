"""The check of a sum of losses, before a run."""

import pytest

import nbtrainer as nbt


def errors(config):
    return {finding.where: finding.wrong for finding in nbt.check(config) if finding.level == "error"}


@pytest.mark.parametrize(
    ("task", "terms", "where", "words"),
    [
        (
            {},
            [{"loss": "dice"}, {"loss": "categorical_hinge"}],
            "compile.loss_terms[1]",
            "is no loss for the kind binary",
        ),
        ({}, [{"loss": "dice", "weight": 0}], "compile.loss_terms[0].weight", "all weights are 0"),
        ({}, [{"loss": "binary_regularizer"}], "compile.loss_terms", "know nothing of the labels"),
        (
            {},
            [{"loss": "dice", "weight": 0}, {"loss": "binary_regularizer"}],
            "compile.loss_terms",
            "know nothing of the labels",
        ),
        ({}, [{"loss": "tversky", "alpha": 0, "beta": 0}], "compile.loss_terms[0].alpha", "nothing is learned"),
        ({}, [{"loss": "dice"}, {"loss": "foreground_contour"}], "compile.loss_terms[1]", "no loss for the kind"),
        (
            {"kind": "instance_contour"},
            [{"loss": "dice"}, {"loss": "contour_distance"}],
            "compile.loss_terms[1]",
            "needs the distance, which is not learned",
        ),
    ],
)
def test_a_sum_by_which_nothing_is_learned_is_refused(small_config, task, terms, where, words):
    small_config.update(task=task, compile={"loss_terms": terms})
    assert words in errors(small_config)[where]
    with pytest.raises(nbt.UserError, match=words):
        nbt.start(small_config)


@pytest.mark.parametrize(
    ("task", "terms"),
    [
        ({}, [{"loss": "dice"}, {"loss": "boundary", "weight": 0.01}, {"loss": "dice", "weight": 0}]),
        ({"kind": "instance_contour", "with_distance": True}, [{"loss": "dice"}, {"loss": "contour_distance"}]),
        ({"kind": "instance_contour"}, [{"loss": "dice"}, {"loss": "foreground_contour"}]),
        ({"kind": "instance_flow"}, [{"loss": "omnipose", "weight": 0.1}]),
    ],
)
def test_a_sum_that_can_be_calculated_has_no_findings(small_config, task, terms):
    small_config.update(task=task, compile={"loss_terms": terms})
    assert not [finding for finding in nbt.check(small_config) if "loss" in finding.where]


def test_a_loss_beside_a_sum_is_told_to_have_no_effect(small_config):
    small_config.update(compile={"loss": "tversky", "loss_terms": [{"loss": "dice"}]})
    told = {finding.where: finding.wrong for finding in nbt.check(small_config) if finding.level == "warning"}
    assert told["compile.loss"] == "this has no effect while compile.loss_terms is not empty"
