"""Which text bytes are: by themselves, whatever their label says."""

from __future__ import annotations

import json

import pytest

from tarash.tarash_gateway._http._answer import kind_of, read_answer
from tarash.tarash_gateway._http._texts import begins_as_json, text_of
from tarash.tarash_gateway._support._secrets import Secrets
from tarash.tarash_gateway.media import samples

KEY = "a-secret-ключ-key"
UNICODE = ("utf-8", "utf-8-sig", "utf-16", "utf-16-le", "utf-16-be", "utf-32", "utf-32-le")
VALUES = ({"id": "a1", "said": "你好é😀"}, ["a"], 7, "你好", {"long": "😀" * 100}, {"none": None})
MP4 = b"\0\0\0\x20ftypisom"
"""The size of its first box is a space, as UTF-32 writes one."""
NO_TEXT = (b"", b"\0\0\0", b"{\0\1\0", b"\0\0\0\x22meta", b"7\0\0\1\0\0\0\2", b"\xff\xd8\xff\xe0")


@pytest.mark.parametrize("encoding", UNICODE)
def test_json_is_read_in_every_form_of_unicode(encoding: str) -> None:
    for value in VALUES:
        content = json.dumps(value, ensure_ascii=False).encode(encoding)
        assert begins_as_json(content)
        assert kind_of(content, "application/octet-stream") is None
        assert read_answer(200, {}, "", content, Secrets()).body == value


@pytest.mark.parametrize("content", [MP4, *NO_TEXT, samples.make_png(8, 8, 1)])
def test_media_and_odd_bytes_are_no_json(content: bytes) -> None:
    assert not begins_as_json(content)


def test_a_page_in_wide_characters_is_no_media() -> None:
    page = "<html><body>Sign in</body></html>".encode("utf-16")
    assert kind_of(page, "application/octet-stream") is None
    answer = read_answer(200, {}, "application/octet-stream", page, Secrets())
    assert not answer.is_json
    assert answer.body.startswith("<html>")


@pytest.mark.parametrize("charset", ["gbk", "GB2312", "gb18030"])
def test_a_label_counts_where_bytes_are_no_utf8(charset: str) -> None:
    content = '{"message": "余额不足 誠實"}'.encode("gb18030")
    headers = {"Content-Type": f"application/json; charset={charset}"}
    said = read_answer(400, headers, "application/json", content, Secrets()).body
    assert said["message"].startswith("余额不足")


@pytest.mark.parametrize("charset", ["base64", "punycode", "idna", "nobody-knows", "utf-16"])
def test_a_label_that_means_nothing_harms_nobody(charset: str) -> None:
    text = text_of(b'{"message": "caf\xe9"}', f"application/json; charset={charset}")
    assert text == '{"message": "caf�"}'


@pytest.mark.parametrize("encoding", UNICODE)
def test_a_key_is_masked_in_every_form(encoding: str) -> None:
    content = json.dumps({"echo": KEY}).encode(encoding)
    answer = read_answer(401, {}, "application/json", content, Secrets([KEY]))
    assert "secret" not in str(answer.body)
