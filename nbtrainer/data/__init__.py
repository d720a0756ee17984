"""From files to arrays: read, pair, split, normalize, cut, change by chance."""
