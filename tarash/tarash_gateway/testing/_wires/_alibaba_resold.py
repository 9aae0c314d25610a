"""What Alibaba's servers take of models that it sells for others: Kling, Vidu, PixVerse.

From its pages of 2026-03 to 2026-10, without the parameters that these name only in passing.
"""

from collections.abc import Callable
from typing import Any

SIZES = {
    "540P": ("960*528", "528*960", "720*720", "816*608", "608*816"),
    "720P": ("1280*720", "720*1280", "960*960", "1104*816", "816*1104"),
    "1080P": ("1920*1080", "1080*1920", "1440*1440", "1674*1238", "1238*1674"),
}
_LINES = ("540P", "720P", "1080P")
_VIDU = (
    *("q3-turbo_text2video", "q3-pro_text2video", "q2_text2video"),
    *("q3-turbo_img2video", "q3-pro_img2video", "q2-turbo_img2video", "q2-pro_img2video"),
    *("q3-turbo_start-end2video", "q3-pro_start-end2video"),
    *("q2-turbo_start-end2video", "q2-pro_start-end2video"),
)
_MEDIA = ("prompt*", "media*")


def resold(video: Callable[..., Any]) -> dict[str, Any]:
    """Return what each model takes.

    Args:
        video: Makes the record of a video model.
    """
    kling = video(
        *("mode", "aspect_ratio", "duration", "audio", "watermark"),
        inputs=("prompt", "negative_prompt", "media"),
        seconds=tuple(range(3, 16)),
        media={"first_frame": 1, "last_frame": 1, "refer": 7, "feature": 1, "base": 1},
    )
    return {
        "kling/kling-v3-video-generation": kling,
        "kling/kling-v3-omni-video-generation": kling,
        **{f"vidu/vidu{series}": _vidu(series, video) for series in _VIDU},
        "pixverse/pixverse-v5.6-it2v": _pixverse(video, {"image_url": 1}),
        "pixverse/pixverse-v5.6-kf2v": _pixverse(video, {"first_frame": 1, "last_frame": 1}),
    }


def _vidu(series: str, video: Callable[..., Any]) -> Any:
    newest, of_text = series.startswith("q3"), "text" in series
    return video(
        *("resolution", "duration", "watermark"),
        *(("audio",) if newest else ()),
        *(("size",) if of_text else ()),
        inputs=("prompt*",) if of_text else _MEDIA,
        tiers=_LINES,
        seconds=tuple(range(1, 17 if newest else 11)),
        media={"image": 2 if "end" in series else 1},
    )


def _pixverse(video: Callable[..., Any], media: dict[str, int]) -> Any:
    return video(
        *("resolution", "duration", "audio", "seed", "watermark"),
        inputs=_MEDIA,
        tiers=("360P", *_LINES),
        seconds=(5, 8, 10),
        media=media,
    )
