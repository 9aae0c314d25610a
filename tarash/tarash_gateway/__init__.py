"""One interface to every AI video and image provider.

One request in, one response out, whichever provider renders it; a paid generation is never lost,
and never bought twice by accident. Import from here and from `models`, `mock`, `exceptions`,
`registry`, `utils` and `providers.field_mappers`; modules with a leading underscore are ours.
"""

from __future__ import annotations

from ._data._budgets import Budget
from ._data._limits import Limits
from ._jobs import _annotations
from ._jobs._catalogue import (
    add_model,
    add_model_async,
    check_models,
    refresh_models,
    refresh_models_async,
)
from ._jobs._handles import ImageJob, VideoJob
from ._jobs._inspection import probe, probe_async
from ._jobs._prices import list_prices, register_prices
from ._jobs._spend import spend, spend_async
from ._version import __version__
from .api import (
    Gateway,
    aclose,
    close,
    describe_model,
    generate_image,
    generate_image_async,
    generate_video,
    generate_video_async,
    list_models,
    plan_image,
    plan_image_async,
    plan_video,
    plan_video_async,
    quote_image,
    quote_image_async,
    quote_video,
    quote_video_async,
    resume,
    resume_all,
    resume_all_async,
    resume_async,
    submit_image,
    submit_image_async,
    submit_video,
    submit_video_async,
)
from .exceptions import (
    AuthenticationError,
    BudgetExceededError,
    ContentModerationError,
    CostLimitError,
    GenerationFailedError,
    HTTPConnectionError,
    HTTPError,
    MediaError,
    ModelNotFoundError,
    PolicyRefusedError,
    ProbeError,
    QuotaExceededError,
    RateLimitError,
    SaveError,
    StorageError,
    TarashException,
    UnsupportedOperationError,
    ValidationError,
    VerificationError,
)
from .exceptions import (
    TimeoutError as TimeoutError,  # noqa: A004  (ours, exported though not in __all__)
)
from .mapping import FieldMapper, apply_field_mappers
from .models import (
    Adjustment,
    AttemptMetadata,
    Cost,
    ExecutionMetadata,
    GenerationPlan,
    ImageCapability,
    ImageGenerationConfig,
    ImageGenerationRequest,
    ImageGenerationResponse,
    ImageGenerationUpdate,
    ImageInput,
    ImageProgressCallback,
    MediaContent,
    MediaInfo,
    MediaInput,
    MediaType,
    Mismatch,
    MockConfig,
    MockPollingConfig,
    MockResponse,
    ModelDescription,
    ModelInfo,
    ModelParameter,
    NumberRange,
    PriceLine,
    ProgressCallback,
    ProviderHandler,
    ProviderInfo,
    Quote,
    QuoteLine,
    RetiredUse,
    SpendRow,
    VideoGenerationConfig,
    VideoGenerationRequest,
    VideoGenerationResponse,
    VideoGenerationUpdate,
)
from .progress import ProgressBar, progress_bar
from .providers._registry import (
    Registry,
    get_provider_field_mapping,
    list_providers,
    register_provider,
    register_provider_field_mapping,
    register_provider_file,
)

# Without TimeoutError: `import *` would hide the built-in one, of which ours is only a part.
__all__ = [
    "Adjustment",
    "AttemptMetadata",
    "AuthenticationError",
    "Budget",
    "BudgetExceededError",
    "ContentModerationError",
    "Cost",
    "CostLimitError",
    "ExecutionMetadata",
    "FieldMapper",
    "Gateway",
    "GenerationFailedError",
    "GenerationPlan",
    "HTTPConnectionError",
    "HTTPError",
    "ImageCapability",
    "ImageGenerationConfig",
    "ImageGenerationRequest",
    "ImageGenerationResponse",
    "ImageGenerationUpdate",
    "ImageInput",
    "ImageJob",
    "ImageProgressCallback",
    "Limits",
    "MediaContent",
    "MediaError",
    "MediaInfo",
    "MediaInput",
    "MediaType",
    "Mismatch",
    "MockConfig",
    "MockPollingConfig",
    "MockResponse",
    "ModelDescription",
    "ModelInfo",
    "ModelNotFoundError",
    "ModelParameter",
    "NumberRange",
    "PolicyRefusedError",
    "PriceLine",
    "ProbeError",
    "ProgressBar",
    "ProgressCallback",
    "ProviderHandler",
    "ProviderInfo",
    "QuotaExceededError",
    "Quote",
    "QuoteLine",
    "RateLimitError",
    "Registry",
    "RetiredUse",
    "SaveError",
    "SpendRow",
    "StorageError",
    "TarashException",
    "UnsupportedOperationError",
    "ValidationError",
    "VerificationError",
    "VideoGenerationConfig",
    "VideoGenerationRequest",
    "VideoGenerationResponse",
    "VideoGenerationUpdate",
    "VideoJob",
    "__version__",
    "aclose",
    "add_model",
    "add_model_async",
    "apply_field_mappers",
    "check_models",
    "close",
    "describe_model",
    "generate_image",
    "generate_image_async",
    "generate_video",
    "generate_video_async",
    "get_provider_field_mapping",
    "list_models",
    "list_prices",
    "list_providers",
    "plan_image",
    "plan_image_async",
    "plan_video",
    "plan_video_async",
    "probe",
    "probe_async",
    "progress_bar",
    "quote_image",
    "quote_image_async",
    "quote_video",
    "quote_video_async",
    "refresh_models",
    "refresh_models_async",
    "register_prices",
    "register_provider",
    "register_provider_field_mapping",
    "register_provider_file",
    "resume",
    "resume_all",
    "resume_all_async",
    "resume_async",
    "spend",
    "spend_async",
    "submit_image",
    "submit_image_async",
    "submit_video",
    "submit_video_async",
]

# So that tracebacks and documentation show the name to import.
for _name in (*__all__, "TimeoutError"):
    _public = globals()[_name]
    if isinstance(_public, type) or callable(_public):
        if isinstance(_public, type):
            _annotations.complete(_public)

        try:
            _public.__module__ = __name__
        except AttributeError:
            continue  # aliases such as ProgressCallback have no module of their own to change

    # Put off for our own import only: frameworks that are handed a model build it at once, and warn
    # of what they do with one that is put off (FastAPI, for each route, when its schema is read).
    if isinstance(_config := getattr(_public, "model_config", None), dict):
        _config["defer_build"] = False

del _config, _name, _public
