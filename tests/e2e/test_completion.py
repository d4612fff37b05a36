#!/usr/bin/python3
"""What shells offer for txtctl's command line, with the scripts that it prints: bash and zsh at a terminal, fish as it says itself.

    test_completion.py TXTD TXTCTL
"""
import os
import pty
import select
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import service  # noqa: E402
from service import Failure  # noqa: E402

ANSWER_S = 30

# What is typed, and the words of the line that the shell has made of it at a Tab.
TYPED = [
    ("comple", "completion"),
    ("update --url https://auth.example.org/t/TOKEN --dom", "update --url https://auth.example.org/t/TOKEN --domain"),
    ("--url https://x upd", "--url https://x update"),
    ("-u https://x history --tok", "-u https://x history --token-file"),
    ("completion fi", "completion fish"),
    ("contr", "control"),
    ("control st", "control status"),
    ("import ac", "import acme-dns"),
    ("import acme-dns fil", "import acme-dns file"),
    ("restore dir", "restore directory/"),
    ("restore fil", "restore fil"),
    ("backup --ret", "backup --retain"),
    ("backup directory --ret", "backup directory --retain"),
    ("restore --into dir", "restore --into directory/"),
    ("control status --socket fil", "control status --socket file"),
    ("update --ca=fil", "update --ca=file"),
    ("update --timeout fil", "update --timeout fil"),
    ("set --server", "set --server"),  # set takes none
    ("restore wi", "restore with blank/"),
]


class Terminal:
    """A shell at a terminal of its own, in which txtctl only prints its arguments."""

    def __init__(self, directory, command, commands):
        self.text = ""
        environment = {"PATH": os.environ["PATH"], "HOME": directory, "TERM": "dumb", "LC_ALL": "C.UTF-8", "PS1": "> "}
        self.pid, self.terminal = pty.fork()
        if self.pid == 0:
            os.chdir(directory)
            os.execvpe(command[0], command, environment)
        for line in commands:
            self.type(line + "\n")
        self.expect_after("echo rea'dy'\n", "ready")

    def type(self, text):
        os.write(self.terminal, text.encode())

    def expect_after(self, typed, wanted):
        """What has come until `wanted` has, after typing that."""
        self.text = ""
        self.type(typed)
        deadline = time.monotonic() + ANSWER_S
        while wanted not in self.text:
            if not select.select([self.terminal], [], [], max(0, deadline - time.monotonic()))[0]:
                raise Failure("the shell says %r" % self.text)
            self.text += os.read(self.terminal, 65536).decode(errors="replace")
        return self.text

    def completed(self, typed):
        """The words behind `txtctl` after a Tab at the end of `typed`."""
        text = self.expect_after("txtctl %s\t\n" % typed, "</end>")
        return text[text.rindex("<words>") + len("<words>"):text.rindex("</end>")]

    def close(self):
        os.close(self.terminal)  # hangs the shell up
        os.waitpid(self.pid, 0)


PRINTING = "txtctl() { printf '<%s>' words; printf '%s' \"$*\"; printf '<%s>' /end; }"


def check_terminal(name, directory, command, commands):
    terminal = Terminal(directory, command, commands + [PRINTING])
    try:
        for typed, wanted in TYPED:
            got = terminal.completed(typed).rstrip(" ")
            if got != wanted:
                raise Failure("%s makes %r of %r, not %r" % (name, got, typed, wanted))
    finally:
        terminal.close()


def check_lists(txtctl):
    """What bash offers where there is more than one."""
    for line, wanted in (("txtctl completion ", "bash zsh fish"), ("txtctl control ", "status --help"),
                         ("txtctl update --c", "--credentials --ca")):
        script = '. <("$0" completion bash); COMP_LINE=$1 COMP_POINT=${#1} COMP_WORDS=(${1% *} "${1##* }")\n' \
                 'COMP_CWORD=$((${#COMP_WORDS[@]} - 1)); _txtctl; echo "${COMPREPLY[*]}"'
        said = subprocess.run(["bash", "-c", script, txtctl, line], check=True, capture_output=True, text=True).stdout.strip()
        if said != wanted:
            raise Failure("bash offers %r for %r" % (said, line))


def fish(directory, txtctl, line):
    """What fish offers at the end of the line, without the descriptions; and these."""
    done = subprocess.run(["fish", "-c", '$argv[1] completion fish | source; complete -C "$argv[2]"', txtctl, line],
                          cwd=directory, env={"PATH": os.environ["PATH"], "HOME": directory, "LC_ALL": "C.UTF-8"},
                          check=True, capture_output=True, text=True, timeout=60)
    if done.stderr:
        raise Failure("fish says %r" % done.stderr)
    rows = [row.partition("\t") for row in done.stdout.splitlines()]
    return [row[0] for row in rows], [row[2] for row in rows]


def check_fish(directory, txtctl):
    script = subprocess.run([txtctl, "completion", "fish"], check=True, capture_output=True, text=True).stdout
    subprocess.run(["fish", "-n"], input=script, check=True, text=True)
    for typed, wanted in TYPED:
        word = typed.split()[-1]
        offered = fish(directory, txtctl, "txtctl " + typed)[0]
        made = wanted[len(typed) - len(word):]
        if offered != ([made] if made != word else []):
            raise Failure("fish offers %r for %r" % (offered, typed))
    words, texts = fish(directory, txtctl, "txtctl ")
    commands = [row.split()[0] for row in subprocess.run([txtctl, "--help"], check=True, capture_output=True, text=True)
                .stdout.split("\n\n")[1].splitlines()]
    missing = set(commands) - set(words)
    if missing or len(words) != len(set(words)) or not any("'" in text for text in texts):
        raise Failure("fish lacks %s, offers %s" % (missing, words))
    if fish(directory, txtctl, "txtctl completion ")[0] != ["bash", "fish", "zsh"]:
        raise Failure("fish offers for completion: %s" % fish(directory, txtctl, "txtctl completion ")[0])


def main(directory, _, txtctl):
    place = os.path.join(directory, "place")
    functions = os.path.join(directory, "functions")
    for path in (os.path.join(place, "directory"), os.path.join(place, "with blank"), functions):
        os.makedirs(path)
    with open(os.path.join(place, "file"), "w", encoding="ascii"):
        pass
    with open(os.path.join(functions, "_txtctl"), "w", encoding="ascii") as file:
        subprocess.run([txtctl, "completion", "zsh"], check=True, stdout=file)
    check_lists(txtctl)
    script = ". <(%s completion %%s)" % txtctl
    check_terminal("bash", place, ["bash", "--norc", "--noprofile", "-i"], [script % "bash"])
    zsh = ["zsh", "-f", "-i", "-o", "no_auto_remove_slash"]
    check_terminal("zsh", place, zsh, [script % "zsh"])
    check_terminal("zsh with compinit", place, zsh, ["autoload -Uz compinit && compinit", script % "zsh"])
    check_terminal("zsh with fpath", place, zsh, ["fpath=(%s $fpath)" % functions, "autoload -Uz compinit && compinit -u"])
    check_fish(place, txtctl)
    print("ok: bash, zsh and fish complete txtctl's command line")


if __name__ == "__main__":
    service.run(main)
