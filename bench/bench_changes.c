/* bench_changes.c: the load of bench/changes.sh: registrations, updates and handshakes over HTTPS.
 *
 *     bench_changes prepare PORT FILE ACCOUNTS                   registers so many and gives each two values; writes FILE
 *     bench_changes register PORT CONNECTIONS SECONDS
 *     bench_changes update PORT CONNECTIONS SECONDS FILE [RATE]  each connection goes round in a part of FILE of its own; RATE:
 *                                                                so many a second in all, else as many as are answered
 *     bench_changes reconnect PORT CONNECTIONS SECONDS FILE      likewise, a connection and a full TLS handshake each
 *     bench_changes resume PORT CONNECTIONS SECONDS FILE         likewise, the handshake takes up the session before
 *     bench_changes handshake PORT CONNECTIONS SECONDS           handshakes alone
 *
 * Prints: requests a second, p50, p99 and longest in ms, answers that were not 200 or 201, connections that broke, handshakes that
 * took up a session. FILE has a line an account: subdomain, username, password, zone.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "bench/https_client.h"

#define PREPARE_CONNECTIONS 64
#define UUID_ROOM           37
#define PASSWORD_ROOM       41
#define VALUE_LEN           43

struct account {
    char subdomain[UUID_ROOM], username[UUID_ROOM], password[PASSWORD_ROOM];
    char zone[256];
    unsigned updates;
};

struct load {
    struct account *accounts;
    unsigned count;      /* accounts */
    unsigned registered; /* of them, while they are made */
    unsigned connections;
    unsigned *turns;     /* of each connection: what it is at */
    unsigned *under_way; /* of each connection: the account of its request */
    uint64_t refused;
    char refusal[128];
};

static void die(const char *what)
{
    (void)fprintf(stderr, "bench_changes: %s\n", what);
    exit(1);
}

static void count_refusal(struct load *load, int status, const char *body)
{
    if (status != 200 && status != 201) {
        load->refused++;
        (void)snprintf(load->refusal, sizeof load->refusal, "%d %.100s", status, body);
    }
}

/* --- Requests --- */

static size_t registration(char text[HTTPS_REQUEST_MAX])
{
    return (size_t)snprintf(text, HTTPS_REQUEST_MAX,
                            "POST /register HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Length: 0\r\n\r\n");
}

static size_t update(struct account *account, char text[HTTPS_REQUEST_MAX])
{
    char value[VALUE_LEN + 1];
    (void)snprintf(value, sizeof value, "%.8s-%034u", account->subdomain, ++account->updates);
    return (size_t)snprintf(text, HTTPS_REQUEST_MAX,
                            "POST /update HTTP/1.1\r\nHost: 127.0.0.1\r\nContent-Type: application/json\r\n"
                            "X-Api-User: %s\r\nX-Api-Key: %s\r\nContent-Length: %zu\r\n\r\n"
                            "{\"subdomain\":\"%s\",\"txt\":\"%s\"}",
                            account->username, account->password,
                            sizeof "{\"subdomain\":\"\",\"txt\":\"\"}" - 1 + strlen(account->subdomain) + VALUE_LEN,
                            account->subdomain, value);
}

static size_t next_registration(void *context, unsigned connection, char text[HTTPS_REQUEST_MAX])
{
    (void)context;
    (void)connection;
    return registration(text);
}

/* A connection's own accounts are those whose number leaves its number when divided by all connections: in turn. */
static size_t next_update(void *context, unsigned connection, char text[HTTPS_REQUEST_MAX])
{
    struct load *load = context;
    unsigned number = connection + load->turns[connection]++ * load->connections;
    if (number >= load->count) {
        load->turns[connection] = 1;
        number = connection;
    }
    return update(&load->accounts[number], text);
}

static void take_answer(void *context, unsigned connection, int status, const char *body)
{
    (void)connection;
    count_refusal(context, status, body);
}

/* --- Preparing --- */

static void copy_field(const char *body, const char *name, char *field, size_t room)
{
    char key[32];
    int len = snprintf(key, sizeof key, "\"%s\":\"", name);
    const char *begin = strstr(body, key);
    const char *end = begin == NULL ? NULL : strchr(begin + len, '"');
    if (end == NULL || (size_t)(end - begin - len) >= room) {
        die("a registration was answered without what belongs into it");
    }
    memcpy(field, begin + len, (size_t)(end - begin - len));
    field[end - begin - len] = '\0';
}

/* Each connection registers, then updates twice, then registers the next. */
static size_t next_preparation(void *context, unsigned connection, char text[HTTPS_REQUEST_MAX])
{
    struct load *load = context;
    unsigned *step = &load->turns[connection];
    if (*step > 0) {
        return update(&load->accounts[load->under_way[connection]], text);
    }
    if (load->registered == load->count) {
        return 0;
    }
    load->under_way[connection] = load->registered++;
    return registration(text);
}

static void take_preparation(void *context, unsigned connection, int status, const char *body)
{
    struct load *load = context;
    struct account *account = &load->accounts[load->under_way[connection]];
    if (status != 201 && status != 200) {
        (void)fprintf(stderr, "bench_changes: refused: %d %s\n", status, body);
        exit(1);
    }
    if (load->turns[connection] == 0) {
        char name[UUID_ROOM + sizeof account->zone];
        copy_field(body, "subdomain", account->subdomain, sizeof account->subdomain);
        copy_field(body, "username", account->username, sizeof account->username);
        copy_field(body, "password", account->password, sizeof account->password);
        copy_field(body, "fulldomain", name, sizeof name);
        (void)snprintf(account->zone, sizeof account->zone, "%s", strchr(name, '.') + 1);
    }
    load->turns[connection] = (load->turns[connection] + 1) % 3;
}

static void write_accounts(const struct load *load, const char *path)
{
    FILE *file = fopen(path, "w");
    if (file == NULL) {
        die("cannot write the file of accounts");
    }
    for (unsigned i = 0; i < load->count; i++) {
        const struct account *account = &load->accounts[i];
        (void)fprintf(file, "%s %s %s %s\n", account->subdomain, account->username, account->password, account->zone);
    }
    if (fclose(file) != 0) {
        die("cannot write the file of accounts");
    }
}

static void read_accounts(struct load *load, const char *path)
{
    FILE *file = fopen(path, "r");
    unsigned room = 0;
    struct account account = {.updates = 2};
    if (file == NULL) {
        die("cannot read the file of accounts");
    }
    while (fscanf(file, "%36s %36s %40s %255s", account.subdomain, account.username, account.password, account.zone) ==
           4) {
        if (load->count == room) {
            room = room == 0 ? 1024 : room * 2;
            load->accounts = realloc(load->accounts, room * sizeof account);
            if (load->accounts == NULL) {
                die("out of memory");
            }
        }
        load->accounts[load->count++] = account;
    }
    (void)fclose(file);
}

/* --- Together --- */

static void make_turns(struct load *load, unsigned connections)
{
    load->connections = connections;
    load->turns = calloc(connections, sizeof *load->turns);
    load->under_way = calloc(connections, sizeof *load->under_way);
    if (load->turns == NULL || load->under_way == NULL) {
        die("out of memory");
    }
}

static void print_figures(const struct load *load, const struct https_client_figures *figures)
{
    (void)printf("%.0f %.2f %.2f %.2f %llu %llu %llu\n", (double)figures->done / figures->seconds, figures->p50_ms,
                 figures->p99_ms, figures->max_ms, (unsigned long long)load->refused,
                 (unsigned long long)figures->broken, (unsigned long long)figures->resumed);
    if (load->refused > 0) {
        (void)fprintf(stderr, "bench_changes: %llu refused, the last one: %s\n", (unsigned long long)load->refused,
                      load->refusal);
    }
}

static int prepare(uint16_t port, const char *path, unsigned accounts)
{
    struct load load = {.count = accounts, .accounts = calloc(accounts, sizeof(struct account))};
    struct https_client_figures figures;
    if (load.accounts == NULL) {
        die("out of memory");
    }
    make_turns(&load, PREPARE_CONNECTIONS);
    const struct https_client_settings settings = {.port = port,
                                                   .connections = PREPARE_CONNECTIONS,
                                                   .request = next_preparation,
                                                   .answer = take_preparation,
                                                   .context = &load};
    https_client_run(&settings, &figures);
    write_accounts(&load, path);
    free(load.accounts);
    free(load.turns);
    free(load.under_way);
    return 0;
}

static int usage(void)
{
    (void)fprintf(stderr, "usage: bench_changes prepare PORT FILE ACCOUNTS\n"
                          "       bench_changes register|handshake PORT CONNECTIONS SECONDS\n"
                          "       bench_changes update|reconnect|resume PORT CONNECTIONS SECONDS FILE [RATE]\n");
    return 2;
}

int main(int argc, char **argv)
{
    struct load load = {0};
    struct https_client_figures figures;
    if (argc < 5) {
        return usage();
    }
    uint16_t port = (uint16_t)strtoul(argv[2], NULL, 10);
    if (strcmp(argv[1], "prepare") == 0) {
        return prepare(port, argv[3], (unsigned)strtoul(argv[4], NULL, 10));
    }
    struct https_client_settings settings = {.port = port,
                                             .connections = (unsigned)strtoul(argv[3], NULL, 10),
                                             .seconds = strtod(argv[4], NULL),
                                             .request = next_update,
                                             .answer = take_answer,
                                             .context = &load};
    settings.handshake_only = strcmp(argv[1], "handshake") == 0;
    settings.resume = strcmp(argv[1], "resume") == 0;
    settings.reconnect = settings.resume || strcmp(argv[1], "reconnect") == 0;
    if (strcmp(argv[1], "register") == 0) {
        settings.request = next_registration;
    } else if (argc >= 6) {
        settings.rate = argc > 6 ? strtod(argv[6], NULL) : 0;
        read_accounts(&load, argv[5]);
        if (load.count < settings.connections) {
            die("fewer accounts than connections");
        }
    } else if (!settings.handshake_only) {
        return usage();
    }
    make_turns(&load, settings.connections);
    https_client_run(&settings, &figures);
    print_figures(&load, &figures);
    free(load.accounts);
    free(load.turns);
    free(load.under_way);
    return 0;
}
