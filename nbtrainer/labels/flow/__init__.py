"""The fields of Omnipose: from labels to distance and flow (`fields`), and back to objects (`masks`)."""
