"""Makes real office files, pictures, PDFs and archives, the same bytes for the same seed."""

from __future__ import annotations

import io
import random
import re
import zipfile
import zlib
from collections.abc import Callable, Iterator
from datetime import UTC, datetime
from pathlib import Path

import numpy as np
from docx import Document
from fpdf import FPDF
from openpyxl import Workbook
from PIL import Image
from pptx import Presentation

_VOCABULARY = """
agreement annex approval archive audit balance budget cable calendar capacity clause contract
corridor cost delivery deposit draft energy estimate facade filter forecast fund garden
handover harbour index insurance invoice ledger licence maintenance margin meeting memo minutes
notice offer order outline payment permit phase pipeline plan pressure process proposal quality
quarter receipt reference reserve review revision schedule scope sensor service signal
statement storage summary supplier survey tariff tender terminal timetable transport turbine
upgrade valve variance voucher warranty water workshop
"""
_WORDS = _VOCABULARY.split()
_STAMP = (2020, 1, 1, 0, 0, 0)
_STAMP_TEXT = rb"\g<1>2020-01-01T00:00:00Z"
_TIMES = re.compile(rb"(<dcterms:(?:created|modified)[^>]*>)[^<]*")


def sentence(rng: random.Random, words: int = 12) -> str:
    """Return one sentence of plain English words."""
    return " ".join(rng.choices(_WORDS, k=words)).capitalize() + "."


def make_docx(rng: random.Random) -> bytes:
    """Return a Word document with a heading, paragraphs and a table."""
    document = Document()
    document.add_heading(sentence(rng, 4), level=1)
    for _ in range(rng.randint(2, 9)):
        document.add_paragraph(" ".join(sentence(rng) for _ in range(rng.randint(1, 5))))
    table = document.add_table(rows=2, cols=2)
    for row in table.rows:
        for cell in row.cells:
            cell.text = sentence(rng, 2)
    return _settled(document.save)


def make_xlsx(rng: random.Random) -> bytes:
    """Return a workbook with one sheet of figures and a sum."""
    workbook = Workbook(write_only=True)
    sheet = workbook.create_sheet("Figures")
    sheet.append(["item", "pieces", "price"])
    rows = rng.randint(5, 60)
    for _ in range(rows):
        sheet.append([sentence(rng, 2), rng.randint(1, 500), round(rng.uniform(1, 900), 2)])
    sheet.append(["sum", f"=SUM(B2:B{rows + 1})", f"=SUM(C2:C{rows + 1})"])
    return _settled(workbook.save)


def make_pptx(rng: random.Random) -> bytes:
    """Return a presentation of a few slides."""
    show = Presentation()
    for _ in range(rng.randint(1, 4)):
        slide = show.slides.add_slide(show.slide_layouts[1])
        for shape in slide.placeholders:
            shape.text = sentence(rng, 6)
    return _settled(show.save)


def make_pdf(rng: random.Random) -> bytes:
    """Return a PDF of one to three pages in one of the built-in fonts."""
    pdf = FPDF()
    pdf.set_creation_date(datetime(*_STAMP, tzinfo=UTC))
    pdf.set_font("Helvetica", size=11)
    for _ in range(rng.randint(1, 3)):
        pdf.add_page()
        pdf.multi_cell(0, 6, " ".join(sentence(rng) for _ in range(rng.randint(8, 30))))
    return bytes(pdf.output())


def make_png(rng: random.Random) -> bytes:
    """Return a picture: a gradient between two colours with some noise."""
    width, height = rng.randint(40, 320), rng.randint(40, 240)
    noise = np.random.default_rng(rng.getrandbits(32)).integers(0, 24, (height, width, 3))
    ramp = np.linspace(0, 1, width)[None, :, None]
    one, other = (np.array([rng.randint(0, 230) for _ in range(3)]) for _ in range(2))
    out = io.BytesIO()
    Image.fromarray((one * (1 - ramp) + other * ramp + noise).astype(np.uint8)).save(out, "PNG")
    return out.getvalue()


def make_txt(rng: random.Random) -> bytes:
    """Return a plain text in UTF-8."""
    return "".join(sentence(rng) + "\n" for _ in range(rng.randint(1, 80))).encode()


def make_zip(rng: random.Random) -> bytes:
    """Return an archive with a few texts."""
    out = io.BytesIO()
    with zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED) as archive:
        for number in range(rng.randint(2, 6)):
            archive.writestr(zipfile.ZipInfo(f"part {number}.txt", _STAMP), make_txt(rng))
    return out.getvalue()


MAKERS: dict[str, Callable[[random.Random], bytes]] = {
    ".docx": make_docx,
    ".xlsx": make_xlsx,
    ".pptx": make_pptx,
    ".pdf": make_pdf,
    ".png": make_png,
    ".txt": make_txt,
    ".zip": make_zip,
}
"""The function that makes a document, by extension."""


def make(name: str, seed: int) -> bytes:
    """Return the document called `name`; its contents depend on the name and the seed alone."""
    rng = random.Random(zlib.crc32(name.encode("utf-8", "surrogateescape")) ^ seed)
    return MAKERS[Path(name).suffix.lower()](rng)


def write_big_zip(path: Path, size: int, seed: int) -> None:
    """Write an archive a little larger than `size` bytes whose members do not compress (scans, say).

    The bytes are random, so that no layer between source and target can cheat by compressing them.
    """
    with zipfile.ZipFile(path, "w", zipfile.ZIP_STORED) as archive:
        for number, chunk in enumerate(_random_pieces(size, seed)):
            archive.writestr(zipfile.ZipInfo(f"scan-{number:04}.raw", _STAMP), chunk)


def _random_pieces(size: int, seed: int, piece: int = 8 << 20) -> Iterator[bytes]:
    generator = np.random.default_rng(seed)
    for start in range(0, size, piece):
        yield generator.bytes(min(piece, size - start))


def _settled(save: Callable[[io.BytesIO], object]) -> bytes:
    """Save an office file and take the time of writing out of it, so that equal seeds give equal bytes."""
    raw, out = io.BytesIO(), io.BytesIO()
    save(raw)
    with (
        zipfile.ZipFile(raw) as source,
        zipfile.ZipFile(out, "w", zipfile.ZIP_DEFLATED, compresslevel=1) as target,
    ):
        for entry in source.infolist():
            body = source.read(entry)
            if entry.filename == "docProps/core.xml":
                body = _TIMES.sub(_STAMP_TEXT, body)
            target.writestr(zipfile.ZipInfo(entry.filename, _STAMP), body, zipfile.ZIP_DEFLATED, compresslevel=1)
    return out.getvalue()
