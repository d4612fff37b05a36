#!/usr/bin/python3
"""Backups: made by the running txtd, asked by the control socket or by HTTP, or of a stopped one's store; wiped, restored, the same answers; damage is refused.

    test_backup.py TXTD TXTCTL
"""
import hashlib
import json
import os
import re
import shutil
import subprocess
import sys
import time

sys.dont_write_bytecode = True
sys.path.insert(0, os.path.dirname(os.path.abspath(__file__)))
import service  # noqa: E402

OPERATOR = "operator-token-0123456789"
FAILED = 3  # backups of check_running, through links


def value(name):
    return (name + "_" * 43)[:43]


def expect(what, got, wanted):
    if got != wanted:
        raise service.Failure("%s: %r, not %r" % (what, got, wanted))


def txtctl(program, txtd, *arguments, of_config=True):
    """Returns the exit status, and the report or what was said on standard error."""
    config = ["-c", txtd.config] if of_config else []
    done = subprocess.run([program, *arguments, "--json", *config], capture_output=True, text=True, timeout=120)
    return done.returncode, json.loads(done.stdout) if done.returncode == 0 else done.stderr


def refused(what, answer, words):
    status, said = answer
    if status == 0 or words not in said:
        raise service.Failure("%s was answered %d %s" % (what, status, said))


def change(txtd, account, name):
    connection = txtd.connect()
    expect("update " + name, service.update(connection, account, value(name))[0], 200)
    connection.close()


def delete(txtd, account):
    connection = txtd.connect()
    connection.request("DELETE", "/api/v1/delegates/" + account["subdomain"], None, {"Authorization": service.basic(account)})
    response = connection.getresponse()
    expect("deletion", (response.status, response.read())[0], 204)
    connection.close()


def largest_file(directory):
    return max((os.path.join(place, name) for place, _, names in os.walk(directory) for name in names),
               key=os.path.getsize)


def flip(path, at=None):
    with open(path, "r+b") as file:
        file.seek(os.path.getsize(path) // 2 if at is None else at)
        octet = file.read(1)[0]
        file.seek(-1, os.SEEK_CUR)
        file.write(bytes([octet ^ 1]))


def check_running(directory, txtd, program, backups):
    """Of a running txtd; returns the accounts and what is to be answered for them."""
    accounts = [txtd.register() for _ in range(5)]
    for number, account in enumerate(accounts[:4]):
        change(txtd, account, "first%d" % number)
    status, report = txtctl(program, txtd, "backup")
    expect("backup", (status, report["number"] if status == 0 else report), (0, 1))
    change(txtd, accounts[0], "second")
    status, report = txtctl(program, txtd, "backup", backups)
    expect("second backup", (status, report["number"], report["kept"]), (0, 2, 2))
    if report["files"] < 3 or report["octets"] == 0 or not service.is_time(report["made_at"]):
        raise service.Failure("a backup of nothing: %s" % report)
    answers = {account["fulldomain"]: txtd.dig(account["fulldomain"]) for account in accounts}
    refused("a directory elsewhere", txtctl(program, txtd, "backup", os.path.join(directory, "elsewhere")),
            "not below store.backup_directory")
    refused("a long name", txtctl(program, txtd, "backup", "/" + "\u00e9" * 150), "\u00e9 is not below store.backup_directory")
    refused("a way around", txtctl(program, txtd, "backup", backups + "/../elsewhere"), "not below")
    outside = os.path.join(directory, "outside")
    os.mkdir(outside)
    os.symlink(outside, os.path.join(backups, "link"))
    for name in ("link", "link/below", "link/"):
        refused("a link out of it", txtctl(program, txtd, "backup", os.path.join(backups, name)), "a link leads out of")
    os.unlink(os.path.join(backups, "link"))
    expect("outside", os.listdir(outside), [])
    refused("restore beside txtd", txtctl(program, txtd, "restore", backups), "in use by another process")
    status, report = txtctl(program, txtd, "backup", os.path.join(backups, "below"), "--retain", "1")
    expect("in a directory below, the first", (status, report["kept"] if status == 0 else report), (0, 1))
    status, report = txtctl(program, txtd, "backup", os.path.join(backups, "below"), "--retain", "1")
    expect("kept", (status, report["number"], report["kept"]), (0, 2, 1))
    status, report = txtctl(program, txtd, "control", "status", "--socket", os.path.join(directory, "control.sock"), of_config=False)
    expect("control status, until %s" % report["certificate_not_after"],
           (status, report["pid"], service.is_time(report["certificate_not_after"])), (0, txtd.process.pid, True))
    return accounts, answers


def operator(txtd, method, path, body=None, token=OPERATOR):
    connection = txtd.connect()
    connection.request(method, path, None if body is None else json.dumps(body), {"Authorization": "Bearer " + token})
    response = connection.getresponse()
    answer = response.status, json.loads(response.read())
    connection.close()
    return answer


def metric(txtd, name):
    return float(re.search("^%s (\\S+)$" % name, txtd.get_internal("/metrics")[1], re.MULTILINE)[1])


def await_backup(txtd):
    for _ in range(600):
        state = operator(txtd, "GET", "/api/v1/backup")[1]
        if not state["running"]:
            return state
        time.sleep(0.05)
    raise service.Failure("the backup does not end")


def check_by_http(txtd, directory, backups, audit):
    """The operator's call: begun, made, refused; metrics and the audit log tell."""
    path = "/api/v1/backup"
    begun = time.time() - 1
    since = metric(txtd, "txtd_backup_last_success_timestamp_seconds")
    if since < begun - 600:
        raise service.Failure("a backup by the control socket is not in the metrics: %s" % since)
    status, state = operator(txtd, "POST", path, {"directory": "by-http", "keep": 1})
    expect("backup by HTTP", (status, state["directory"], state["failures"]), (202, backups + "/by-http", FAILED))
    second, refusal = operator(txtd, "POST", path, {"directory": "by-http"})
    if (second, refusal.get("error")) != (409, "backup_running") and second != 202:
        raise service.Failure("a second one was answered %d %s" % (second, refusal))
    state = await_backup(txtd)
    expect("made", (state["last_error"], state["last_success"]["kept"] >= 1), (None, True))
    expect("where", os.path.isdir(backups + "/by-http"), True)
    if metric(txtd, "txtd_backup_last_success_timestamp_seconds") < begun:
        raise service.Failure("txtd_backup_last_success_timestamp_seconds is not of now")
    for body, wanted in (({"directory": directory + "/elsewhere"}, (400, "invalid_directory")),
                         ({"directory": "../elsewhere"}, (400, "invalid_directory")),
                         ({"directory": backups + "x"}, (400, "invalid_directory")), ({"directory": ""}, (400, "invalid_directory")),
                         ({"directory": "x" * 4001}, (400, "invalid_directory")), ({"keep": -1}, (400, "invalid_keep")),
                         ({"where": "x"}, (400, "unknown_member")), ([], (400, "malformed_json"))):
        status, answer = operator(txtd, "POST", path, body)
        expect("a backup of %.60s" % body, (status, answer["error"]), wanted)
    status, answer = operator(txtd, "POST", path, {"directory": "/" + "\u00e9" * 150})  # cut in the answer, not within a character
    expect("a long name", (status, answer["error"], "\u00e9 is not below" in answer["detail"]), (400, "invalid_directory", True))
    expect("elsewhere", os.path.exists(directory + "/elsewhere"), False)
    os.symlink(directory, backups + "/link")
    expect("through a link", operator(txtd, "POST", path, {"directory": "link/elsewhere"})[0], 202)
    state = await_backup(txtd)
    expect("through a link, failed", (state["failures"], "a link leads out of" in (state["last_error"] or "")), (FAILED + 1, True))
    os.unlink(backups + "/link")
    expect("elsewhere", os.path.exists(directory + "/elsewhere"), False)
    expect("a stranger's", operator(txtd, "POST", path, token="wrong-token-0123456789")[0], 401)
    os.mkdir(os.path.join(backups, "odd"))
    with open(os.path.join(backups, "odd", "file"), "w", encoding="ascii"):
        pass
    expect("among other files", operator(txtd, "POST", path, {"directory": "odd"})[0], 202)
    state = await_backup(txtd)
    expect("failed", (state["failures"], "odd" in (state["last_error"] or "")), (FAILED + 2, True))
    shutil.rmtree(os.path.join(backups, "odd"))
    expect("failures", metric(txtd, "txtd_backup_failures_total"), FAILED + 2)
    with open(audit, encoding="ascii") as file:
        lines = [line for line in map(json.loads, file) if line["event"] == "backup.made"]
    token = hashlib.sha256(OPERATOR.encode()).hexdigest()[:8]
    expect("the audit log", [line["by"] for line in lines[:4]], ["local"] * 4)
    expect("the audit log", [(line["by"], line["client"], line["token"], line["directory"]) for line in lines[4:5]],
           [("operator", "127.0.0.1", token, backups + "/by-http")])


def check_not_configured(directory, program):
    with service.Txtd(program, directory, api={"operator_tokens_file": operator_file(directory)}) as txtd:
        status, answer = operator(txtd, "POST", "/api/v1/backup")
        expect("without store.backup_directory", (status, answer["error"]), (404, "no_backup_directory"))


def operator_file(directory):
    path = os.path.join(directory, "operators")
    with open(path, "w", encoding="ascii") as file:
        file.write(OPERATOR + "\n")
    return path


def check_without_a_pause(directory, txtd, program, backups, answers):
    """A store made beside the running one, and a txtd with it that takes over."""
    new = os.path.join(directory, "beside")
    status, report = txtctl(program, txtd, "restore", backups, "--into", new)
    expect("restore beside", (status, report["delegates"] if status == 0 else report), (0, len(answers)))
    with open(txtd.config, encoding="ascii") as file:
        config = json.load(file)
    config["store"]["directory"] = new
    path, log = os.path.join(directory, "successor.yaml"), os.path.join(directory, "successor.log")
    with open(path, "w", encoding="ascii") as file:
        json.dump(config, file)
    with open(log, "w", encoding="ascii") as file:
        successor = subprocess.Popen([txtd.program, "--take-over", "-c", path], stderr=file)
    try:
        txtd.process.wait(service.START_S)  # it ends once the other serves
        check_answers("taken over", txtd, answers)
    finally:
        successor.terminate()
        successor.wait(30)
    txtd.start()


def check_under_way(txtd, backups):
    """While a backup is made, which is held up here by a list that is a pipe: whoever wants to take over is told why it cannot, and the log
    says for what a stop waits."""
    slow = os.path.join(backups, "slow")
    os.makedirs(slow + "/meta", 0o700)
    shutil.copy(os.path.join(backups, "TXTD-BACKUP"), slow)
    os.mkfifo(slow + "/meta/1")
    expect("a slow backup", operator(txtd, "POST", "/api/v1/backup", {"directory": "slow"})[0], 202)
    try:
        deadline = time.monotonic() + service.START_S
        while True:
            done = subprocess.run([txtd.program, "--take-over", "-c", txtd.config], capture_output=True, text=True, timeout=60)
            if "a backup is being made" in done.stderr or time.monotonic() > deadline:
                break
        refused("a successor", (done.returncode, done.stderr), "a backup is being made; try again when it is done")
        expect("goes on", txtd.process.poll(), None)
        txtd.process.terminate()
        while "event=stop.waits_for_backup" not in txtd.text():
            if time.monotonic() > deadline:
                raise service.Failure("the log does not say for what the stop waits")
            time.sleep(0.05)
    finally:
        os.close(os.open(slow + "/meta/1", os.O_RDWR))  # never blocks
    expect("stopped", txtd.process.wait(service.START_S), 0)
    shutil.rmtree(slow)
    txtd.start()


def export(program, txtd, *options):
    done = subprocess.run([program, "export", "-c", txtd.config, *options], capture_output=True, text=True, timeout=120)
    if done.returncode != 0:
        raise service.Failure("export: %d %s" % (done.returncode, done.stderr))
    return {line["subdomain"]: line for line in map(json.loads, done.stdout.splitlines())}


def check_export(txtd, program, accounts):
    """Of a running txtd, with what it was told a moment ago; then of the stopped one: the same."""
    change(txtd, accounts[4], "now")
    lines = export(program, txtd)
    expect("exported", sorted(lines), sorted(account["subdomain"] for account in accounts))
    for account in accounts:
        line = lines[account["subdomain"]]
        expect("account", (line["username"], line["zone"], line["deleted"]), (account["username"], service.ZONE, False))
        expect("key", [(key["scheme"], key["hash"]) for key in line["keys"]],
               [("sha256", hashlib.sha256(account["password"].encode()).hexdigest())])
        expect("values", sorted(item["value"] for item in line["values"]), sorted(txtd.dig(account["fulldomain"])))
        times = [line["created_at"], *(item["set_at"] for item in line["values"]), *(key["created_at"] for key in line["keys"])]
        expect("times %s" % times, [service.is_time(time) for time in times], [True] * len(times))
    expect("of the zone", export(program, txtd, "--zone", service.ZONE), lines)
    expect("as JSON", export(program, txtd, "--json"), lines)
    change(txtd, accounts[4], "after-the-export")  # the store takes changes as before
    txtd.stop()
    later = export(program, txtd)
    expect("stopped", [item["value"] for item in later[accounts[4]["subdomain"]]["values"]],
           [value("now"), value("after-the-export")])
    later[accounts[4]["subdomain"]] = lines[accounts[4]["subdomain"]]
    expect("stopped", later, lines)
    txtd.start()


def check_answers(what, txtd, answers):
    for name, values in answers.items():
        expect("%s: %s" % (what, name), sorted(txtd.dig(name)), sorted(values))


def check_restored(txtd, program, backups, accounts, answers):
    store = os.path.join(txtd.directory, "state", "store")
    change(txtd, accounts[4], "lost")  # after the backup
    txtd.stop()
    shutil.rmtree(store)
    status, report = txtctl(program, txtd, "restore", backups)
    expect("restore", (status, report["delegates"], report["number"], report["old_store"]), (0, 5, 2, None))
    txtd.start()
    check_answers("restored", txtd, answers)
    change(txtd, accounts[0], "third")
    expect("the keys open", sorted(txtd.dig(accounts[0]["fulldomain"])), [value("second"), value("third")])

    txtd.stop()
    status, report = txtctl(program, txtd, "restore", "--number", "1", backups)
    expect("restore 1", (status, report["number"], report["deletions_unknown"]), (0, 1, False))
    expect("a time " + str(report["made_at"]), service.is_time(report["made_at"]), True)
    if not os.path.isfile(os.path.join(report["old_store"], "TXTD-STORE")):
        raise service.Failure("the old store is gone: %s" % report)
    txtd.start()
    expect("the first backup", txtd.dig(accounts[0]["fulldomain"]), [value("first0")])
    txtd.stop()


def check_damage(directory, txtd, program, backups, accounts):
    """A damaged backup is refused before anything is touched; so is what is no backup."""
    store = os.path.join(directory, "state", "store")
    before = sorted(os.listdir(os.path.join(directory, "state")))
    for damage in (flip, os.unlink):
        broken = os.path.join(directory, "broken")
        shutil.copytree(backups, broken)
        damage(largest_file(os.path.join(broken, "shared_checksum")))
        refused("a damaged backup", txtctl(program, txtd, "restore", broken), "use another backup")
        refused("a damaged backup, elsewhere", txtctl(program, txtd, "restore", broken, "--into", directory + "/new"),
                "use another backup")
        shutil.rmtree(broken)
    refused("a store", txtctl(program, txtd, "restore", store), "holds no backup")
    refused("nothing", txtctl(program, txtd, "restore", directory + "/none"), "No such file")
    refused("a number that is not there", txtctl(program, txtd, "restore", "--number", "77", backups), "no whole backup 77")
    refused("a directory with other files", txtctl(program, txtd, "backup", directory), "name an empty directory")
    expect("what is there", sorted(os.listdir(os.path.join(directory, "state"))), before)
    txtd.start()
    expect("after all that", txtd.dig(accounts[0]["fulldomain"]), [value("first0")])
    txtd.stop()


def check_odd_places(directory, txtd, program, backups, accounts):
    """What is in the store's place, or beside it: another's files are left alone, what a killed restore left is made up for, and a
    store that is damaged is replaced, with what can be read of its deletions."""
    state = os.path.join(directory, "state")
    store = os.path.join(state, "store")
    foreign = os.path.join(directory, "foreign")
    os.mkdir(foreign)
    with open(os.path.join(foreign, "thesis"), "w", encoding="ascii") as file:
        file.write("years of work")
    os.mkdir(os.path.join(directory, "odd"))
    moved = service.Txtd(txtd.program, os.path.join(directory, "odd"), store={"directory": foreign})
    refused("a directory that is not txtd's", txtctl(program, moved, "restore", backups), "it is not txtd's")
    expect("it", os.listdir(foreign), ["thesis"])

    shutil.copytree(store, store + ".restored")  # a restore that was killed before it was done
    txtd.start()
    delete(txtd, accounts[3])
    txtd.kill()
    for name in os.listdir(store):
        if name.endswith(".sst"):
            flip(os.path.join(store, name), 40)  # in its first records; the deletion is in the log
    status, report = txtctl(program, txtd, "restore", "--number", "2", backups)
    expect("restore of a damaged store", (status, report["deletions_unknown"] if status == 0 else report), (0, True))
    expect("left over", [name for name in os.listdir(state) if name.endswith((".restored", ".restoring"))], [])
    txtd.start()
    expect("restored", txtd.dig(accounts[1]["fulldomain"]), [value("first1")])
    txtd.stop()
    with open(os.path.join(store, "CURRENT"), "w", encoding="ascii") as file:
        file.write("nonsense")
    refused("a start with it", (1 if failed_start(txtd) else 0, txtd.text()), "CURRENT: is damaged")
    status, report = txtctl(program, txtd, "restore", "--number", "1", backups)
    expect("restore of one that does not open", (status, report["deletions_unknown"] if status == 0 else report), (0, True))


def lose(store, ending, damage):
    names = [name for name in os.listdir(store) if name.endswith(ending)]
    if not names:
        raise service.Failure("there is no *%s" % ending)
    for name in names:
        damage(os.path.join(store, name))


def check_lost_files(txtd, program, backups, accounts):
    """A store that looks like a whole, older one, for what was lost is whole files: neither exported as if it were all, nor relied on for its deletions."""
    store = os.path.join(txtd.directory, "state", "store")
    for ending, damage in ((".sst", os.unlink), (".sst", lambda path: os.truncate(path, os.path.getsize(path) // 2)),
                           (".log", os.unlink)):
        txtd.start()
        connection = txtd.connect()
        connection.request("DELETE", "/api/v1/delegates/" + accounts[2]["subdomain"], None,
                           {"Authorization": service.basic(accounts[2])})
        expect("deletion", connection.getresponse().status, 204)
        connection.close()
        if ending == ".log":
            txtd.kill()
        else:
            txtd.stop()
        expect("exported", len(export(program, txtd)), len(accounts))
        lose(store, ending, damage)
        exported = subprocess.run([program, "export", "-c", txtd.config], capture_output=True, text=True, timeout=60)
        refused("an export without *" + ending, (exported.returncode, exported.stderr), ending)
        status, report = txtctl(program, txtd, "restore", "--number", "1", backups)
        expect("restore without *" + ending, (status, report["deletions_unknown"] if status == 0 else report), (0, True))


def failed_start(txtd):
    try:
        txtd.start()
    except service.Failure:
        return True
    return False


def check_stopped(directory, txtd, program, accounts):
    """Of a stopped txtd's store, anywhere; and a store beside the configured one."""
    place = os.path.join(directory, "offline")
    new = os.path.join(directory, "new")
    status, report = txtctl(program, txtd, "backup", place)
    expect("backup of a stopped store", (status, report["number"] if status == 0 else report), (0, 1))
    status, report = txtctl(program, txtd, "restore", place, "--into", new)
    expect("into a directory", (status, report["store"] if status == 0 else report), (0, new))
    moved = service.Txtd(txtd.program, directory, store={"reserve": 0, "directory": new})
    with moved:
        expect("the other store", moved.dig(accounts[0]["fulldomain"]), [value("first0")])
        delete(moved, accounts[1])
        moved.stop()
    tight = service.Txtd(txtd.program, directory, store={"reserve": 1 << 50, "directory": new})  # more than any disk has
    status, report = txtctl(program, tight, "restore", place)
    expect("restore below the reserve", (status, report["deleted_since"] if status == 0 else report), (0, 1))
    empty = os.path.join(directory, "empty")
    os.makedirs(os.path.join(empty, "state"), 0o700)
    nowhere = service.Txtd(txtd.program, empty)
    refused_export = subprocess.run([program, "export", "-c", nowhere.config], capture_output=True, text=True,
                                    timeout=60)
    refused("an export of nothing", (refused_export.returncode, refused_export.stderr), "no store can be read")
    refused("no store", txtctl(program, nowhere, "backup", place), "there is no store")
    expect("still none", os.listdir(os.path.join(empty, "state")), [])


def main(directory, program, control):
    backups = os.path.join(directory, "backups")
    audit = os.path.join(directory, "audit.json")
    with service.Txtd(program, directory, store={"reserve": 0, "backup_directory": backups}, log={"audit_file": audit},
                      api={"operator_tokens_file": operator_file(directory)},
                      process={"state_directory": os.path.join(directory, "state"),
                               "control_socket": os.path.join(directory, "control.sock")}) as txtd:
        accounts, answers = check_running(directory, txtd, control, backups)
        check_by_http(txtd, directory, backups, audit)
        check_without_a_pause(directory, txtd, control, backups, answers)
        check_under_way(txtd, backups)
        check_export(txtd, control, accounts)
        check_restored(txtd, control, backups, accounts, answers)
        check_damage(directory, txtd, control, backups, accounts)
        check_odd_places(directory, txtd, control, backups, accounts)
        check_lost_files(txtd, control, backups, accounts)
        check_stopped(directory, txtd, control, accounts)
    os.mkdir(os.path.join(directory, "without"))
    check_not_configured(os.path.join(directory, "without"), program)


if __name__ == "__main__":
    service.run(main)
