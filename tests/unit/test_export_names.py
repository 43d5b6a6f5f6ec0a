"""Paths and cells of exports: what no file system, shell or spreadsheet stumbles over."""

from __future__ import annotations

import csv
import hashlib
import io
import re
import subprocess
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st

from truepoint.jobs.exports.finished import Paths, image_path
from truepoint.jobs.exports.tables import cell, rows_writer

PROJECT = Path(__file__).parents[2]


@pytest.mark.parametrize(
    ("key", "path"),
    [
        ("COM¹.jpg", "_COM¹.jpg"), ("lpt³", "_lpt³"), ("-rf.jpg", "_-rf.jpg"), ("-a/-b.jpg", "_-a/_-b.jpg"),
        ("a" * 300 + ".jpg", "a" * 120 + ".jpg"),
    ],
)  # fmt: skip
def test_names_with_a_special_meaning_are_changed(key: str, path: str) -> None:
    assert image_path(f"s3://b/jobs/j/images/{key}", "j") == path


@given(st.text(max_size=400))
def test_a_name_has_at_most_255_bytes_with_what_exports_add(name: str) -> None:
    path = Paths().take(image_path(f"s3://b/jobs/j/images/{name}", "j"))
    assert all(len(f"{part}-12345678-again.txt".encode()) <= 255 for part in path.split("/"))


def test_one_image_in_many_lines_has_many_short_names() -> None:
    given_out = Paths()
    taken = [given_out.take("a.jpg") for _ in range(2000)]
    assert len(set(taken)) == 2000
    assert max(map(len, taken)) <= len("a-12345678-again1998.jpg")


@pytest.mark.parametrize(
    "paths",
    [
        ["sub.txt/a.jpg", "sub.jpg"], ["sub.jpg", "sub.txt/a.jpg"], ["a", "a/b.jpg"], ["a/b.jpg", "a"],
        ["\u212b.jpg", "\u00c5.png", "A\u030a.jpg"],
        ["x.jpg", "X.png", "x/y.jpg"], ["Sub.TXT/a.jpg", "sub.png", "sub.txt/b.jpg"],
    ],
)  # fmt: skip
def test_no_path_is_a_prefix_folder_of_another(paths: list[str], tmp_path: Path) -> None:
    given_out = Paths()
    taken = [given_out.take(path) for path in paths]
    for ending in ("", ".txt"):
        for path in taken:
            file = tmp_path / ending.strip(".") / "files" / (Path(path).with_suffix(ending) if ending else path)
            file.parent.mkdir(parents=True, exist_ok=True)
            assert not file.exists()
            file.touch()


@pytest.mark.parametrize(
    "pair", [("豈.jpg", "\uf900.jpg"), ("Å.jpg", "\u212b.jpg"), ("ß.jpg", "SS.jpg"), ("k", "\u212a")]
)
def test_names_differ_on_case_insensitive_file_systems(pair: tuple[str, str]) -> None:
    """APFS takes canonical equivalents for one name, NTFS and APFS both cases of a letter."""
    paths = Paths()
    first, second = (paths.take(image_path(f"s3://b/jobs/j/images/{name}", "j")) for name in pair)
    assert first == pair[0]
    assert second.partition(".")[0].endswith(hashlib.sha256(pair[1].encode()).hexdigest()[:8])


CELLS = st.text(st.sampled_from('a1=+-@|%\t\r\n\v\x85\u2028",; \uff1d'), max_size=12)


@given(st.lists(st.lists(CELLS, min_size=1, max_size=3), min_size=1, max_size=4))
def test_csv_rows_are_restored_and_no_line_is_a_formula(rows: list[list[str]]) -> None:
    file = io.StringIO(newline="")
    writer = rows_writer(file)
    for row in rows:
        writer.writerow([cell(text) for text in row])
    back = list(csv.reader(io.StringIO(file.getvalue(), newline="")))
    assert [row or [""] for row in back] == [[cell(text) for text in row] for row in rows]
    for row in back:
        for text in row:
            assert not any(line.startswith(FORMULA_SIGNS) for line in text.replace("\r", "\n").split("\n"))


FORMULA_SIGNS = ("=", "+", "-", "@")


@given(CELLS)
def test_no_cell_of_another_languages_spreadsheet_is_a_formula(text: str) -> None:
    """Where a comma stands in decimals, Excel takes the file's semicolons for the ends of cells, quoted or not."""
    file = io.StringIO(newline="")
    rows_writer(file).writerow(["a", cell(text)])
    for part in re.split("[;\t]", file.getvalue().partition(",")[2])[1:]:
        assert not part.lstrip('"').startswith(FORMULA_SIGNS)


def test_a_carriage_return_begins_no_row() -> None:
    file = io.StringIO(newline="")
    rows_writer(file).writerow([cell("a\r=1+1"), "b"])
    assert file.getvalue() == '"a\r\'=1+1",b\r\n'


def test_demo_reset_refuses_while_a_demo_runs(tmp_path: Path) -> None:
    (tmp_path / ".demo").mkdir()
    (tmp_path / ".demo/lock").touch()
    (tmp_path / "Makefile").write_text((PROJECT / "Makefile").read_text())
    reset = ["make", "demo-reset"]
    with subprocess.Popen(
        ["flock", tmp_path / ".demo/lock", "cat"], stdin=subprocess.PIPE, stdout=subprocess.PIPE
    ) as demo:
        assert demo.stdin and demo.stdout
        demo.stdin.write(b"x")
        demo.stdin.flush()
        assert demo.stdout.read(1) == b"x"  # the lock is held
        refused = subprocess.run(reset, cwd=tmp_path, check=False, capture_output=True, text=True)
        demo.stdin.close()
    assert refused.returncode
    assert "A demo is running in .demo: stop it first" in refused.stderr
    assert (tmp_path / ".demo").exists()
    subprocess.run(reset, cwd=tmp_path, check=True, capture_output=True)
    assert not (tmp_path / ".demo").exists()
    subprocess.run(reset, cwd=tmp_path, check=True, capture_output=True)
