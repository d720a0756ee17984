"""Patches of a whole batch at once, in torch, on a graphics card or TPU: with the random numbers of the processor's path."""
