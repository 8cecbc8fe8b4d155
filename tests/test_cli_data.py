import numpy as np
import pytest

from keras_lr.cli.data import Data, from_returned, hold_out, load_data
from keras_lr.cli.reference import load_reference
from keras_lr.cli.table import read_csv
from keras_lr.errors import InvalidInput

X = np.arange(12, dtype="float32").reshape(6, 2)
Y = np.array([0, 1, 0, 1, 0, 1])


@pytest.fixture
def said():
    return []


@pytest.fixture(autouse=True)
def _here(tmp_path, monkeypatch):
    monkeypatch.chdir(tmp_path)
    monkeypatch.setattr("sys.path", __import__("sys").path[:])


def load(text, target=None, said=None):
    return load_data(str(text), target=target, say=(said if said is not None else []).append)


def refuses(text, match, target=None):
    with pytest.raises(InvalidInput, match=match) as caught:
        load(text, target)
    assert "\n" not in str(caught.value)


def test_npz_with_and_without_validation():
    np.savez("a.npz", x=X, y=Y)
    np.testing.assert_array_equal(load("a.npz").x, X)
    np.testing.assert_array_equal(load("a.npz").y, Y)
    assert load("a.npz").validation_data is None
    np.savez("b.npz", x=X, y=Y, x_val=X[:2], y_val=Y[:2], more=X)
    x_val, y_val = load("b.npz").validation_data
    np.testing.assert_array_equal(x_val, X[:2])
    np.testing.assert_array_equal(y_val, Y[:2])


def test_npz_that_cant_be_used(tmp_path):
    refuses("none.npz", "There is no file")
    (tmp_path / "junk.npz").write_text("junk")
    refuses("junk.npz", "isn't a NumPy archive")
    np.save("one.npy", X)
    (tmp_path / "one.npy").rename("one.npz")
    refuses("one.npz", "isn't a NumPy archive")
    np.savez("tail.npz", x=X)
    with open("one.npz", "ab") as file:  # an array to NumPy, an archive to zipfile
        file.write((tmp_path / "tail.npz").read_bytes())
    refuses("one.npz", "isn't a NumPy archive")
    (tmp_path / "cut.npz").write_bytes(b"")
    refuses("cut.npz", "isn't a NumPy archive")
    np.savez("whole.npz", x=X, y=Y)
    (tmp_path / "half.npz").write_bytes((tmp_path / "whole.npz").read_bytes()[:-40])
    refuses("half.npz", "isn't a NumPy archive")
    np.savez("objects.npz", x=np.array([{}, {}], object), y=Y[:2])
    refuses("objects.npz", "Python objects")
    np.savez("nox.npz", y=Y)
    refuses("nox.npz", "no array 'x'.*arrays y")
    np.savez("half_val.npz", x=X, y=Y, x_val=X)
    refuses("half_val.npz", "no array 'y_val'")
    np.savez("short.npz", x=X, y=Y[:4])
    refuses("short.npz", "x has 6, y has 4")
    np.savez("short_val.npz", x=X, y=Y, x_val=X[:3], y_val=Y[:2])
    refuses("short_val.npz", "x_val has 3, y_val has 2")
    np.savez("narrow.npz", x=X, y=Y, x_val=X[:2, :1], y_val=Y[:2])
    refuses("narrow.npz", "differ in shape")
    np.savez("nan.npz", x=np.where(X == 3, np.nan, X), y=Y)
    refuses("nan.npz", "x holds 1 NaN or infinite value,")
    np.savez("text.npz", x=X, y=Y.astype(str))
    refuses("text.npz", "y must hold numbers")
    np.savez("empty.npz", x=X[:0], y=Y[:0])
    refuses("empty.npz", "empty")


def test_other_names_are_refused():
    refuses("data.parquet", "DATA is an .npz file")
    refuses("nets.py:digits", "Write nets:digits")
    np.savez("a.npz", x=X, y=Y)
    refuses("a.npz", "--target names a column", target="y")


def test_csv_of_numbers_and_labels(tmp_path, said):
    path = tmp_path / "a.csv"
    path.write_text("\ufeffwidth;kind;height\n1.5;cat;2\n2;dog;3\n0;cat;1e1\n0;ant;1\n", "utf-8")
    data = load("a.csv", "kind", said)
    np.testing.assert_array_equal(data.x, np.array([[1.5, 2], [2, 3], [0, 10], [0, 1]], "float32"))
    assert data.x.dtype == np.float32
    assert data.y.tolist() == [1, 2, 1, 0]
    assert said == ["labels of 'kind' as codes: ant=0, cat=1, dog=2"]


def test_csv_targets_keep_their_kind(tmp_path, said):
    path = tmp_path / "a.csv"
    path.write_text('"a, b",whole,real\n1,3,0.5\n2,4,1\n')
    _, y = read_csv(path, "whole", said.append)
    assert y.dtype == np.int64
    x, y = read_csv(path, "real", said.append)
    assert y.dtype == np.float32
    assert x.tolist() == [[1, 3], [2, 4]]
    assert said == []


@pytest.mark.parametrize(
    ("text", "match"),
    [
        ("a,t\n1,2\nx,3\n", "Column 'a' of .* isn't numeric: 'x' in row 2"),
        ("a,t\n1,2\n,3\n", "Column 'a' of .* empty cell in row 2"),
        ("a,t\n1,2\nnan,3\n", "Column 'a' of .* isn't numeric: 'nan' in row 2"),
        ("a,t\n1,2\n1e300,3\n", "Column 'a' of .* holds 1e\\+300 in row 2"),
        ("a,t\n1,2\n3,-1e39\n", "Column 't' of .* holds -1e\\+39 in row 2"),
        ("a,t\n1,x\n2,x\n3,x\x00\n", r"Column 't' of .* control character in row 3: 'x\\x00'"),
        ("a,t\n1,x\n2\x1b,x\n", "Column 'a' of .* control character in row 2"),
        ("a,t\n1,2\n1\n", "Row 2 of .* has 1 cells, its header 2"),
        ("a,t\n", "header line and rows"),
        ("", "header line and rows"),
        ("a,a,t\n1,2,3\n", "two columns named 'a'"),
        ("t\n1\n", "no column beside"),
        ("a,t\n1,\n2,1\n", "target 't' of .* empty in row 1"),
        ("a,t\n1,x\n2,y\n3,z\n4,u\n", "neither numbers nor class labels"),
        ("a,tt\n1,2\n", "no column 't'.*'tt'"),
    ],
)
def test_csv_that_cant_be_used(tmp_path, text, match):
    (tmp_path / "a.csv").write_text(text)
    refuses("a.csv", match, target="t")


def test_csv_needs_a_target_and_text(tmp_path):
    (tmp_path / "a.csv").write_text("a,t\n1,2\n")
    refuses("a.csv", "--target COLUMN")
    (tmp_path / "b.csv").write_bytes(b"a,t\n\xff\xfe,2\n")
    refuses("b.csv", "UTF-8", target="t")


def test_functions_return_what_fit_takes():
    assert from_returned((X, Y), "m:f").y is Y
    assert from_returned((X, Y, (X, Y)), "m:f").validation_data == (X, Y)
    data = from_returned({"x": X, "y": Y, "batch_size": 3}, "m:f")
    assert data.fit == {"batch_size": 3}
    assert from_returned(iter([]), "m:f").y is None
    for value, match in [
        ({"x": X, "y": Y, "batchsize": 3}, "Did you mean 'batch_size'"),
        ({"y": Y}, "no 'x'"),
        ((X, Y, Y), "three arrays"),
        ((X, Y, (X,)), r"validation data of 1 part\(s\); write \(x, y, \(x_val, y_val\)\)"),
        ([X, Y], "Received: list of 2"),
        (X, "Received: ndarray"),
        (None, "Received: NoneType"),
    ]:
        with pytest.raises(InvalidInput, match=match):
            from_returned(value, "m:f")


def test_references_say_what_went_wrong(tmp_path):
    (tmp_path / "ref_good.py").write_text("def data():\n    return None\nvalue = 3\n")
    (tmp_path / "ref_bad.py").write_text("import no_such_package\n")
    (tmp_path / "ref_broken.py").write_text("def f(:\n")
    (tmp_path / "ref_exit.py").write_text("raise SystemExit(3)\n")
    assert callable(load_reference("ref_good:data", "DATA"))
    for text, match in [
        ("no_such_module:f", "no module 'no_such_module'"),
        ("ref_good:dat", "Did you mean 'data'"),
        ("ref_good:value", "is a int, not a function"),
        ("ref_bad:f", "importing ref_bad raised ModuleNotFoundError"),
        ("ref_broken:f", "SyntaxError"),
        ("ref_exit:f", "SystemExit"),
    ]:
        with pytest.raises(InvalidInput, match=match):
            load_reference(text, "DATA")


def test_holding_out_is_random_and_complete(said):
    x = np.arange(100).reshape(100, 1)
    held = hold_out(Data(x, x[:, 0]), 0.2, seed=3, say=said.append)
    x_val, y_val = held.validation_data
    assert len(x_val) == 20
    assert sorted([*held.y, *y_val]) == list(range(100))
    assert list(y_val) != list(range(80, 100))
    np.testing.assert_array_equal(x_val[:, 0], y_val)
    again = hold_out(Data(x, x[:, 0]), 0.2, seed=3, say=said.append)
    np.testing.assert_array_equal(again.y, held.y)
    assert said[0].startswith("no validation data: 20 of 100 rows")
    given = Data(x, x, (x, x))
    assert hold_out(given, 0.2, seed=0, say=said.append) is given
    with pytest.raises(InvalidInput, match="Only arrays"):
        hold_out(Data(iter([])), 0.2, seed=0, say=said.append)
    with pytest.raises(InvalidInput, match="nothing on one side"):
        hold_out(Data(x[:2], x[:2]), 0.2, seed=0, say=said.append)
