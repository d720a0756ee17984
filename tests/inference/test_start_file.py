"""Weights of other tools, read from the files that these write."""

import hashlib
import json
import zipfile

import pytest
import torch
import yaml
from monai.networks.nets import UNet

import nbtrainer as nbt
from nbtrainer import models
from nbtrainer.inference.start_file import read_start
from nbtrainer.models.cellpose_names import to_cellpose


@pytest.fixture
def weights() -> dict[str, torch.Tensor]:
    torch.manual_seed(0)
    return UNet(2, 1, 2, channels=(4, 8), strides=(2,)).state_dict()


def _same(one, other) -> bool:
    return one.keys() == other.keys() and all(torch.equal(one[name], other[name]) for name in one)


@pytest.mark.parametrize("key", ["state_dict", "model_state_dict", "model", "network_weights"])
def test_weights_are_found_among_other_things(tmp_path, weights, key):
    torch.save({key: weights, "epoch": 3, "optimizer": {"state": {}}}, tmp_path / "w.pth")
    assert _same(read_start(tmp_path / "w.pth").weights, weights)


def test_safetensors_are_read(tmp_path, weights):
    safetensors = pytest.importorskip("safetensors.torch")
    safetensors.save_file(weights, tmp_path / "w.safetensors")
    assert _same(read_start(tmp_path / "w.safetensors").weights, weights)
    (tmp_path / "bad.safetensors").write_bytes(b"not these")
    with pytest.raises(nbt.ModelError, match="not a readable"):
        read_start(tmp_path / "bad.safetensors")


def test_torchscript_is_not_run_and_the_way_to_its_weights_is_told(tmp_path):
    torch.jit.script(torch.nn.Linear(2, 2)).save(tmp_path / "net.pt")
    with pytest.raises(nbt.ModelError, match=r"TorchScript.*would run it.*torch\.jit\.load\(file\)\.state_dict"):
        read_start(tmp_path / "net.pt")


class _Runs:
    ran = False

    def __reduce__(self):
        return (setattr, (_Runs, "ran", True))


def test_objects_of_python_are_not_made(tmp_path):
    torch.save({"model": _Runs()}, tmp_path / "net.pt")
    with pytest.raises(nbt.ModelError, match=r"objects of Python.*state_dict"):
        read_start(tmp_path / "net.pt")
    assert not _Runs.ran


def test_files_of_keras_are_named(tmp_path):
    (tmp_path / "net.h5").write_bytes(b"\x89HDF\r\n\x1a\n" + bytes(100))
    with pytest.raises(nbt.ModelError, match="Keras"):
        read_start(tmp_path / "net.h5")


@pytest.mark.parametrize("prefix", ["", "module."])
def test_a_network_of_omnipose_tells_how_it_is_built(tmp_path, prefix):
    network = models.create("style_unet", dim=3, input_channels=1, output_channels=4, features=[4, 8])
    path = tmp_path / "cellpose_residual_on_style_on_concatenation_off_omni_nclasses_2_nchan_1_dim_3_x"
    torch.save({prefix + name: each for name, each in to_cellpose(network.state_dict()).items()}, path)
    start = read_start(path)
    assert start.kind == "instance_flow" and start.format == "weights of Omnipose or Cellpose"
    assert start.network["name"] == "style_unet" and start.network["features"] == [4, 8]
    assert _same(start.weights, network.state_dict())


def _package(folder, weights, *, version="0.5", source="weights.pt", **changes) -> dict:
    folder.mkdir(exist_ok=True)
    torch.save(weights, folder / "weights.pt")
    axes = [{"type": "batch"}, {"type": "channel"}, {"id": "y", "type": "space"}, {"id": "x", "type": "space"}]
    described = {
        "name": "cells",
        "license": "CC-BY-4.0",
        "inputs": [{"axes": axes if version == "0.5" else "bcyx"}],
        "weights": {
            "pytorch_state_dict": {
                "source": source,
                "sha256": hashlib.sha256((folder / "weights.pt").read_bytes()).hexdigest(),
            }
        },
        **changes,
    }
    (folder / "rdf.yaml").write_text(yaml.safe_dump(described))
    return described


def _zipped(folder):
    path = folder.with_suffix(".zip")
    with zipfile.ZipFile(path, "w") as archive:
        for file in folder.rglob("*"):
            archive.write(file, file.relative_to(folder))
    return path


@pytest.mark.parametrize("version", ["0.4", "0.5"])
@pytest.mark.parametrize("is_zipped", [False, True])
def test_a_package_of_the_model_zoo_is_read_from_its_folder_or_file(tmp_path, weights, version, is_zipped):
    folder = tmp_path / "package"
    _package(folder, weights, version=version)
    start = read_start(_zipped(folder) if is_zipped else folder)
    assert _same(start.weights, weights)
    assert (start.title, start.licence, start.network) == ("cells", "CC-BY-4.0", {"dim": 2})


@pytest.mark.parametrize("source", ["../outside.pt", "/outside.pt", "C:\\outside.pt", "https://example.org/w.pt"])
@pytest.mark.parametrize("is_zipped", [False, True])
def test_a_package_leads_nowhere_outside(tmp_path, weights, source, is_zipped):
    torch.save(weights, tmp_path / "outside.pt")
    folder = tmp_path / "package"
    _package(folder, weights, source=source)
    with pytest.raises(nbt.UserError, match="outside of the package"):
        read_start(_zipped(folder) if is_zipped else folder)


def test_a_link_in_a_package_leads_nowhere_outside(tmp_path, weights):
    torch.save(weights, tmp_path / "outside.pt")
    folder = tmp_path / "package"
    _package(folder, weights)
    (folder / "weights.pt").unlink()
    (folder / "weights.pt").symlink_to(tmp_path / "outside.pt")
    with pytest.raises(nbt.UserError, match="lies outside"):
        read_start(folder)


def test_a_package_that_was_changed_or_has_no_plain_weights_is_refused(tmp_path, weights):
    folder = tmp_path / "package"
    described = _package(folder, weights)
    torch.save({**weights, "more": torch.zeros(1)}, folder / "weights.pt")
    with pytest.raises(nbt.ModelError, match="SHA-256"):
        read_start(folder)
    described["weights"] = {"torchscript": {"source": "w.ts"}, "onnx": {"source": "w.onnx"}}
    (folder / "rdf.yaml").write_text(yaml.safe_dump(described))
    with pytest.raises(nbt.ModelError, match="onnx or torchscript only"):
        read_start(folder)
    (folder / "rdf.yaml").write_text("!!python/object/apply:os.system ['echo']")
    with pytest.raises(nbt.ModelError, match="describes no model"):
        read_start(folder)


@pytest.mark.parametrize("is_zipped", [False, True])
def test_a_bundle_of_monai_is_read(tmp_path, weights, is_zipped):
    folder = tmp_path / "spleen"
    (folder / "models").mkdir(parents=True)
    (folder / "configs").mkdir()
    torch.save(weights, folder / "models" / "model.pt")
    shape = {"network_data_format": {"inputs": {"image": {"spatial_shape": [96, 96]}}}}
    (folder / "configs" / "metadata.json").write_text(json.dumps({"name": "Spleen", "license": "Apache", **shape}))
    if is_zipped:
        path = tmp_path / "bundle.zip"
        with zipfile.ZipFile(path, "w") as archive:
            for file in folder.rglob("*"):
                archive.write(file, file.relative_to(tmp_path))
    start = read_start(path if is_zipped else folder)
    assert _same(start.weights, weights)
    assert (start.format, start.title, start.network) == ("a bundle of MONAI", "Spleen", {"dim": 2})


_UNET = {"spatial_dims": 2, "in_channels": 1, "out_channels": 2, "channels": [4, 8], "strides": [2], "num_res_units": 2}


@pytest.mark.parametrize("package", ["bundle", "model zoo"])
def test_a_unet_of_monai_is_built_here_as_there_and_answers_the_same(tmp_path, package):
    torch.manual_seed(0)
    theirs = UNet(**_UNET, norm="batch").eval()
    if package == "bundle":
        (tmp_path / "models").mkdir()
        (tmp_path / "configs").mkdir()
        torch.save({"model": theirs.state_dict()}, tmp_path / "models" / "model.pt")
        definition = {"_target_": "UNet", **_UNET, "norm": "batch"}
        (tmp_path / "configs" / "inference.json").write_text(json.dumps({"network_def": definition}))
        (tmp_path / "configs" / "metadata.json").write_text("{}")
        start = read_start(tmp_path)
    else:
        folder = tmp_path / "package"
        described = _package(folder, theirs.state_dict())
        described["weights"]["pytorch_state_dict"]["architecture"] = {
            "import_from": "monai.networks.nets",
            "callable": "UNet",
            "kwargs": {**_UNET, "norm": "batch"},
        }
        (folder / "rdf.yaml").write_text(yaml.safe_dump(described))
        start = read_start(folder)
    ours = models.create(**start.network).eval()
    ours.load_state_dict(start.weights)
    image = torch.randn(1, 1, 16, 16)
    with torch.no_grad():
        assert torch.allclose(ours(image), theirs(image), atol=1e-6)


@pytest.mark.parametrize(
    "changes", [{"channels": "@features"}, {"strides": [1]}, {"spatial_dims": 1}, {"norm": "instance"}, {"act": "mish"}]
)
def test_a_network_of_monai_that_is_none_of_ours_is_not_taken_for_one(tmp_path, changes):
    (tmp_path / "models").mkdir()
    (tmp_path / "configs").mkdir()
    torch.save({"a.weight": torch.zeros(2)}, tmp_path / "models" / "model.pt")
    definition = {"_target_": "UNet", **_UNET, "norm": "batch", **changes}
    (tmp_path / "configs" / "inference.yaml").write_text(yaml.safe_dump({"network_def": definition}))
    assert "name" not in read_start(tmp_path).network


def test_a_package_that_would_fill_the_memory_is_refused(tmp_path, weights):
    folder = tmp_path / "package"
    _package(folder, weights)
    with zipfile.ZipFile(tmp_path / "bomb.zip", "w", zipfile.ZIP_DEFLATED) as archive:
        archive.write(folder / "rdf.yaml", "rdf.yaml")
        archive.writestr("weights.pt", bytes(2**26 + 1))
    with pytest.raises(nbt.ModelError, match=r"67 MB, and hardly anything is in it"):
        read_start(tmp_path / "bomb.zip")


def test_a_bundle_without_weights_says_so(tmp_path):
    (tmp_path / "configs").mkdir()
    (tmp_path / "configs" / "metadata.json").write_text("{}")
    with pytest.raises(nbt.ModelError, match="has no weights"):
        read_start(tmp_path)
