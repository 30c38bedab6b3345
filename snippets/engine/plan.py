"""How much Part 1 measures, by profile."""

from __future__ import annotations

from dataclasses import dataclass, replace

from snippets.engine import turns
from snippets.errors import UsageError
from snippets.machine.host import thread_count
from snippets.measure import blocks, calls


@dataclass(frozen=True)
class Plan:
    """How much Part 1 measures. Counts of images: 0 takes the whole split. Variants are compared at size `batch`.

    `scan_images`: images on which the scan for sensitive layers compares logits.
    """

    profile: str
    threads: int
    evaluation: int
    validation: int
    calibration: int
    batch: int
    torch_batch_sizes: tuple[int, ...]
    compiled_batch_sizes: tuple[int, ...]
    whole_ladder: bool
    scan_images: int

    @property
    def rounds(self) -> int:
        """Rounds of blocks in which latencies and throughputs are compared."""
        return turns.ROUNDS[self.profile]

    @property
    def turns(self) -> blocks.Rules:
        """How those blocks are taken."""
        return turns.RULES[self.profile]

    @property
    def batch_turns(self) -> blocks.Rules:
        """How blocks of whole batches are taken, in which throughputs are compared."""
        return turns.BATCH_RULES[self.profile]

    @property
    def batches(self) -> calls.Effort:
        """Effort for the throughput of one variant by itself, at one batch size after the other."""
        return calls.effort(self.profile, batches=True)


PLANS = {
    "quick": Plan(
        "quick",
        0,
        evaluation=66,
        validation=0,
        calibration=22,
        batch=8,
        torch_batch_sizes=(1, 2, 4, 8, 16),
        compiled_batch_sizes=(1,),
        whole_ladder=False,
        scan_images=4,
    ),
    "full": Plan(
        "full",
        0,
        evaluation=440,
        validation=0,
        calibration=110,
        batch=32,
        torch_batch_sizes=(1, 4, 16, 32, 64),
        compiled_batch_sizes=(1, 32),
        whole_ladder=True,
        scan_images=12,
    ),
}


def plan_of(profile: str, threads: int = 0, images: int = 0, cores: int = 0) -> Plan:
    """The plan of a profile, with threads pinned and at most `images` evaluation images (0: its own).

    `threads` 0: one for each physical core, of which the run's machine has `cores` (0: as many as this machine).
    Raises UsageError for an unknown profile or negative counts.
    """
    if profile not in PLANS:
        raise UsageError(f"profile is {profile!r}; it is one of {', '.join(PLANS)}.")
    if threads < 0 or images < 0:
        raise UsageError(f"threads is {threads} and images is {images}; neither may be negative.")
    chosen = PLANS[profile]
    return replace(chosen, threads=threads or cores or thread_count(), evaluation=images or chosen.evaluation)
