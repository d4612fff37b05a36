/* control_commands.h: what may be asked through the control socket.
 *
 *   {"command":"status"}                          what runs here, and where the certificate's challenge has to point
 *   {"command":"acme-publish","value":"..."}      answered once the value is durable and served
 *   {"command":"backup","directory":"/...","keep":7}   for root and our own user only: backup_job.h
 *   {"command":"take-over"}                       for root and our own user only: takeover.h says what follows
 *   {"command":"acme-clear","value":"..."}        without a value: all of them
 *
 * Replies: {"ok":true, ...} or {"error":"what is wrong"}. Values are no secrets: everybody may ask for them by DNS.
 */
#ifndef TXTD_CONTROL_CONTROL_COMMANDS_H
#define TXTD_CONTROL_CONTROL_COMMANDS_H

#include <pthread.h>

#include "control/control_socket.h"

struct backup_job;
struct log;
struct own_challenge;
struct tls_context;

/* Where the challenge belongs. */
struct control_acme {
    char name[254];   /* the certificate's; empty: none is configured */
    char target[254]; /* the reserved delegate */
    bool served;      /* the CNAME is answered by us */
};

/* What the commands work with; all borrowed. */
struct control_commands {
    struct own_challenge *challenge;
    struct backup_job *backup;
    struct tls_context *tls;
    struct log *log;
    _Atomic int successor_fd; /* the connection of who wants to take over, for the main thread to look at; -1: nobody */
    pid_t successor_pid;      /* written before successor_fd */
    pthread_mutex_t lock;     /* guards what follows */
    struct control_acme acme; /* control_commands_reload */
};

void control_commands_init(struct control_commands *commands);
void control_commands_destroy(struct control_commands *commands);

/* Takes over names. Any thread. `name` may be NULL. */
void control_commands_reload(struct control_commands *commands, const char *name, const char *target, bool served);

/* A control_handler_fn; `context` is the struct control_commands. */
json_t *control_commands_handle(void *context, const struct control_peer *peer, const json_t *request);

#endif
