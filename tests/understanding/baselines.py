"""What the same classifier makes of each encoder alone: JSON strings in, JSON lines out."""

import json
import os
import sys
from pathlib import Path

import numpy as np
from rasa.shared.importers.importer import TrainingDataImporter
from sklearn.linear_model import LogisticRegression

from bot.components.acts import ActClassifier, Label, balance
from bot.components.encoders import MiniLmEncoder, UseEncoder

ROOT = Path(__file__).parents[2]


def main() -> None:
    """Train each, then read every sentence."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    texts = [json.loads(line) for line in sys.stdin]
    importer = TrainingDataImporter.load_from_config(
        str(ROOT / "config.yml"), str(ROOT / "domain.yml"), [str(ROOT / "data")]
    )
    examples = [e for e in importer.get_nlu_data().intent_examples if e.get("text")]
    known = [example.get("text") for example in examples]
    names = [Label.of(example) for example in examples]
    encoders = [MiniLmEncoder({"alias": None}, "minilm"), UseEncoder({"alias": None}, "use")]
    rows = [(e.encode_all(known), e.encode_all(texts)) for e in encoders]
    rows.append((np.hstack([rows[0][0], rows[1][0]]), np.hstack([rows[0][1], rows[1][1]])))
    read = [guesses(names, trained, asked) for trained, asked in rows]
    for found in zip(*read, strict=True):
        row = dict(zip(("minilm alone", "use alone", "both encoders"), found, strict=True))
        out.write(json.dumps(row) + "\n")
    out.flush()


def guesses(names, trained, asked):
    """Fit the classifier's regression to the vectors and give the likeliest act of each row."""
    config = ActClassifier.get_default_config()
    labels = tuple(dict.fromkeys(names))
    targets = np.array([labels.index(name) for name in names])
    model = LogisticRegression(C=config["inverse_regularisation"], max_iter=config["rounds"])
    model.fit(trained, targets, sample_weight=balance(targets, labels, config["evenness"]))
    chances = model.predict_proba(asked)
    acts = list(dict.fromkeys(label.act for label in labels))
    sums = np.zeros((len(asked), len(acts)))
    for place, label in enumerate(labels):
        sums[:, acts.index(label.act)] += chances[:, place]
    for row, odds in zip(chances, sums, strict=True):
        best = acts[int(odds.argmax())]
        option = max((o for o in range(len(labels)) if labels[o].act == best), key=row.__getitem__)
        yield {
            "act": best,
            "question": labels[option].question,
            "value": labels[option].value,
            "polarity": None,
            "confidence": round(float(odds.max()), 3),
        }


if __name__ == "__main__":
    main()
