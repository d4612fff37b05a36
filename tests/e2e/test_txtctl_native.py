#!/usr/bin/python3
"""txtctl's commands for the native API, as a customer and as the operator use them; what they did is seen from DNS and the file.

    test_txtctl_native.py TXTD TXTCTL
"""
import json
import os
import subprocess
import sys

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import service  # noqa: E402
from service import Failure  # noqa: E402

DOMAIN = "www.example.com"
FIRST, SECOND = "v" * 43, "w" * 43
PERSISTENT = "authority.example; accounturi=https://authority.example/acme/1"


class Txtctl:
    """Calls the program with what it always needs."""

    def __init__(self, program, txtd, directory):
        self.program = program
        self.credentials = os.path.join(directory, "credentials.json")
        self.common = ["--ca", os.path.join(txtd.directory, "state", "self-signed.pem")]
        self.environment = dict(os.environ, TXTD_CREDENTIALS=self.credentials, TXTD_URL="https://127.0.0.1:%d" % txtd.api_port,
                                TXTD_OPERATOR_TOKEN_FILE=os.path.join(directory, "operator"))

    def run(self, status, *arguments, says=""):
        """Fails unless it ends with that status and prints `says` somewhere; returns the standard output."""
        done = subprocess.run([self.program, *self.common, *arguments], env=self.environment, capture_output=True, text=True,
                              timeout=60, check=False)
        if done.returncode != status or says not in done.stdout + done.stderr:
            raise Failure("txtctl %s ended with %d, not %d (%r): %s%s" % (" ".join(arguments), done.returncode, status, says,
                                                                          done.stdout, done.stderr))
        return done.stdout

    def accounts(self):
        with open(self.credentials, encoding="utf-8") as file:
            return json.load(file)


def expect(what, got, wanted):
    if got != wanted:
        raise Failure("%s: %r, not %r" % (what, got, wanted))


def make_token(program):
    made = json.loads(subprocess.run([program, "token", "--json"], check=True, capture_output=True, text=True).stdout)
    expect("the token's length", {name: len(text) for name, text in made.items()}, {"token": 40})
    return subprocess.run([program, "token"], check=True, capture_output=True, text=True).stdout


def check_values(txtd, txtctl, name):
    txtctl.run(0, "set", FIRST, "two words")
    expect("what DNS has", sorted(txtd.dig(name)), sorted([FIRST, "two words"]))
    txtctl.run(0, "clear", "two words")
    expect("what DNS has", txtd.dig(name), [FIRST])
    txtctl.run(1, "clear", "two words", says="404")
    txtctl.run(1, "clear", "x" * 400, says="404")  # none can be that long
    txtctl.run(2, "clear", "x" * 2000, says="255")
    txtctl.run(1, "set", "a", "b", "c", says="slots")
    txtctl.run(1, "set", "a", "a", says="twice")
    txtctl.run(2, "set", says="VALUE")
    expect("what DNS has", txtd.dig(name), [FIRST])
    txtctl.run(0, "persistent", PERSISTENT)
    txtctl.run(0, "clear")
    expect("what DNS has", txtd.dig(name), [PERSISTENT])
    txtctl.run(0, "show", says="persistent " + PERSISTENT)
    txtctl.run(1, "persistent", "!", says="issue-value")
    txtctl.run(0, "persistent")
    expect("what DNS has", txtd.dig(name), [])


def check_settings(txtctl, name):
    shown = json.loads(txtctl.run(0, "--json", "note", "Büro\x1b[2J\x9b"))
    expect("the note", shown["note"], "Büro\x1b[2J\x9b")
    if "\x1b" in txtctl.run(0, "show", says="Büro?[2J?"):
        raise Failure("a note reaches the terminal as it is")
    txtctl.run(1, "note", "x" * 256, says="255 octets")
    shown = json.loads(txtctl.run(0, "--json", "allowfrom", "127.0.0.0/8", "2001:db8::/32"))
    expect("allowfrom", shown["allowfrom"], ["127.0.0.0/8", "2001:db8::/32"])
    txtctl.run(0, "show", says="allowfrom  127.0.0.0/8")
    txtctl.run(1, "allowfrom", "127.0.0.1", says="prefix")
    if "refused from this address" in subprocess.run(
            [txtctl.program, *txtctl.common, "allowfrom", "127.0.0.0/8"], env=txtctl.environment, capture_output=True, text=True,
            check=True).stderr:
        raise Failure("a list that holds the address shuts it out")
    # Whoever is shut out is told, and let in again by the operator.
    txtctl.run(0, "allowfrom", "192.0.2.0/24", says="refused from this address now")
    txtctl.run(1, "allowfrom", says="401")
    txtctl.run(1, "allowfrom", name, "nonsense", says="prefix")
    shown = json.loads(txtctl.run(0, "--json", "allowfrom", name, "198.51.100.0/24", "127.0.0.1/32"))
    expect("allowfrom", shown["allowfrom"], ["198.51.100.0/24", "127.0.0.1/32"])
    txtctl.run(0, "show", says="allowfrom  127.0.0.1/32")
    txtctl.run(0, "allowfrom", name.split(".", maxsplit=1)[0])
    txtctl.run(1, "allowfrom", "00000000-0000-4000-8000-000000000000", "127.0.0.1/32", says="404")
    txtctl.run(0, "history", says="settings")
    txtctl.run(0, "allowfrom")
    expect("allowfrom", json.loads(txtctl.run(0, "--json", "show"))["allowfrom"], [])
    records = txtctl.run(0, "setup", DOMAIN)
    if "_acme-challenge.%s. IN CNAME %s." % (DOMAIN, name) not in records:
        raise Failure("setup prints no CNAME: " + records)
    txtctl.run(0, "setup", "example.com", "--account-url", "https://example.com/acme/acct/ExampleAccount",
               says="_ujmmovf2vn55tgye._acme-challenge.example.com.")
    txtctl.run(1, "setup", "a..b", says="domain")
    issuer = "setup", DOMAIN, "--issuer", "authority.example"
    txtctl.run(0, *issuer, says="; dns-persist-01: the CAA below allows it once there are persistent values")
    txtctl.run(0, "persistent", PERSISTENT)
    txtctl.run(0, *issuer, says="; dns-persist-01\n_validation-persist.")
    txtctl.run(0, *issuer, says='CAA 0 issue "authority.example; validationmethods=dns-01,dns-persist-01"')
    txtctl.run(0, "persistent")


def check_rotation(txtctl):
    old = txtctl.accounts()[DOMAIN]
    txtctl.run(0, "rotate")
    new = txtctl.accounts()[DOMAIN]
    expect("whether the key is another", new["password"] != old["password"], True)
    expect("the rest of the account", dict(new, password=""), dict(old, password=""))
    expect("the file's mode", os.stat(txtctl.credentials).st_mode & 0o777, 0o600)
    txtctl.run(0, "update", FIRST)
    expect("the keys", [key["key_id"] for key in json.loads(txtctl.run(0, "--json", "show"))["keys"]], [2])
    expect("the new key's id", json.loads(txtctl.run(0, "--json", "rotate", "--keep")), {"key_id": 3})
    expect("the keys", [key["key_id"] for key in json.loads(txtctl.run(0, "--json", "show"))["keys"]], [2, 3])
    expect("the key revoked", json.loads(txtctl.run(0, "--json", "revoke", "2")), {"key_id": 2, "revoked": True})
    txtctl.run(1, "revoke", "2", says="404")
    txtctl.run(1, "revoke", "3", says="last key")
    txtctl.run(0, "history", says="key_revoked")
    what = [event["what"] for event in json.loads(txtctl.run(0, "--json", "history"))["events"]]
    expect("the newest of the history", what[:5], ["key_revoked", "key_added", "updated", "key_revoked", "key_added"])


def check_operator(txtd, txtctl, directory, name):
    token = os.path.join(directory, "operator")
    for number in range(3):
        txtctl.run(0, "register", "--domain", "other%d.example.com" % number)
    lines = txtctl.run(0, "list").splitlines()
    expect("how many are listed", len(lines), 4)
    # --json: an object a line
    expect("the names", sorted(json.loads(line)["fulldomain"] for line in txtctl.run(0, "--json", "list").splitlines()),
           sorted(account["fulldomain"] for account in txtctl.accounts().values()))
    txtctl.run(0, "show", name, says=FIRST)
    txtctl.run(0, "history", name.split(".", maxsplit=1)[0], says="updated")
    txtctl.run(0, "disable", name)
    expect("what DNS has", txtd.dig(name), [])
    expect("the disabled ones", [line.split()[0] for line in txtctl.run(0, "list", "--disabled").splitlines()], [name])
    txtctl.run(0, "show", name, says="(disabled)")
    txtctl.run(1, "update", FIRST, "--domain", DOMAIN, says="401")
    txtctl.run(0, "enable", name)
    expect("what DNS has", txtd.dig(name), [FIRST])
    txtctl.run(0, "list", "--zone", service.ZONE, says=name)
    txtctl.run(1, "list", "--zone", "other.test", says="zone")
    txtctl.run(1, "disable", "00000000-0000-4000-8000-000000000000", says="404")
    txtctl.run(2, "disable", "nonsense", says="UUID")
    shown = txtctl.run(0, "stats", says="delegates     4").splitlines()
    stats = json.loads(txtctl.run(0, "--json", "stats"))
    for kind in "answered", "refused":
        expect(kind, [line.split(maxsplit=1)[1].split(", ") for line in shown if line.startswith(kind + " ")],
               [["%s %d" % count for count in stats[kind].items()]])
    expect("registrations", stats["answered"]["registrations"], 4)
    expect("whether somebody was refused", stats["refused"]["forbidden"] > 0, True)
    wrong = os.path.join(directory, "wrong")
    with open(wrong, "w", encoding="ascii") as file:
        file.write(make_token(txtctl.program))
    txtctl.run(1, "list", "--token-file", wrong, says="401")
    txtctl.run(2, "list", "--token-file", "/dev/null", says="no token")
    txtctl.run(2, "list", "--token-file", os.path.join(directory, "absent"), says="absent")
    del txtctl.environment["TXTD_OPERATOR_TOKEN_FILE"]
    txtctl.run(2, "list", says="--token-file")
    txtctl.run(0, "list", "--token-file", token, says=name)


def check_paging(txtd, txtctl, token):
    """More than a page of them: none is left out, none comes twice."""
    for _ in range(300):  # a page has 256
        txtd.register()
    names = [line.split()[0] for line in txtctl.run(0, "list", "--token-file", token).splitlines()]
    expect("how many are listed, and how many different", (len(names), len(set(names))), (304, 304))


def check_deletion(txtd, txtctl, name):
    txtctl.run(2, "delete", "--domain", DOMAIN, says="--yes")
    expect("what DNS has", txtd.dig(name), [FIRST])
    expect("the delegate deleted", json.loads(txtctl.run(0, "--json", "delete", "--domain", DOMAIN, "--yes")),
           {"domain": DOMAIN, "fulldomain": name, "deleted": True})
    expect("what DNS has", txtd.dig(name), [])
    expect("the accounts left", sorted(txtctl.accounts()), ["other%d.example.com" % number for number in range(3)])
    txtctl.run(2, "delete", "--domain", DOMAIN, "--yes", says="no account")


def main(directory, program, txtctl_program):
    token = os.path.join(directory, "operator")
    made = make_token(txtctl_program)
    with open(token, "w", encoding="ascii") as file:
        file.write("# the operator's\n\n" + made)
    with service.Txtd(program, directory, api={"operator_tokens_file": token}) as txtd:
        txtctl = Txtctl(txtctl_program, txtd, directory)
        txtctl.run(0, "register", "--domain", DOMAIN)
        name = txtctl.accounts()[DOMAIN]["fulldomain"]
        check_values(txtd, txtctl, name)
        check_settings(txtctl, name)
        check_rotation(txtctl)
        check_operator(txtd, txtctl, directory, name)
        check_paging(txtd, txtctl, token)
        check_deletion(txtd, txtctl, name)
        if made.strip() in txtd.text():
            raise Failure("the operator's token is in the log")
    print("ok: txtctl and the native API")


if __name__ == "__main__":
    service.run(main)
