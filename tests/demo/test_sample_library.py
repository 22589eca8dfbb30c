"""The sample library: real documents, the promised variety, the same for the same seed."""

import io
import unicodedata
import zipfile
from datetime import UTC, datetime
from pathlib import Path

import pytest
from docx import Document
from openpyxl import load_workbook
from PIL import Image
from pptx import Presentation

from demo.compare import compare
from demo.documents import MAKERS, make
from demo.sample_library import AWKWARD_FILES, BIG_FILE_BYTES, DOCUMENTS, SampleLibrary, build, survey

SEED = 7
FORBIDDEN = set('"*:<>?/\\|')


@pytest.fixture(scope="module")
def sample(tmp_path_factory: pytest.TempPathFactory) -> SampleLibrary:
    print(f"seed {SEED}")
    return build(tmp_path_factory.mktemp("library"), seed=SEED, documents=42, big_bytes=1 << 20)


def test_the_demo_writes_at_least_300_documents_and_one_above_100_mb() -> None:
    assert DOCUMENTS + len(AWKWARD_FILES) >= 300
    assert BIG_FILE_BYTES > 100 * 1024 * 1024


@pytest.mark.parametrize("suffix", sorted(MAKERS))
def test_every_kind_is_in_the_library(sample: SampleLibrary, suffix: str) -> None:
    assert sample.kinds[suffix] >= 6


@pytest.mark.parametrize("number", range(3))
def test_the_very_libraries_open_what_was_made(number: int) -> None:
    def stream(suffix: str) -> io.BytesIO:
        return io.BytesIO(make(f"document {number}{suffix}", SEED))

    assert len(Document(stream(".docx")).paragraphs) > 1
    assert load_workbook(stream(".xlsx"))["Figures"]["A1"].value == "item"
    assert all(slide.shapes.title.text for slide in Presentation(stream(".pptx")).slides)
    with Image.open(stream(".png")) as picture:
        picture.load()
        assert picture.format == "PNG"
    with zipfile.ZipFile(stream(".zip")) as archive:
        assert archive.testzip() is None
    assert make(f"document {number}.pdf", SEED).startswith(b"%PDF-")
    assert make(f"document {number}.txt", SEED).decode("utf-8").endswith("\n")


def test_documents_differ_from_each_other() -> None:
    for suffix in MAKERS:
        assert len({make(f"{number}{suffix}", SEED) for number in range(3)}) == 3


def test_the_large_archive_is_sound_and_does_not_compress(sample: SampleLibrary) -> None:
    large = max(sample.root.rglob("*.zip"), key=lambda path: path.stat().st_size)
    assert large.stat().st_size > 1 << 20
    with zipfile.ZipFile(large) as archive:
        assert archive.testzip() is None


def test_equal_seeds_give_equal_libraries(tmp_path: Path) -> None:
    for name in ("one", "other"):
        build(tmp_path / name, seed=SEED, documents=7, big_bytes=1000)
    comparison = compare(tmp_path / "one", tmp_path / "other", tolerance_s=0)
    assert comparison.differences == []
    assert make("any.docx", SEED) != make("any.docx", SEED + 1)


@pytest.mark.parametrize("mark", ["#", "%", "&", "+", "'", " ", "员", "ع", "🚀", "é"])
def test_awkward_names_are_there(sample: SampleLibrary, mark: str) -> None:
    wanted = unicodedata.normalize("NFD", mark)
    assert any(wanted in str(path.relative_to(sample.root)) for path in sample.root.rglob("*"))


def test_deep_empty_and_zero_byte_things_are_there(sample: SampleLibrary) -> None:
    deepest = max(len(path.relative_to(sample.root).parts) for path in sample.root.rglob("*"))
    assert deepest >= 10
    assert sample.empty_folders >= 3
    assert sample.empty_files >= 3
    assert any(
        path.is_dir() and not any(path.iterdir()) and path.parent != sample.root for path in sample.root.rglob("*")
    )


def test_every_name_is_legal_in_sharepoint_and_unique_without_case(sample: SampleLibrary) -> None:
    for path in sample.root.rglob("*"):
        assert not FORBIDDEN & set(path.name), path
        assert path.name == path.name.strip() and not path.name.endswith(".")
        assert not path.name.startswith("~$")
    for folder in [sample.root, *(path for path in sample.root.rglob("*") if path.is_dir())]:
        names = [unicodedata.normalize("NFC", entry.name).casefold() for entry in folder.iterdir()]
        assert len(names) == len(set(names)), folder


def test_times_lie_in_the_past_in_summer_and_in_winter(sample: SampleLibrary) -> None:
    months = set()
    for path in sample.root.rglob("*"):
        if path.is_file():
            moment = datetime.fromtimestamp(path.stat().st_mtime, UTC)
            assert 2012 <= moment.year <= 2025
            assert path.stat().st_mtime == int(path.stat().st_mtime)
            months.add(moment.month)
    assert {1, 7} <= months


def test_survey_counts_and_ignores_links(tmp_path: Path) -> None:
    (tmp_path / "a").mkdir()
    (tmp_path / "a" / "one.txt").write_bytes(b"12")
    (tmp_path / "b").mkdir()
    (tmp_path / "broken").symlink_to(tmp_path / "nowhere")
    found = survey(tmp_path)
    assert (found.files, found.folders, found.empty_folders, found.size) == (1, 2, 1, 2)


def test_a_folder_with_something_in_it_is_refused(tmp_path: Path) -> None:
    (tmp_path / "mine.txt").touch()
    with pytest.raises(FileExistsError):
        build(tmp_path)
