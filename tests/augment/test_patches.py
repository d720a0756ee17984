import threading

import numpy as np
import pytest
from factories import make_naming, make_normalizer, make_preparation, make_sampler

from nbtrainer.augment.patches import Patches
from nbtrainer.config import STRENGTHS, TRANSFORMS
from nbtrainer.config.augmentation import Augmentation
from nbtrainer.data.cache import Cache
from nbtrainer.data.images import Images
from nbtrainer.data.listing import list_files
from nbtrainer.data.pair_files import pair_files
from nbtrainer.data.patch_sampler import grid_centres
from nbtrainer.data.prefetch import prefetch
from nbtrainer.samples import path


def _patches(**settings: object) -> Patches:
    folder = path("nuclei2d")
    pairs = pair_files(
        list_files(folder / "images", "i", look_one_level_down=False),
        list_files(folder / "labels", "l", look_one_level_down=False),
        "d",
        make_naming(),
        use="auto",
    )
    images = Images(
        pairs=pairs, normalizer=make_normalizer(), preparation=make_preparation(), cache=settings.pop("cache", Cache())
    )
    changes = {name: settings.pop(name) for name in ("steps", "apply", "rotate_and_flip") if name in settings}
    class_of = settings.pop("class_of", lambda label: (label > 0).astype(np.uint8))
    places = make_sampler(
        images, [(256, 256)] * 4, **{"patch_size": (64, 64), "seed": 3, "class_of": class_of, **settings}
    )
    return Patches(places, Augmentation(**changes))


STEPS = STRENGTHS["strong"]


def test_number_and_seed_fix_the_patch_whoever_asks_and_in_whatever_order():
    one, other = _patches(steps=STEPS), _patches(steps=STEPS, cache=Cache(1))
    expected = {number: one.patch(number) for number in range(70)}
    for number in reversed(range(70)):
        image, label, _ = other.patch(number)
        assert np.array_equal(image, expected[number][0]) and np.array_equal(label, expected[number][1])
    assert not np.array_equal(_patches(steps=STEPS, seed=4).patch(0)[0], expected[0][0])


def test_one_entry_of_the_list_may_change_each_patch_and_none_is_an_entry():
    steps = [{"kind": "none", "probability": 1.0}, TRANSFORMS["invert"](probability=0.1)]
    plain = _patches()
    for apply, most in (("one", 0.7), ("each", 0.3)):
        changed = _patches(steps=steps, apply=apply)
        inverted = np.mean([not np.array_equal(changed.patch(k).image, plain.patch(k).image) for k in range(80)])
        assert most - 0.4 < inverted < most


def test_patches_turn_and_flip_besides_the_list_and_stay_what_they_are():
    plain, turned = _patches(), _patches(rotate_and_flip=True)
    seen = set()
    for number in range(40):
        whole, image = plain.patch(number), turned.patch(number)
        assert whole.location == image.location
        ways = [np.rot90(other, k) for other in (whole.image[0], whole.image[0, ::-1]) for k in range(4)]
        found = [k for k, way in enumerate(ways) if np.array_equal(way, image.image[0])]
        assert found
        seen.add(found[0])
    assert len(seen) >= 7


@pytest.mark.feature(115)
def test_threads_deliver_the_same_patches_in_order():
    alone = [patch.image for patch in prefetch(_patches(steps=STEPS).patch, range(5, 40), workers=0)]
    together = [patch.image for patch in prefetch(_patches(steps=STEPS).patch, range(5, 40), workers=4)]
    assert all(np.array_equal(a, b) for a, b in zip(alone, together, strict=True))


def test_leaving_a_prefetch_early_leaves_no_thread_behind():
    for _ in prefetch(_patches().patch, range(100), workers=2):
        break
    assert not [thread for thread in threading.enumerate() if thread.name.startswith("nbtrainer-patches")]


@pytest.mark.feature(67)
def test_the_grid_covers_each_image_and_shifts_the_last_tiles_back_inside():
    assert grid_centres((64, 100), size=(64, 64), overlap=0) == [(31.5, 31.5), (31.5, 67.5)]
    covered = np.zeros((300, 260), int)
    for y, x in grid_centres(covered.shape, size=(128, 96), overlap=0):
        top, left = round(y - 63.5), round(x - 47.5)
        assert top >= 0 and left >= 0 and top + 128 <= 300 and left + 96 <= 260
        covered[top : top + 128, left : left + 96] += 1
    assert covered.min() == 1


def test_an_image_smaller_than_its_tile_is_mirrored_around_its_middle():
    assert grid_centres((30, 200), size=(64, 64), overlap=0)[0][0] == 14.5
    image, label, _ = _patches(patch_size=(320, 320), method="grid").patch(0)
    assert image.shape == (1, 320, 320) and label.shape == (320, 320)
    assert np.array_equal(image[0, 31], image[0, 32])


@pytest.mark.feature(97)
def test_one_pass_of_the_grid_shows_every_tile_once():
    patches = _patches(method="grid")
    assert patches.per_pass == 4 * 16
    for start in (0, 64):
        shown = {patches.patch(number)[0].tobytes() for number in range(start, start + 64)}
        assert len(shown) == 64
    assert not np.array_equal(patches.patch(0)[0], patches.patch(64)[0])


def test_patches_can_be_centred_on_objects():
    middle = [_patches(foreground_fraction=1.0).patch(number)[1][31:33, 31:33].any() for number in range(60)]
    assert all(middle)
    anywhere = [_patches(foreground_fraction=0.0).patch(number)[1][31:33, 31:33].any() for number in range(60)]
    assert not all(anywhere)


def test_variants_show_one_place_first_unchanged_and_then_changed_in_different_ways():
    patches = _patches(steps=STEPS)
    first, *others = patches.augmented_examples(5, count=4)
    plain = _patches().patch(5)
    assert np.array_equal(first.image, plain.image) and np.array_equal(first.label, plain.label)
    assert {variant.location for variant in others} == {first.location} == {patches.patch(5).location}
    assert len({variant.image.tobytes() for variant in [first, *others]}) == 4
    again = patches.augmented_examples(5, count=4)
    assert all(np.array_equal(one.image, other.image) for one, other in zip(others, again[1:], strict=True))
    assert len({variant.image.tobytes() for variant in _patches().augmented_examples(5, count=4)}) == 1
