#!/usr/bin/python3
"""The native API as its users call it: registration with settings, values, persistent values, keys, notes, history, deletion,
the setup call, and the operator's calls, each seen from DNS as well. Every answer must be one that /openapi.json describes, and
every operation that it describes must have been called with success.

    test_native.py TXTD TXTCTL
"""
import hashlib
import json
import os
import re
import subprocess
import sys
import time

import jsonschema

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import service  # noqa: E402
from service import Failure  # noqa: E402

OPERATOR = "operator-token-0123456789"
REGISTRATION = "customer-token-0123456789"
BEARER = {"Authorization": "Bearer " + OPERATOR}
DELEGATES = "/api/v1/delegates"


def pair(account, key=None):
    return {"X-Api-User": account["username"], "X-Api-Key": key or account["key"]}


class Description:
    """openapi.json: what may be answered, and which operations were called with success."""

    def __init__(self, document):
        self.document = document
        self.done = set()
        self.invalid = 0  # answers 400
        self.routes = []
        for path, item in document["paths"].items():
            pattern = re.compile("^" + re.sub(r"\\{\w+\\}", "[^/]+", re.escape(path)) + "$")
            for method in set(item) & {"get", "put", "post", "patch", "delete"}:
                self.routes.append((method, pattern, item[method]))

    def resolve(self, thing):
        while "$ref" in thing:
            found = self.document
            for part in thing["$ref"].lstrip("#/").split("/"):
                found = found[part]
            thing = found
        return thing

    def check(self, method, path, response, answer):
        path = re.sub(r"^/t/[^/]+", "", path.split("?")[0])
        found = [operation for verb, pattern, operation in self.routes if verb == method.lower() and pattern.match(path)]
        if len(found) != 1:
            raise Failure("%d operations of openapi.json are %s %s" % (len(found), method, path))
        described = found[0]["responses"].get(str(response.status))
        if described is None:
            raise Failure("openapi.json does not say that %s %s may answer %d" % (method, path, response.status))
        described = self.resolve(described)
        for header in described.get("headers", {}):
            if header not in response.headers:
                raise Failure("%s %s %d: no %s" % (method, path, response.status, header))
        if ("content" in described) != (answer is not None):
            raise Failure("%s %s %d: a body, or none: %s" % (method, path, response.status, answer))
        if answer is not None:
            schema = dict(described["content"]["application/json"]["schema"], components=self.document["components"])
            try:
                jsonschema.validate(answer, schema, jsonschema.Draft202012Validator)
            except jsonschema.ValidationError as error:
                raise Failure("%s %s %d: %s" % (method, path, response.status, error)) from None
        self.invalid += response.status == 400
        if response.status < 300:
            self.done.add(found[0]["operationId"])

    def expect_all_done(self):
        missing = [operation["operationId"] for _, _, operation in self.routes if operation["operationId"] not in self.done]
        if missing:
            raise Failure("never called with success: %s" % missing)


class Api:
    """The API over one connection."""

    def __init__(self, txtd, description=None):
        self.connection = txtd.connect()
        self.description = description
        if description is None:
            self.description = Description(self.request("GET", "/openapi.json", None, {})[1])

    def request(self, method, path, text, headers):
        self.connection.request(method, path, text, headers)
        response = self.connection.getresponse()
        octets = response.read()
        return response, json.loads(octets) if octets else None

    def call(self, method, path, status, headers=None, body=None, error=None):
        """Fails unless the answer has that status, and that error's word; returns body and headers."""
        text = body if body is None or isinstance(body, str) else json.dumps(body)
        response, answer = self.request(method, path, text, headers or {})
        if response.status != status or (error is not None and answer.get("error") != error):
            raise Failure("%s %s %s: %d %s, not %d %s" % (method, path, text, response.status, answer, status, error or ""))
        if status >= 400 and path.startswith("/api/v1") and not answer.get("detail"):
            raise Failure("%s %s: no sentence says what is wrong: %s" % (method, path, answer))
        self.description.check(method, path, response, answer)
        return answer, response.headers

    def register(self, body=None, headers=None, path=DELEGATES):
        return self.call("POST", path, 201, headers, body)[0]


def expect(what, got, wanted):
    if got != wanted:
        raise Failure("%s: %r, not %r" % (what, got, wanted))


def check_registration(txtd, api):
    plain = api.register()
    for name, wanted in (("slots", 2), ("note", ""), ("allowfrom", []), ("values", []), ("disabled", False), ("version", 1),
                         ("fulldomain", plain["id"] + "." + service.ZONE), ("key_id", 1)):
        expect(name + " of a plain registration", plain[name], wanted)
    full = api.register({"zone": service.ZONE.upper(), "allowfrom": ["127.0.0.0/8"], "note": "für Ärger", "slots": 4,
                         "value_expiry_s": 3600}, BEARER)
    got, headers = api.call("GET", DELEGATES + "/" + full["id"], 200, pair(full))
    for name, wanted in (("slots", 4), ("note", "für Ärger"), ("allowfrom", ["127.0.0.0/8"]), ("value_expiry_s", 3600),
                         ("last_asked_at", None), ("asked_count", 0)):
        expect(name, got[name], wanted)
    expect("ETag", headers["ETag"], '"1"')
    if "key" in got:
        raise Failure("the key is told again")
    for body, error in (("[]", "malformed_json"), ({"zones": "x"}, "unknown_member"), ({"zone": "other.test"}, "unknown_zone"),
                        ({"slots": 1}, "invalid_slots"), ({"slots": 17}, "invalid_slots"), ({"note": "x" * 256}, "invalid_note"),
                        ({"allowfrom": ["127.0.0.1"]}, "invalid_allowfrom"), ({"allowfrom": ["10.0.0.0/8"] * 33}, "invalid_allowfrom"),
                        ({"value_expiry_s": -1}, "invalid_value_expiry"),
                        ({"slots": 3}, "invalid_slots"), ({"value_expiry_s": 0}, "invalid_value_expiry"),
                        ({"value_expiry_s": 30 * 86400 + 1}, "invalid_value_expiry")):
        api.call("POST", DELEGATES, 400, None, body, error)
    # not more than the zone has, unless the operator says so
    api.register({"slots": 2, "value_expiry_s": 30 * 86400})
    api.register({"slots": 16, "value_expiry_s": 0}, {"Authorization": "bearer   " + OPERATOR})
    return plain


def check_values(txtd, api):
    account = api.register({"slots": 3}, BEARER)
    path = DELEGATES + "/" + account["id"]
    values = ["one value", "two", "x" * 255]
    got, headers = api.call("PUT", path + "/values", 200, pair(account), {"values": values})
    expect("values", [value["value"] for value in got["values"]], values)
    expect("what DNS has", sorted(txtd.dig(account["fulldomain"])), sorted(values))
    tag = headers["ETag"]
    api.call("PUT", path + "/values", 412, dict(pair(account), **{"If-Match": '"1"'}), {"values": ["late"]},
             "precondition_failed")
    expect("what DNS has", sorted(txtd.dig(account["fulldomain"])), sorted(values))
    got, _ = api.call("DELETE", path + "/values/one%20value", 200, dict(pair(account), **{"If-Match": tag}))
    expect("values left", [value["value"] for value in got["values"]], values[1:])
    api.call("DELETE", path + "/values/one%20value", 404, pair(account))
    expect("what DNS has", sorted(txtd.dig(account["fulldomain"])), sorted(values[1:]))
    api.call("DELETE", path + "/values", 200, pair(account))
    expect("what DNS has", txtd.dig(account["fulldomain"]), [])
    events = api.call("GET", path + "/history", 200, pair(account))[0]["events"]
    expect("what was set", [(event["what"], event.get("values"), event.get("value")) for event in events],
           [("values_set", None, None), ("value_removed", None, "one value"),
            ("values_set", ('"one value" "two" "' + "x" * 255)[:252] + "...", None)])
    for body, error in (({"values": ["a"] * 2}, "invalid_value"), ({"values": ["a", "b", "c", "d"]}, "too_many_values"),
                        ({"values": [str(n) for n in range(17)]}, "too_many_values"), ({"values": [""]}, "invalid_value"),
                        ({"values": ["x" * 256]}, "invalid_value"), ({"values": ["\u00e4"]}, "invalid_value"),
                        ({"values": "a"}, "invalid_value"), ({"value": []}, "unknown_member"), ("", "malformed_json")):
        api.call("PUT", path + "/values", 400, pair(account), body, error)


def check_persistent(txtd, api):
    account = api.register()
    path = DELEGATES + "/" + account["id"]
    long = "authority.example; accounturi=https://authority.example/acme/" + "x" * 300
    short = "other.example; accounturi=https://other.example/1; policy=wildcard"
    got, _ = api.call("PUT", path + "/persistent", 200, pair(account), {"values": [long, short]})
    expect("persistent values", got["persistent"], [long, short])
    for number in range(3):  # the slots turn over, these stay
        api.call("POST", "/update", 200, pair(account), {"subdomain": account["id"], "txt": "v" * 42 + str(number)})
    served = [line.replace('" "', "") for line in txtd.dig(account["fulldomain"])]
    expect("what DNS has", sorted(served), sorted([long, short, "v" * 42 + "1", "v" * 42 + "2"]))
    for body, error in (({"values": ["no issuer at all !"]}, "invalid_value"), ({"values": [short] * 9}, "too_many_values"),
                        ({"values": [short, long, short]}, "invalid_value"),
                        ({"values": [long[:60] + "x" * 963]}, "too_many_values")):
        api.call("PUT", path + "/persistent", 400, pair(account), body, error)
    api.call("PUT", path + "/persistent", 200, pair(account), {"values": []})
    expect("how many DNS has", len(txtd.dig(account["fulldomain"])), 2)


def check_keys(api):
    account = api.register()
    path = DELEGATES + "/" + account["id"]
    second, _ = api.call("POST", path + "/keys", 201, pair(account))
    for key in (account["key"], second["key"]):
        api.call("GET", path, 200, pair(account, key))
    api.call("DELETE", path + "/keys/%d" % account["key_id"], 204, pair(account, second["key"]))
    api.call("GET", path, 401, pair(account))
    api.call("DELETE", path + "/keys/%d" % second["key_id"], 409, pair(account, second["key"]), error="last_key")
    api.call("DELETE", path + "/keys/9", 404, pair(account, second["key"]))
    api.call("DELETE", path + "/keys/x", 404, pair(account, second["key"]))
    ids = [api.call("POST", path + "/keys", 201, pair(account, second["key"]))[0]["key_id"] for _ in range(3)]
    expect("the ids of further keys", ids, [3, 4, 5])
    api.call("POST", path + "/keys", 409, pair(account, second["key"]), error="too_many_keys")


def check_settings_and_history(api):
    account = api.register()
    other = api.register()
    path = DELEGATES + "/" + account["id"]
    got, headers = api.call("PATCH", path, 200, pair(account), {"note": "the web server", "allowfrom": ["127.0.0.0/8", "::1/128"]})
    expect("note", got["note"], "the web server")
    api.call("PATCH", path, 412, dict(pair(account), **{"If-Match": '"1"'}), {"note": "late"}, "precondition_failed")
    api.call("PATCH", path, 200, dict(pair(account), **{"If-Match": headers["ETag"]}), {"note": None})
    api.call("POST", "/update", 200, pair(account), {"subdomain": account["id"], "txt": "h" * 43})
    api.call("POST", path + "/keys", 201, pair(account))
    got, _ = api.call("GET", path + "/history", 200, pair(account))
    expect("history", [event["what"] for event in got["events"]], ["key_added", "updated", "settings_changed", "settings_changed"])
    expect("what was changed", [event.get("settings") for event in got["events"][2:]],
           ["note", "allowfrom 127.0.0.0/8 ::1/128, note"])
    update = got["events"][1]
    expect("an update's event", (update["client"], update["key_id"], update["value"]), ("127.0.0.1", 1, "h" * 43))
    # shut out by one's own allowfrom; another's delegate is as one that does not exist
    api.call("PATCH", path, 200, pair(account), {"allowfrom": ["192.0.2.0/24"]})
    api.call("GET", path, 401, pair(account))
    for method, tail in (("GET", ""), ("PATCH", ""), ("DELETE", ""), ("PUT", "/values"), ("GET", "/history"), ("POST", "/keys")):
        api.call(method, path + tail, 401, pair(other), "{}")


def check_setup(api):
    account = api.register()
    path = DELEGATES + "/" + account["id"] + "/setup"
    got, _ = api.call("GET", path + "?domain=*.Example.com", 200, pair(account))
    records = {(record["purpose"], record["name"], record["type"]): record["value"] for record in got["records"]}
    expect("the CNAME", records.get(("dns-01", "_acme-challenge.example.com.", "CNAME")), account["fulldomain"] + ".")
    got, _ = api.call("GET", path + "?domain=example.com&account_url=https%3A%2F%2Fexample.com%2Facme%2Facct%2FExampleAccount", 200,
                      pair(account))
    names = [record["name"] for record in got["records"]]
    expect("the label of the draft's example", "_ujmmovf2vn55tgye._acme-challenge.example.com." in names, True)
    for query in ("", "?domain=", "?domain=a..b", "?domain=%00", "?domain=example.com&account_url=x"):
        api.call("GET", path + query, 400, pair(account))


def check_deletion(txtd, api):
    account = api.register()
    path = DELEGATES + "/" + account["id"]
    api.call("PUT", path + "/values", 200, pair(account), {"values": ["gone soon"]})
    expect("what DNS has", txtd.dig(account["fulldomain"]), ["gone soon"])
    api.call("DELETE", path, 204, pair(account))
    expect("what DNS has", txtd.dig(account["fulldomain"]), [])
    api.call("GET", path, 401, pair(account))
    api.call("POST", "/update", 401, pair(account), {"subdomain": account["id"], "txt": "v" * 43})
    return account


def check_operator(txtd, api, deleted):
    for headers in ({}, {"Authorization": "Bearer wrong-token-0123456789"}):
        for method, path in (("GET", DELEGATES), ("GET", "/api/v1/stats"), ("POST", DELEGATES + "/" + deleted["id"] + "/disable")):
            api.call(method, path, 401, headers)
    accounts = [api.register({"note": "page %d" % number}, BEARER) for number in range(12)]
    seen, cursor, pages = [], "", 0
    while cursor is not None and pages < 100:
        got, _ = api.call("GET", DELEGATES + "?limit=5" + ("&cursor=" + cursor if cursor else ""), 200, BEARER)
        if len(got["delegates"]) > 5:
            raise Failure("a page of 5 has %d" % len(got["delegates"]))
        seen += [item["id"] for item in got["delegates"]]
        cursor, pages = got["next_cursor"], pages + 1
    expect("delegates seen twice", len(seen) - len(set(seen)), 0)
    expect("registered ones that are not listed", [a["id"] for a in accounts if a["id"] not in seen], [])
    expect("whether the deleted one is listed", deleted["id"] in seen, False)

    account = accounts[0]
    path = DELEGATES + "/" + account["id"]
    api.call("POST", "/update", 200, pair(account), {"subdomain": account["id"], "txt": "v" * 43})
    api.call("POST", path + "/disable", 200, BEARER)
    expect("what DNS has of a disabled one", txtd.dig(account["fulldomain"]), [])
    api.call("POST", "/update", 401, pair(account), {"subdomain": account["id"], "txt": "w" * 43})
    got, _ = api.call("GET", DELEGATES + "?disabled=true", 200, BEARER)
    expect("the disabled ones", [item["id"] for item in got["delegates"]], [account["id"]])
    api.call("POST", path + "/enable", 200, BEARER)
    expect("what DNS has", txtd.dig(account["fulldomain"]), ["v" * 43])
    got, _ = api.call("GET", path, 200, BEARER)
    expect("whose it is", (got.get("username"), got["note"], [key["key_id"] for key in got["keys"]], got["slots"], got["allowfrom"]),
           (account["username"], "page 0", [1], 2, []))
    expect("when it was made", (got["created_at"], api.call("GET", path + "/history", 200, BEARER)[0]["created_at"]),
           (account["created_at"],) * 2)
    expect("as much of the owner", sorted(api.call("GET", path, 200, pair(account))[0]), sorted(got))
    expect("its values", [value["value"] for value in got["values"]], ["v" * 43])
    api.call("POST", DELEGATES + "/" + deleted["id"] + "/disable", 404, BEARER)
    api.call("GET", "/api/v1/stats", 200, BEARER)
    api.call("GET", "/api/v1/backup", 200, BEARER)
    api.call("POST", "/api/v1/backup", 202, BEARER)
    while api.call("GET", "/api/v1/backup", 200, BEARER)[0]["running"]:
        pass
    api.call("POST", "/api/v1/backup", 400, BEARER, {"directory": "/elsewhere"}, "invalid_directory")
    api.call("POST", "/api/v1/backup", 401)
    for query, error in (("limit=0", "invalid_limit"), ("limit=257", "invalid_limit"), ("cursor=x", "invalid_cursor"),
                         ("zone=x", "unknown_zone"), ("disabled=x", "invalid_disabled")):
        api.call("GET", DELEGATES + "?" + query, 400, BEARER, None, error)


def check_rest(api):
    """What the parts above have not called."""
    api.call("POST", "/register", 201, None, {"allowfrom": ["127.0.0.0/8"]})
    for path in ("/health", "/livez", "/readyz", "/openapi.json"):
        api.call("GET", path, 200)
    jsonschema.Draft202012Validator.check_schema({"$defs": api.description.document["components"]["schemas"]})
    response, answer = api.request("POST", "/openapi.json", None, {})
    expect("POST /openapi.json", (response.status, response.headers["Allow"], answer["error"]),
           (405, "GET, HEAD, OPTIONS", "method_not_allowed"))
    response, answer = api.request("PUT", DELEGATES, "{}", {})
    expect("PUT", (response.status, response.headers["Allow"], "detail" in answer), (405, "GET, HEAD, POST, OPTIONS", True))
    response, answer = api.request("GET", "/api/v1/unknown", None, {})
    expect("an unknown path", (response.status, answer["error"], "detail" in answer), (404, "not_found", True))
    api.description.expect_all_done()


def check_tokens(directory, program):
    """Registration by token: below its path, or by Basic authentication; the operator needs none."""
    tokens = os.path.join(directory, "tokens")
    with open(tokens, "w", encoding="ascii") as file:
        file.write(REGISTRATION + "\n")
    with service.Txtd(program, directory, api={"registration": "token", "registration_tokens_file": tokens,
                                               "operator_tokens_file": operator_file(directory)}) as txtd:
        api = Api(txtd)
        api.call("POST", DELEGATES, 401)
        api.call("POST", "/t/wrong-token-0123456789" + DELEGATES, 401)
        api.register(path="/t/" + REGISTRATION + DELEGATES)
        api.register(headers={"Authorization": service.basic({"username": "any", "password": REGISTRATION})})
        api.register(headers=BEARER)
        if REGISTRATION in txtd.text() or OPERATOR in txtd.text():
            raise Failure("a token is in the log")
        token_id, operator_id = (hashlib.sha256(token.encode()).hexdigest()[:8] for token in (REGISTRATION, OPERATOR))
        for wanted, count in (("by=token token=" + token_id, 2), ("by=operator token=" + operator_id, 1)):
            deadline = time.monotonic() + 10
            while txtd.text().count(wanted) != count:  # changes are logged some milliseconds behind
                if time.monotonic() > deadline:
                    raise Failure("%s is in the log %d times, not %d" % (wanted, txtd.text().count(wanted), count))
                time.sleep(0.05)


def check_limits(directory, program):
    limits = dict(service.NO_LIMITS, registrations_per_minute=3)
    with service.Txtd(program, directory, api={"limits": limits, "operator_tokens_file": operator_file(directory)}) as txtd:
        api = Api(txtd)
        for _ in range(3):
            api.register()
        _, headers = api.call("POST", DELEGATES, 429)
        if not 1 <= int(headers["Retry-After"]) <= 60:
            raise Failure("Retry-After is " + headers["Retry-After"])
        api.register(headers=BEARER)  # the operator is not limited


def check_zone_gone(directory, program, txtctl):
    """Delegates of a zone that is not served any more are listed without a name."""
    with service.Txtd(program, directory, api={"operator_tokens_file": operator_file(directory)}) as txtd:
        account = Api(txtd).register()
        txtd.stop()
        with open(txtd.config, encoding="ascii") as file:
            config = json.load(file)
        config["zones"] = [{"name": "other.example.test", "nameservers": [{"name": "ns1.other.example.test", "addresses": ["127.0.0.1"]}]}]
        with open(txtd.config, "w", encoding="ascii") as file:
            json.dump(config, file)
        txtd.start()
        item, = Api(txtd).call("GET", DELEGATES, 200, BEARER)[0]["delegates"]
        expect("its name", (item["id"], item["fulldomain"], item["zone"]), (account["id"], None, None))
        listed = subprocess.run([txtctl, "list", "--url", "https://127.0.0.1:%d" % txtd.api_port, "--token-file",
                                 os.path.join(directory, "operators"), "--ca", os.path.join(directory, "state", "self-signed.pem")],
                                capture_output=True, text=True, timeout=60, check=False)
        expect("txtctl list", (listed.returncode, listed.stdout.split()[:2], "not served" in listed.stdout),
               (0, [account["id"], "created"], True))


def operator_file(directory):
    path = os.path.join(directory, "operators")
    with open(path, "w", encoding="ascii") as file:
        file.write(OPERATOR + "\n")
    return path


def place(directory, name):
    path = os.path.join(directory, name)
    os.mkdir(path)
    return path


def main(directory, program, txtctl):
    with service.Txtd(program, place(directory, "open"), api={"operator_tokens_file": operator_file(directory)},
                      store={"reserve": 0, "backup_directory": os.path.join(directory, "backups")}) as txtd:
        api = Api(txtd)
        plain = check_registration(txtd, api)
        check_values(txtd, api)
        check_persistent(txtd, api)
        check_keys(api)
        check_settings_and_history(api)
        check_setup(api)
        deleted = check_deletion(txtd, api)
        check_operator(txtd, api, deleted)
        check_rest(api)
        if api.description.invalid < 10:
            raise Failure("hardly anything was answered 400")
        expect("400s", 'txtd_refusals_total{reason="invalid"} %d\n' % api.description.invalid in txtd.get_internal("/metrics")[1], True)
        txtd.stop()
        txtd.start()  # all of that is durable
        api = Api(txtd)
        api.call("GET", DELEGATES + "/" + plain["id"], 200, pair(plain))
        expect("whose it is", api.call("GET", DELEGATES + "/" + plain["id"], 200, BEARER)[0].get("username"), plain["username"])
        api.call("GET", DELEGATES + "/" + deleted["id"], 401, pair(deleted))
    check_zone_gone(place(directory, "zone"), program, txtctl)
    check_tokens(place(directory, "token"), program)
    check_limits(place(directory, "limits"), program)
    print("ok: the native API")


if __name__ == "__main__":
    service.run(main)
