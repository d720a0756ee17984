"""The regions' editor against the config: what is drawn, moved, named, typed and deleted stands there."""

import numpy as np
import pytest
from small_api import SmallApi

import nbtrainer as nbt
from nbtrainer.config import Config
from nbtrainer.config.dataset import Region
from nbtrainer.ui.data_views.roi_field import RegionsField, describe_regions
from nbtrainer.ui.data_views.roi_images import config_for_drawing, full_shape
from nbtrainer.ui.data_views.roi_tools import POLYGON, RECTANGLE
from nbtrainer.ui.errors import Errors
from nbtrainer.ui.form.form import Form


@pytest.fixture(scope="module")
def made_once():
    made = Form(
        Config.preset("binary_2d"),
        base=Config.preset("binary_2d"),
        guard=Errors().guard,
        on_edit=lambda: None,
        api=SmallApi(),
    )
    made.panels[0].open()
    return made


@pytest.fixture
def form(made_once, nuclei):
    config = Config.preset("binary_2d")
    config.data.datasets = [nuclei]
    made_once.load(config, base=Config.preset("binary_2d"))
    return made_once


@pytest.fixture
def field(form):
    (found,) = [inner for inner in form.field("data.datasets").fields if isinstance(inner, RegionsField)]
    found.toggle()
    return found


@pytest.fixture
def editor(field):
    return field.editor


def stored(form):
    """The regions as the config holds them."""
    return form.config.data.datasets[0].regions


def test_the_editor_shows_the_first_image_as_it_lies_in_its_file(editor):
    assert editor.image == "nuclei_00.tif"
    assert editor.canvas.shape == (256, 256)
    assert "1 of 4" in editor.tools.image_line.value


def test_a_dragged_rectangle_stands_in_the_config_in_pixels_of_the_image(form, editor, field):
    editor.tools.mode_switch.value = RECTANGLE
    editor.drag((20.3, 30.4), (100, 119.8))

    assert stored(form) == [Region(points=[[20, 30], [100, 120]], name="region 1", image="nuclei_00.tif")]
    assert "1 region" in field.count_line.value
    assert field.reset_button.layout.visibility == "visible"
    assert editor.chosen == 0


def test_two_clicks_draw_a_rectangle_where_dragging_does_not_work(form, editor):
    editor.tools.two_clicks_switch.value = True
    editor.tools.mode_switch.value = RECTANGLE
    for corner in ((20, 30), (100, 120)):
        editor.click(corner)

    assert [region.points for region in stored(form)] == [[[20, 30], [100, 120]]]
    assert editor.canvas.figure.interaction is None


def test_clicks_draw_a_polygon_which_the_button_closes(form, editor):
    editor.tools.mode_switch.value = POLYGON
    assert editor.tools.close_polygon_button.disabled
    for corner in ((20, 30), (20, 120), (100, 30)):
        editor.click(corner)
    editor.tools.close_polygon_button.click()

    (region,) = stored(form)
    assert (region.shape, region.points) == ("polygon", [[20, 30], [20, 120], [100, 30]])
    assert editor.tools.close_polygon_button.disabled


def test_a_region_is_taken_by_a_click_and_dragged_by_corner_and_middle(form, editor):
    editor.drag((20, 30), (100, 120))
    editor.drag((120, 130), (200, 220))

    editor.click((50, 50))
    assert editor.chosen == 0
    assert len(editor.canvas.corner_handles.x) == 4
    editor.move_corner(2, (90, 110))
    editor.move_middle((65, 80))

    assert stored(form)[0].points == [[30, 40], [100, 120]]
    assert stored(form)[1].points == [[120, 130], [200, 220]]
    editor.click((5, 5))
    assert editor.chosen is None
    assert len(editor.canvas.corner_handles.x) == 0


def test_regions_are_renamed_retyped_and_removed_in_the_list(form, editor, field):
    editor.drag((20, 30), (100, 120))
    editor.drag((120, 130), (200, 220))
    line = editor.region_list.lines[0]

    line.name_field.value = "cortex"
    line.points_field.value = "0 0, 0 50, 50 0"
    assert stored(form)[0] == Region(
        shape="polygon", points=[[0, 0], [0, 50], [50, 0]], name="cortex", image="nuclei_00.tif"
    )

    line.points_field.value = "0 0, 50"
    assert "&#x27;50&#x27; is not a corner" in field.message.value
    assert field.is_refused
    assert [finding.wrong for finding in form.refused_entries()] == ["Regions of interest: '50' is not a corner"]

    editor.remove(0)
    assert [region.name for region in stored(form)] == ["region 2"]
    assert not form.refused_entries()


def test_corners_are_typed_for_a_new_region(form, editor):
    editor.region_list.new_field.value = "10 20, -1 -1"

    assert stored(form)[0].points == [[10, 20], [-1, -1]]
    assert editor.region_list.new_field.value == ""
    assert editor.canvas.corner_handles.x.max() == 255


def test_a_region_is_for_one_image_or_for_all_and_to_be_used_or_left_out(form, editor):
    editor.drag((20, 30), (100, 120))
    editor.tools.scope_menu.value = False
    editor.tools.use_menu.value = "ignore"

    assert (stored(form)[0].image, stored(form)[0].use) == ("", "ignore")

    editor.show_image(1)
    assert editor.image == "nuclei_01.tif"
    assert list(editor.region_list.lines) == [0]
    editor.choose(0)
    editor.tools.scope_menu.value = True
    assert stored(form)[0].image == "nuclei_01.tif"

    editor.show_image(0)
    assert list(editor.region_list.lines) == []
    assert "1 on other images" in editor.region_list.other_images_line.value


def test_turning_pages_comes_round(editor):
    editor.show_image(-1)

    assert "4 of 4" in editor.tools.image_line.value


def test_all_regions_can_be_set_back_and_the_pair_table_is_told(form, field, editor):
    form.pairs.toggle()
    editor.drag((20, 30), (100, 120))
    assert form.pairs.stale_note.layout.display is None

    field.restore_default()

    assert stored(form) == []
    assert editor.canvas.corner_handles.x.size == 0


def test_regions_do_not_change_the_images_that_are_drawn_on(form, field, editor):
    editor.drag((20, 30), (100, 120))
    editor.drag((120, 130), (200, 220))
    form.config.data.resize = [64, 64]
    field.toggle()
    field.toggle()

    assert field.editor is not editor
    assert len(field.editor.images) == 4
    assert field.editor.canvas.shape == (256, 256)


def test_random_regions_are_shown_and_not_taken_over(form, field):
    form.config.data.datasets[0].random_region = [50, 60]
    field.toggle()
    field.toggle()

    (given,) = field.editor.given_outlines
    assert np.ptp(np.array(given), axis=0).tolist() == [49, 59]
    assert stored(form) == []


def test_a_folder_that_is_wrong_is_answered_in_the_editor(form, field):
    form.config.data.datasets[0].labels = "nowhere"
    field.toggle()
    field.toggle()

    assert "there is no folder" in field.editor.reading.words.value.lower()


def test_regions_are_counted_in_words():
    one = Region(points=[[0, 0], [1, 1]])

    assert describe_regions([]) == "none"
    assert describe_regions([one]) == "1 region"
    assert describe_regions([one, one.model_copy(update={"use": "ignore"})]) == "2 regions, 1 of them left out"


def test_the_full_shape_is_that_of_the_row_unless_it_is_about_a_part():
    assert full_shape({"shape": (1000, 333)}, (560, 186, 3), 1000 / 560) == (1000, 333)
    assert full_shape({"shape": (100, 33)}, (560, 186, 3), 1000 / 560) == (1000, 332)


def test_an_image_that_folds_divide_is_drawn_on_as_a_whole(small_config, write_pairs):
    small_config.data.datasets = [write_pairs(count=1, name="one")]
    small_config.data.folds = 2
    assert len(nbt.pairs(small_config)) == 2
    (row,) = nbt.pairs(config_for_drawing(small_config, 0))
    assert row["shape"] == (64, 64)
