"""`fengqiao keys`: make what is missing, rotate what may be rotated, and say so."""

from pathlib import Path

from pipelines import cli_output as output
from pipelines.catalogue import contracts
from pipelines.intake import archive, keys, ledger, rotating
from pipelines.settings import UserError, keys_path


def systems() -> set[str]:
    """The systems that have a key of their own."""
    return {contract.system for contract in contracts().values()}


def initialise(*, as_json: bool) -> None:
    """Make the missing keys, and the archive's recipient and identity; print what was made."""
    path, made = keys.initialise(systems())
    written = archive.initialise() if archive.is_wanted() else []
    if as_json:
        output.print_json({"file": str(path), "made": made, "archive": [str(file) for file in written]})
        return
    if made:
        output.say(f"Keys made in {path}: {', '.join(made)}. Keep a copy: without them no case is recognised again.")
    _say_archive(written)
    if not made and not written:
        output.say(f"All keys are in {path} or in the environment already; nothing changed.")


def _say_archive(written: list[Path]) -> None:
    identity, recipient = archive.identity_path(), archive.recipient_path()
    if identity in written:
        output.say(
            f"The archive's identity is in {identity}: it opens the received files kept in {archive.folder()}. Keep a"
            " copy where nobody reads; intake does not need it."
        )
    elif written:
        output.say(f"Received files will be kept in {archive.folder()}, encrypted to {recipient}.")


def rotate(system: str | None, *, as_json: bool) -> None:
    """Rotate one system's key, or those of all; print the lake's new generation. Raises `UserError`."""
    if system is not None and system not in {*systems(), *keys.NEVER_ROTATED}:
        raise UserError(f"{system} is no system; name one of {', '.join(sorted(systems()))}, or none for all.")
    with output.working("rotate", quiet=as_json), ledger.writer_lock():
        ledger.heal()
        done = rotating.rotate(systems() if system is None else {system})
    links = {name: done.generation.links[name] for name in done.rotated}
    if as_json:
        generation = {"generation": done.generation.number, "links": links}
        output.print_json({**generation, "pseudonyms": done.pseudonyms, "file": str(keys_path())})
        return
    named = ", ".join(keys.link_name(name, link) for name, link in links.items())
    output.say(
        f"Generation {done.generation.number} of the lake is in place: {done.pseudonyms:,} rows went through {named}."
        f" Keep a new copy of {keys_path()}: all links are needed from now on. Next: fengqiao build"
    )
