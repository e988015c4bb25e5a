"""The data: Fisher's iris measurements, read, split and put on one scale."""

import csv
import random
from dataclasses import dataclass
from pathlib import Path

DATA = Path(__file__).with_name("iris.csv")


@dataclass(frozen=True)
class Flower:
    """Four measurements in centimetres and the species they were taken from."""

    measurements: tuple[float, ...]
    species: str


def read(path: Path = DATA) -> list[Flower]:
    """Every flower of the file, in its order."""
    with path.open(newline="", encoding="utf-8") as file:
        rows = csv.reader(file)
        next(rows)
        return [Flower(tuple(map(float, row[:-1])), row[-1]) for row in rows]


def split(flowers: list[Flower], test_share: float, seed: int) -> tuple[list[Flower], list[Flower]]:
    """Training and test flowers, with the same share of each species in both."""
    shuffle = random.Random(seed).shuffle
    train, test = [], []
    for species in sorted({flower.species for flower in flowers}):
        group = [flower for flower in flowers if flower.species == species]
        shuffle(group)
        size = round(len(group) * test_share)
        test += group[:size]
        train += group[size:]
    shuffle(train)
    return train, test


@dataclass(frozen=True)
class Scale:
    """Mean and standard deviation of each measurement, learnt from training data only."""

    means: tuple[float, ...]
    deviations: tuple[float, ...]

    @classmethod
    def of(cls, flowers: list[Flower]) -> "Scale":
        columns = list(zip(*(flower.measurements for flower in flowers)))
        means = tuple(sum(column) / len(column) for column in columns)
        squares = (sum((x - mean) ** 2 for x in column) for column, mean in zip(columns, means))
        return cls(means, tuple((square / len(flowers)) ** 0.5 for square in squares))

    def __call__(self, measurements: tuple[float, ...]) -> list[float]:
        """Measurements as multiples of the deviation from the mean, and a constant 1 for the bias."""
        scaled = [(x - m) / d for x, m, d in zip(measurements, self.means, self.deviations)]
        return [*scaled, 1.0]
