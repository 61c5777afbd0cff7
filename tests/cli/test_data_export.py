from kzoo.cli import main
from kzoo.data import Pipeline, open_source


def test_export_writes_a_file_and_says_what_is_in_it(tmp_path, capsys):
    file = tmp_path / "digits.npz"
    assert main(["data", "export", "digits", str(file), "--image-size", "12"]) == 0
    printed = capsys.readouterr().out
    assert printed.startswith(f"{file}: train 1,400, validation 147, test 250, ")
    assert Pipeline(open_source(file), "test").shape == (12, 12, 1)


def test_a_file_that_exists_is_refused_before_the_data_is_read(tmp_path, capsys):
    (tmp_path / "x.npz").write_bytes(b"mine")
    assert main(["data", "export", "no such set", str(tmp_path / "x.npz")]) == 2
    assert "x.npz exists already: remove it, or export to another file." in capsys.readouterr().err
