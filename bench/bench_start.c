/* bench_start.c: how long txtd takes from exec to the first right answer, and what memory it then holds.
 *
 *     bench_start fill DIRECTORY DELEGATES LIVE     a store for the zone auth.example, the first LIVE of them with two values
 *     bench_start run DELEGATES TXTD CONFIG PORT    starts txtd, asks 127.0.0.1 for the last delegate until it is answered,
 *                                                   prints a row of the table, ends txtd
 *
 * bench/start.sh calls both. DNS does not read the accounts, so the store has none. */
#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/population.h"
#include "storage/store.h"

#define BATCH       10000
#define START_S_MAX 300
#define ASK_EACH_MS 5

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static int fail(const char *what, const char *why)
{
    fprintf(stderr, "bench_start: %s: %s\n", what, why);
    return 1;
}

/* --- fill --- */

static void set_values(struct delegate_state *state)
{
    state->values_count = 2;
    for (unsigned i = 0; i < 2; i++) {
        state->values[i].set_at_s = (int64_t)time(NULL);
        state->values[i].len = 43;
        memset(state->values[i].text, 'a' + (int)i, 43);
    }
}

static int fill(const char *directory, uint64_t delegates, uint64_t live)
{
    const struct store_options options = {.directory = directory, .block_cache = 64 << 20, .sync = true};
    struct delegate_state *states = calloc(BATCH, sizeof *states);
    struct store_change *changes = calloc(BATCH, sizeof *changes);
    struct store *store = NULL;
    struct error_detail detail = {""};
    uint16_t zone = 0;
    uint64_t revision = 0;
    int rc = states == NULL || changes == NULL ? TXTD_ENOMEM : store_open(&options, &store, &detail);
    rc = rc == 0 ? store_zone_number(store, "auth.example", &zone, &detail) : rc;
    double start = now_s();
    for (uint64_t at = 0; rc == 0 && at < delegates; at += BATCH) {
        size_t some = delegates - at < BATCH ? (size_t)(delegates - at) : BATCH;
        for (size_t i = 0; i < some; i++) {
            states[i] = (struct delegate_state){.id = population_id(at + i), .zone = zone, .version = 1};
            changes[i] = (struct store_change){.delegate = &states[i]};
            if (at + i < live) {
                set_values(&states[i]);
            }
        }
        rc = store_commit(store, changes, some, &revision);
    }
    if (store != NULL) {
        store_close(store);
    }
    free(changes);
    free(states);
    if (rc != 0) {
        return fail(directory, detail.text[0] != '\0' ? detail.text : txtd_error_text(rc));
    }
    fprintf(stderr, "filled %" PRIu64 " delegates in %.1f s\n", delegates, now_s() - start);
    return 0;
}

/* --- run --- */

static size_t make_query(uint64_t delegates, uint8_t query[128])
{
    static const uint8_t header[12] = {0x42, 0x42, 0, 0, 0, 1};
    static const uint8_t rest[] = "\4auth\7example\0\0\20\0"; /* and the NUL: class IN is 0, 1 */
    struct delegate_id id = population_id(delegates - 1);
    size_t len = sizeof header;
    memcpy(query, header, sizeof header);
    query[len++] = DELEGATE_ID_TEXT_LEN;
    delegate_id_format(&id, (char *)query + len);
    len += DELEGATE_ID_TEXT_LEN;
    memcpy(query + len, rest, sizeof rest);
    query[len + sizeof rest - 1] = 1;
    return len + sizeof rest;
}

/* Whether the delegate is answered now: NOERROR and authoritative. */
static bool is_answered(int fd, const uint8_t *query, size_t query_len)
{
    uint8_t answer[1500];
    struct pollfd readable = {.fd = fd, .events = POLLIN};
    if (send(fd, query, query_len, 0) < 0 || poll(&readable, 1, ASK_EACH_MS) != 1) {
        return false;
    }
    ssize_t len = recv(fd, answer, sizeof answer, 0);
    return len >= 12 && (answer[2] & 0x84) == 0x84 && (answer[3] & 0x0f) == 0;
}

/* VmRSS or VmHWM in GiB; -1 when it cannot be read. */
static double memory_gib(pid_t pid, const char *what)
{
    char path[64];
    char line[256];
    double gib = -1;
    snprintf(path, sizeof path, "/proc/%d/status", (int)pid);
    FILE *file = fopen(path, "re");
    while (file != NULL && fgets(line, sizeof line, file) != NULL) {
        if (strncmp(line, what, strlen(what)) == 0) {
            gib = strtod(line + strlen(what) + 1, NULL) / (1 << 20);
        }
    }
    if (file != NULL) {
        fclose(file);
    }
    return gib;
}

static int run(uint64_t delegates, const char *program, const char *config, uint16_t port)
{
    struct sockaddr_in server = {.sin_family = AF_INET, .sin_port = htons(port), .sin_addr = {htonl(INADDR_LOOPBACK)}};
    uint8_t query[128];
    size_t query_len = make_query(delegates, query);
    int fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (fd < 0 || connect(fd, (const struct sockaddr *)&server, sizeof server) != 0) {
        return fail("socket", strerror(errno));
    }
    double start = now_s();
    pid_t pid = fork();
    if (pid == 0) {
        execl(program, program, "-c", config, (char *)NULL);
        _exit(127);
    }
    bool answered = false;
    bool ended = pid < 0;
    while (!answered && !ended && now_s() - start < START_S_MAX) {
        double asked = now_s();
        answered = is_answered(fd, query, query_len);
        ended = waitpid(pid, NULL, WNOHANG) != 0;
        double left_s = asked + ASK_EACH_MS / 1e3 - now_s(); /* a refused datagram returns at once */
        if (!answered && left_s > 0) {
            usleep((useconds_t)(left_s * 1e6));
        }
    }
    double took = now_s() - start;
    if (answered) {
        printf("| %" PRIu64 " | %.2f s | %.2f GiB | %.2f GiB |\n", delegates, took, memory_gib(pid, "VmRSS"),
               memory_gib(pid, "VmHWM"));
    }
    if (pid > 0 && !ended) {
        kill(pid, SIGTERM);
        waitpid(pid, NULL, 0);
    }
    close(fd);
    return answered ? 0 : fail(program, ended ? "it ended" : "no answer");
}

int main(int argc, char **argv)
{
    if (argc == 5 && strcmp(argv[1], "fill") == 0) {
        return fill(argv[2], strtoull(argv[3], NULL, 10), strtoull(argv[4], NULL, 10));
    }
    if (argc == 6 && strcmp(argv[1], "run") == 0) {
        return run(strtoull(argv[2], NULL, 10), argv[3], argv[4], (uint16_t)strtoul(argv[5], NULL, 10));
    }
    fprintf(stderr, "usage: bench_start fill DIRECTORY DELEGATES LIVE | run DELEGATES TXTD CONFIG PORT\n");
    return 2;
}
