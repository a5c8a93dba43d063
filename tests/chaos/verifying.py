"""Runs `penstock verify` as a user does, and reads its JSON."""

import asyncio
import json
import os
import sys
from pathlib import Path
from typing import Any

from streams.options import KafkaOptions
from tests.broker.crew import ROOT
from tests.chaos.roster import TIERS

WITHIN_S = 120.0


class CannotVerify(Exception):
    """It said nothing that can be read."""


async def verify(kafka: KafkaOptions, ledger: Path, record: Path) -> dict[str, Any]:
    """Its whole report; what it read is kept for whoever looks into a breach."""
    command = ("-m", "app", "verify", "--json", "--examples", "10000", "--ledger", str(ledger))
    process = await asyncio.create_subprocess_exec(
        sys.executable,
        *command,
        "--record",
        str(record),
        cwd=ROOT,
        env=os.environ | environment(kafka),
        stdout=asyncio.subprocess.PIPE,
        stderr=asyncio.subprocess.PIPE,
    )
    try:
        async with asyncio.timeout(WITHIN_S):
            out, complaints = await process.communicate()
    except BaseException:
        process.kill()
        raise
    try:
        report: dict[str, Any] = json.loads(out)
    except ValueError:
        raise CannotVerify(f"exit {process.returncode}: {complaints.decode()[-2000:]}") from None
    return report


def environment(kafka: KafkaOptions) -> dict[str, str]:
    """The settings that it judges by."""
    return {
        "PENSTOCK_KAFKA_BOOTSTRAP": kafka.bootstrap,
        "PENSTOCK_TOPIC_PREFIX": kafka.topic_prefix,
        "PENSTOCK_APP_ID": kafka.app_id,
        "PENSTOCK_PARTITIONS": str(kafka.partitions),
        "PENSTOCK_TIERS_FILE": str(TIERS),
    }
