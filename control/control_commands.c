#include "control/control_commands.h"

#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "control/backup_job.h"
#include "control/log.h"
#include "control/native_json.h"
#include "control/notify.h"
#include "control/own_challenge.h"
#include "control/tls.h"

static json_t *refuse(const char *why)
{
    return json_pack("{s:s}", "error", why);
}

void control_commands_init(struct control_commands *commands)
{
    pthread_mutex_init(&commands->lock, NULL);
    atomic_store(&commands->successor_fd, -1);
}

void control_commands_destroy(struct control_commands *commands)
{
    pthread_mutex_destroy(&commands->lock);
}

void control_commands_reload(struct control_commands *commands, const char *name, const char *target, bool served)
{
    pthread_mutex_lock(&commands->lock);
    (void)snprintf(commands->acme.name, sizeof commands->acme.name, "%s", name == NULL ? "" : name);
    (void)snprintf(commands->acme.target, sizeof commands->acme.target, "%s", target);
    commands->acme.served = served;
    pthread_mutex_unlock(&commands->lock);
}

static json_t *status(struct control_commands *commands, const struct control_peer *peer, const json_t *request)
{
    (void)peer;
    (void)request;
    pthread_mutex_lock(&commands->lock);
    const struct control_acme acme = commands->acme;
    pthread_mutex_unlock(&commands->lock);
    return json_pack("{s:b, s:i, s:o, s:s, s:s, s:b}", "ok", true, "pid", (int)getpid(), "certificate_not_after",
                     native_json_time(tls_context_not_after_s(commands->tls)), "acme_name", acme.name, "acme_target",
                     acme.target, "acme_cname_served", acme.served);
}

static json_t *answer_change(const struct control_commands *commands, const struct control_peer *peer,
                             const char *event, const char *value, int result)
{
    if (result != 0) {
        return refuse(txtd_error_text(result));
    }
    log_audit(commands->log, event, log_text("delegate", commands->acme.target), log_text("by", "local"),
              log_text("client", "local"), log_uint("uid", peer->uid), log_int("pid", peer->pid),
              log_text("value", value));
    return json_pack("{s:b, s:s}", "ok", true, "acme_target", commands->acme.target);
}

static json_t *publish(struct control_commands *commands, const struct control_peer *peer, const json_t *request)
{
    const json_t *value = json_object_get(request, "value");
    if (!json_is_string(value)) {
        return refuse("\"value\" must be a string");
    }
    int result = own_challenge_publish(commands->challenge, json_string_value(value), json_string_length(value));
    return answer_change(commands, peer, "acme.published", json_string_value(value), result);
}

static json_t *clear(struct control_commands *commands, const struct control_peer *peer, const json_t *request)
{
    const json_t *value = json_object_get(request, "value");
    if (value != NULL && !json_is_string(value)) {
        return refuse("\"value\" must be a string");
    }
    int result = own_challenge_clear(commands->challenge, json_string_value(value), json_string_length(value));
    return answer_change(commands, peer, "acme.cleared", value == NULL ? "all" : json_string_value(value), result);
}

/* The main thread goes on with the connection. */
static json_t *take_over(struct control_commands *commands, const struct control_peer *peer, const json_t *request)
{
    if (peer->uid != 0 && peer->uid != geteuid()) {
        return refuse("only root and txtd's own user may take over");
    }
    if (!notify_takes_successor(json_string_value(json_object_get(request, "groups")))) {
        return refuse(
            "it runs as a service, which would end with it: install the new program, then systemctl reload txtd");
    }
    if (atomic_load(&commands->successor_fd) >= 0) {
        return refuse("another process is taking over");
    }
    commands->successor_pid = peer->pid;
    atomic_store_explicit(&commands->successor_fd, peer->fd, memory_order_release);
    return NULL;
}

/* The job answers when it is done. */
static json_t *backup(struct control_commands *commands, const struct control_peer *peer, const json_t *request)
{
    struct error_detail detail = {""};
    const char *directory = json_string_value(json_object_get(request, "directory"));
    json_int_t keep = json_integer_value(json_object_get(request, "keep"));
    if (peer->uid != 0 && peer->uid != geteuid()) {
        return refuse("only root and txtd's own user may have backups made");
    }
    if (directory == NULL || keep < 0 || keep > BACKUP_KEEP_MAX) {
        return refuse("\"directory\" must be a string, and \"keep\" a small number or left out");
    }
    if (directory[0] != '/') {
        return refuse("\"directory\" must be a whole path");
    }
    const struct backup_request asked = {
        .directory = directory, .keep = (unsigned)keep, .uid = peer->uid, .fd = peer->fd};
    return backup_job_begin(commands->backup, &asked, &detail) == 0 ? NULL : refuse(detail.text);
}

json_t *control_commands_handle(void *context, const struct control_peer *peer, const json_t *request)
{
    static const struct {
        const char *name;
        json_t *(*run)(struct control_commands *, const struct control_peer *, const json_t *);
    } known[] = {{"status", status},
                 {"acme-publish", publish},
                 {"acme-clear", clear},
                 {"take-over", take_over},
                 {"backup", backup}};
    const char *command = json_string_value(json_object_get(request, "command"));
    for (size_t i = 0; command != NULL && i < sizeof known / sizeof known[0]; i++) {
        if (strcmp(command, known[i].name) == 0) {
            return known[i].run(context, peer, request);
        }
    }
    return refuse("there is no such command");
}
