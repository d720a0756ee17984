"""A sum of losses in the form."""

import pytest

from nbtrainer.catalog import LOSSES, TASKS


@pytest.fixture
def terms(form):
    field = form.field("compile.loss_terms")
    form.show_view(is_complete=True, is_helping=False)
    return field


@pytest.mark.parametrize("kind", TASKS)
def test_the_menu_offers_the_losses_that_suit_the_kind_of_segmentation(form, terms, kind):
    form.field("task.kind").enter(kind)
    assert [name for _, name in terms.kind_menu.options[1:]] == [name for name in LOSSES if LOSSES[name].suits(kind)]


def test_a_loss_is_added_with_its_parameters_and_removed(form, terms):
    terms.kind_menu.value = "tversky"
    terms.add_entry()
    terms.kind_menu.value = "cl_dice"
    terms.add_entry()
    assert [field.setting.name for field in terms.fields] == [
        *("weight", "smoothing", "alpha", "beta"),
        *("weight", "smoothing", "iterations"),
    ]
    next(field for field in terms.fields if field.setting.name == "alpha").widget.value = "0.3"
    terms.fields[4].widget.value = "0.5"
    (tversky, cl_dice) = form.config.compile.loss_terms
    assert (tversky.alpha, tversky.weight, cl_dice.weight) == (0.3, 1.0, 0.5)

    terms.remove(0)
    assert [term.loss for term in form.config.compile.loss_terms] == ["cl_dice"]


def test_a_wrong_number_of_a_term_is_answered_beside_it(form, terms):
    terms.enter([{"loss": "dice"}])
    weight = terms.fields[0]
    weight.widget.value = "-1"
    assert "-1 is too small" in weight.message.value
    assert form.config.compile.loss_terms[0].weight == 1


def test_one_loss_and_its_parameters_are_not_shown_beside_a_sum_and_a_sum_is_shown_in_the_simple_view(form, terms):
    loss, smoothing = form.field("compile.loss"), form.field("compile.loss_smoothing")
    assert loss.is_shown and smoothing.is_shown

    terms.enter([{"loss": "dice"}])
    assert not loss.is_shown and not smoothing.is_shown

    form.show_view(is_complete=False, is_helping=False)
    assert terms.is_shown

    terms.enter([])
    assert loss.is_shown and not terms.is_shown


def test_a_parameter_is_shown_where_it_has_an_effect_on_the_kind_of_segmentation(form, terms):
    terms.enter([{"loss": "dice"}])

    def shown():
        return [field.setting.name for field in terms.fields if field.is_shown]

    form.field("task.kind").enter("semantic")
    assert shown() == ["weight", "smoothing", "per_patch", "with_background"]
    form.field("task.kind").enter("binary")
    assert shown() == ["weight", "smoothing", "per_patch"]
    terms.enter([{"loss": "jaccard"}])
    assert shown() == ["weight", "smoothing", "per_patch"]
    terms.enter([])
    beside = form.field("compile.overlap_with_background")
    assert not beside.is_shown
    form.field("task.kind").enter("semantic")
    assert beside.is_shown
