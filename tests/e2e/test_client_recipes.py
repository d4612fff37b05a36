#!/usr/bin/python3
"""deploy/clients/README.md: every piece of configuration can be read, the account shown is what registering answers and what the clients
read, and each client's settings, with a real account in them, publish a value when they are used as that client uses them.

    test_client_recipes.py TXTD TXTCTL

The clients in Debian run by the same file against pebble: acme/run_client.sh.
"""
import json
import os
import re
import shlex
import socket
import subprocess
import sys
import tomllib

import dns.zone
import yaml

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import service  # noqa: E402
from service import Failure  # noqa: E402

CLIENTS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../deploy/clients")
INSTALLED = "/usr/share/txtd/clients/"
TITLES = ["lego", "certbot", "uacme", "dehydrated", "acme.sh", "Caddy", "Traefik", "cert-manager", "Posh-ACME", "win-acme"]
FORM, JSON, TEXT = "application/x-www-form-urlencoded", "application/json", "text/plain; charset=utf-8"
FIELDS = {"username", "password", "fulldomain", "subdomain"}


def expect(condition, *what):
    if not condition:
        raise Failure(" ".join(map(str, what)))


def balanced(text):
    """Brackets and braces fit one another outside quotes and comments."""
    stack = []
    for sign in re.sub(r"'[^'\n]*'|\"[^\"\n]*\"|#[^\n]*", "", text):
        if sign in "({[":
            stack.append(sign)
        elif sign in ")}]" and (not stack or stack.pop() + sign not in ("()", "{}", "[]")):
            return False
    return not stack


def shell(text):
    done = subprocess.run(["sh", "-n"], input=text, capture_output=True, text=True, check=False)
    expect(done.returncode == 0, "a shell does not read this:", text, done.stderr)


READERS = {
    "sh": shell,
    "json": json.loads,
    "yaml": lambda text: list(yaml.safe_load_all(text)),
    "toml": tomllib.loads,
    "dns": lambda text: dns.zone.from_text("@ 60 IN SOA a. b. 1 2 3 4 5\n@ 60 IN NS a.\n" + text, origin="example.com"),
    "caddyfile": lambda text: expect(balanced(text) and not re.search(r"[^\s{]\{|\{[^\n]|\}[^\n]", text), "a Caddyfile:", text),
    "powershell": lambda text: expect(balanced(text), "PowerShell:", text),
    "bat": lambda text: expect(text.count("\n") == 1, "one command:", text),
}


def sections(text):
    """The blocks below each title, as (kind, text); all of them can be read."""
    found, title = {}, ""
    for line in re.finditer(r"^#+ ([^\n]*)$|^```(\w*)\n(.*?)^```$", text, re.S | re.M):
        if line[1] is not None:
            title = line[1]
            continue
        expect(line[2] in READERS, "a block of no known kind:", line[2], line[3])
        READERS[line[2]](line[3])
        found.setdefault(title, []).append((line[2], line[3]))
    return found


def check_account(found, txtctl, txtd, ca, url):
    """What is shown is what /register answers and txtctl keeps; returns what is shown, and txtctl's file and account."""
    blocks = found["1. Register, once for each name"]
    (shown,) = [json.loads(text) for kind, text in blocks if kind == "json"]
    credentials = os.path.join(txtd.directory, "credentials.json")
    register = [text for kind, text in blocks if kind == "sh"]
    expect(len(register) == 2, "two ways to register")
    words = shlex.split(register[0].replace("https://auth.example.org", url))
    expect(words[0] == "txtctl", "the first way")
    done = subprocess.run([txtctl, "--ca", ca, "--credentials", credentials, *words[1:]], capture_output=True, text=True, check=False)
    expect(done.returncode == 0, done.stderr)
    with open(credentials, encoding="ascii") as file:
        kept = json.load(file)
    words = shlex.split(register[1].replace("https://auth.example.org", url))
    expect(words[0] == "curl", "the second way")
    answer = json.loads(subprocess.run([*words, "--cacert", ca], capture_output=True, text=True, check=True).stdout)
    form = lambda account: {key: re.sub("[0-9a-f]", "x", value) if key in ("username", "subdomain") else type(value)
                            for key, value in account.items()}
    expect(shown.keys() == kept.keys() == {"example.com"}, "the file's domains")
    expect(form(shown["example.com"]) == form(kept["example.com"]) == form(answer), "the account:", answer)
    account = shown["example.com"]
    expect(re.fullmatch("[A-Za-z0-9_-]{40}", account["password"]), "the password")
    expect(account["fulldomain"] == account["subdomain"] + ".auth.example.org", "the delegate's name")
    (record,) = [text for kind, text in found["2. The CNAME, once, in the domain's own zone"] if kind == "dns"]
    expect(record.split() == ["_acme-challenge.example.com.", "3600", "IN", "CNAME", account["fulldomain"] + "."], "the CNAME:", record)
    expect(record.split()[-1].replace(account["fulldomain"], kept["example.com"]["fulldomain"]) in done.stdout + ".", "txtctl's CNAME")
    return account, credentials, kept["example.com"]


class Publisher:
    """Sends updates as clients do; each must be served."""

    def __init__(self, txtd, account):
        self.txtd = txtd
        self.account = account
        self.count = 0

    def value(self):
        self.count += 1
        return "%043d" % self.count

    def served(self, who, value):
        expect(value in self.txtd.dig(self.account["fulldomain"]), who, "published", value, "which is not served")
        print("ok: %s" % who)

    def send(self, who, base, user, key, subdomain, kind=JSON, names=("subdomain", "txt")):
        """POST base/update; whatever the settings lack makes it fail."""
        expect(re.match(r"https://auth\.example\.org(/|$)", base), who, "has another API:", base)
        value = self.value()
        connection = self.txtd.connect()
        connection.request("POST", base.removeprefix("https://auth.example.org") + "/update", json.dumps(
            dict(zip(names, (subdomain, value)))), {"X-Api-User": user, "X-Api-Key": key, "Content-Type": kind})
        response = connection.getresponse()
        answer = response.read().decode()
        connection.close()
        expect(response.status == 200 and '"%s"' % value in answer, who, "was answered", response.status, answer)
        self.served(who, value)


def of(found, title, kind):
    return [text for kind_of_block, text in found[title] if kind_of_block == kind]


def check_acme_sh(found, publisher):
    (block,) = of(found, "acme.sh", "sh")
    given = dict(re.findall(r"^export ACMEDNS_(\w+)=(\S+)$", block, re.M))
    expect("--dns dns_acmedns " in block, "acme.sh's provider")
    publisher.send("acme.sh", given["BASE_URL"], given["USERNAME"], given["PASSWORD"], given["SUBDOMAIN"], FORM)


def check_caddy(found, publisher):
    (whole,) = map(json.loads, of(found, "Caddy", "json"))
    by_file, by_account = of(found, "Caddy", "caddyfile")
    policy = whole["apps"]["tls"]["automation"]["policies"][0]
    provider = policy["issuers"][0]["challenges"]["dns"]["provider"]
    expect(provider.pop("name") == "acmedns" and policy["issuers"][0]["module"] == "acme", "Caddy's modules")
    expect("\t\tdns acmedns /etc/txtd/credentials.json\n" in by_file, "Caddy's file")
    (inner,) = re.findall(r"dns acmedns \{\n(.*?)\}", by_account, re.S)
    given = dict(line.split() for line in inner.strip().splitlines())
    expect(given == provider, "Caddy's two languages differ:", given, provider)
    publisher.send("Caddy", given["server_url"], given["username"], given["password"], given["subdomain"])


def check_goacmedns(found, publisher, credentials):
    """lego and Traefik by their environment, cert-manager by its Secret: all read the same file."""
    (environment,) = of(found, "Traefik", "sh")
    expect(shlex.split(environment) == shlex.split(of(found, "lego", "sh")[1])[:2], "lego's and Traefik's environment")
    base, path = (word.split("=", 1) for word in shlex.split(environment))
    expect((base[0], path) == ("ACME_DNS_API_BASE", ["ACME_DNS_STORAGE_PATH", "/etc/txtd/credentials.json"]), environment)
    resolvers = yaml.safe_load(*of(found, "Traefik", "yaml"))
    expect(resolvers == tomllib.loads(*of(found, "Traefik", "toml")), "Traefik's two languages differ")
    expect(resolvers["certificatesResolvers"]["txtd"]["acme"]["dnsChallenge"] == {"provider": "acme-dns"}, "Traefik's provider")
    (secret,) = of(found, "cert-manager", "sh")
    issuer, certificate = yaml.safe_load_all(*of(found, "cert-manager", "yaml"))
    solver = issuer["spec"]["acme"]["solvers"][0]["dns01"]["acmeDNS"]
    expect("secret generic %(name)s --namespace cert-manager --from-file=%(key)s=" % solver["accountSecretRef"] in secret, "the Secret")
    expect(certificate["spec"]["issuerRef"] == {"name": issuer["metadata"]["name"], "kind": issuer["kind"]}, "the issuer")
    with open(credentials, encoding="ascii") as file:
        account = json.load(file)["example.com"]
    expect(account.keys() >= FIELDS, "the file")
    for who, api, names in (("lego, Traefik", base[1], ("subdomain", "txt")), ("older lego", base[1], ("SubDomain", "Txt")),
                            ("cert-manager", solver["host"], ("SubDomain", "Txt"))):
        publisher.send(who, api, account["username"], account["password"], account["subdomain"], JSON, names)


def check_windows(found, publisher):
    (block,) = of(found, "Posh-ACME", "powershell")
    (server,) = re.findall(r"ACMEServer = '([^']*)'", block)
    (array,) = re.findall(r"'_acme-challenge\.example\.com' = @\((.*?)\)", block, re.S)
    subdomain, username, password, fulldomain = re.findall(r"^ *'([^']*)' *# \w+$", array, re.M)
    expect(re.findall("# (.*)$", array, re.M) == ["subdomain", "username", "password", "fulldomain"], "Posh-ACME's order")
    expect(fulldomain == publisher.account["fulldomain"] and "-Plugin AcmeDns -PluginArgs $pArgs" in block, "Posh-ACME")
    publisher.send("Posh-ACME", "https://" + server, username, password, subdomain)

    (command,) = of(found, "win-acme", "bat")
    words = command.split()
    given = dict(zip(words[1::2], words[2::2]))
    expect(given["--validation"] == "acme-dns" and given["--validationmode"] == "dns-01" and given["--source"] == "manual", "win-acme:", given)
    base = given["--acmednsserver"]
    expect(base.endswith("/"), "win-acme puts its paths behind the last slash")
    connection = publisher.txtd.connect()
    connection.request("POST", base.removeprefix("https://auth.example.org") + "register", "", {"Content-Type": TEXT})
    account = json.loads(connection.getresponse().read())
    publisher.account = account
    publisher.send("win-acme", base.rstrip("/"), *(account[field] for field in ("username", "password", "subdomain")))


def check_server_url(publisher, ca, account):
    """The key goes to the account's API, or without one to $TXTD_URL, and nowhere but over TLS."""
    api = account["server_url"]
    listener = socket.create_server(("127.0.0.1", 0))
    listener.settimeout(0.5)
    plain = "http://127.0.0.1:%d" % listener.getsockname()[1]
    credentials = os.path.join(publisher.txtd.directory, "bare.json")

    def publish(server_url, elsewhere, value):
        entry = {name: text for name, text in dict(account, server_url=server_url).items() if text is not None}
        with open(credentials, "w", encoding="ascii") as file:
            json.dump({"example.com": entry}, file)
        return subprocess.run([os.path.join(CLIENTS, "txtd-publish"), "example.com", value], capture_output=True, text=True, check=False,
                              env=dict(os.environ, TXTD_CREDENTIALS=credentials, TXTD_CA=ca, TXTD_URL=elsewhere))

    for server_url, elsewhere, says in ((None, "", "no server_url"), ("", "", "no server_url"), (None, plain, "https:// only"),
                                        (plain, api, "https:// only"), ("127.0.0.1", api, "https:// only")):
        done = publish(server_url, elsewhere, publisher.value())
        expect(done.returncode == 1 and says in done.stderr, server_url, elsewhere, "gave", done.returncode, done.stderr)
    try:
        listener.accept()
    except TimeoutError:
        listener.close()
    else:
        raise Failure("txtd-publish has spoken to " + plain)
    for server_url in None, "":
        value = publisher.value()
        done = publish(server_url, api, value)
        expect(done.returncode == 0, "TXTD_URL gave", done.returncode, done.stderr)
        publisher.served("txtd-publish by TXTD_URL", value)


def check_hooks(found, publisher, ca, credentials, text):
    """The hooks that are named are there; what they have in common reads the file. And the last block of all is run as it stands."""
    for name in set(re.findall(INSTALLED + r"([a-z-]+)", text)):
        expect(os.access(os.path.join(CLIENTS, name), os.X_OK), "no hook", name)
    for title in TITLES[:4]:
        expect(INSTALLED + title + "-hook" in of(found, title, "sh")[0], title, "lacks its hook")
    value = publisher.value()
    subprocess.run([os.path.join(CLIENTS, "txtd-publish"), "example.com", value], check=True, capture_output=True,
                   env=dict(os.environ, TXTD_CREDENTIALS=credentials, TXTD_CA=ca))
    publisher.served("txtd-publish", value)
    (block,) = of(found, "Whoever uses another client", "sh")
    words = shlex.split(block.replace("https://auth.example.org", "https://127.0.0.1:%d" % publisher.txtd.api_port).replace("\\\n", ""))
    (value,) = re.findall(r'"txt":"([^"]*)"', block)
    subprocess.run([*words, "--cacert", ca], check=True, capture_output=True)
    publisher.served("curl", value)


def main(directory, program, txtctl):
    with open(os.path.join(CLIENTS, "README.md"), encoding="utf-8") as file:
        text = file.read()
    found = sections(text)
    expect([title for title in found if title in TITLES] == TITLES, "recipes:", sorted(found))
    with service.Txtd(program, directory) as txtd:
        ca = os.path.join(directory, "state", "self-signed.pem")
        shown, credentials, account = check_account(found, txtctl, txtd, ca, "https://127.0.0.1:%d" % txtd.api_port)
        for field in ("fulldomain", "subdomain", "username", "password"):
            text = text.replace(shown[field], account[field])
        found = sections(text)
        publisher = Publisher(txtd, account)
        check_hooks(found, publisher, ca, credentials, text)
        check_server_url(publisher, ca, account)
        check_acme_sh(found, publisher)
        check_caddy(found, publisher)
        check_goacmedns(found, publisher, credentials)
        check_windows(found, publisher)
        txtd.stop()


if __name__ == "__main__":
    service.run(main)
