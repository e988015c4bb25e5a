#!/usr/bin/env python3
"""Trains a classifier of iris species and says how good it is.

Writes `metrics.json` (also to $KATONIC_METRICS, where the platform reads it),
`model.json` and `iris.svg` into the current folder. The same seed gives the
same bytes.
"""

import argparse
import json
import os
from pathlib import Path

import flowers
import report
from softmax import SoftmaxRegression


def arguments() -> argparse.Namespace:
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("--epochs", type=int, default=400, help="passes over the training data (default: %(default)s)")
    parser.add_argument("--rate", type=float, default=0.5, help="learning rate (default: %(default)s)")
    parser.add_argument("--decay", type=float, default=1e-3, help="weight decay (default: %(default)s)")
    parser.add_argument("--test-share", type=float, default=0.3, help="share kept for testing (default: %(default)s)")
    parser.add_argument("--seed", type=int, default=1936, help="seed of the split (default: %(default)s)")
    return parser.parse_args()


def main() -> None:
    args = arguments()
    everything = flowers.read()
    classes = sorted({flower.species for flower in everything})
    train, test = flowers.split(everything, args.test_share, args.seed)
    scale = flowers.Scale.of(train)
    print(f"{len(train)} flowers to train on, {len(test)} to test on, {len(classes)} species", flush=True)

    model = SoftmaxRegression(classes, inputs=len(train[0].measurements) + 1)
    losses: list[float] = []

    def after_epoch(epoch: int, loss: float) -> None:
        losses.append(loss)
        if epoch == 1 or epoch % 50 == 0:
            print(f"epoch {epoch:4}  loss {loss:.4f}", flush=True)

    model.fit(
        [scale(flower.measurements) for flower in train],
        [flower.species for flower in train],
        epochs=args.epochs,
        rate=args.rate,
        decay=args.decay,
        after_epoch=after_epoch,
    )

    truths = [flower.species for flower in test]
    guesses = [model.predict(scale(flower.measurements)) for flower in test]
    counts = report.confusion(classes, truths, guesses)
    metrics = {
        "accuracy": round(report.accuracy(counts), 4),
        "macro_f1": round(report.macro_f1(counts), 4),
        "final_loss": round(losses[-1], 4),
        "train_size": len(train),
        "test_size": len(test),
        "confusion": counts,
    }
    points = [
        (flower.measurements[2], flower.measurements[3], flower.species, flower.species == guess)
        for flower, guess in zip(test, guesses)
    ]
    title = f"Iris: {metrics['accuracy']:.1%} of {len(test)} test flowers recognised"
    save(metrics, model, scale, report.svg(classes, points, losses, title))
    print(f"accuracy {metrics['accuracy']:.4f}, macro F1 {metrics['macro_f1']:.4f}")


def save(metrics: dict, model: SoftmaxRegression, scale: flowers.Scale, picture: str) -> None:
    text = json.dumps(metrics, indent=2) + "\n"
    Path("metrics.json").write_text(text, encoding="utf-8")
    if path := os.environ.get("KATONIC_METRICS"):
        Path(path).write_text(text, encoding="utf-8")
    weights = {"classes": model.classes, "weights": model.weights, "means": scale.means, "deviations": scale.deviations}
    Path("model.json").write_text(json.dumps(weights, indent=2) + "\n", encoding="utf-8")
    Path("iris.svg").write_text(picture, encoding="utf-8")


if __name__ == "__main__":
    main()
