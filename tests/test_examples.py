"""Every example, in its short form: the result that it prints, and the picture that it draws."""

import functools
import io
import re
import runpy
import sys
from contextlib import redirect_stderr, redirect_stdout
from importlib.util import find_spec
from pathlib import Path
from tempfile import TemporaryDirectory

import pytest

EXAMPLES = Path(__file__).resolve().parents[1] / "examples"
NUMBER = r"(-?\d+\.\d+(?:e[-+]\d+)?)"
NEEDS_DIGITS = pytest.mark.skipif(find_spec("sklearn") is None, reason="the digits come with scikit-learn")
NEEDS_PLOT = pytest.mark.skipif(find_spec("matplotlib") is None, reason="pictures are drawn by matplotlib")


@functools.cache
def run(name: str, *options: str) -> tuple[str, bytes]:
    """Run an example as a script, in its short form: what it prints, and its picture (nothing without matplotlib)."""
    with TemporaryDirectory() as folder, pytest.MonkeyPatch.context() as patch:
        picture = Path(folder) / "picture.png"
        drawn = ["--plot", str(picture)] if find_spec("matplotlib") else []
        patch.setenv("MPLBACKEND", "Agg")
        patch.syspath_prepend(str(EXAMPLES))
        patch.setattr(sys, "argv", [name, "--short", *options, *drawn])
        with redirect_stdout(io.StringIO()) as out, redirect_stderr(io.StringIO()) as err:
            runpy.run_path(str(EXAMPLES / f"{name}.py"), run_name="__main__")
        assert err.getvalue() == ""
        return out.getvalue(), picture.read_bytes() if drawn else b""


def numbers(output: str, pattern: str) -> list[float]:
    """The numbers in the first line that begins so, in the order of the line."""
    (line,) = [line for line in output.splitlines() if line.startswith(pattern)]
    return [float(number) for number in re.findall(NUMBER, line.removeprefix(pattern))]


@NEEDS_DIGITS
def test_cnn() -> None:
    output, _ = run("cnn")
    assert numbers(output, "convolutional")[0] > 93
    assert numbers(output, "fully connected")[0] > 91


@pytest.mark.parametrize(("cell", "options"), [("lstm", ()), ("rnn", ("--cell", "rnn")), ("gru", ("--cell", "gru"))])
def test_recurrent(cell: str, options: tuple[str, ...]) -> None:
    output, _ = run("recurrent", *options)
    (perplexity,) = numbers(output, cell)
    assert 2 < perplexity < 13
    assert "sample: and god said, " in output


@NEEDS_DIGITS
def test_autoencoder() -> None:
    output, _ = run("autoencoder")
    assert 0.01 < numbers(output, "autoencoder:")[0] < numbers(output, "PCA:")[0] < 0.03
    assert numbers(output, "denoised:")[0] < numbers(output, "autoencoder, noisy:")[0] < numbers(output, "noisy:")[0]


@pytest.mark.parametrize("options", [(), ("--model", "skip_gram"), ("--model", "negative_sampling")], ids=repr)
def test_word2vec(options: tuple[str, ...]) -> None:
    output, _ = run("word2vec", *options)
    same, other = numbers(output, "constructed text")
    assert same > 0.9 and other < 0.4
    before, after = numbers(output, "Genesis 1-4: 2756 words")
    assert after < 0.9 * before


@NEEDS_DIGITS
def test_overfitting() -> None:
    output, _ = run("overfitting")
    names = ("no regularisation", "L2 penalty", "dropout")
    plain, l2, dropout = (numbers(output, name) for name in names)
    assert plain[0] > 85
    for cured in (l2, dropout):
        assert cured[1] > plain[1] and cured[0] - cured[1] < plain[0] - plain[1]


def test_vanishing_gradients() -> None:
    output, _ = run("vanishing_gradients")
    lines = {line.split(" layers")[0]: line for line in output.splitlines()}
    sigmoid, tanh, relu = (float(re.findall(NUMBER, lines[f"{name}: 20"])[0]) for name in ("sigmoid", "tanh", "relu"))
    (bound,) = numbers(output, "sigmoid: at most")
    assert 0 < sigmoid < bound < 1e-5 < 0.01 < tanh < 1 and 0.1 < relu < 10


@NEEDS_PLOT
@pytest.mark.parametrize(
    "name",
    [
        "recurrent",
        "word2vec",
        "vanishing_gradients",
        pytest.param("cnn", marks=NEEDS_DIGITS),
        pytest.param("autoencoder", marks=NEEDS_DIGITS),
        pytest.param("overfitting", marks=NEEDS_DIGITS),
    ],
)
def test_plot(name: str) -> None:
    _, picture = run(name)
    assert picture.startswith(b"\x89PNG") and len(picture) > 10_000
