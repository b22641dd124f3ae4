"""The two-layer network learns the spiral; the trainer is quiet in a pipe."""

import subprocess
import sys
from pathlib import Path

import array_api_compat.numpy as xp
import array_api_strict
import numpy
import pytest

from fiducial import refimpl
from fiducial.refimpl import datasets, spiral


@pytest.mark.parametrize("dtype", ["float32", "float64"])
def test_learns_the_spiral(dtype: str, capfd: pytest.CaptureFixture[str]) -> None:
    trainer, accuracy = spiral.train(xp, dtype)
    assert accuracy > 0.9
    assert len(trainer.losses) == 300 and trainer.losses[-1] < trainer.losses[0]
    assert {w.dtype.name for w in trainer.model.params} == {dtype}
    assert capfd.readouterr() == ("", "")


def test_spiral_points_are_the_books() -> None:
    x, t = datasets.spiral()
    generator = numpy.random.RandomState(1984)
    angles = [4.0 * arm + 4.0 * i / 100 + 0.2 * generator.randn() for arm in range(3) for i in range(100)]
    radii = numpy.tile(numpy.arange(100) / 100, 3)
    assert x.shape == (300, 2) and t.sum(axis=0).tolist() == [100, 100, 100]
    assert numpy.array_equal(x, numpy.stack([radii * numpy.sin(angles), radii * numpy.cos(angles)], axis=1))


def test_mini_batches_give_every_row_once() -> None:
    x = numpy.arange(20.0).reshape(10, 2)
    batches = list(refimpl.mini_batches(x, x, 4, numpy.random.default_rng(0)))
    assert [len(b) for b, _ in batches] == [4, 4, 2]
    assert all(numpy.array_equal(b, t) for b, t in batches)
    assert sorted(row.tolist() for b, _ in batches for row in b) == x.tolist()


def test_same_seeds_same_weights() -> None:
    nets = [refimpl.TwoLayerNet(2, 10, 3, seed=3) for _ in range(2)]
    for net in nets:
        refimpl.Trainer(net, refimpl.SGD(lr=1.0)).fit(*datasets.spiral(), max_epoch=2, seed=5)
    assert all(numpy.array_equal(a, b) for a, b in zip(nets[0].params, nets[1].params, strict=True))


def test_trains_in_another_namespace() -> None:
    net = refimpl.TwoLayerNet(2, 4, 3, "float32", xp=array_api_strict)
    losses = refimpl.Trainer(net, refimpl.SGD(lr=1.0)).fit(*datasets.spiral(dtype="float32", xp=array_api_strict), 2)
    assert len(losses) == 2 and all(w.dtype == array_api_strict.float32 for w in net.params)


def test_progress_bar_and_callback_on_request(capsys: pytest.CaptureFixture[str]) -> None:
    seen: list[int] = []
    trainer = refimpl.Trainer(refimpl.TwoLayerNet(2, 4, 3), refimpl.SGD())
    trainer.fit(*datasets.spiral(), max_epoch=2, progress=True, callback=lambda epoch, loss: seen.append(epoch))
    captured = capsys.readouterr()
    assert seen == [1, 2] and captured.out == "" and "epoch 2/2" in captured.err


def test_plot_needs_matplotlib_and_says_so(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setitem(sys.modules, "matplotlib", None)
    with pytest.raises(ModuleNotFoundError, match="pip install matplotlib"):
        refimpl.Trainer(None, None).plot()


def test_plot_draws_a_file(tmp_path: Path) -> None:
    pytest.importorskip("matplotlib").use("Agg")
    assert spiral.main(["--epochs", "2", "--plot", str(tmp_path / "spiral.png")]) == 0
    assert (tmp_path / "spiral.png").stat().st_size > 1000


def test_import_is_light() -> None:
    heavy = "{'matplotlib', 'rich', 'sympy', 'hypothesis', 'pytest'}"
    code = f"import sys, fiducial.refimpl; print({heavy} & set(sys.modules))"
    assert subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True).stdout == "set()\n"
