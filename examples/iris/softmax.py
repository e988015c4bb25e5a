"""Multinomial logistic regression, trained by plain gradient descent."""

from math import exp, log
from typing import Callable, Sequence

Vector = Sequence[float]


class SoftmaxRegression:
    """Gives each class a probability: the softmax of one linear score a class."""

    def __init__(self, classes: Sequence[str], inputs: int) -> None:
        self.classes = list(classes)
        self.weights = [[0.0] * inputs for _ in self.classes]

    def probabilities(self, x: Vector) -> list[float]:
        scores = [sum(w * value for w, value in zip(row, x)) for row in self.weights]
        highest = max(scores)  # Subtracted so that exp never overflows.
        powers = [exp(score - highest) for score in scores]
        total = sum(powers)
        return [power / total for power in powers]

    def predict(self, x: Vector) -> str:
        probabilities = self.probabilities(x)
        return self.classes[probabilities.index(max(probabilities))]

    def fit(
        self,
        xs: Sequence[Vector],
        labels: Sequence[str],
        *,
        epochs: int,
        rate: float,
        decay: float,
        after_epoch: Callable[[int, float], None],
    ) -> None:
        """Descends the mean cross-entropy, with weight decay; reports the loss of each epoch."""
        targets = [self.classes.index(label) for label in labels]
        for epoch in range(1, epochs + 1):
            loss, gradient = self._loss_and_gradient(xs, targets)
            for row, slopes in zip(self.weights, gradient):
                for i, slope in enumerate(slopes):
                    row[i] -= rate * (slope + decay * row[i])
            after_epoch(epoch, loss)

    def _loss_and_gradient(self, xs: Sequence[Vector], targets: Sequence[int]) -> tuple[float, list[list[float]]]:
        loss = 0.0
        gradient = [[0.0] * len(row) for row in self.weights]
        for x, target in zip(xs, targets):
            probabilities = self.probabilities(x)
            loss -= log(max(probabilities[target], 1e-12)) / len(xs)
            for k, probability in enumerate(probabilities):
                error = (probability - (k == target)) / len(xs)
                for i, value in enumerate(x):
                    gradient[k][i] += error * value
        return loss, gradient
