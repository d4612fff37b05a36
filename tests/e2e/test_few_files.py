#!/usr/bin/env python3
"""With few descriptors txtd takes fewer connections: idle DNS clients leave the API and the store theirs.

    test_few_files.py TXTD TXTCTL
"""
import os
import resource
import socket
import stat

from service import NO_LIMITS, Failure, Txtd, run, update

FILES = 1500


def main(directory, program, *_):
    # Without CAP_SYS_RESOURCE root cannot raise the hard limit either.
    starter = os.path.join(directory, "few-files")
    with open(starter, "w", encoding="ascii") as script:
        script.write("#!/bin/sh\nulimit -n %d\nexec setpriv --inh-caps=-sys_resource --bounding-set=-sys_resource"
                     " %s \"$@\"\n" % (FILES, program))
    os.chmod(starter, stat.S_IRWXU)
    hard = resource.getrlimit(resource.RLIMIT_NOFILE)[1]
    resource.setrlimit(resource.RLIMIT_NOFILE, (min(hard, 2 * FILES + 200) if hard >= 0 else 2 * FILES + 200, hard))
    txtd = Txtd(starter, directory, dns={"tcp": {"connections": FILES, "connections_per_client": FILES}},
                api={"limits": dict(NO_LIMITS, connections=FILES)})
    with txtd:
        if "event=start.fewer_connections limit=%d " % FILES not in txtd.text():
            raise Failure("the log does not say that there are fewer connections: " + txtd.text())
        account = txtd.register()
        idle = [socket.create_connection(("127.0.0.1", txtd.dns_port), 30) for _ in range(FILES)]
        connection = txtd.connect()
        status, text = update(connection, account, "A" * 43)
        connection.close()
        if status != 200 or txtd.dig(account["fulldomain"]) != ["A" * 43]:
            raise Failure("beside idle DNS clients an update is answered %d %s" % (status, text))
        for sock in idle:
            sock.close()
        txtd.stop()
    print("ok: with %d descriptors, %d idle DNS clients leave the API its own" % (FILES, FILES))


run(main)
