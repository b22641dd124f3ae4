"""How large is the gradient at each depth? Sigmoid, tanh and ReLU in a net of 20 layers, and through 50 time steps.

Each layer multiplies the gradient by its weights and by the slope of its activation, which for the sigmoid is at most
1/4: after T layers at most (1/4)^T times the product of the weights' spectral norms is left. In an RNN the weights are
the same in each step, so that their scale decides whether the gradient vanishes or grows.

Result (seed 0): 20 layers down 2e-13 of the gradient is left with the sigmoid (the bound is 7e-7), 0.20 with tanh
(Xavier's rule), 1.6 with ReLU (He's rule); 50 steps back in time 2e-16, 4e-4 and 9 for spectral radii 0.5, 0.9 and 1.3.
"""

from collections.abc import Sequence
from typing import Any

import numpy
from common import command_line, picture

from fiducial.refimpl import Activation, Affine, Network, ReLU, Sigmoid, Tanh, rnn, rnn_vjp

DEPTH, WIDTH, BATCH = 20, 100, 64
ACTIVATIONS: dict[str, tuple[type[Activation], float]] = {"sigmoid": (Sigmoid, 1), "tanh": (Tanh, 1), "relu": (ReLU, 2)}


def length(gradient: Any) -> float:
    """The Euclidean norm over all samples and units."""
    return float(numpy.linalg.norm(gradient))


def through_layers(activation: type[Activation], gain: float, generator: numpy.random.Generator) -> tuple[Any, Any]:
    """The norms of the gradient 0, 1, ... DEPTH layers below the output, and the bounds (1/4)^T |W| ... |W|.

    The weights have variance gain / WIDTH: 1 is Xavier's rule, 2 He's.
    """
    weights = [(gain / WIDTH) ** 0.5 * generator.standard_normal((WIDTH, WIDTH)) for _ in range(DEPTH)]
    layers = [layer for W in weights for layer in (Affine(W, numpy.zeros(WIDTH)), activation())]
    Network(layers).predict(generator.standard_normal((BATCH, WIDTH)))
    cotangent = generator.standard_normal((BATCH, WIDTH))
    norms, bounds = [length(cotangent)], [length(cotangent)]
    for k in reversed(range(DEPTH)):
        cotangent = layers[2 * k].backward(layers[2 * k + 1].backward(cotangent))
        norms.append(length(cotangent))
        bounds.append(bounds[-1] * float(numpy.linalg.norm(weights[k], 2)) / 4)
    return numpy.array(norms), numpy.array(bounds)


def through_time(scale: float, steps: int, generator: numpy.random.Generator) -> Any:
    """The norms of dL/dh 0, 1, ... steps before the end, for a recurrent matrix of this spectral radius."""
    Wh = generator.standard_normal((WIDTH, WIDTH))
    Wh *= scale / abs(numpy.linalg.eigvals(Wh)).max()
    x, Wx, b = 0.1 * generator.standard_normal((BATCH, steps, WIDTH)), numpy.eye(WIDTH), numpy.zeros(WIDTH)
    h, cotangent = numpy.zeros((BATCH, WIDTH)), generator.standard_normal((BATCH, WIDTH))
    states = [h]
    for t in range(steps):
        states.append(rnn(x[:, t : t + 1], states[-1], Wx, Wh, b)[:, 0])
    norms = [length(cotangent)]
    for t in reversed(range(steps)):
        cotangent = rnn_vjp(cotangent[:, None], x[:, t : t + 1], states[t], Wx, Wh, b)[1]
        norms.append(length(cotangent))
    return numpy.array(norms)


def plot(path: str, depth: dict[str, Any], bound: Any, time: dict[float, Any]) -> None:
    """Draw both on a logarithmic scale."""
    with picture(path, [["depth", "time"]], width=11, height=4.2) as axes:
        for name, norms in depth.items():
            axes["depth"].plot(norms / norms[0], marker=".", label=name)
        axes["depth"].plot(bound / bound[0], linestyle=":", color="grey", label="bound for the sigmoid")
        axes["depth"].set(xlabel="layers below the output", title=f"{DEPTH} layers of {WIDTH} units")
        for scale, norms in time.items():
            axes["time"].plot(norms / norms[0], label=f"spectral radius {scale}")
        axes["time"].set(xlabel="steps before the end", title="Through time: RNN with tanh")
        for ax in axes.values():
            ax.set(yscale="log", ylabel="norm of the gradient, relative")
            ax.legend()


def main(arguments: Sequence[str] | None = None) -> None:
    """Run the command line."""
    options = command_line(__doc__).parse_args(arguments)
    generator = numpy.random.default_rng(options.seed)
    depth, steps = {}, 20 if options.short else 50
    for name, (activation, gain) in ACTIVATIONS.items():
        depth[name], bounds = through_layers(activation, gain, generator)
        print(f"{name}: {DEPTH} layers down {depth[name][-1] / depth[name][0]:.1e} of the gradient is left")
        if name == "sigmoid":
            bound = bounds
            print(f"sigmoid: at most {bounds[-1] / bounds[0]:.1e} can be left, (1/4)^{DEPTH} times the weights' norms")
    time = {scale: through_time(scale, steps, generator) for scale in (0.5, 0.9, 1.3)}
    for scale, norms in time.items():
        print(f"rnn, spectral radius {scale}: {steps} steps back {norms[-1] / norms[0]:.1e} of the gradient is left")
    if options.plot:
        plot(options.plot, depth, bound, time)


if __name__ == "__main__":
    main()
