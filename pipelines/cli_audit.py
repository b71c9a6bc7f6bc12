"""`fengqiao audit`: attack a public release as an outsider would, and say what was found."""

from pipelines import cli_output as output
from pipelines.release.audits import audited


def run(release: str, *, as_json: bool) -> bool:
    """Attack a public release, keep and print the report. Returns whether it passed. Raises `UserError`."""
    with output.working("audit", quiet=as_json) as step:
        step(f"attacks on {release}")
        report = audited(release)
    if as_json:
        output.print_json(report)
        return bool(report["passed"])
    rows = [(attack, number) for attack, number in report["failures"].items()]
    note = (
        f"{report['cells']:,} cells looked at, {report['sensitive']:,} of them sensitive; least width {report['least_width']:g};"
        f" greatest posterior {report['greatest_posterior']:.2f}; {report['near_certain']:.1%} near certain;"
        f" least squares names {report['reconstructed']:.1%}, a guess {report['guessed']:.1%}; {report['seconds']:.0f} s"
    )
    output.print_table(f"攻击检验 Audit {release}", [("攻击\nAttack", "left"), ("得手\nFindings", "right")], rows, note)
    for finding in report["findings"]:
        output.say(f"{finding['attack']}: {' '.join(finding['cell'] or ())} {finding['said']}")
    verdict = (
        f"Passed. Next: fengqiao approve {release} --edition public"
        if report["passed"]
        else "Not passed: it is not published."
    )
    output.say(verdict)
    return bool(report["passed"])
