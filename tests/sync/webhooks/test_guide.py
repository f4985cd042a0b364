"""What docs/webhooks.md tells receivers to do, done."""

import json
import os
import re
import subprocess
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from standardwebhooks import Webhook

GUIDE = Path(__file__).parents[3] / "docs" / "webhooks.md"
SECRET = "whsec_C2FVsBQIhrscChlQIMV+b5sSYspob7oD"
BODY = '{"type":"shopper.erased","data":{"shopper":"ü","position":1}}'


def block(language: str, holding: str) -> str:
    blocks = re.findall(rf"```{language}\n(.*?)```", GUIDE.read_text(), re.DOTALL)
    [found] = [one for one in blocks if holding in one]
    return str(found)


def headers() -> dict[str, str]:
    now = datetime.now(UTC)
    signature = Webhook(SECRET).sign("msg_1", now, BODY)
    return {
        "webhook-id": "msg_1",
        "webhook-timestamp": str(int(now.timestamp())),
        "webhook-signature": f"v1,{'A' * 43}= {signature}",
    }


def test_the_python_receiver_takes_what_is_genuine_once(capsys: pytest.CaptureFixture[str]) -> None:
    receiver: dict[str, Any] = {}
    exec(compile(block("python", "def receive"), str(GUIDE), "exec"), receiver)  # noqa: S102
    receive = receiver["receive"]

    assert receive(SECRET, headers(), BODY.encode()) == 204
    assert receive(SECRET, headers(), BODY.encode()) == 204
    assert receive(SECRET, headers(), BODY.encode() + b" ") == 401
    assert receive("whsec_AAAA", headers(), BODY.encode()) == 401
    assert capsys.readouterr().out == "delete ü\n"


@pytest.mark.parametrize(("body", "verdict"), [(BODY, "genuine\n"), (BODY + " ", "forged\n")])
def test_the_shell_tells_genuine_from_forged(tmp_path: Path, body: str, verdict: str) -> None:
    (tmp_path / "body.json").write_text(body)
    named = headers()
    shell = {
        "SECRET": SECRET,
        "ID": named["webhook-id"],
        "TIMESTAMP": named["webhook-timestamp"],
        "SIGNATURE": named["webhook-signature"],
    }

    script = block("bash", "EXPECTED")
    done = subprocess.run(
        ["/bin/sh", "-c", script],
        cwd=tmp_path,
        env=os.environ | shell,
        capture_output=True,
        text=True,
        check=True,
    )

    assert done.stdout == verdict


def test_every_body_in_the_guide_is_json() -> None:
    bodies = re.findall(r"-d '(\{.*?)'", GUIDE.read_text())

    assert len([json.loads(one) for one in bodies]) == 3
