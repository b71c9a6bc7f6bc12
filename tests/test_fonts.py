"""The slices of the typeface: every name renders, the everyday words are few, and Streamlit declares what is cut."""

import tomllib
from pathlib import Path

import pytest
from fontTools.ttLib import TTFont

from dashboards import fonts
from pipelines.settings import PROJECT, SEEDS


@pytest.fixture(scope="module")
def pieces() -> dict[str, fonts.Slice]:
    with TTFont(fonts.typeface(), lazy=True) as font:
        return {piece.name: piece for piece in fonts.slices(set(font.getBestCmap()))}


def test_every_character_of_every_area_name_is_in_a_slice(pieces: dict[str, fonts.Slice]) -> None:
    needed = fonts.code_points_of([SEEDS / "tables" / "areas.csv"]) - {ord("\n")}
    assert needed <= frozenset().union(*(piece.code_points for piece in pieces.values()))


def test_a_slice_is_asked_for_whatever_it_holds(pieces: dict[str, fonts.Slice]) -> None:
    for piece in pieces.values():
        assert fonts.within(set(piece.code_points), piece.ranges) == piece.code_points


def test_words_are_tried_first_and_rare_characters_last(pieces: dict[str, fonts.Slice]) -> None:
    assert list(pieces) == ["rare-1", "rare-2", "rare-3", "rare-4", "common", "names", "words", "latin"]
    assert len(pieces["words"].code_points) < 1500
    assert {ord(character) for character in "人民调解受理办结"} <= pieces["words"].code_points
    assert len(fonts.gb2312_level_1()) == 3755


def test_a_cut_slice_holds_its_characters_in_all_weights(tmp_path: Path) -> None:
    piece = fonts.Slice("few", frozenset(map(ord, "枫桥沔")), fonts.CHINESE, "woff2")
    fonts.cut(fonts.typeface(), piece, tmp_path / "few.woff2")
    with TTFont(tmp_path / "few.woff2") as font:
        assert set(font.getBestCmap()) == piece.code_points
        assert (font["fvar"].axes[0].minValue, font["fvar"].axes[0].maxValue) == (100, 900)
    assert [path.name for path in tmp_path.iterdir()] == ["few.woff2"]


def test_laying_out_again_touches_nothing(pieces: dict[str, fonts.Slice], tmp_path: Path) -> None:
    cut = tmp_path / "latin"
    cut.write_bytes(b"font")
    served = tmp_path / "served"
    fonts.lay_out([pieces["latin"]], {"latin": cut}, served)
    before = {path.name: path.stat().st_mtime_ns for path in served.iterdir()}
    fonts.lay_out([pieces["latin"]], {"latin": cut}, served)
    assert before == {path.name: path.stat().st_mtime_ns for path in served.iterdir()}
    assert set(before) == {"latin.woff2", "OFL.txt", "fonts.css"}


def test_streamlit_declares_the_slices_in_their_order(pieces: dict[str, fonts.Slice]) -> None:
    theme = tomllib.loads((PROJECT / ".streamlit" / "config.toml").read_text(encoding="utf-8"))["theme"]
    assert theme["font"].startswith(fonts.FAMILY)
    assert theme["fontFaces"] == [
        {
            "family": fonts.FAMILY,
            "weight": fonts.WEIGHTS,
            "url": f"app/static/fonts/{piece.file_name}",
            "unicodeRange": piece.unicode_range,
        }
        for piece in pieces.values()
    ]
