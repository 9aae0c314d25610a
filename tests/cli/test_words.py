"""What the library says in its own words is said in options on the command line."""

from __future__ import annotations

import pytest

from tarash.tarash_gateway.cli._words import in_options


@pytest.mark.parametrize(
    ("said", "shown"),
    [
        (
            "set FAL_KEY or api_key= on the config; to try, use mock=MockConfig(enabled=True)",
            "set FAL_KEY or name a file that holds it with --key-file; to try, use --mock",
        ),
        ("raise timeout= on the config, or check", "raise --timeout, or check"),
        ("raise timeout= to wait longer", "raise --timeout to wait longer"),
        ("(check the network and base_url)", "(check the network and --base-url)"),
        ("strict=True, and m can't take duration_seconds=7.0: m takes [8]",
         "--strict is given, and m can't take --duration 7.0: m takes [8]"),
        ("needs 'x'; give it in extra_params={'x': ...}", "needs 'x'; give it with --param x=..."),
        ("give it in extra_params", "give it with --param NAME=VALUE"),
        ("extra_params.duraton: asked", "--param duraton: asked"),
        ("comes from the field 'prompt'", "comes from PROMPT"),
        ("2 images in 'image_list'; remove 1", "2 images in --image; remove 1"),
        ("(failover='when_safe': x was not tried)", "(--failover when_safe: x was not tried)"),
        ("model= is the deployment's name", "--model is the deployment's name"),
        ("fit_images=True on the config lets images be", "--fit-images lets images be"),
        ("image_list[0]: give a smaller one, or raise max_media_bytes= on the config",
         "--image[0]: give a smaller one"),
    ],
)  # fmt: skip
def test_fields_become_options(said: str, shown: str) -> None:
    assert in_options(said) == shown


@pytest.mark.parametrize(
    "said",
    ["the model and the video are gone", "its 'seed' is 7", "https://example.org/?a=b&resolution"],
)
def test_other_words_stay_as_they_are(said: str) -> None:
    assert in_options(said) == said
