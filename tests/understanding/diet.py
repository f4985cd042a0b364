"""What Rasa's default pipeline makes of the same training: JSON strings in, JSON lines out.

It tells acts apart, nothing finer; like a plain Rasa project it does not know the question asked.
"""

import asyncio
import json
import os
import sys
from pathlib import Path
from tempfile import TemporaryDirectory

import yaml
from rasa.core.agent import Agent
from rasa.model_training import train_nlu
from rasa.shared.importers.importer import TrainingDataImporter
from rasa.shared.nlu.constants import INTENT, TEXT
from rasa.shared.nlu.training_data.message import Message
from rasa.shared.nlu.training_data.training_data import TrainingData

ROOT = Path(__file__).parents[2]
NAME = "Rasa's default pipeline (DIET)"
EPOCHS = 30
CONFIG = {
    "recipe": "default.v1",
    "assistant_id": "diet",
    "language": "en",
    "pipeline": [
        {"name": "WhitespaceTokenizer"},
        {"name": "RegexFeaturizer"},
        {"name": "LexicalSyntacticFeaturizer"},
        {"name": "CountVectorsFeaturizer"},
        {"name": "CountVectorsFeaturizer", "analyzer": "char_wb", "min_ngram": 1, "max_ngram": 4},
        {
            "name": "DIETClassifier",
            "epochs": EPOCHS,
            "constrain_similarities": True,
            "entity_recognition": False,
            "random_seed": 1,
        },
    ],
    "policies": [],
}


def main() -> None:
    """Train in a folder that goes away again, then read every sentence."""
    out = os.fdopen(os.dup(1), "w", encoding="utf-8")
    os.dup2(2, 1)
    texts = [json.loads(line) for line in sys.stdin]
    with TemporaryDirectory() as folder:
        os.environ["RASA_CACHE_DIRECTORY"] = folder + "/cache"
        os.environ["RASA_TELEMETRY_ENABLED"] = "false"
        agent = Agent.load(trained(Path(folder), examples()))
        for reading in asyncio.run(read(agent, texts)):
            out.write(json.dumps({NAME: reading}) + "\n")
    out.flush()


def examples():
    """Give every example that the assistant is trained on, with its act."""
    importer = TrainingDataImporter.load_from_config(
        str(ROOT / "config.yml"), str(ROOT / "domain.yml"), [str(ROOT / "data")]
    )
    data = importer.get_nlu_data()
    known = [e for e in data.intent_examples if e.get(TEXT)]
    said = [Message(data={TEXT: e.get(TEXT), INTENT: e.get(INTENT)}) for e in known]
    return TrainingData(said, lookup_tables=data.lookup_tables, regex_features=data.regex_features)


def trained(folder, data):
    """Train as `rasa train nlu` does, and give the path of the model."""
    sys.stderr.write(f"DIET: {len(data.intent_examples)} examples, {EPOCHS} epochs …\n")
    config, nlu = folder / "config.yml", folder / "nlu.yml"
    config.write_text(yaml.safe_dump(CONFIG), encoding="utf-8")
    nlu.write_text(data.nlu_as_yaml(), encoding="utf-8")
    model = train_nlu(str(config), str(nlu), str(folder), fixed_model_name="diet")
    if model is None:
        sys.exit("Rasa trained no model; what it says above tells why.")
    return model


async def read(agent, texts):
    """Ask for each sentence's act, one after another."""
    return [_reading(await agent.parse_message(text)) for text in texts]


def _reading(parsed):
    intent = parsed[INTENT]
    return {
        "act": intent["name"],
        "question": None,
        "value": None,
        "polarity": None,
        "confidence": round(intent["confidence"], 3),
    }


if __name__ == "__main__":
    main()
