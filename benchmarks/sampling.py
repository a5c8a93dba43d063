"""Lets the bench switch a worker process's CPU sampler on and off, by signals."""

import asyncio
import signal
import time

from benchmarks.cpu_sampler import CpuSampler
from benchmarks.stage_map import STAGES
from benchmarks.terms import tell_parent

MOST_FUNCTIONS = 250
ON, OFF = signal.SIGUSR1, signal.SIGUSR2


def offer() -> None:
    """From now on `ON` starts sampling and `OFF` ends it and tells the parent."""
    sampler = CpuSampler(STAGES)
    threads_s = 0.0

    def on() -> None:
        nonlocal threads_s
        threads_s = time.process_time() - time.thread_time()
        sampler.start()

    def off() -> None:
        sampler.stop()
        tell_parent(
            "sampled",
            by_stage=dict(sampler.by_stage),
            by_function=dict(sorted(sampler.by_function.items(), key=lambda used: -used[1])[:MOST_FUNCTIONS]),
            other_threads_s=time.process_time() - time.thread_time() - threads_s,
        )

    loop = asyncio.get_running_loop()
    loop.add_signal_handler(ON, on)
    loop.add_signal_handler(OFF, off)
