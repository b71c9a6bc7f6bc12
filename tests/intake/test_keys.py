"""Without keys nothing is taken in, and no key is ever shown or written."""

import hashlib
import json
import os
import stat
import subprocess
import sys
from pathlib import Path

import pytest

from pipelines.catalogue import contracts
from pipelines.intake import archive, keys
from pipelines.settings import PROJECT, UserError, keys_path
from tests.conftest import FENGQIAO
from tests.offices import Office, cases


def test_one_key_a_system_and_one_for_the_cells(office: Office) -> None:
    made = keys.load()
    assert set(made) == {contract.system for contract in contracts().values()} | {"cell_number", "publication"}
    assert len({made[name] for name in made}) == len(made)
    assert stat.S_IMODE(keys_path().stat().st_mode) == 0o600


def test_existing_keys_stay_and_missing_ones_are_added(office: Office) -> None:
    before = dict(keys.load())
    _, made = keys.initialise({"mediation", "arbitration"})
    assert made == ["arbitration"]
    assert dict(keys.load()) == before | {"arbitration": keys.load()["arbitration"]}
    assert keys.initialise({"mediation"})[1] == []


def test_no_keys_no_intake(office: Office) -> None:
    keys_path().unlink()
    with pytest.raises(UserError, match="fengqiao keys init"):
        office.take(cases({}))
    assert office.contents() == {}


def test_a_system_without_a_key_is_refused_by_name(office: Office) -> None:
    lines = keys_path().read_text().splitlines()
    keys_path().write_text("\n".join(line for line in lines if not line.startswith("mediation")))
    with pytest.raises(UserError, match="no key for mediation"):
        office.take(cases({}))
    assert office.contents() == {}


@pytest.mark.parametrize("mode", [0o640, 0o604, 0o644, 0o660])
def test_keys_that_others_may_read_are_refused(mode: int, office: Office) -> None:
    keys_path().chmod(mode)
    with pytest.raises(UserError, match=f"mode {mode:o}"):
        office.take(cases({}))


def test_keys_inside_the_data_folder_are_refused(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    inside = office.data / "keys"
    keys_path().rename(inside)
    monkeypatch.setenv("FENGQIAO_KEYS", str(inside))
    with pytest.raises(UserError, match="may not lie inside the data folder"):
        keys.load()
    monkeypatch.setenv("FENGQIAO_KEYS", str(office.data / "below" / "keys"))
    with pytest.raises(UserError, match="may not lie inside the data folder"):
        keys.initialise({"mediation"})
    assert sorted(path.name for path in office.data.iterdir()) == ["archive", "keys"]


@pytest.mark.parametrize("line", ["mediation", "mediation = 12", f"mediation = {'g' * 64}", f"mediation: {'a' * 64}"])
def test_a_damaged_file_of_keys_names_the_line_and_shows_no_key(line: str, office: Office) -> None:
    with keys_path().open("a") as file:
        file.write(f"{line}\n")
    last = len(keys_path().read_text().splitlines())
    with pytest.raises(UserError, match=rf"line {last}: expected") as refused:
        keys.load()
    assert line not in str(refused.value)


def test_a_second_key_of_the_same_name_is_refused(office: Office) -> None:
    with keys_path().open("a") as file:
        file.write(f"mediation = {'a' * 64}\n")
    last = len(keys_path().read_text().splitlines())
    with pytest.raises(UserError, match=rf"line {last}: a second key for mediation"):
        keys.load()


def _given(monkeypatch: pytest.MonkeyPatch, **values: str) -> None:
    for name, value in values.items():
        monkeypatch.setenv(f"FENGQIAO_KEY_{name}", value)


def test_keys_of_the_environment_need_no_file(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    office.take(cases({}), "one.csv")
    from_file = dict(keys.load())
    keys_path().unlink()
    _given(monkeypatch, **{name.upper(): value for name, value in from_file.items()})
    assert dict(keys.load()) == from_file
    office.take(cases({"更新时间": "2025-04-02"}), "two.csv")
    assert office.lake()["case_key"].n_unique() == office.lake()["cell_number"].n_unique() == 1
    assert keys.initialise({"mediation"}) == (keys_path(), [])
    assert not keys_path().exists()


def test_both_places_may_be_mixed_and_init_leaves_what_the_environment_gives(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    keys_path().unlink()
    _given(monkeypatch, MEDIATION="a" * 64, CELL_NUMBER="b" * 64, PUBLICATION="c" * 64)
    assert keys.initialise({"mediation", "petition"})[1] == ["petition"]
    assert [line.split()[0] for line in keys_path().read_text().splitlines()] == ["petition"]
    given = {"mediation": "a" * 64, "cell_number": "b" * 64, "publication": "c" * 64}
    assert keys.load() == given | {"petition": keys.load()["petition"]}


def test_the_same_key_in_both_places_is_fine_and_another_is_refused(
    office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    same = keys.load()["mediation"]
    _given(monkeypatch, MEDIATION=same)
    assert office.take(cases({})).accepted == 1
    _given(monkeypatch, MEDIATION="c" * 64)
    with pytest.raises(UserError, match=r"mediation in .* is another than that in FENGQIAO_KEY_MEDIATION") as refused:
        office.take(cases({"更新时间": "2025-04-02"}))
    assert same not in str(refused.value)
    assert "c" * 64 not in str(refused.value)


@pytest.mark.parametrize("value", ["", "12", "g" * 64, "A" * 64, "a" * 65])
def test_a_key_of_the_environment_that_is_none_is_refused_by_name(
    value: str, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    _given(monkeypatch, MEDIATION=value)
    with pytest.raises(UserError, match=r"^FENGQIAO_KEY_MEDIATION is no key: expected 64 hexadecimal digits"):
        office.take(cases({}))


@pytest.mark.parametrize("fixed", ["CELL_NUMBER", "PUBLICATION"])
def test_a_key_that_is_never_rotated_has_no_second_link(
    fixed: str, office: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    _given(monkeypatch, **{f"{fixed}_2": "a" * 64})
    with pytest.raises(UserError, match="never rotated"):
        keys.load()


def test_keys_do_not_show_themselves(office: Office) -> None:
    made = keys.load()
    shown = f"{made} {made!r} {made.keys()} {[made]}"
    assert not any(made[name] in shown for name in made)
    assert "mediation" in shown


def test_no_key_is_in_anything_written(office: Office) -> None:
    office.take(cases({}, {"调解案件编号": "A2", "受理日期": "?"}))
    secrets = dict(keys.load()).values()
    written = b"".join(path.read_bytes() for path in office.data.rglob("*") if path.is_file())
    for secret in secrets:
        assert secret.encode() not in written
        assert bytes.fromhex(secret) not in written


def test_another_key_gives_another_pseudonym(office: Office, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    office.take(cases({}), "one.csv")
    monkeypatch.setenv("FENGQIAO_KEYS", str(tmp_path / "other keys"))
    keys.initialise({contract.system for contract in contracts().values()})
    office.take(cases({"更新时间": "2025-04-02"}), "two.csv")
    assert office.lake()["case_key"].n_unique() == office.lake()["cell_number"].n_unique() == 2


def test_no_key_is_in_what_an_intake_leaves_in_memory_or_gives_to_a_process(office: Office) -> None:
    office.write("one.csv", cases({}, {"调解案件编号": "A2", "受理日期": "?"}))
    many = cases(*({"调解案件编号": f"A{number}"} for number in range(3)))
    office.write("large.csv", many + f"A9{',' * 9}{' ' * archive.ALONE_FROM}\n")
    environment = os.environ | {"POLARS_VERBOSE": "1"}
    command = [sys.executable, "-m", "tests.intake.holding_keys", str(office.data)]
    done = subprocess.run(command, env=environment, cwd=PROJECT, capture_output=True, text=True, check=False)
    assert done.returncode == 0, done.stderr
    found = json.loads(done.stdout)
    assert found["found"], "the search finds an expression with a key"
    assert found["processes"] > 0
    assert (found["hold"], found["told"], found["commands"]) == (0, False, False)
    assert not any(secret in done.stdout + done.stderr for secret in keys.load().values())


def test_no_key_is_in_any_byte_that_commands_print_or_write(office: Office, monkeypatch: pytest.MonkeyPatch) -> None:
    known = {system: hashlib.sha256(system.encode()).hexdigest() for system in keys.load()}
    keys_path().unlink()
    _given(monkeypatch, **{name.upper(): value for name, value in known.items()})
    monkeypatch.setenv("POLARS_VERBOSE", "1")
    office.write("cases.csv", cases({}, {"调解案件编号": "A2", "受理日期": "?"}))
    office.write("empty.csv", "")
    printed = ""
    for words in (
        ("intake", str(office.data / "landing")),
        ("keys", "rotate", "mediation"),
        ("doctor",),
        ("keys", "init"),
    ):
        for extra in ((), ("--json",)):
            done = subprocess.run([FENGQIAO, *words, *extra], capture_output=True, text=True, check=False)
            printed += done.stdout + done.stderr
    assert "Generation" in printed
    assert "mediation.2" in keys_path().read_text()
    secrets = {value for value in keys.load().values()}
    assert len(secrets) == len(known) + 2
    written = b"".join(path.read_bytes() for path in office.data.rglob("*") if path.is_file())
    for secret in secrets:
        assert secret not in printed
        assert not any(form in written for form in (secret.encode(), bytes.fromhex(secret), secret.upper().encode()))
