"""A chain of providers: the next one is asked where one fails, and each attempt is accounted for.

Without a key, with a first provider that is made to fail:

    python examples/fallback_chain.py

With real ones: pip install ".[fal,google]", set FAL_KEY and GOOGLE_API_KEY, and
add `--live`. Both are needed: a missing key is a mistake to be mended and no outage, so that
the chain stops at it.
"""

from __future__ import annotations

import argparse
import sys

from tarash.tarash_gateway import (
    ExecutionMetadata,
    GenerationFailedError,
    MockConfig,
    MockResponse,
    TarashException,
    VideoGenerationConfig,
    VideoGenerationRequest,
    generate_video,
)


def chain(*, mocked: bool) -> VideoGenerationConfig:
    """Return the configs in the order in which they are tried."""
    failure = GenerationFailedError("The machine that ran the job was lost", retryable=True)
    fails = MockConfig(enabled=True, responses=(MockResponse(error=failure),))
    works = MockConfig(enabled=True, responses=(MockResponse(output_type="file"),))
    return VideoGenerationConfig(
        provider="fal",
        model="fal-ai/veo3.1",
        timeout=300,
        # `always` delivers even if the first job may still be billed; `when_safe` stops instead.
        failover="always",
        mock=fails if mocked else None,
        fallback_configs=(
            VideoGenerationConfig(
                provider="google",
                model="gemini-omni-1.2-flash",
                mock=works if mocked else None,
            ),
        ),
    )


def account_for(metadata: ExecutionMetadata | None) -> None:
    """Print what each attempt did, and whether it costs money."""
    for attempt in metadata.attempts if metadata else ():
        print(
            f"{attempt.attempt_number}. {attempt.provider} {attempt.model}: {attempt.status} after "
            f"{attempt.elapsed_seconds:.1f} s, billed: {attempt.billing}"
        )
        if attempt.error_message:
            print(f"   {attempt.error_type}: {attempt.error_message}")


def main() -> int:
    """Make the video; return the exit code."""
    parser = argparse.ArgumentParser(description="Make one video by a chain of providers")
    parser.add_argument("--live", action="store_true", help="buy it from the providers")
    arguments = parser.parse_args()
    request = VideoGenerationRequest(prompt="A lighthouse in a storm", duration_seconds=8)
    try:
        response = generate_video(chain(mocked=not arguments.live), request)
    except TarashException as error:
        account_for(error.execution_metadata)
        print(error, file=sys.stderr)
        return 1

    account_for(response.execution_metadata)
    print(response.video)
    return 0


if __name__ == "__main__":
    sys.exit(main())
