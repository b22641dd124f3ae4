"""The subcommand ``vectors``. argparse alone is imported at the start: ``--help`` answers at once."""

from __future__ import annotations

import argparse
import os
import platform
import sys
from pathlib import Path
from typing import Any

EXIT = """exit status: 0 conforms; 1 deviates; 2 bad usage, or a file that cannot be used (one line names the field);
3 incomplete: a case within the scope of the results has none"""


# The last digits of exp and of a product of matrices depend on the processor's kernels. Those for AVX2 give the same
# bytes on every x86-64 that has it; they have to be chosen before NumPy is loaded.
KERNELS = {
    "NPY_DISABLE_CPU_FEATURES": "X86_V4 AVX512F AVX512CD AVX512_SKX AVX512_CLX AVX512_CNL AVX512_ICL AVX512_SPR",
    "OPENBLAS_CORETYPE": "Haswell",
}


def add_to(commands: Any) -> None:
    """Adds the parser of ``vectors`` to a parser's subcommands."""
    vectors = commands.add_parser("vectors", help="the cases as files, for implementations in any language")
    parts = vectors.add_subparsers(dest="part", metavar="COMMAND", required=True)
    written = parts.add_parser("export", help="write vectors into a folder")
    written.add_argument("folder", metavar="DIR", type=Path, help="new, empty, or one that holds vectors")
    written.add_argument("--only", metavar="OP[,OP]", help="these operations")
    written.add_argument("--family", metavar="NAME", help="the operations of these families")
    written.add_argument("--dtype", metavar="NAME[,NAME]", help="float64, float32, bfloat16, float16")
    written.add_argument("--seed", type=int, default=0, metavar="N")
    written.add_argument("-n", dest="workers", type=int, default=os.cpu_count() or 1, metavar="WORKERS",
                         help="processes (default: one for each core)")  # fmt: skip
    written.set_defaults(run=_export)
    judged = parts.add_parser("verify", help="judge results made from vectors", epilog=EXIT,
                              formatter_class=argparse.RawDescriptionHelpFormatter)  # fmt: skip
    judged.add_argument("results", metavar="RESULTS", type=Path, help="a JSON file (see docs/vectors.md)")
    judged.add_argument("--vectors", metavar="DIR", type=Path, default=Path("vectors"),
                        help="that they were made from (default: vectors)")  # fmt: skip
    judged.add_argument("--json", type=Path, metavar="FILE", help="write the report as JSON, as `fiducial check` does")
    judged.set_defaults(run=_verify)


def main(argv: list[str] | None = None) -> int:
    """``fiducial vectors`` alone."""
    parser = argparse.ArgumentParser(prog="fiducial")
    add_to(parser.add_subparsers(dest="command", required=True))
    arguments = parser.parse_args(argv)
    return int(arguments.run(arguments))


def _say(line: str, code: int) -> int:
    print(f"fiducial: {line}", file=sys.stderr)
    return code


def _export(arguments: argparse.Namespace) -> int:
    if "numpy" not in sys.modules and platform.machine() in ("x86_64", "AMD64"):
        os.environ.update({name: value for name, value in KERNELS.items() if name not in os.environ})
    from fiducial.conformance.manifest import Unknown, rows
    from fiducial.conformance.subject import DTYPES
    from fiducial.conformance.vectors.export import export
    from fiducial.conformance.vectors.read import Unreadable

    chosen = {name: getattr(arguments, name) for name in ("only", "family", "dtype")}
    try:
        selected = rows(chosen)
        names, dtypes = list(dict.fromkeys(r[0] for r in selected)), {r[2] for r in selected}
        made = export(arguments.folder, names, [d for d in DTYPES if d in dtypes], arguments.seed, arguments.workers)
    except (Unknown, Unreadable, OSError) as error:
        return _say(str(error), 2)
    print(f"{made['cases']} cases of {len(made['counts'])} operations in {arguments.folder}")
    return 0


def _verify(arguments: argparse.Namespace) -> int:
    from fiducial.conformance import report
    from fiducial.conformance.vectors.read import Unreadable
    from fiducial.conformance.vectors.verify import verify

    try:
        report.check_writable((("--json", arguments.json),), _unusable)
        run = verify(arguments.results, arguments.vectors)
    except (Unreadable, OSError) as error:
        return _say(str(error), 2)
    shown = report.failures(run)
    print(report.table(run) + (f"\n\n{shown}" if shown else ""))
    if arguments.json is not None:
        report.write_json(run, arguments.json)
    for line in run.errors:
        _say(line, 3)
    return report.status(run)


def _unusable(line: str) -> None:
    from fiducial.conformance.vectors.read import Unreadable

    raise Unreadable(line)


if __name__ == "__main__":
    sys.exit(main())
