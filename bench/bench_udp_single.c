/* bench_udp_single.c: a DNS server that looks each query up in a database, one at a time: recvfrom, one prepared SELECT, sendto.
 *
 *     bench_udp_single fill DATABASE                    from names as dnsperf reads them, on standard input: two values each
 *     bench_udp_single [-a ADDRESS] PORT DATABASE       serves them on 127.0.0.1 until it is killed
 *
 * It stands for how acme-dns (sqlite) answers: its table `txt`, a query to the database for each question, nothing kept between two
 * of them. It does not stand for the rest, which costs more: Go and its DNS library with a goroutine a query, preparing the statement
 * each time, a table without an index (here there is one, or each query would read all of it), a mutex that registrations and updates
 * hold while bcrypt takes 70 to 80 ms. So it is a lower bound for acme-dns, and for any server that asks SQLite for each answer.
 * SQLite's page cache holds the whole database. */
#include <arpa/inet.h>
#include <ctype.h>
#include <sqlite3.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#define ROOM       2048
#define HEADER_LEN 12
#define NAME_LEN   36 /* of a delegate's label */

static _Noreturn void fail(sqlite3 *database, const char *what)
{
    fprintf(stderr, "bench_udp_single: %s: %s\n", what, database == NULL ? "no database" : sqlite3_errmsg(database));
    exit(1);
}

static void execute(sqlite3 *database, const char *sql)
{
    if (sqlite3_exec(database, sql, NULL, NULL, NULL) != SQLITE_OK) {
        fail(database, sql);
    }
}

static sqlite3_stmt *prepare(sqlite3 *database, const char *sql)
{
    sqlite3_stmt *statement = NULL;
    if (sqlite3_prepare_v2(database, sql, -1, &statement, NULL) != SQLITE_OK) {
        fail(database, sql);
    }
    return statement;
}

static int fill(sqlite3 *database)
{
    char line[256];
    char value[44];
    execute(database, "PRAGMA journal_mode=OFF; PRAGMA synchronous=OFF;"
                      "CREATE TABLE txt(Subdomain TEXT NOT NULL, Value TEXT NOT NULL DEFAULT '', LastUpdate INT);"
                      "CREATE INDEX txt_subdomain ON txt(Subdomain); BEGIN");
    /* The names are random with repetition; each is there once. */
    sqlite3_stmt *insert = prepare(database, "INSERT INTO txt SELECT ?1, ?2, 1700000000 WHERE ?3 > "
                                             "(SELECT count(*) FROM txt WHERE Subdomain = ?1)");
    while (fgets(line, sizeof line, stdin) != NULL) {
        for (int i = 0; i < 2; i++) {
            (void)snprintf(value, sizeof value, "%043d", i);
            (void)sqlite3_bind_text(insert, 1, line, NAME_LEN, SQLITE_STATIC);
            (void)sqlite3_bind_text(insert, 2, value, -1, SQLITE_STATIC);
            (void)sqlite3_bind_int(insert, 3, i + 1);
            if (sqlite3_step(insert) != SQLITE_DONE) {
                fail(database, "insert");
            }
            (void)sqlite3_reset(insert);
        }
    }
    (void)sqlite3_finalize(insert);
    execute(database, "COMMIT");
    (void)sqlite3_close(database);
    return 0;
}

/* Appends a TXT record, its owner pointing to the question. Returns its octets. */
static size_t append(uint8_t *at, const unsigned char *value, size_t value_len)
{
    static const uint8_t head[] = {0xc0, HEADER_LEN, 0, 16, 0, 1, 0, 0, 0, 1};
    memcpy(at, head, sizeof head);
    at[sizeof head] = 0;
    at[sizeof head + 1] = (uint8_t)(value_len + 1);
    at[sizeof head + 2] = (uint8_t)value_len;
    memcpy(at + sizeof head + 3, value, value_len);
    return sizeof head + 3 + value_len;
}

/* Octets of the question, or 0: it is none. */
static size_t question_len(const uint8_t *message, size_t len)
{
    size_t at = HEADER_LEN;
    while (at < len && message[at] != 0 && message[at] < 64) {
        at += 1u + message[at];
    }
    return at + 5 <= len && message[at] == 0 ? at + 5 - HEADER_LEN : 0;
}

/* The answer in place of the query. Returns its octets, 0: none. */
static size_t answer(sqlite3_stmt *select, uint8_t message[ROOM], size_t len)
{
    size_t question = len < HEADER_LEN || (message[2] & 0x80) != 0 ? 0 : question_len(message, len);
    if (question == 0) {
        return 0;
    }
    char name[64];
    size_t name_len = message[HEADER_LEN];
    for (size_t i = 0; i < name_len; i++) {
        name[i] = (char)tolower(message[HEADER_LEN + 1 + i]);
    }
    size_t end = HEADER_LEN + question;
    uint8_t found = 0;
    (void)sqlite3_bind_text(select, 1, name, (int)name_len, SQLITE_STATIC);
    while (found < 2 && sqlite3_step(select) == SQLITE_ROW) {
        size_t value_len = (size_t)sqlite3_column_bytes(select, 0);
        end += append(message + end, sqlite3_column_text(select, 0), value_len < 255 ? value_len : 255);
        found++;
    }
    (void)sqlite3_reset(select);
    message[2] = (uint8_t)(0x84 | (message[2] & 1));
    message[3] = 0;
    memset(message + 6, 0, 6);
    message[7] = found;
    return end;
}

static int serve(sqlite3 *database, const struct sockaddr_in *address)
{
    uint8_t message[ROOM];
    const int room = 4 << 20;
    int fd = socket(AF_INET, SOCK_DGRAM, 0);
    if (fd < 0 || bind(fd, (const struct sockaddr *)address, sizeof *address) != 0) {
        perror("bench_udp_single");
        return 1;
    }
    (void)setsockopt(fd, SOL_SOCKET, SO_RCVBUFFORCE, &room, sizeof room);
    execute(database, "PRAGMA cache_size=-1000000");
    sqlite3_stmt *select = prepare(database, "SELECT Value FROM txt WHERE Subdomain = ? LIMIT 2");
    for (;;) {
        struct sockaddr_in client;
        socklen_t client_len = sizeof client;
        ssize_t received = recvfrom(fd, message, 512, 0, (struct sockaddr *)&client, &client_len);
        size_t len = received > 0 ? answer(select, message, (size_t)received) : 0;
        if (len > 0) {
            (void)sendto(fd, message, len, 0, (const struct sockaddr *)&client, client_len);
        }
    }
}

static int usage(void)
{
    fprintf(stderr, "usage: bench_udp_single fill DATABASE | [-a ADDRESS] PORT DATABASE\n");
    return 2;
}

int main(int argc, char **argv)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    sqlite3 *database = NULL;
    int option;
    while ((option = getopt(argc, argv, "a:")) != -1) {
        if (option != 'a' || inet_pton(AF_INET, optarg, &address.sin_addr) != 1) {
            return usage();
        }
    }
    if (optind != argc - 2) {
        return usage();
    }
    if (sqlite3_open(argv[optind + 1], &database) != SQLITE_OK) {
        fail(database, argv[optind + 1]);
    }
    if (strcmp(argv[optind], "fill") == 0) {
        return fill(database);
    }
    address.sin_port = htons((uint16_t)strtoul(argv[optind], NULL, 10));
    return serve(database, &address);
}
