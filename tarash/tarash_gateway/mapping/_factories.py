"""Makes the field mappers that most providers need. Each factory's mapper is plain data."""

from __future__ import annotations

from collections.abc import Callable, Sequence
from typing import Any, Literal

from .._data._types import ImageRole, MediaType
from ..exceptions import ValidationError
from ._field_mapper import FieldMapper, check_choice
from ._files import to_wire
from ._limits import Span, nearest


def passthrough_field_mapper(source_field: str, required: bool = False) -> FieldMapper:
    """Send a field's value as it is."""
    return FieldMapper(source_field, lambda _request, value: value, required)


def extra_params_field_mapper(param_name: str, required: bool = False) -> FieldMapper:
    """Send one entry of `extra_params` as it is."""
    return FieldMapper(
        "extra_params", lambda _request, extra: (extra or {}).get(param_name), required
    )


def choice_field_mapper(
    source_field: str, allowed_values: Sequence[Any], required: bool = False
) -> FieldMapper:
    """Send a field's value, adapted to the nearest of the allowed ones."""
    if isinstance(allowed_values, str):
        raise ValidationError(f"allowed_values={allowed_values!r} is one text; give a list of them")

    return FieldMapper(
        source_field,
        lambda _request, value: _allowed(source_field, value, allowed_values),
        required,
        allowed=tuple(allowed_values),
    )


def aspect_ratio_field_mapper(allowed_values: Sequence[str], required: bool = False) -> FieldMapper:
    """Send the aspect ratio, adapted to an allowed one; without it, the one nearest to `size`."""
    allowed = tuple(allowed_values)

    def convert(request: Any, ratio: str | None) -> str | None:
        if ratio is not None:
            chosen: str | None = _allowed("aspect_ratio", ratio, allowed)
            return chosen

        size = getattr(request, "size", None)
        return None if size is None else nearest("aspect_ratio", size.replace("x", ":"), allowed)

    return FieldMapper("aspect_ratio", convert, required, allowed=allowed, also=("size",))


def _allowed(name: str, value: Any, allowed: Sequence[Any] | None, where: str = "") -> Any:
    if value is None or allowed is None or value in allowed:
        return value

    raise ValidationError(f"{name}={value!r} is not possible{where}; allowed: {list(allowed)}")


def duration_field_mapper(
    field_type: Literal["int", "str"],
    allowed_values: Sequence[int | float | str] | None = None,
    provider: str = "unknown",
    model: str | None = None,
    add_suffix: bool = True,
) -> FieldMapper:
    """Send the duration as a number of seconds (`8`) or as text (`"8s"`, `"8"`).

    Args:
        field_type: `int` sends a number, `str` sends text.
        allowed_values: Seconds that the model takes, as numbers or text (`8`, `"8"`, `"8s"`).
        provider: Named in errors.
        model: Named in errors.
        add_suffix: Whether text ends in `s`.

    Raises:
        ValidationError: For another field type, or a value that is no number of seconds; and from
            the converter, for a duration that is not allowed.
    """
    check_choice("field_type", field_type, ("int", "str"))
    seconds = None if allowed_values is None else tuple(_seconds(value) for value in allowed_values)
    where = f" with {provider}" + (f" model {model}" if model else "")

    def convert(_request: object, value: float | None) -> int | float | str | None:
        if value is None:
            return None

        number = _plain(_allowed("duration_seconds", value, seconds, where))
        if field_type == "int":
            return number

        return f"{number}s" if add_suffix else str(number)

    return FieldMapper("duration_seconds", convert, allowed=seconds)


def _seconds(value: float | str) -> int | float:
    try:
        return _plain(float(value.removesuffix("s") if isinstance(value, str) else value))
    except (TypeError, ValueError) as error:
        raise ValidationError(
            f"allowed_values has {value!r}, which is no number of seconds; write 8, '8' or '8s'"
        ) from error


def _plain(value: float) -> int | float:
    return int(value) if float(value).is_integer() else value


def image_list_field_mapper(
    image_type: ImageRole | None = None, provider: str = "unknown"
) -> FieldMapper:
    """Send all images of one role (or all images) as a list of URLs or data URIs."""

    def convert(_request: object, images: Sequence[Any] | None) -> list[str] | None:
        return [to_wire(image["image"], provider) for image in _of(images, image_type)] or None

    return FieldMapper("image_list", convert, roles=(image_type,) if image_type else ())


def single_image_field_mapper(
    required: bool = False,
    image_type: ImageRole = "reference",
    strict: bool = True,
    provider: str = "unknown",
) -> FieldMapper:
    """Send the one image of a role as a URL or data URI.

    Args:
        required: Whether the provider refuses a request without it.
        image_type: The role.
        strict: Whether more than one such image is an error; else the first is sent.
        provider: Named in errors.

    Raises:
        ValidationError: From the converter, for more than one such image.
    """

    def convert(_request: object, images: Sequence[Any] | None) -> str | None:
        fitting = _of(images, image_type)
        if strict and len(fitting) > 1:
            raise ValidationError(
                f"{provider} takes one image of type {image_type!r} here, and there are "
                f"{len(fitting)} in 'image_list'; remove the others"
            )

        return to_wire(fitting[0]["image"], provider) if fitting else None

    # Without `strict` the caller has said that further images may be left out.
    return FieldMapper(
        "image_list", convert, required, roles=(image_type,), most=1 if strict else None
    )


def _of(images: Sequence[Any] | None, role: ImageRole | None) -> list[Any]:
    return [image for image in images or () if role is None or image.get("type") == role]


def video_url_field_mapper(required: bool = False) -> FieldMapper:
    """Send the source video as a URL or data URI."""
    return FieldMapper("video", _media, required)


def image_input_field_mapper(
    required: bool = False,
    image_type: ImageRole = "reference",
    strict: bool = True,
    provider: str = "unknown",
) -> FieldMapper:
    """Send the one image to work from; as `single_image_field_mapper`."""
    return single_image_field_mapper(required, image_type, strict, provider)


def mask_image_field_mapper(required: bool = False) -> FieldMapper:
    """Send the mask as a URL or data URI."""
    return FieldMapper("mask_image", _media, required)


def _media(_request: object, value: MediaType | None) -> str | None:
    return None if value is None else to_wire(value)


def size_field_mapper(
    allowed_values: Sequence[str] | None = None,
    converter: Callable[[str], Any] | None = None,
    required: bool = False,
) -> FieldMapper:
    """Send `size` (`"1024x1024"`), in another form where a converter is given."""
    allowed = None if allowed_values is None else tuple(allowed_values)

    def convert(_request: object, size: str | None) -> Any:
        size = _allowed("size", size, allowed)
        return converter(size) if converter is not None and size is not None else size

    return FieldMapper("size", convert, required, allowed=allowed)


def seed_field_mapper(low: int = 0, high: int = 2**32 - 1) -> FieldMapper:
    """Send the seed, adapted to the nearest that the provider takes."""
    span = Span(low, high)

    def convert(_request: object, seed: int | None) -> int | float | None:
        return None if seed is None else span.nearest(seed)

    return FieldMapper("seed", convert, allowed=span)


def quality_field_mapper(allowed_values: Sequence[str] | None = None) -> FieldMapper:
    """Send `quality`, adapted to an allowed value where there are any."""
    return _word("quality", allowed_values)


def style_field_mapper(allowed_values: Sequence[str] | None = None) -> FieldMapper:
    """Send `style`, adapted to an allowed value where there are any."""
    return _word("style", allowed_values)


def _word(name: str, allowed_values: Sequence[str] | None) -> FieldMapper:
    if allowed_values is None:
        return passthrough_field_mapper(name)

    return choice_field_mapper(name, allowed_values)


def n_images_field_mapper(min_value: int = 1, max_value: int = 10) -> FieldMapper:
    """Send the number of images, within the model's limits (both included)."""
    return count_field_mapper("n", min_value, max_value)


def count_field_mapper(source_field: str, min_value: int, max_value: int) -> FieldMapper:
    """Send a count, within the model's limits (both included)."""
    if min_value > max_value:
        raise ValidationError(f"min_value={min_value} is above max_value={max_value}")

    return choice_field_mapper(source_field, range(min_value, max_value + 1))
