#!/usr/bin/python3
"""The acme-dns API from outside: every row of acmedns.table, over HTTPS, against the built txtd.

    test_acmedns_table.py TXTD TXTCTL
"""
import os
import re
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import service  # noqa: E402

TABLE = os.path.join(os.path.dirname(os.path.abspath(__file__)), "acmedns.table")
VALUE = "___validation_token_received_from_the_ca___"
UUID = "[0-9a-f]{8}-[0-9a-f]{4}-4[0-9a-f]{3}-[89ab][0-9a-f]{3}-[0-9a-f]{12}"
TOKEN = "right-0123456789abcdef"
SITES = {
    "open": {},
    "proxies": {"trusted_proxies": ["127.0.0.0/8", "2001:db8:ffff::/48"]},
    "token": {"registration": "token"},
    "wrong-tokens": {"registration": "token", "limits": dict(service.NO_LIMITS, failures_per_minute=2)},
    "off": {"registration": "off"},
    "cors": {"cors_origins": ["https://a.example"]},
    "registrations": {"trusted_proxies": ["127.0.0.0/8"], "limits": dict(service.NO_LIMITS, registrations_per_minute=2)},
    "updates": {"limits": dict(service.NO_LIMITS, updates_per_minute=3, failures_per_minute=2)},
}
ALLOWFROM = {
    "free": "",
    "other": "",
    "near": '"127.0.0.0/8","::1/128"',
    "far": '"192.0.2.0/24"',
    "proxied": '"198.51.100.0/24","2001:db8:1::/48"',
}


class Row:
    """One line of the table."""

    def __init__(self, number, line):
        cells = [cell.strip() for cell in re.split(r"\|(?![^()]*\))", line)]  # not within a regular expression's group
        if len(cells) not in (6, 7):
            raise service.Failure("acmedns.table:%d: %d cells" % (number, len(cells)))
        self.number = number
        self.name, target, self.headers, self.body, self.status, self.answer = cells[:6]
        self.method, self.path = target.split(" ", 1)
        self.answer_headers = [cell.strip() for cell in cells[6].split(";")] if len(cells) == 7 else []


def read_table():
    """Yields (site, paths, rows) of each section."""
    sections = []
    with open(TABLE, encoding="ascii") as file:
        for number, line in enumerate(file, 1):
            if re.match(r"\[", line):
                site, *paths = line.strip().strip("[]").split()
                sections.append((site, paths, []))
            elif line.strip() and not line.startswith("#"):
                sections[-1][2].append(Row(number, line))
    return sections


class Accounts:
    """The accounts that rows speak of, registered when first needed."""

    def __init__(self, txtd, register_path):
        self.txtd = txtd
        self.register_path = register_path
        self.made = {}

    def get(self, name):
        if name not in self.made:
            self.made[name] = self.txtd.register(self.register_path, '{"allowfrom":[%s]}' % ALLOWFROM[name])
        return self.made[name]

    def fill(self, text, escape=lambda string: string):
        text = text.replace("<txt>", escape(VALUE)).replace("<long>", "x" * 20000).replace("\\n", "\n")
        return re.sub(r"<(\w+)\.(\w+)>", lambda match: escape(self.get(match[1])[match[2]]), text)

    def headers(self, cell):
        lines = []
        for item in filter(None, (item.strip() for item in cell.split(";"))):
            if item.startswith("@"):
                account = self.get(item[1:])
                lines += ["X-Api-User: " + account["username"], "X-Api-Key: " + account["password"]]
            elif item.startswith("basic@"):
                lines.append("Authorization: " + service.basic(self.get(item[6:])))
            else:
                lines.append(self.fill(item))
        return lines


def body_of(accounts, cell):
    """The framing header lines and the octets of a body."""
    if cell == "none":
        return [], b""
    chunked = cell.startswith("chunked: ")
    text = cell[len("chunked: "):] if chunked else cell
    repeated = re.fullmatch(r"(.)\*(\d+)", text)
    text = repeated[1] * int(repeated[2]) if repeated else accounts.fill("" if text == "-" else text)
    octets = text.encode()
    if not chunked:
        return ["Content-Length: %d" % len(octets)], octets
    middle = len(octets) // 2
    parts = [octets[:middle], octets[middle:], b""]
    return ["Transfer-Encoding: chunked"], b"".join(b"%x\r\n%s\r\n" % (len(part), part) for part in parts)


def check_headers(row, headers):
    for expected in row.answer_headers:
        if expected.startswith("!"):
            if headers.get(expected[1:]) is not None:
                return "%s: %s is there" % (expected[1:], headers.get(expected[1:]))
            continue
        name, pattern = expected.split(": ", 1)
        if headers.get(name) is None or not re.fullmatch(pattern, headers.get(name)):
            return "%s is %s, not %s" % (name, headers.get(name), pattern)
    return None


def check_answer(accounts, row, text):
    if row.answer == "*":
        return None
    if row.answer.startswith("~"):
        pattern = accounts.fill(row.answer[1:].replace("<uuid>", UUID), re.escape)
        return None if re.fullmatch(pattern, text) else "the answer is %s, not like %s" % (text, pattern)
    expected = accounts.fill(row.answer)
    return None if text == expected else "the answer is %s, not %s" % (text, expected)


def run_row(txtd, accounts, path, row):
    """Returns what is wrong, or None."""
    framing, body = body_of(accounts, row.body)
    target = path.rstrip("/") + accounts.fill(row.path)
    lines = ["%s %s HTTP/1.1" % (row.method, target), "Host: 127.0.0.1"] + accounts.headers(row.headers) + framing
    try:
        status, headers, text = txtd.exchange("\r\n".join(lines + ["", ""]).encode() + body, row.method)
    except (OSError, service.http.client.HTTPException) as error:
        return "no answer: %r" % error
    if status != int(row.status):
        return "the status is %d %s, not %s" % (status, text, row.status)
    if headers.get("Content-Type") != "application/json":
        return "the Content-Type is %s" % headers.get("Content-Type")
    return check_headers(row, headers) or check_answer(accounts, row, text)


def run_section(directory, program, site, paths, rows):
    """Runs the rows against a txtd of their own; returns how many failed."""
    with open(os.path.join(directory, "tokens"), "w", encoding="ascii") as file:
        file.write(TOKEN + "\n")
    os.chmod(file.name, 0o600)
    options = dict(SITES[site])
    if options.get("registration") == "token":
        options["registration_tokens_file"] = file.name
    failed = 0
    with service.Txtd(program, directory, api=options) as txtd:
        accounts = Accounts(txtd, "/t/%s/register" % TOKEN if options.get("registration") == "token" else "/register")
        for path in paths:
            for row in rows:
                wrong = run_row(txtd, accounts, path, row)
                if wrong is not None:
                    failed += 1
                    print("FAIL: acmedns.table:%d: %s, below %s of %s: %s" % (row.number, row.name, path, site, wrong))
        txtd.stop()
        if TOKEN in txtd.text() or any(account["password"] in txtd.text() for account in accounts.made.values()):
            raise service.Failure("a secret is in the log")
    return failed


def main(directory, program, _txtctl):
    failed = count = 0
    for number, (site, paths, rows) in enumerate(read_table()):
        place = os.path.join(directory, str(number))
        os.mkdir(place)
        failed += run_section(place, program, site, paths, rows)
        count += len(paths) * len(rows)
    print("%d requests, %d wrong" % (count, failed))
    if failed > 0 or count < 100:
        raise service.Failure("%d of %d rows" % (failed, count))


if __name__ == "__main__":
    service.run(main)
