/* daemon_internal.h: what daemon.c and daemon_reload.c share. */
#ifndef TXTD_CONTROL_DAEMON_INTERNAL_H
#define TXTD_CONTROL_DAEMON_INTERNAL_H

#include "control/certificate_watch.h"
#include "control/config.h"
#include "control/control_commands.h"
#include "control/file_limit.h"
#include "control/privileges.h"
#include "control/router.h"
#include "control/service_rules.h"
#include "control/state_directory.h"

struct daemon {
    struct log *log;
    struct config *started; /* what the process runs with until it ends */
    struct config *current; /* what was loaded last: the same, or started's successor */
    struct privileges_identity identity;
    struct state_made made;
    struct file_limit files;

    struct value_ttls *ttls;
    struct delegate_table *table;
    struct responder *responder;
    struct dns_server *dns;
    struct tls_context *tls;
    struct certificate_watch watch;
    struct http_server *http;
    struct router router;

    struct store *store;
    struct feed *feed;
    struct committer *committer;
    struct publisher *publisher;
    struct service *service;
    struct health *health;
    struct control_socket *control; /* NULL: none is configured */
    struct control_commands commands;
    struct own_challenge *challenge;
    struct audit *audit;
};

/* The service's settings by a configuration whose zones have their numbers. `zones` has room for CONFIG_ZONES_MAX; the result
 * borrows it and the configuration. */
void daemon_service_settings(const struct config *config, struct service_zone zones[CONFIG_ZONES_MAX],
                             struct service_settings *settings);

/* Tells the control socket which name's challenge is where, by such a configuration. */
void daemon_own_name(struct daemon *daemon, const struct config *config);

#endif
