import pytest
import tensorflow as tf

from kzoo.data.records import Records

RECORDS = [b"first", b"", b"x" * 5000, b"last"]


@pytest.fixture
def files(tmp_path):
    names = [str(tmp_path / name) for name in ("0", "1", "2")]
    for name, records in zip(names, (RECORDS[:3], [], RECORDS[3:])):
        with tf.io.TFRecordWriter(name) as writer:
            for record in records:
                writer.write(record)
    return names


def test_records_are_those_written(files):
    records = Records(files)
    assert [records[i] for i in range(len(records))] == RECORDS


@pytest.mark.parametrize("length", [5, 14, 20, 30])
def test_truncated_file_is_named(files, length):
    with open(files[0], "r+b") as handle:
        handle.truncate(length)
    with pytest.raises(ValueError, match=r"0 is truncated: prepare the data set again"):
        Records(files)


def test_missing_file_is_named(tmp_path):
    with pytest.raises(ValueError, match=r"gone cannot be read: No such file"):
        Records([tmp_path / "gone"])
