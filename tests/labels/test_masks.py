import numpy as np
from decoders import masks_from_fields
from scipy.ndimage import gaussian_filter

from nbtrainer.labels.connected import regions_of


def test_foreground_of_any_size_is_followed_from_sure_to_unsure_pixels():
    # of booleans with these sides cc3d 4.1.1 counts 110 regions and numbers them up to 534
    distance = gaussian_filter(np.random.default_rng(0).normal(0, 1, (155, 201)), 1.0)
    distance /= distance.std()
    labels = masks_from_fields(distance, np.zeros((2, 155, 201), np.float32), mask_threshold=1.0, flow_threshold=0)
    unsure = regions_of(distance > 0)
    unreached = np.setdiff1d(np.unique(unsure), unsure[distance > 1])
    assert labels.shape == (155, 201) and not labels[np.isin(unsure, unreached) & (unsure > 0)].any()
