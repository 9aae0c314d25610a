"""What stands between us and a provider says so in JSON of its own, with 200 where a job is due.

The forms are those of products that many put before an API (gateways, meshes, firewalls, frameworks
with an error handler of their own) as their manuals and public reports show them; the words are
ours. None of them speaks of a job, so none ends one.
"""

from __future__ import annotations

import json
from typing import Any

from tarash.tarash_gateway.testing import Fault

BODIES: dict[str, Any] = {
    # Proxies, meshes and gateways.
    "a mesh's sentence": {"message": "upstream connect error or disconnect/reset before headers"},
    "a mesh's code": {"code": 14, "message": "upstream connect error", "details": []},
    "a code and a sentence": {"code": 503, "message": "Service Unavailable"},
    "a word": {"error": "Service Unavailable"},
    "a word and a sentence": {"error": "Service Unavailable", "message": "try again later"},
    "a word and its number": {"error": "Service Unavailable", "request_id": "f3c1", "code": 0},
    "a sentence and a number": {"message": "An invalid response was received", "request_id": "f3"},
    "nothing to say": {"message": None},
    "a capital": {"Message": "The caller is not authorized to access this resource"},
    "a function that timed out": {"errorMessage": "Task timed out after 30.03 seconds"},
    "a typed exception": {"__type": "ThrottlingException", "message": "Rate exceeded"},
    "a fault": {"fault": {"faultstring": "Unexpected EOF at target", "detail": {"code": "x"}}},
    "a list of errors": {"success": False, "errors": [{"code": 10000, "message": "Bad gateway"}]},
    "a list and no result": {
        "success": False,
        "errors": [{"code": 7003, "message": "Could not route"}],
        "messages": [],
        "result": None,
    },
    "a limit at the edge": {"cloudflare_error": True, "error_code": 1015, "title": "Limited"},
    # Firewalls.
    "a block": {"error": "Request blocked", "support_id": "1853"},
    "a block by policy": {"error": "The request was blocked by the content policy of your network"},
    "a block in an object": {"error": {"message": "Blocked by a content moderation rule"}},
    "a blocked status": {"status": "blocked", "reason": "bot", "incident_id": "77-1"},
    # Frameworks, and envelopes of houses.
    "a page of a framework": {"status": 500, "error": "Internal Server Error", "path": "/v1"},
    "a status and a sentence": {"statusCode": 500, "message": "Internal server error"},
    "a detail": {"detail": "Internal Server Error"},
    "a detail that is a list": {"detail": [{"msg": "upstream is down", "type": "proxy"}]},
    "an object and a sentence": {"error": {"message": "upstream connect error"}},
    "an object of a gateway": {
        "error": {"message": "bad response status code 502", "type": "upstream_error", "code": "x"}
    },
    "an object with a number": {"error": {"code": 500, "message": "Internal error"}},
    "a status in an object": {"error": {"code": 14, "status": "UNAVAILABLE", "message": "down"}},
    "a status that is an error": {"status": "error", "message": "Service Unavailable"},
    "a status that failed": {"status": "failed", "message": "Service Unavailable"},
    "a status that is a fail": {"status": "fail", "data": {"title": "no upstream"}},
    "a state that is an error": {"state": "error", "error": "no upstream"},
    "a problem": {"type": "about:blank", "title": "Bad Gateway", "status": 502, "detail": "down"},
    "a problem without a status": {"type": "about:blank", "title": "Bad Gateway"},
    "errors in a list": {"errors": [{"status": "503", "title": "Service Unavailable"}]},
    "errors and no data": {"errors": [{"message": "no upstream"}], "data": None},
    "a house's code": {"code": 500, "msg": "the system is busy", "data": None},
    "a house's negative code": {"code": -1, "message": "system error", "data": None},
    "a house's base": {"base_resp": {"status_code": 1000, "status_msg": "unknown error"}},
    "not ok": {"ok": False, "error": "no upstream"},
    "no success": {"success": False, "error": "no upstream"},
    "no success, in an object": {"success": False, "error": {"message": "no upstream"}},
    "true": {"error": True, "message": "no upstream"},
    "an error and no data": {"data": None, "error": {"message": "no upstream"}},
    "an error and no output": {"output": None, "error": "no upstream"},
    "a reason": {"failure_reason": "no upstream"},
    "a failure": {"failure": "no upstream"},
}
FACES: dict[str, Fault] = {
    f"{name}, from a front": Fault.foreign_body(json.dumps(body), "application/json")
    for name, body in BODIES.items()
}
