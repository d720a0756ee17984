import numpy as np
import pytest
from agreement import never_read_when_cut, opens_as

from nbtrainer.errors import UserError
from nbtrainer.io.formats import open_image


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("dtype", ["<u2", ">u2", "f4", "?"])
def test_npy_keeps_its_numbers(tmp_path, volume, order, dtype):
    image = np.asarray(volume, dtype, order=order)
    np.save(tmp_path / "a.npy", image)
    opens_as(tmp_path / "a.npy", image, "???")
    never_read_when_cut(tmp_path / "a.npy")


@pytest.mark.parametrize("order", ["C", "F"])
@pytest.mark.parametrize("save", [np.savez, np.savez_compressed])
def test_npz_gives_the_usual_member_or_the_one_that_is_named(tmp_path, volume, save, order):
    save(tmp_path / "a.npz", other=volume + 1, image=np.asarray(volume, order=order))
    opens_as(tmp_path / "a.npz", volume, "???")
    opens_as(tmp_path / "a.npz" / "other", volume + 1, "???")
    save(tmp_path / "b.npz", volume[0])
    opens_as(tmp_path / "b.npz", volume[0], "YX")
    save(tmp_path / "c.npz", one=volume, two=volume)
    with pytest.raises(UserError, match="several images: one, two"):
        open_image(tmp_path / "c.npz")
    never_read_when_cut(tmp_path / "a.npz")


def test_a_large_compressed_member_is_unpacked_once(tmp_path, monkeypatch, volume):
    monkeypatch.setattr("nbtrainer.io.formats.chunked.LARGEST_CHUNK", 1000)
    np.savez_compressed(tmp_path / "a.npz", np.asfortranarray(volume))
    opens_as(tmp_path / "a.npz", volume, "???")
    assert len(list((tmp_path / "cache").rglob("*.npy"))) == 1


class Trap:
    def __reduce__(self):
        return print, ("sprung",)


def test_pickles_are_refused_and_never_run(tmp_path, capsys):
    objects = np.array([[Trap(), 1], [2, 3]], object)
    np.save(tmp_path / "a.npy", objects, allow_pickle=True)
    np.savez(tmp_path / "a.npz", objects)
    objects.dump(tmp_path / "b.npy")
    for name in ("a.npy", "b.npy", "a.npz"):
        with pytest.raises(UserError, match=r"Save it again with numpy\.save of a plain array"):
            open_image(tmp_path / name)
    assert "sprung" not in capsys.readouterr().out


@pytest.mark.parametrize(
    "array",
    [np.zeros((3, 3), complex), np.zeros((3, 3), [("a", "u1")]), np.full((3, 3), "x"), np.zeros((3, 3), "M8[s]")],
)
def test_what_is_no_number_is_refused(tmp_path, array):
    np.save(tmp_path / "a.npy", array)
    with pytest.raises(UserError, match="not plain numbers"):
        open_image(tmp_path / "a.npy")


@pytest.mark.parametrize("shape", [(), (5,), (0, 4)])
def test_what_is_no_image_is_refused(tmp_path, shape):
    np.save(tmp_path / "a.npy", np.zeros(shape))
    with pytest.raises(UserError, match="holds no image"):
        open_image(tmp_path / "a.npy")
