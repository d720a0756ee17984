"""Patches of any size: what a network needs beyond them is padded, and enters nothing."""

import numpy as np
import pytest
import tifffile
import torch

import nbtrainer as nbt
from nbtrainer import losses, models, optimizers
from nbtrainer.config.compile import Compile
from nbtrainer.engine.stepper import Stepper
from nbtrainer.tasks.binary import Binary


@pytest.mark.parametrize("network", ["unet", "style_unet"])
def test_what_is_padded_enters_neither_loss_nor_score(network):
    torch.manual_seed(0)
    made = models.create(network, dim=2, input_channels=1, output_channels=1, features=[4, 8, 8])
    optimizer = optimizers.create("sgd", made.parameters(), learning_rate=0.1, momentum=0.0, weight_decay=0.0)
    loss = losses.create("bce_dice", {}, Compile().loss_parameters, may_ignore=False)
    stepper = Stepper(
        network=made,
        loss=loss,
        optimizer=optimizer,
        device=torch.device("cpu"),
        precision="float32",
        pixel_predictions=Binary.create().pixels,
    )
    images, targets = torch.randn(2, 1, 13, 30), (torch.rand(2, 1, 13, 30) > 0.5).float()
    with torch.no_grad():
        padded = np.pad(images.numpy(), [(0, 0), (0, 0), (1, 2), (1, 1)], mode="symmetric")
        inside = made.train()(torch.from_numpy(padded))[:, :, 1:14, 1:31]
        expected = loss(inside, targets)
    value, counts = stepper.step(images, targets, 0.0)
    assert value.item() == pytest.approx(expected.item(), rel=1e-4)
    assert counts.known_pixels == 2 * 13 * 30
    assert len(stepper.patch_errors) == 2


@pytest.mark.parametrize(("shape", "size"), [((9, 40, 44), [5, 33, 33]), ((60, 60), [45, 45]), ((30, 31), [30, 31])])
def test_a_run_with_patches_of_any_size_trains_predicts_and_resumes(small_config, tmp_path, shape, size):
    image = np.random.default_rng(0).integers(0, 99, shape).astype(np.uint8)
    tifffile.imwrite(tmp_path / "image.tif", image)
    tifffile.imwrite(tmp_path / "label.tif", (image > 50).astype(np.uint8))
    small_config.update(
        task={"dim": len(shape)},
        data={"datasets": [{"images": str(tmp_path / "image.tif"), "labels": str(tmp_path / "label.tif")}]},
        sampling={"patch_size": size},
        model={"features": [4, 8, 8, 8], "anisotropic_levels": 3},
        training={"epochs": 1, "steps_per_epoch": 2},
    )
    run = nbt.train(small_config)
    assert run.status == "finished", run.error
    assert nbt.Config.load(run.directory).sampling.patch_size == size
    assert nbt.load_model(run.directory).predict(image).shape == shape


@pytest.mark.parametrize("preset", ["plantbio_instance_2d", "plantbio_semantic_2d"])
def test_presets_have_the_patches_of_their_tools(preset):
    assert nbt.Config.preset(preset).sampling.patch_size == [225, 225]
    assert nbt.Config.preset(preset.replace("2d", "3d")).sampling.patch_size == [5, 225, 225]
