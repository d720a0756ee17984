"""Models by name, from a server on this machine."""

import hashlib
import json
import threading
import zipfile
from functools import partial
from http.server import SimpleHTTPRequestHandler, ThreadingHTTPServer

import pytest
import torch

import nbtrainer as nbt


class _Quiet(SimpleHTTPRequestHandler):
    def log_message(self, *arguments):
        pass


@pytest.fixture
def served(tmp_path, monkeypatch):
    """A folder that a server on this machine serves: (folder, its address)."""
    monkeypatch.setenv("NBTRAINER_CACHE", str(tmp_path / "cache"))
    folder = tmp_path / "served"
    folder.mkdir()
    server = ThreadingHTTPServer(("127.0.0.1", 0), partial(_Quiet, directory=folder))
    thread = threading.Thread(target=server.serve_forever)
    thread.start()
    yield folder, f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def _catalog(tmp_path, file, server, **changes):
    entry = {
        "name": "cells",
        "title": "Cells",
        "licence": "CC-BY-4.0",
        "page": "https://example.org/cells",
        "address": f"{server}/{file.name}",
        "sha256": hashlib.sha256(file.read_bytes()).hexdigest(),
        **changes,
    }
    (tmp_path / "catalog.json").write_text(json.dumps([entry]))
    return tmp_path / "catalog.json"


def _weights(path):
    torch.save({"a.weight": torch.arange(1000.0)}, path)
    return path


def test_a_licence_is_shown_and_accepted_before_anything_is_downloaded(served, tmp_path):
    folder, address = served
    catalog = _catalog(tmp_path, _weights(folder / "cells.pt"), address)
    with pytest.raises(nbt.ModelError, match=r"licence CC-BY-4.0 \(https://example.org/cells\).*accept_licence=True"):
        nbt.download_model("cells", catalog=catalog)
    assert not (tmp_path / "cache").exists()


@pytest.mark.feature(25)
@pytest.mark.parametrize("is_zipped", [False, True])
def test_a_model_is_downloaded_once_with_progress(served, tmp_path, is_zipped):
    folder, address = served
    file, inside = _weights(folder / "cells.pt"), ""
    if is_zipped:
        with zipfile.ZipFile(folder / "cells.zip", "w") as archive:
            archive.write(file, "deep/cells.pt")
        file, inside = folder / "cells.zip", "deep/cells.pt"
    catalog = _catalog(tmp_path, file, address, inside=inside)
    told = []
    path = nbt.download_model("cells", True, catalog, lambda done, of: told.append((done, of)))
    assert torch.load(path, weights_only=True)["a.weight"].sum() == 499500
    assert told[-1] == (file.stat().st_size,) * 2
    file.unlink()
    assert nbt.download_model("cells", catalog=catalog) == path
    assert [each.name for each in (tmp_path / "cache").rglob("*") if each.is_file()] == ["cells.pt"]


def test_another_file_than_the_catalog_means_is_not_kept(served, tmp_path):
    folder, address = served
    catalog = _catalog(tmp_path, _weights(folder / "cells.pt"), address, sha256="0" * 64)
    with pytest.raises(nbt.ModelError, match="not the file that the catalog means"):
        nbt.download_model("cells", True, catalog)
    assert not [each for each in (tmp_path / "cache").rglob("*") if each.is_file()]


def test_what_cannot_be_downloaded_says_why(served, tmp_path):
    folder, address = served
    file = _weights(folder / "cells.pt")
    for changes, words in (
        ({"address": f"{address}/gone.pt"}, "could not be downloaded.*not found"),
        ({"address": file.as_uri()}, "no address of the web"),
        ({"sha256": ""}, "not offered for download"),
        ({"licence": ""}, "not offered for download"),
        ({"inside": "x.pt"}, "no file x.pt"),
    ):
        with pytest.raises(nbt.ModelError, match=words):
            nbt.download_model("cells", True, _catalog(tmp_path, file, address, **changes))
    with pytest.raises(nbt.ModelError, match="no model of this name"):
        nbt.download_model("cell", True)


def test_a_catalog_that_is_none_is_refused(tmp_path):
    for text, words in (
        ("[", "not valid JSON"),
        ("{}", "no list of models"),
        ("[{}]", "entry 1 has no name"),
        ('[{"name": "a", "title": "b", "hash": "c"}]', "hash is unknown"),
    ):
        (tmp_path / "catalog.json").write_text(text)
        with pytest.raises(nbt.ModelError, match=words):
            nbt.named_models(tmp_path / "catalog.json")


def test_what_the_package_offers_has_address_licence_and_hash():
    models = nbt.named_models()
    assert any(model.is_offered for model in models.values())
    for name, model in models.items():
        assert model.name == name and model.title and model.page.startswith("https://")
        assert model.is_offered == bool(model.address)
        assert not model.is_offered or (len(model.sha256) == 64 and model.address.startswith("https://"))


def test_the_check_tells_how_to_get_a_model_that_was_given_by_name(small_config):
    small_config.model.pretrained = "efficientnet_lite0_imagenet"
    finding = next(each for each in nbt.check(small_config) if each.where == "model.pretrained")
    assert "nbt.download_model(" in finding.remedy
