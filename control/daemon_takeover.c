/* daemon_takeover.c: what taking over and being taken over is made of here; takeover.h has the talk between the two. */
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

#include "control/backup_job.h"
#include "control/daemon.h"
#include "control/daemon_internal.h"
#include "control/log.h"
#include "control/notify.h"
#include "control/takeover.h"
#include "control/xdp_interfaces.h"
#include "storage/store.h"

#define LOOK_MS 500 /* between two looks for a signal while a successor loads */

/* --- The successor --- */

int daemon_takeover_ask(struct daemon *daemon, struct error_detail *detail)
{
    const char *path = daemon->started->process.control_socket;
    if (path == NULL) {
        return error_describe(detail, TXTD_EINVAL, "process.control_socket is needed to take over");
    }
    /* Everything that can be wrong is better found before the other closes its store. */
    int rc = daemon_check(daemon->started, detail);
    if (rc != 0) {
        return rc;
    }
    daemon->inherited = calloc(1, sizeof *daemon->inherited);
    if (daemon->inherited == NULL) {
        return error_describe(detail, TXTD_ENOMEM, "%s", txtd_error_text(TXTD_ENOMEM));
    }
    log_event(daemon->log, LOG_LEVEL_INFO, "takeover.ask", log_text("socket", path));
    rc = takeover_ask(path, &daemon->predecessor_fd, daemon->inherited, detail);
    if (rc != 0) {
        daemon->predecessor_fd = -1;
    }
    return rc;
}

int daemon_takeover_serving(struct daemon *daemon, struct error_detail *detail)
{
    if (daemon->inherited == NULL) {
        return 0;
    }
    int rc = takeover_serving(daemon->predecessor_fd, detail);
    if (rc == 0) {
        control_socket_take_file(daemon->control);
    }
    return rc;
}

void daemon_takeover_end(struct daemon *daemon)
{
    if (daemon->inherited != NULL) {
        log_event(daemon->log, LOG_LEVEL_INFO, "takeover.end",
                  log_int("changes_refused_ms", takeover_now_ms() - daemon->inherited->refused_since_ms));
        daemon_takeover_release(daemon);
    }
}

/* The descriptors are the servers' by now; after a failure they go with the process. */
void daemon_takeover_release(struct daemon *daemon)
{
    if (daemon->predecessor_fd >= 0) {
        (void)close(daemon->predecessor_fd);
        daemon->predecessor_fd = -1;
    }
    free(daemon->inherited);
    daemon->inherited = NULL;
}

/* --- The running txtd --- */

/* The other may live a little longer and have the store still: then it is tried again at the next tick. */
static void take_store_back(struct daemon *daemon)
{
    struct error_detail detail = {""};
    int rc = store_resume(daemon->store, &detail);
    if (rc == 0) {
        log_event(daemon->log, LOG_LEVEL_WARNING, "takeover.undone",
                  log_text("hint", "changes are taken again; the log of the other txtd says why it failed"));
    } else if (!daemon->store_is_away) {
        log_event(daemon->log, LOG_LEVEL_ERROR, "takeover.store_is_away", log_text("error", detail.text),
                  log_text("hint", "changes are refused, DNS goes on; it is tried again every second"));
    }
    daemon->store_is_away = rc != 0;
}

/* The successor has died between its last word and ours. */
static void serve_again(struct daemon *daemon)
{
    struct error_detail detail = {""};
    notify_successor(getpid());
    int rc = dns_server_start(daemon->dns, &detail);
    if (rc == 0) {
        rc = control_socket_start(daemon->control, control_commands_handle, &daemon->commands, daemon->log);
    }
    if (rc != 0) {
        log_event(daemon->log, LOG_LEVEL_ERROR, "takeover.threads_failed", log_text("error", detail.text),
                  log_text("hint", "restart txtd"));
    }
}

/* Whoever tells this process to stop shall not have to wait for the successor: main takes the signal afterwards. */
static bool told_to_stop(void)
{
    sigset_t pending;
    return sigpending(&pending) == 0 && (sigismember(&pending, SIGTERM) == 1 || sigismember(&pending, SIGINT) == 1);
}

static int await_serving(int fd)
{
    const int64_t deadline_ms = takeover_now_ms() + TAKEOVER_LOAD_MS;
    int rc;
    do {
        rc = told_to_stop() ? TXTD_ECLOSED : takeover_await_serving(fd, LOOK_MS);
    } while (rc == TXTD_ETIMEOUT && takeover_now_ms() < deadline_ms);
    return rc;
}

/* The talk, once the store is closed. Returns 0 when the successor serves and we do not. */
static int give_and_wait(struct daemon *daemon, int fd, int64_t refused_since_ms)
{
    struct takeover_sockets *sockets = calloc(1, sizeof *sockets);
    if (sockets == NULL) {
        return TXTD_ENOMEM;
    }
    sockets->control = control_socket_descriptor(daemon->control);
    sockets->dns_count = dns_server_sockets(daemon->dns, sockets->dns, TAKEOVER_DNS_MAX);
    sockets->http_count = http_server_sockets(daemon->http, sockets->http);
    sockets->refused_since_ms = refused_since_ms;
    /* A queue has one XSK: ours makes room. Until the successor starts its own, all queries come through these sockets. */
    xdp_interfaces_release(daemon->xdp);
    int rc = takeover_give(fd, sockets);
    free(sockets);
    rc = rc == 0 ? await_serving(fd) : rc;
    if (rc != 0) {
        return rc;
    }
    control_socket_stop(daemon->control); /* who connects from now on is the successor's */
    dns_server_stop(daemon->dns); /* what was received is answered; what is queued still is the successor's too */
    notify_successor(daemon->commands.successor_pid);
    rc = takeover_say(fd, true);
    if (rc != 0) {
        serve_again(daemon);
    }
    return rc;
}

/* AF_XDP was let go of for the successor, and what binding it takes was dropped at the start. */
static void log_kernel_path(const struct daemon *daemon)
{
    if (xdp_interfaces_count(daemon->xdp) > 0) {
        log_event(daemon->log, LOG_LEVEL_WARNING, "takeover.xdp_released",
                  log_text("hint", "DNS is answered through the kernel's sockets until txtd is restarted"));
    }
}

/* Nothing went over yet. */
static void refuse(const struct daemon *daemon, int fd, int rc)
{
    struct backup_state state;
    backup_job_state(daemon->backup, &state);
    const char *why = state.runs ? "a backup is being made; try again when it is done" : txtd_error_text(rc);
    (void)takeover_refuse(fd, why);
    log_event(daemon->log, LOG_LEVEL_ERROR, "takeover.failed", log_text("error", why));
}

bool daemon_takeover_give(struct daemon *daemon)
{
    int fd = atomic_load_explicit(&daemon->commands.successor_fd, memory_order_acquire);
    if (daemon->store_is_away) {
        take_store_back(daemon);
    }
    if (fd < 0) {
        return false;
    }
    log_event(daemon->log, LOG_LEVEL_INFO, "takeover.begin", log_int("successor", daemon->commands.successor_pid),
              log_text("hint", "changes are refused until it serves"));
    const int64_t refused_since_ms = takeover_now_ms();
    int rc = daemon->store_is_away ? TXTD_ECLOSED : store_suspend(daemon->store);
    if (rc != 0) {
        refuse(daemon, fd, rc);
    } else if ((rc = give_and_wait(daemon, fd, refused_since_ms)) != 0) {
        (void)takeover_say(fd, false);
        log_event(daemon->log, LOG_LEVEL_ERROR, "takeover.failed", log_text("error", txtd_error_text(rc)));
        take_store_back(daemon);
        log_kernel_path(daemon);
    } else {
        control_socket_leave_file(daemon->control);
        daemon->handed_over = true;
    }
    (void)close(fd);
    atomic_store(&daemon->commands.successor_fd, -1);
    return daemon->handed_over;
}
