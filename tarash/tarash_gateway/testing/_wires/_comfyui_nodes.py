"""What ComfyUI checks of a workflow before it queues it, for the nodes that the simulator knows.

Pure. Names, inputs and types of errors are those of the server's own source.
"""

from collections.abc import Collection, Mapping
from typing import Any

_LATENT, _CONDITION, _MODEL = "LATENT", "CONDITIONING", "MODEL"
_TYPES: Mapping[str, Any] = {"INT": int, "FLOAT": (int, float), "STRING": str, "FILE": str}

NODES: Mapping[str, tuple[Mapping[str, str], tuple[str, ...]]] = {
    # class: what it needs, what it gives
    "CheckpointLoaderSimple": ({"ckpt_name": "CKPT"}, (_MODEL, "CLIP", "VAE")),
    "CLIPTextEncode": ({"text": "STRING", "clip": "CLIP"}, (_CONDITION,)),
    "EmptyLatentImage": ({"width": "INT", "height": "INT", "batch_size": "INT"}, (_LATENT,)),
    "EmptyHunyuanLatentVideo": (
        {"width": "INT", "height": "INT", "length": "INT", "batch_size": "INT"},
        (_LATENT,),
    ),
    "KSampler": (
        {
            "seed": "INT",
            "steps": "INT",
            "cfg": "FLOAT",
            "model": _MODEL,
            "positive": _CONDITION,
            "negative": _CONDITION,
            "latent_image": _LATENT,
        },
        (_LATENT,),
    ),
    "VAEDecode": ({"samples": _LATENT, "vae": "VAE"}, ("IMAGE",)),
    "VAEEncode": ({"pixels": "IMAGE", "vae": "VAE"}, (_LATENT,)),
    "LoadImage": ({"image": "FILE"}, ("IMAGE", "MASK")),
    "LoadVideo": ({"file": "FILE"}, ("VIDEO",)),
    "WanImageToVideo": (
        {
            "positive": _CONDITION,
            "negative": _CONDITION,
            "vae": "VAE",
            "width": "INT",
            "height": "INT",
            "length": "INT",
            "batch_size": "INT",
        },
        (_CONDITION, _CONDITION, _LATENT),
    ),
    "CreateVideo": ({"images": "IMAGE", "fps": "FLOAT"}, ("VIDEO",)),
    "SaveVideo": ({"video": "VIDEO", "filename_prefix": "STRING"}, ()),
    "SaveImage": ({"images": "IMAGE", "filename_prefix": "STRING"}, ()),
    "PreviewImage": ({"images": "IMAGE"}, ()),
}
SAVING = {"SaveVideo": "mp4", "SaveImage": "png", "PreviewImage": "png"}
MODELS = ("model.safetensors", "wan2.2.safetensors")


def refusal(graph: Mapping[str, Any], files: Collection[str]) -> dict[str, Any] | None:
    """Return the body with which a workflow is refused; None where it is queued."""
    for node_id, node in graph.items():
        if node.get("class_type") not in NODES:
            return _error(
                "missing_node_type",
                f"Node '{node.get('class_type')}' not found. The custom node may not be installed.",
                f"Node ID '#{node_id}'",
            )

    if not any(node["class_type"] in SAVING for node in graph.values()):
        return _error("prompt_no_outputs", "Prompt has no outputs", "")

    faults = {node_id: wrong for node_id in graph if (wrong := _wrong(graph, node_id, files))}
    if not faults:
        return None

    error = _error("prompt_outputs_failed_validation", "Prompt outputs failed validation", "")
    nodes = {
        node_id: {
            "errors": wrong,
            "dependent_outputs": [],
            "class_type": graph[node_id]["class_type"],
        }
        for node_id, wrong in faults.items()
    }
    return {**error, "node_errors": nodes}


def _error(kind: str, message: str, details: str) -> dict[str, Any]:
    error = {"type": kind, "message": message, "details": details, "extra_info": {}}
    return {"error": error, "node_errors": {}}


def _wrong(graph: Mapping[str, Any], node_id: str, files: Collection[str]) -> list[dict[str, Any]]:
    node = graph[node_id]
    needs, _ = NODES[node["class_type"]]
    faults = []
    for name, kind in needs.items():
        value = node["inputs"].get(name)
        fault: tuple[str, str] | None = None
        if value is None:
            fault = ("required_input_missing", "Required input is missing")
        elif isinstance(value, list):
            fault = _wrong_link(graph, value, kind)
        elif kind == "CKPT" and value not in MODELS:
            fault = ("value_not_in_list", "Value not in list")
        elif kind in _TYPES and (not isinstance(value, _TYPES[kind]) or isinstance(value, bool)):
            fault = ("invalid_input_type", f"Failed to convert an input value to a {kind} value")
        elif kind == "FILE" and value not in files:
            fault = ("custom_validation_failed", f"Invalid image file: {value}")
        elif kind not in ("CKPT", *_TYPES):
            fault = ("bad_linked_input", "Bad linked input, must be a length-2 list")

        if fault is not None:
            shown = f"{name}: {value!r} not in {list(MODELS)}" if kind == "CKPT" else name
            faults.append(
                {"type": fault[0], "message": fault[1], "details": shown, "extra_info": {}}
            )

    return faults


def _wrong_link(graph: Mapping[str, Any], link: list[Any], kind: str) -> tuple[str, str] | None:
    source = graph.get(str(link[0])) if len(link) == 2 else None  # noqa: PLR2004
    if source is None:
        return ("bad_linked_input", "Bad linked input, must be a length-2 list")

    gives = NODES[source["class_type"]][1]
    if not isinstance(link[1], int) or link[1] >= len(gives) or gives[link[1]] != kind:
        return ("return_type_mismatch", "Return type mismatch between linked nodes")

    return None
