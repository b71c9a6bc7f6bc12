"""The typeface of the surfaces: Noto Sans SC cut into slices, so that Chinese shows everywhere and nothing is fetched.

`python -m dashboards.fonts` cuts what is missing into a cache (`FENGQIAO_FONTS`, else `.cache/fonts` of the checkout)
and lays the slices, their licence and `fonts.css` under `dashboards/static/fonts/`, which Streamlit serves as
`app/static/fonts/`.

A browser tries the faces of a family from the last declared to the first, and fetches a slice only for a character that
is in its range and not in the slices tried before. Hence the order, from rare to common: a city page fetches the Latin
letters and the words of the product, a district page also the names of areas, hardly a page the rest.
"""

import hashlib
import os
import sys
from concurrent.futures import ProcessPoolExecutor
from dataclasses import dataclass
from importlib.util import find_spec
from pathlib import Path
from time import perf_counter

import fontTools
from fontTools import subset
from fontTools.ttLib import TTFont

from pipelines.settings import PROJECT, SEEDS, UserError

FAMILY = "Fengqiao Sans"
WEIGHTS = "100 900"
SERVED = PROJECT / "dashboards" / "static" / "fonts"

Ranges = tuple[tuple[int, int], ...]

LATIN: Ranges = (
    (0x0000, 0x02FF),
    (0x0370, 0x03FF),
    (0x2010, 0x2013),
    (0x2027, 0x205E),
    (0x20A0, 0x22FF),
    (0x25A0, 0x25FF),
)
SYMBOLS: Ranges = ((0x2014, 0x2026), (0x2460, 0x24FF), (0x3000, 0x303F), (0xFE30, 0xFE4F), (0xFF00, 0xFFEF))
HAN_BLOCKS: dict[str, Ranges] = {
    "rare-1": ((0x3400, 0x4DFF),),
    "rare-2": ((0x4E00, 0x6FFF),),
    "rare-3": ((0x7000, 0x9FFF),),
    "rare-4": ((0xF900, 0xFAFF), (0x20000, 0x323AF)),
}
CHINESE: Ranges = (*SYMBOLS, (0x3400, 0x9FFF), *HAN_BLOCKS["rare-4"])


@dataclass(frozen=True)
class Slice:
    """One file of the family: its characters, the range that makes a browser ask for it, and its format.

    woff2 packs a third tighter than woff and takes ten times as long to make: it is for what pages fetch every day.
    """

    name: str
    code_points: frozenset[int]
    ranges: Ranges
    flavor: str

    @property
    def file_name(self) -> str:
        return f"{self.name}.{self.flavor}"

    @property
    def unicode_range(self) -> str:
        return ", ".join(f"U+{first:X}-{last:X}" for first, last in self.ranges)

    def digest(self, source_digest: str) -> str:
        """What the slice is made of, as 16 hexadecimal digits: typeface, tool and characters."""
        content = f"{source_digest} {fontTools.version} {sorted(self.code_points)}"
        return hashlib.sha256(content.encode()).hexdigest()[:16]


def typeface() -> Path:
    """The variable font file. Raises `UserError` when the package that carries it is not installed."""
    package = find_spec("justmytype_intl_cjk")
    if package is None or package.origin is None:
        raise UserError("The package with the Chinese font, justmytype-intl-cjk, is not installed. Run `make setup`.")
    return Path(package.origin).parent / "fonts" / "ofl" / "notosanssc" / "NotoSansSC[wght].ttf"


def slices(available: set[int]) -> list[Slice]:
    """The slices of a font with these code points, in the order in which they are declared: from rare to common."""
    common, words = gb2312_level_1() | within(available, SYMBOLS), code_points_of(product_texts())
    names = code_points_of([SEEDS / "tables" / "areas.csv"]) - words
    return [
        *(Slice(name, frozenset(within(available, span) - common), span, "woff") for name, span in HAN_BLOCKS.items()),
        Slice("common", frozenset(available & common), CHINESE, "woff"),
        Slice("names", frozenset(within(available & names, CHINESE)), CHINESE, "woff2"),
        Slice("words", frozenset(within(available & words, CHINESE)), CHINESE, "woff2"),
        Slice("latin", frozenset(within(available, LATIN)), LATIN, "woff2"),
    ]


def within(code_points: set[int], ranges: Ranges) -> set[int]:
    return {code_point for code_point in code_points if any(first <= code_point <= last for first, last in ranges)}


def gb2312_level_1() -> set[int]:
    """The 3,755 everyday characters of GB/T 2312: its rows B0 to D7."""
    cells = bytes(byte for row in range(0xB0, 0xD8) for cell in range(0xA1, 0xFF) for byte in (row, cell))
    return {ord(character) for character in cells.decode("gb2312", errors="ignore")}


def product_texts() -> list[Path]:
    """The files whose words the surfaces show: all declarations but the long list of areas, and the surfaces."""
    folders = (SEEDS, PROJECT / "dashboards")
    texts = (path for folder in folders for ending in ("yml", "csv", "py") for path in folder.rglob(f"*.{ending}"))
    return [path for path in texts if path.name != "areas.csv"]


def code_points_of(paths: list[Path]) -> set[int]:
    return {ord(character) for path in paths for character in set(path.read_text(encoding="utf-8"))}


def cut(source: Path, piece: Slice, target: Path) -> None:
    """Write one slice of the variable font; whole or not at all."""
    options = subset.Options(hinting=False, layout_features=["kern"], name_IDs=[0, 1, 2, 3, 5, 13, 14])
    options.drop_tables += ["vhea", "vmtx", "VVAR", "BASE"]
    with TTFont(source, lazy=True) as font:
        subsetter = subset.Subsetter(options)
        subsetter.populate(unicodes=piece.code_points)
        subsetter.subset(font)
        font.flavor = piece.flavor
        draft = draft_of(target)
        font.save(draft)
    draft.replace(target)


def cache_folder() -> Path:
    """Where cut fonts are kept: `FENGQIAO_FONTS`, else `.cache/fonts` of the checkout."""
    return Path(os.environ.get("FENGQIAO_FONTS") or PROJECT / ".cache" / "fonts").expanduser().resolve()


def stylesheet(pieces: list[Slice]) -> str:
    """The `@font-face` rules of the family, one a slice, for pages that lie beside or above the slices."""
    return "\n".join(
        f'@font-face {{ font-family: "{FAMILY}"; font-weight: {WEIGHTS}; font-display: swap; '
        f'src: url("{piece.file_name}") format("{piece.flavor}"); unicode-range: {piece.unicode_range}; }}'
        for piece in pieces
    )


def fill_cache(cache: Path) -> tuple[list[Slice], dict[str, Path], int]:
    """Cut the slices that the cache lacks. Returns all slices, their files in the cache, and how many were cut now."""
    source = typeface()
    source_digest = hashlib.sha256(source.read_bytes()).hexdigest()
    with TTFont(source, lazy=True) as font:
        pieces = slices(set(font.getBestCmap()))
    files = {piece.name: cache / f"{piece.name}-{piece.digest(source_digest)}.{piece.flavor}" for piece in pieces}
    missing = [piece for piece in pieces if not files[piece.name].exists()]
    cache.mkdir(parents=True, exist_ok=True)
    with ProcessPoolExecutor() as pool:
        for running in [pool.submit(cut, source, piece, files[piece.name]) for piece in missing]:
            running.result()
    return pieces, files, len(missing)


def lay_out(pieces: list[Slice], files: dict[str, Path], served: Path) -> None:
    """Put slices, licence and stylesheet where they are served from; what is already there stays untouched."""
    served.mkdir(parents=True, exist_ok=True)
    for piece in pieces:
        replace(served / piece.file_name, files[piece.name].read_bytes())
    replace(served / "OFL.txt", typeface().with_name("OFL.txt").read_bytes())
    replace(served / "fonts.css", (stylesheet(pieces) + "\n").encode())


def replace(target: Path, content: bytes) -> None:
    if target.exists() and target.read_bytes() == content:
        return
    draft = draft_of(target)
    draft.write_bytes(content)
    draft.replace(target)


def draft_of(target: Path) -> Path:
    return target.with_name(f".{target.name}.{os.getpid()}")


def main() -> int:
    cache = cache_folder()
    began = perf_counter()
    try:
        pieces, files, cut_now = fill_cache(cache)
        lay_out(pieces, files, SERVED)
    except UserError as error:
        print(error, file=sys.stderr)
        return 2
    except OSError as error:
        print(f"The fonts cannot be written: {error.strerror} ({error.filename}).", file=sys.stderr)
        return 2
    size = sum(file.stat().st_size for file in files.values()) / 1e6
    seconds = perf_counter() - began
    print(f"Fonts: {len(pieces)} slices of Noto Sans SC, {size:.1f} MB; {cut_now} cut now in {seconds:.1f} s.")
    return 0


if __name__ == "__main__":
    raise SystemExit(main())
