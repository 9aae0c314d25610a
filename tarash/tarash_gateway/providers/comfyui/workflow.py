"""Reads workflow files: the graph in ComfyUI's API format, and where in it a request's values go.

A place is written `node.input`; the node is an id or a title. Places come from the config's
`slots`, else from `slots` in the file, else from titles that are names of slots, else from the
wiring, as far as that leaves no doubt. Sends nothing.
"""

from __future__ import annotations

import copy
import difflib
import json
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from pathlib import Path
from typing import TYPE_CHECKING, Any

from ...exceptions import ValidationError

if TYPE_CHECKING:
    from ..._data._exchange import Config

ROLES = ("first_frame", "last_frame", "reference", "asset", "style")
INPUTS: Mapping[str, tuple[str, ...]] = {
    "prompt": ("text", "prompt", "value", "string", "positive_prompt"),
    "negative_prompt": ("text", "negative_prompt", "value", "string"),
    "seed": ("seed", "noise_seed", "value"),
    "width": ("width", "value"),
    "height": ("height", "value"),
    "frames": ("length", "num_frames", "frames", "video_frames", "value"),
    "seconds": ("seconds", "duration", "value"),
    "fps": ("fps", "frame_rate", "value"),
    "n": ("batch_size", "value"),
    **dict.fromkeys((*ROLES, "image"), ("image",)),
    "video": ("file", "video"),
    "mask_image": ("image", "mask"),
}
"""The slots, and which input of a node each of them fills, the likeliest first."""
TITLES = {"positive": "prompt", "negative": "negative_prompt", "length": "frames"}
TYPO = 0.8
DEEPEST = 8
EXPORT = "open it in ComfyUI and export it by 'Export (API)' in the menu Workflow"


@dataclass(frozen=True, slots=True)
class Place:
    """One input of one node."""

    node: str
    input: str


@dataclass(frozen=True, slots=True)
class Workflow:
    """A workflow, and where the values of a request go."""

    name: str
    graph: Mapping[str, Any]
    places: Mapping[str, tuple[Place, ...]]
    output: str | None = None
    """The node whose files are the result; None for all of them."""

    def value(self, slot: str) -> Any:
        """Return what a slot holds in the file; None where there is no such slot."""
        places = self.places.get(slot)
        return None if not places else self.graph[places[0].node]["inputs"].get(places[0].input)

    def place(self, written: str) -> Place | None:
        """Return the place that `node.input` names; None where no node is called so."""
        head, _, tail = written.partition(".")
        node = _node(self.graph, head)
        return None if node is None or not tail else Place(node, tail)

    def filled(self, values: Mapping[Place, Any]) -> dict[str, Any]:
        """Return the graph with these values in it. Pure."""
        graph = copy.deepcopy(dict(self.graph))
        for place, value in values.items():
            graph[place.node]["inputs"][place.input] = value

        return graph


def workflow_of(config: Config) -> Workflow:
    """Return the workflow that a config names.

    Raises:
        ValidationError: It can't be read, or a slot names what it does not have.
    """
    given = config.provider_config.get("workflow", config.model)
    name = str(given) if isinstance(given, str | Path) else config.model
    content = given if isinstance(given, Mapping) else _read(Path(str(given)))
    slots = dict(config.provider_config.get("slots") or {})
    graph = content
    for wrapped in ("workflow", "prompt"):
        if isinstance(content.get(wrapped), Mapping) and "class_type" not in content[wrapped]:
            graph = content[wrapped]
            slots = {**(content.get("slots") or {}), **slots}

    _check(graph, name)
    output = config.provider_config.get("output")
    return Workflow(name, graph, _places(graph, slots, name), _output(graph, output, name))


def _read(path: Path) -> Mapping[str, Any]:
    try:
        content = json.loads(path.read_text(encoding="utf-8"))
    except OSError as error:
        raise ValidationError(
            f"the workflow {str(path)!r} can't be read ({error.strerror or error}); with comfyui, "
            "model= is the path of a workflow file in ComfyUI's API format",
            field="model",
        ) from error
    except ValueError as error:
        raise ValidationError(
            f"the workflow {str(path)!r} is no JSON ({error}); {EXPORT}", field="model"
        ) from error

    if not isinstance(content, Mapping):
        raise ValidationError(f"the workflow {str(path)!r} holds no nodes; {EXPORT}", field="model")

    return content


def _check(graph: Mapping[str, Any], name: str) -> None:
    if isinstance(graph.get("nodes"), list):
        raise ValidationError(
            f"the workflow {name!r} is saved for the editor, which no server runs; {EXPORT}",
            field="model",
        )

    nodes = graph.values()
    if not graph or not all(
        isinstance(node, Mapping)
        and node.get("class_type")
        and isinstance(node.get("inputs"), dict)
        for node in nodes
    ):
        raise ValidationError(
            f"the workflow {name!r} is not in ComfyUI's API format, in which each node has a "
            f"class_type and inputs; {EXPORT}",
            field="model",
        )


def title_of(node: Mapping[str, Any]) -> str:
    """Return what a node is called in the editor; empty where it has no title."""
    meta = node.get("_meta")
    return str(meta.get("title") or "") if isinstance(meta, Mapping) else ""


def named(node_id: str, node: Mapping[str, Any]) -> str:
    """Return a node as people find it: its number, its class, its title."""
    title = title_of(node)
    kind = str(node.get("class_type"))
    return f"{node_id} ({kind})" if title in ("", kind) else f"{node_id} ({kind} {title!r})"


def node_called(graph: Mapping[str, Any], name: Any) -> str | None:
    """Return the id of the node that an id or a title names; None for none."""
    return None if name is None else _node(graph, str(name))


def _node(graph: Mapping[str, Any], head: str) -> str | None:
    if head in graph:
        return head

    titled = [node_id for node_id, node in graph.items() if title_of(node) == head]
    return titled[0] if len(titled) == 1 else None


def _output(graph: Mapping[str, Any], output: Any, name: str) -> str | None:
    node = node_called(graph, output)
    if output is not None and node is None:
        raise ValidationError(
            f"provider_config['output'] is {output!r}, and {_no_node(graph, str(output), name)}",
            field="output",
        )

    return node


def _no_node(graph: Mapping[str, Any], head: str, name: str) -> str:
    titles = [title for node in graph.values() if (title := title_of(node))]
    near = difflib.get_close_matches(head, [*graph, *titles], n=1)
    meant = f"; did you mean {near[0]!r}?" if near else ":"
    known = ", ".join(named(node_id, node) for node_id, node in graph.items())
    return f"{name!r} has no node {head!r}{meant} it has {known}"


# ----------------------------------------------------------------------------------------- places
def _places(
    graph: Mapping[str, Any], slots: Mapping[str, Any], name: str
) -> dict[str, tuple[Place, ...]]:
    places_by_slot: dict[str, tuple[Place, ...]] = {}
    for slot, written in slots.items():
        near = difflib.get_close_matches(slot, INPUTS, n=1, cutoff=TYPO)
        if slot not in INPUTS and near and slot.isalpha():
            raise ValidationError(
                f"slots has {slot!r}; did you mean {near[0]!r}? A slot of your own, for "
                "extra_params, needs a name that is less like it",
                field="slots",
            )

        places_by_slot[slot] = tuple(
            _written(graph, slot, place, name) for place in _several(graph, written)
        )

    for slot, places in {**_by_wiring(graph), **_by_title(graph)}.items():
        if slot not in places_by_slot and not (
            slot == "image" and set(places_by_slot) & set(ROLES)
        ):
            places_by_slot[slot] = places

    if "prompt" not in places_by_slot:
        raise ValidationError(
            f"no place for the prompt is known in the workflow {name!r}; title its node 'prompt', "
            "or say which input it is: provider_config={'slots': {'prompt': '6.text'}}. Its nodes: "
            f"{', '.join(named(node_id, node) for node_id, node in graph.items())}",
            field="slots",
        )

    return {slot: places for slot, places in places_by_slot.items() if places}


def _several(graph: Mapping[str, Any], written: Any) -> Sequence[Any]:
    """Return the places of one slot: `"6.text"`, `["6", "text"]`, or a list of such."""
    if not isinstance(written, list | tuple):
        return [written]

    is_pair = len(written) == 2 and all(isinstance(part, str) for part in written)  # noqa: PLR2004
    return [".".join(written)] if is_pair and _node(graph, written[0]) == written[0] else written


def _written(graph: Mapping[str, Any], slot: str, written: Any, name: str) -> Place:
    text = ".".join(map(str, written)) if isinstance(written, list | tuple) else str(written)
    head, _, tail = text.partition(".")
    node_id = _node(graph, head)
    if node_id is None:
        raise ValidationError(f"the slot {slot!r}: {_no_node(graph, head, name)}", field="slots")

    inputs = graph[node_id]["inputs"]
    if tail not in inputs:
        near = difflib.get_close_matches(tail, inputs, n=1)
        meant = f"; did you mean '{head}.{near[0]}'?" if near else ";"
        raise ValidationError(
            f"the slot {slot!r}: node {named(node_id, graph[node_id])} of {name!r} has no input "
            f"{tail!r}{meant} it has {', '.join(inputs) or 'none'}",
            field="slots",
        )

    return Place(node_id, tail)


def _literal(node: Mapping[str, Any], names: Sequence[str], kinds: Any = object) -> str | None:
    """Return the first of these inputs that holds a value, and no link to another node."""
    inputs = node["inputs"]
    fitting = (
        name
        for name in names
        if isinstance(inputs.get(name), kinds) and not isinstance(inputs[name], list)
    )
    return next(fitting, None)


def _by_title(graph: Mapping[str, Any]) -> dict[str, tuple[Place, ...]]:
    places_by_slot: dict[str, tuple[Place, ...]] = {}
    for node_id, node in graph.items():
        title = title_of(node).strip().lower().replace(" ", "_")
        slots = ("width", "height") if title == "size" else (TITLES.get(title, title),)
        for slot in slots:
            name = _literal(node, INPUTS.get(slot, ()))
            if name is not None:
                places_by_slot[slot] = (*places_by_slot.get(slot, ()), Place(node_id, name))

    return places_by_slot


def _by_wiring(graph: Mapping[str, Any]) -> dict[str, tuple[Place, ...]]:
    places_by_slot = {
        "prompt": _text_behind(graph, "positive"),
        "negative_prompt": _text_behind(graph, "negative"),
        "seed": _all_with(graph, INPUTS["seed"][:2], int),
        "fps": _all_with(graph, INPUTS["fps"][:2], int | float),
        "image": _only_of(graph, "image", "LoadImage"),
        "video": _only_of(graph, "video", "LoadVideo"),
    }
    canvases = {
        node_id: node
        for node_id, node in graph.items()
        if _literal(node, ("width",), int)
        and _literal(node, ("height",), int)
        and _literal(node, ("length", "batch_size"), int)
    }
    if len(canvases) == 1:
        ((node_id, node),) = canvases.items()
        names = {"width": "width", "height": "height", "frames": "length", "n": "batch_size"}
        for slot, name in names.items():
            if _literal(node, (name,), int):
                places_by_slot[slot] = (Place(node_id, name),)

    if "frames" in places_by_slot:
        places_by_slot.pop("n", None)  # a batch of videos has no form that all nodes save

    return {slot: places for slot, places in places_by_slot.items() if places}


def _text_behind(graph: Mapping[str, Any], way: str) -> tuple[Place, ...]:
    """Return the text that all samplers' `positive`, or `negative`, begins with, if it is one."""
    starts = [node["inputs"][way] for node in graph.values() if way in node["inputs"]]
    if not starts and way == "positive":
        guided = (node for node in graph.values() if "Guider" in str(node["class_type"]))
        starts = [
            node["inputs"]["conditioning"] for node in guided if "conditioning" in node["inputs"]
        ]

    texts = {place for start in starts for place in _texts(graph, start, way, DEEPEST)}
    return tuple(texts) if len(texts) == 1 else ()


def _texts(graph: Mapping[str, Any], link: Any, way: str, deep: int) -> Iterator[Place]:
    node = graph.get(str(link[0])) if isinstance(link, list) and link and deep else None
    if node is None:
        return

    name = _literal(node, INPUTS["prompt"], str)
    if name is not None:
        yield Place(str(link[0]), name)
        return

    for other in (*INPUTS["prompt"], "conditioning", way):
        if isinstance(node["inputs"].get(other), list):
            yield from _texts(graph, node["inputs"][other], way, deep - 1)
            return


def _all_with(graph: Mapping[str, Any], names: Sequence[str], kinds: Any) -> tuple[Place, ...]:
    literals = ((node_id, _literal(node, names, kinds)) for node_id, node in graph.items())
    return tuple(Place(node_id, name) for node_id, name in literals if name is not None)


def _only_of(graph: Mapping[str, Any], slot: str, kind: str) -> tuple[Place, ...]:
    candidates = [
        Place(node_id, name)
        for node_id, node in graph.items()
        if kind in str(node["class_type"]) and (name := _literal(node, INPUTS[slot], str))
    ]
    return tuple(candidates) if len(candidates) == 1 else ()
