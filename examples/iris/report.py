"""The figures and the picture of a trained model."""

from typing import Sequence
from xml.sax.saxutils import escape

COLOURS = ("#3b6ea5", "#d1843b", "#5a9e6f")


def confusion(classes: Sequence[str], truths: Sequence[str], guesses: Sequence[str]) -> dict[str, dict[str, int]]:
    """How often each true class was taken for each class."""
    counts = {truth: dict.fromkeys(classes, 0) for truth in classes}
    for truth, guess in zip(truths, guesses):
        counts[truth][guess] += 1
    return counts


def accuracy(counts: dict[str, dict[str, int]]) -> float:
    right = sum(row[truth] for truth, row in counts.items())
    return right / sum(sum(row.values()) for row in counts.values())


def macro_f1(counts: dict[str, dict[str, int]]) -> float:
    """The F1 score of each class, averaged with equal weight."""
    scores = []
    for name, row in counts.items():
        guessed = sum(other[name] for other in counts.values())
        scores.append(2 * row[name] / (sum(row.values()) + guessed))
    return sum(scores) / len(scores)


def svg(
    classes: Sequence[str],
    points: Sequence[tuple[float, float, str, bool]],
    losses: Sequence[float],
    title: str,
) -> str:
    """Two panels: petals by species, wrong guesses ringed; and the loss over the epochs."""
    parts = [
        '<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 760 380" font-family="sans-serif" font-size="12">',
        '<rect width="760" height="380" fill="white"/>',
        f'<text x="20" y="26" font-size="16">{escape(title)}</text>',
        *_scatter(classes, points),
        *_loss_curve(losses),
        "</svg>",
    ]
    return "\n".join(parts) + "\n"


def _axes(left: int, label_x: str, label_y: str) -> list[str]:
    return [
        f'<path d="M{left} 60V330H{left + 310}" fill="none" stroke="#444"/>',
        f'<text x="{left + 155}" y="360" text-anchor="middle">{label_x}</text>',
        f'<text transform="translate({left - 12} 195) rotate(-90)" text-anchor="middle">{label_y}</text>',
    ]


def _scatter(classes: Sequence[str], points: Sequence[tuple[float, float, str, bool]]) -> list[str]:
    widest, longest = max(p[1] for p in points) * 1.05, max(p[0] for p in points) * 1.05
    parts = _axes(50, "petal length (cm)", "petal width (cm)")
    for length, width, species, right in points:
        x, y = 50 + 310 * length / longest, 330 - 270 * width / widest
        colour = COLOURS[classes.index(species) % len(COLOURS)]
        ring = "none" if right else "#c0392b"
        parts.append(f'<circle cx="{x:.1f}" cy="{y:.1f}" r="4" fill="{colour}" stroke="{ring}" stroke-width="2.5"/>')
    for i, name in enumerate(classes):
        y = 72 + 18 * i
        parts.append(f'<circle cx="66" cy="{y - 4}" r="4" fill="{COLOURS[i % len(COLOURS)]}"/>')
        parts.append(f'<text x="76" y="{y}">{escape(name)}</text>')
    return parts


def _loss_curve(losses: Sequence[float]) -> list[str]:
    highest, steps = max(losses), max(len(losses) - 1, 1)
    curve = " ".join(f"{430 + 310 * i / steps:.1f},{330 - 270 * loss / highest:.1f}" for i, loss in enumerate(losses))
    return [
        *_axes(430, "epoch", "cross-entropy"),
        f'<polyline points="{curve}" fill="none" stroke="{COLOURS[0]}" stroke-width="2"/>',
        f'<text x="740" y="{320 - 270 * losses[-1] / highest:.1f}" text-anchor="end">{losses[-1]:.3f}</text>',
    ]
