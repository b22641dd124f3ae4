"""The command line. argparse alone is imported at the start: ``--help`` answers at once."""

from __future__ import annotations

import argparse
import os
import sys
from pathlib import Path
from typing import NoReturn

from fiducial import __version__
from fiducial.conformance.results import LEVELS
from fiducial.conformance.vectors.command import add_to as add_vectors

EXIT = """exit status: 0 conforms; 1 deviates; 2 bad usage, or a subject that cannot be loaded;
3 the run is incomplete (a worker died, rows are missing, nothing could be judged)"""

FEW = {"quick": 32}  # by profile, rows that take less time than the start of a worker; else one row

MUTANTS = """exit status: 0 every fault is found, or listed as equivalent with its reason; 1 one survived, or a listed
one was found; 2 bad usage; 3 a worker died"""


def main(argv: list[str] | None = None) -> int:
    """Runs a command and returns the exit status."""
    parser = _parser()
    arguments = parser.parse_args(argv)
    if not arguments.command:
        parser.print_help()
        return 2
    try:
        return int(arguments.run(arguments))
    except KeyboardInterrupt:
        return _say("interrupted", 3)
    except BrokenPipeError:
        # Whoever read the output has seen enough.
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())
        return 0


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(
        prog="fiducial",
        description="Judges implementations of the mathematics of deep learning and statistics against a verified "
        "specification.",
        epilog=EXIT, formatter_class=argparse.RawDescriptionHelpFormatter,
    )  # fmt: skip
    parser.add_argument("--version", action="version", version=f"fiducial {__version__}")
    commands = parser.add_subparsers(dest="command", metavar="COMMAND")
    _check_options(commands.add_parser("check", help="judge an implementation", epilog=EXIT,
                                       formatter_class=argparse.RawDescriptionHelpFormatter))  # fmt: skip
    listed = commands.add_parser("list", help="operations, their attributes and their theorems")
    listed.set_defaults(run=_list)
    shown = commands.add_parser("show", help="one operation: definition, adjoint, theorems, conventions")
    shown.add_argument("operation", metavar="OP")
    shown.add_argument("--latex", action="store_true", help="LaTeX in place of text")
    shown.set_defaults(run=_show)
    proved = commands.add_parser("prove", help="derive and prove again; say how, and how long it took")
    proved.add_argument("operation", metavar="OP", nargs="?")
    proved.set_defaults(run=_prove)
    planted = commands.add_parser("mutants", help="plant faults in the reference implementation, and find them",
                                  epilog=MUTANTS, formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    _mutants_options(planted)
    _report_options(commands.add_parser("report", help="one page from the JSON of several runs, or of pages"))
    add_vectors(commands)
    return parser


def _report_options(report: argparse.ArgumentParser) -> None:
    report.add_argument("runs", metavar="FILE", nargs="+", type=Path,
                        help="of check --json (parts of one run, too), or of report --json")  # fmt: skip
    report.add_argument("--expect", type=Path, metavar="FILE", help="known deviations of the one subject")
    report.add_argument("--html", type=Path, metavar="FILE", help="write the page as HTML")
    report.add_argument("--markdown", type=Path, metavar="FILE", help="write it as Markdown")
    report.add_argument("--json", type=Path, metavar="FILE", help="write its data as JSON")
    report.add_argument("--badge", type=Path, metavar="FILE", help="write the badge of one run as SVG")
    report.set_defaults(run=_report)


def _mutants_options(mutants: argparse.ArgumentParser) -> None:
    mutants.add_argument("--only", metavar="OP[,OP]", help="the faults of these operations")
    mutants.add_argument("--family", metavar="NAME", help="the faults of these families")
    mutants.add_argument(
        "--fault", metavar="TEXT", default="", help="faults whose name contains this text (ACTI-01, sign)"
    )
    mutants.add_argument("-n", dest="workers", type=int, default=os.cpu_count() or 1, metavar="WORKERS",
                         help="processes (default: one for each core)")  # fmt: skip
    mutants.add_argument("--json", type=Path, metavar="FILE", help="write what was found as JSON")
    mutants.add_argument("--right", action="store_true",
                         help="implementations that are right but different instead: none may be accused")  # fmt: skip
    mutants.add_argument("--seeds", type=int, default=1, metavar="N", help="with --right: seeds 0 to N - 1 (default 1)")
    mutants.set_defaults(run=_mutants)


def _check_options(check: argparse.ArgumentParser) -> None:
    check.add_argument("subject", metavar="SUBJECT", nargs="?",
                       help="nothing (the reference implementation), an installed subject such as torch, "
                       "package.module[:object], a path to a .py file, or exec:COMMAND, a program that speaks the "
                       "wire protocol")  # fmt: skip
    check.add_argument("--only", metavar="OP[,OP]", help="these operations")
    check.add_argument("--family", metavar="NAME", help="the operations of these families")
    check.add_argument("--level", metavar="NAME", help=f"these: {', '.join(LEVELS)}")
    check.add_argument("--dtype", metavar="NAME[,NAME]", help="float64, float32, bfloat16, float16")
    check.add_argument(
        "--backend", metavar="NAME[,NAME]", default="numpy", help="numpy (default), cupy, array-api-strict"
    )
    check.add_argument("--profile", choices=("quick", "full", "exhaustive"), default="full")
    check.add_argument("--seed", type=int, default=0, metavar="N")
    check.add_argument("-n", dest="workers", type=int, metavar="WORKERS",
                       help="processes (default: one for each core; none more for a few quick rows)")  # fmt: skip
    check.add_argument("--timeout", type=float, default=20.0, metavar="SECONDS", help="for one call (default 20)")
    check.add_argument("--memory", type=float, metavar="GB", help="for a subject's process (default: half of all)")
    check.add_argument("--isolation", choices=("process", "none"), default="process",
                       help="none: in the suite's own processes, which a subject can then kill")  # fmt: skip
    check.add_argument("--json", type=Path, metavar="FILE", help="write the results as JSON")
    check.add_argument("--junit", type=Path, metavar="FILE", help="write the results as JUnit XML")
    check.add_argument("--html", type=Path, metavar="FILE", help="write the results as a page")
    check.add_argument("--expect", type=Path, metavar="FILE", help="known deviations, one a line with its reason")
    check.add_argument("--require", choices=("tight", "ok", "loose"), default="ok", help="what a row has to reach")
    check.set_defaults(run=_check)


def _say(line: str, code: int) -> int:
    print(f"fiducial: {line}", file=sys.stderr)
    return code


class _Usage(Exception):
    pass


def _fail(line: str) -> NoReturn:
    raise _Usage(line)


def _check(arguments: argparse.Namespace) -> int:
    from fiducial.conformance import expect, pages, report
    from fiducial.conformance.manifest import Unknown, rows
    from fiducial.conformance.run import run_suite
    from fiducial.conformance.subject import NotAvailable, SubjectError, load

    options = {k: getattr(arguments, k) for k in
               ("only", "family", "level", "dtype", "backend", "profile", "seed", "require", "timeout", "memory",
                "isolation")}  # fmt: skip
    try:
        report.check_writable([(f"--{n}", getattr(arguments, n)) for n in ("json", "junit", "html")], _fail)
        expected = expect.read(arguments.expect) if arguments.expect else []
        selected = len(rows(options))
        if not selected:
            _fail("no row is selected: the options exclude one another")
        isolated = arguments.isolation == "process"
        try:
            label = load(arguments.subject, arguments.backend.split(",")[0], isolated)
        except NotAvailable:
            label = load(arguments.subject, isolated=isolated)
        if label.process is not None:
            label.process.close()
        name = (label.name, label.version)
    except (SubjectError, Unknown, expect.BadExpectation, _Usage) as error:
        return _say(str(error), 2)
    few = selected <= FEW.get(arguments.profile, 1) and (arguments.subject is None or label.process is not None)
    default = 0 if few else os.cpu_count() or 1
    run = run_suite(arguments.subject, options, default if arguments.workers is None else arguments.workers, name)
    surprises = expect.apply(run, expected)
    shown = report.failures(run)
    print(report.table(run) + (f"\n\n{shown}" if shown else ""))
    for line in surprises:
        print(f"expected, but did not occur: {line}")
    for writer, path in ((report.write_json, arguments.json), (report.write_junit, arguments.junit),
                         (pages.write_html, arguments.html)):  # fmt: skip
        if path is not None:
            writer(run, path)
    pages.add_to_summary(run, os.environ.get("GITHUB_STEP_SUMMARY"))
    for line in dict.fromkeys(run.errors):
        _say(f"error outside the cases: {line}", 3)
    if run.missing:
        _say(f"incomplete: {len(run.missing)} rows have no result, the first is {' '.join(run.missing[0])}", 3)
    return max(report.status(run), 1 if surprises else 0)


def _report(arguments: argparse.Namespace) -> int:
    from fiducial.conformance import badge, expect, pages, report, scoreboard

    outputs = [(f"--{n}", getattr(arguments, n)) for n in ("html", "markdown", "json", "badge")]
    try:
        report.check_writable(outputs, _fail)
        expected = expect.read(arguments.expect) if arguments.expect else []
        board, surprises = scoreboard.read(arguments.runs, expected)
        if arguments.expect and len(board) > 1:
            _fail(f"--expect {arguments.expect}: runs of one subject are required, got {len(board)} subjects")
        if arguments.badge and len(board) > 1:
            _fail(f"--badge {arguments.badge}: one run is required, got {len(board)}")
    except (scoreboard.BadRun, expect.BadExpectation, _Usage) as error:
        return _say(str(error), 2)
    if not any(path for _, path in outputs):
        print(scoreboard.text(board))
    if arguments.html:
        report.write_whole(arguments.html, pages.html(board))
    if arguments.markdown:
        report.write_whole(arguments.markdown, pages.markdown(board))
    if arguments.json:
        scoreboard.write_json(board, arguments.json)
    if arguments.badge:
        report.write_whole(arguments.badge, badge.svg({"profile": board[0].profile, "summary": board[0].summary}))
    for line in surprises:
        print(f"expected, but did not occur: {line}")
    return int(bool(surprises))


def _known(name: str) -> bool:
    from fiducial.conformance.manifest import Unknown, rows

    try:
        rows({"only": name})
    except Unknown as error:
        _say(str(error).replace("--only ", "operation "), 2)
        return False
    return True


def _list(arguments: argparse.Namespace) -> int:
    from fiducial.conformance import show

    print(show.listing())
    return 0


def _show(arguments: argparse.Namespace) -> int:
    if not _known(arguments.operation):
        return 2
    from fiducial.conformance import show

    print(show.page(arguments.operation, latex=arguments.latex))
    return 0


def _prove(arguments: argparse.Namespace) -> int:
    if arguments.operation and not _known(arguments.operation):
        return 2
    from fiducial.conformance import show

    return show.prove(arguments.operation)


def _mutants(arguments: argparse.Namespace) -> int:
    from concurrent.futures.process import BrokenProcessPool

    from fiducial.conformance import report
    from fiducial.conformance.manifest import Unknown, rows
    from fiducial.conformance.mutants import matrix
    from fiducial.conformance.mutants.run import planted, right

    try:
        report.check_writable((("--json", arguments.json),), _fail)
        if arguments.seeds < 1:
            _fail(f"--seeds {arguments.seeds}: at least 1 is required")
        names = list(dict.fromkeys(row[0] for row in rows({"only": arguments.only, "family": arguments.family})))
        verdicts = (right(names, arguments.fault, arguments.workers, arguments.seeds) if arguments.right
                    else planted(names, arguments.fault, arguments.workers))  # fmt: skip
        if not verdicts:
            _fail(f"nothing has {arguments.fault!r} in its name: --fault takes a part of one")
    except (Unknown, _Usage) as error:
        return _say(str(error), 2)
    except BrokenProcessPool:
        return _say("incomplete: a worker died", 3)
    print(matrix.accusations(verdicts) if arguments.right else matrix.text(verdicts))
    if arguments.json is not None:
        matrix.write_json(verdicts, arguments.json)
    if arguments.right:
        return int(any(v.level for v in verdicts))
    return matrix.complain(verdicts, lambda line: _say(line, 1))


if __name__ == "__main__":
    sys.exit(main())
