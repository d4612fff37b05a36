#!/usr/bin/python3
"""TLS as scanners and clients see it: nothing to find fault with, old and weak things refused, sessions resumed on every thread
and after a reload with another certificate.

    test_tls.py TXTD TXTCTL
"""
import os
import re
import shutil
import signal
import socket
import ssl
import subprocess
import time

from service import Failure, Txtd, run

THREADS = 3
# A thread takes no connection while it has 5 more than another: of so many open ones each thread has some.
CONNECTIONS = 24
WAIT_S = 30

# What s_client tries, and what it must hear: an alert of the server's, or the cipher.
OFFERS = [
    ("TLS 1.0", "-tls1 -cipher ALL:@SECLEVEL=0", "alert protocol version"),
    ("TLS 1.1", "-tls1_1 -cipher ALL:@SECLEVEL=0", "alert protocol version"),
    ("no forward secrecy", "-tls1_2 -cipher kRSA:@SECLEVEL=0", "alert handshake failure"),
    ("finite-field Diffie-Hellman", "-tls1_2 -cipher DHE:@SECLEVEL=0", "alert handshake failure"),
    ("CBC", "-tls1_2 -cipher ECDHE-ECDSA-AES128-SHA:ECDHE-ECDSA-AES256-SHA384:@SECLEVEL=0", "alert handshake failure"),
    ("no encryption", "-tls1_2 -cipher eNULL:@SECLEVEL=0", "alert handshake failure"),
    ("anonymous", "-tls1_2 -cipher aNULL:@SECLEVEL=0", "alert handshake failure"),
    ("CCM", "-tls1_2 -cipher ECDHE-ECDSA-AES128-CCM8:@SECLEVEL=0", "alert handshake failure"),
    ("SHA-1 signatures", "-tls1_2 -sigalgs ECDSA+SHA1 -cipher ALL:@SECLEVEL=0", "alert handshake failure"),
    ("AES-GCM", "-tls1_2 -cipher ECDHE-ECDSA-AES128-GCM-SHA256", "Cipher is ECDHE-ECDSA-AES128-GCM-SHA256"),
    ("ChaCha20", "-tls1_2 -cipher ECDHE-ECDSA-CHACHA20-POLY1305", "Cipher is ECDHE-ECDSA-CHACHA20-POLY1305"),
    ("X25519 and P-256", "-tls1_2 -curves X25519:P-256", "Server Temp Key: ECDH, prime256v1"),
    ("P-256", "-tls1_2 -curves P-256", "Server Temp Key: ECDH, prime256v1"),
    ("whatever s_client likes best", "", "Cipher is (TLS_|ECDHE-ECDSA-)"),
]


def s_client(txtd, options, text="", close=True):
    """What s_client says, once it has ended by itself, or once it was told to."""
    command = ["openssl", "s_client", "-connect", "127.0.0.1:%d" % txtd.api_port] + options.split()
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, stderr=subprocess.STDOUT, text=True) as tool:
        try:
            if close:
                return tool.communicate(text, WAIT_S)[0]
            tool.stdin.write(text)
            tool.stdin.flush()
            tool.wait(WAIT_S)  # the end must come from the other side
            return tool.stdout.read()
        except subprocess.TimeoutExpired:
            raise Failure("s_client %s hangs" % options) from None
        finally:
            tool.kill()


def offers(txtd):
    for name, options, expected in OFFERS:
        said = s_client(txtd, options)
        if not re.search(expected, said):
            raise Failure("%s: no '%s' in: %s" % (name, expected, said))
        print("ok: %s" % name)


def renegotiation(txtd):
    said = s_client(txtd, "-tls1_2", "R\n", close=False)
    if "RENEGOTIATING" not in said or "no renegotiation" not in said:
        raise Failure("renegotiation is not refused: %s" % said)
    said = s_client(txtd, "-tls1_2")
    for expected in ("Secure Renegotiation IS supported", "Compression: NONE", "Extended master secret: yes"):
        if expected not in said:
            raise Failure("no '%s' in: %s" % (expected, said))
    print("ok: renegotiation is refused, and cannot be forged by others")


def scan(txtd):
    said = subprocess.run(["nmap", "-Pn", "-p", str(txtd.api_port), "--script", "ssl-enum-ciphers", "127.0.0.1"], check=True,
                          capture_output=True, text=True, timeout=120).stdout
    versions = set(re.findall(r"^\|\s+(TLSv[0-9.]+|SSLv[0-9]+):", said, re.MULTILINE))
    if not versions or not versions <= {"TLSv1.2", "TLSv1.3"}:
        raise Failure("nmap finds the versions %s: %s" % (versions, said))
    if "least strength: A" not in said or "warnings" in said:
        raise Failure("nmap finds fault: %s" % said)
    grades = set(re.findall(r" - ([A-F])\s*$", said, re.MULTILINE))
    if grades != {"A"}:
        raise Failure("nmap gives the grades %s: %s" % (grades, said))
    print("ok: nmap finds nothing to fault")


# Other keys than the self-made P-256: how openssl makes them, and the group that must be preferred.
KEYS = [
    ("P-384", "ec -pkeyopt ec_paramgen_curve:P-384", "secp384r1"),
    ("P-521", "ec -pkeyopt ec_paramgen_curve:P-521", "secp521r1"),
    ("RSA-2048", "rsa:2048", "prime256v1"),
    ("RSA-4096", "rsa:4096", "secp384r1"),
]


def other_keys(directory, program):
    """The key exchange is as strong as the certificate, or a scanner finds fault; a client that knows P-256 alone is served,
    if it can read the certificate (RFC 8422 section 5.1: not one of another curve)."""
    for name, kind, group in KEYS:
        place = os.path.join(directory, name)
        os.mkdir(place)
        certificate, key = (os.path.join(place, "api." + end) for end in ("pem", "key"))
        subprocess.run(["openssl", "req", "-x509", "-newkey"] + kind.split() + ["-nodes", "-days", "2", "-subj", "/CN=other", "-keyout",
                        key, "-out", certificate], check=True, capture_output=True)
        os.mkdir(os.path.join(place, "state"), 0o700)
        shutil.copy(certificate, os.path.join(place, "state", "self-signed.pem"))  # for Txtd's own clients
        with Txtd(program, place, api={"self_signed": False, "certificate": certificate, "key": key}) as txtd:
            for options, expected in (("-tls1_2", group), ("-tls1_2 -curves P-256", "prime256v1"))[:2 if kind.startswith("rsa") else 1]:
                said = s_client(txtd, options)
                if "Server Temp Key: ECDH, %s" % expected not in said:
                    raise Failure("%s %s: not %s in: %s" % (name, options, expected, said))
            scan(txtd)
            txtd.stop()
        print("ok: a certificate with %s" % name)


def open_one(txtd, context, session=None):
    """A connection that has had one answer, so that in TLS 1.3 too its ticket has come."""
    plain = socket.create_connection(("127.0.0.1", txtd.api_port), WAIT_S)
    sock = context.wrap_socket(plain, server_hostname="127.0.0.1", session=session)
    sock.sendall(b"GET /health HTTP/1.1\r\nHost: a\r\n\r\n")
    if not sock.recv(65536).startswith(b"HTTP/1.1 "):
        raise Failure("no answer over TLS")
    return sock


def resumed_count(txtd):
    found = re.search(r"^txtd_http_handshakes_resumed_total (\d+)$", txtd.get_internal("/metrics")[1], re.MULTILINE)
    if found is None:
        raise Failure("no metric of resumed handshakes")
    return int(found.group(1))


def resume_everywhere(txtd, context, session, when):
    before = resumed_count(txtd)
    connections = [open_one(txtd, context, session) for _ in range(CONNECTIONS)]
    refused = sum(not sock.session_reused for sock in connections)
    for sock in connections:
        sock.close()
    if refused:
        raise Failure("%s: %d of %d sessions were not resumed" % (when, refused, CONNECTIONS))
    if resumed_count(txtd) < before + CONNECTIONS:
        raise Failure("%s: the resumed handshakes were not counted" % when)
    print("ok: a session resumes on every thread, %s" % when)


def reload_certificate(txtd, directory):
    """Another certificate, then SIGHUP; returns when the new one is shown."""
    state = os.path.join(directory, "state")
    subprocess.run(["openssl", "req", "-x509", "-newkey", "ec", "-pkeyopt", "ec_paramgen_curve:P-256", "-nodes", "-days", "2",
                    "-subj", "/CN=renewed", "-addext", "subjectAltName=IP:127.0.0.1", "-keyout",
                    os.path.join(directory, "new.key"), "-out", os.path.join(directory, "new.pem")],
                   check=True, capture_output=True)
    shutil.move(os.path.join(directory, "new.key"), os.path.join(state, "self-signed.key"))
    shutil.move(os.path.join(directory, "new.pem"), os.path.join(state, "self-signed.pem"))
    txtd.process.send_signal(signal.SIGHUP)
    deadline = time.monotonic() + WAIT_S
    while "CN = renewed" not in s_client(txtd, "-tls1_2"):
        if time.monotonic() > deadline:
            raise Failure("the new certificate is not shown")
        time.sleep(0.05)


def resumption(txtd, directory):
    context = txtd.context
    first = open_one(txtd, context)
    session = first.session
    first.close()
    resume_everywhere(txtd, context, session, "at first")
    file = os.path.join(directory, "session")
    s_client(txtd, "-tls1_2 -sess_out " + file)
    if "Reused, TLSv1.2" not in s_client(txtd, "-tls1_2 -sess_in " + file):
        raise Failure("s_client cannot resume")
    reload_certificate(txtd, directory)
    resume_everywhere(txtd, context, session, "after a reload with another certificate")
    if "Reused, TLSv1.2" not in s_client(txtd, "-tls1_2 -sess_in " + file):
        raise Failure("s_client cannot resume after the reload")
    # A ticket that is not ours, or was changed, is passed over: a full handshake.
    with open(file, encoding="ascii") as saved:
        before = ssl.PEM_cert_to_DER_cert(saved.read().replace("SSL SESSION PARAMETERS", "CERTIFICATE"))
    ticket = re.search(rb"\xaa(?:\x81.|\x82..)\x04[\x81\x82]", before, re.DOTALL)  # [10] OCTET STRING
    damaged = bytearray(before)
    damaged[ticket.end() + 60] ^= 1
    with open(file, "w", encoding="ascii") as saved:
        saved.write(ssl.DER_cert_to_PEM_cert(bytes(damaged)).replace("CERTIFICATE", "SSL SESSION PARAMETERS"))
    said = s_client(txtd, "-tls1_2 -sess_in " + file)
    if "New, TLSv1.2, Cipher is ECDHE" not in said:
        raise Failure("a changed ticket: %s" % said)
    print("ok: s_client resumes; a changed ticket means a full handshake")


def main(directory, program, _txtctl):
    with Txtd(program, directory, api={"threads": THREADS}) as txtd:
        offers(txtd)
        renegotiation(txtd)
        scan(txtd)
        resumption(txtd, directory)
        txtd.stop()
    other_keys(directory, program)


if __name__ == "__main__":
    run(main)
