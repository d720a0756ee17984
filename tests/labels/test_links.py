import pytest

from nbtrainer.errors import UserError
from nbtrainer.labels.links import read_links


@pytest.mark.feature(55)
def test_pairs_are_read_with_commas_or_spaces(tmp_path):
    path = tmp_path / "img 1_links.txt"
    path.write_bytes("\ufeff1,2\r\n 3 , 4 \r\n\r\n# mine\r\n5 6\r\n7\t8,\r\n9,9\r\n4294967295;1".encode())
    assert read_links(path) == [(1, 2), (3, 4), (5, 6), (7, 8), (4294967295, 1)]
    path.write_text("")
    assert read_links(path) == []


@pytest.mark.parametrize("line", ["1", "1,2,3", "a,b", "1.5,2", "0,3", "-1,2", "1,,2", "99999999999,2"])
def test_a_bad_line_is_named(line, tmp_path):
    path = tmp_path / "img_links.txt"
    path.write_text(f"1,2\n\n{line}\n")
    with pytest.raises(UserError, match=r"img_links.txt, line 3: .* is no pair of label ids"):
        read_links(path)


def test_a_file_that_is_no_text_is_refused(tmp_path):
    with pytest.raises(UserError, match="there is no such file"):
        read_links(tmp_path / "gone_links.txt")
    (tmp_path / "x_links.txt").write_bytes(b"\xff\xfe\x00\x01")
    with pytest.raises(UserError, match="UTF-8"):
        read_links(tmp_path / "x_links.txt")
