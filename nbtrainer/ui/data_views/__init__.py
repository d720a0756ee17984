"""Views of the data: the pair table, histograms, augmentation, where patches are cut, regions of interest."""
