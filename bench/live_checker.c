#include "bench/live_checker.h"

#include <arpa/inet.h>
#include <poll.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include "bench/live_history.h"
#include "bench/population.h"

#define IDS_MAX     65536
#define BUCKET_US   1
#define BUCKETS     1000000
#define HEADER_LEN  12
#define ANSWER_MAX  1232
#define TYPE_TXT    16
#define VALUES      2
#define RECORD_HEAD 12 /* a compressed owner, type, class, TTL, length: RFC 1035 section 4.1.3 */

struct question {
    bool open;
    uint32_t acknowledged; /* of the delegate, before it was asked for */
    uint64_t number;
    double asked_s; /* wall clock, as the kernel's stamps are */
};

struct checker {
    const struct live_history *history;
    uint64_t delegates;
    int fd;
    uint16_t id;
    uint64_t random;
    unsigned open;
    struct question questions[IDS_MAX];
    struct live_checker_figures figures;
    uint32_t buckets[BUCKETS];
};

static double seconds_of(const struct timespec *time)
{
    return (double)time->tv_sec + 1e-9 * (double)time->tv_nsec;
}

static double read_s(clockid_t clock)
{
    struct timespec now;
    (void)clock_gettime(clock, &now);
    return seconds_of(&now);
}

static double clock_s(void)
{
    return read_s(CLOCK_MONOTONIC);
}

static void die(const char *what)
{
    perror(what);
    exit(1);
}

/* Writes a query for the delegate's TXT. Returns its octets; the question ends there. */
static size_t write_query(uint8_t *wire, uint16_t id, uint64_t number)
{
    static const uint8_t tail[] = "\4auth\7example\0\0\20\0\1";
    char text[DELEGATE_ID_TEXT_LEN + 1];
    struct delegate_id delegate = population_id(number);
    delegate_id_format(&delegate, text);
    memset(wire, 0, HEADER_LEN);
    wire[0] = (uint8_t)(id >> 8);
    wire[1] = (uint8_t)id;
    wire[5] = 1; /* QDCOUNT */
    wire[HEADER_LEN] = DELEGATE_ID_TEXT_LEN;
    memcpy(wire + HEADER_LEN + 1, text, DELEGATE_ID_TEXT_LEN);
    memcpy(wire + HEADER_LEN + 1 + DELEGATE_ID_TEXT_LEN, tail, sizeof tail - 1);
    return HEADER_LEN + 1 + DELEGATE_ID_TEXT_LEN + sizeof tail - 1;
}

/* Every other question is for what has just changed. */
static uint64_t next_number(struct checker *checker)
{
    checker->random = checker->random * UINT64_C(6364136223846793005) + UINT64_C(1442695040888963407);
    uint64_t high = checker->random >> 33;
    return (high & 1) == 0 ? live_history_latest(checker->history) : (high >> 1) % checker->delegates;
}

static void ask(struct checker *checker)
{
    uint8_t wire[512];
    struct question *question = &checker->questions[++checker->id];
    if (question->open) { /* its id comes round again: it has had seconds */
        checker->figures.missing++;
        checker->open--;
    }
    *question = (struct question){.open = true, .number = next_number(checker)};
    question->acknowledged = live_history_acknowledged(checker->history, question->number);
    size_t len = write_query(wire, checker->id, question->number);
    question->asked_s = read_s(CLOCK_REALTIME);
    checker->open++;
    if (send(checker->fd, wire, len, 0) != (ssize_t)len) {
        die("send");
    }
}

/* The turns of the two values, the lower one first. Returns false when the answer is not whole or not of this delegate. */
static bool read_turns(const uint8_t *wire, size_t len, uint16_t id, uint64_t number, uint32_t turns[VALUES])
{
    uint8_t query[512];
    size_t at = write_query(query, id, number);
    /* QR and AA, NOERROR, one question, two answers; and the question itself. */
    if (len < at || (wire[2] & 0x84) != 0x84 || (wire[3] & 15) != 0 || wire[5] != 1 || wire[6] != 0 ||
        wire[7] != VALUES || memcmp(wire + HEADER_LEN, query + HEADER_LEN, at - HEADER_LEN) != 0) {
        return false;
    }
    for (unsigned i = 0; i < VALUES; i++) {
        if (len - at < RECORD_HEAD + 1 || wire[at] != 0xc0 || wire[at + 1] != HEADER_LEN || wire[at + 3] != TYPE_TXT) {
            return false;
        }
        size_t data_len = (size_t)wire[at + 10] << 8 | wire[at + 11];
        const uint8_t *data = wire + at + RECORD_HEAD;
        uint64_t owner;
        if (data_len < 1 || len - at - RECORD_HEAD < data_len || data[0] != data_len - 1 ||
            !live_history_read((const char *)data + 1, data[0], &owner, &turns[i]) || owner != number) {
            return false;
        }
        at += RECORD_HEAD + data_len;
    }
    if (turns[0] > turns[1]) { /* records of a set have no order */
        uint32_t swap = turns[0];
        turns[0] = turns[1];
        turns[1] = swap;
    }
    return turns[0] + 1 == turns[1];
}

static void judge(struct checker *checker, const uint8_t *wire, size_t len, double arrived_s)
{
    uint32_t turns[VALUES];
    uint16_t id = (uint16_t)(len < HEADER_LEN ? 0 : wire[0] << 8 | wire[1]);
    struct question *question = &checker->questions[id];
    if (!question->open) {
        return; /* so late that it counted as missing */
    }
    question->open = false;
    checker->open--;
    double took_us = 1e6 * (arrived_s - question->asked_s);
    took_us = took_us < 0 ? 0 : took_us; /* the clock was set back meanwhile */
    checker->figures.answers++;
    checker->buckets[took_us < BUCKETS * BUCKET_US ? (unsigned)(took_us / BUCKET_US) : BUCKETS - 1]++;
    if (!read_turns(wire, len, id, question->number, turns)) {
        checker->figures.torn++;
    } else if (turns[1] < question->acknowledged) {
        checker->figures.stale++;
    } else if (turns[1] > live_history_submitted(checker->history, question->number)) {
        checker->figures.early++;
    }
}

/* Receives without waiting, and when the kernel had it: how long this process then waited for a processor is not the server's. */
static ssize_t receive(struct checker *checker, uint8_t wire[ANSWER_MAX], double *arrived_s)
{
    struct iovec vector = {.iov_base = wire, .iov_len = ANSWER_MAX};
    char control[CMSG_SPACE(sizeof(struct timespec))] __attribute__((aligned(8)));
    struct msghdr message = {
        .msg_iov = &vector, .msg_iovlen = 1, .msg_control = control, .msg_controllen = sizeof control};
    ssize_t len = recvmsg(checker->fd, &message, MSG_DONTWAIT);
    const struct cmsghdr *head = len < 0 ? NULL : CMSG_FIRSTHDR(&message);
    struct timespec stamp;
    if (head != NULL && head->cmsg_level == SOL_SOCKET && head->cmsg_type == SCM_TIMESTAMPNS) {
        memcpy(&stamp, CMSG_DATA(head), sizeof stamp);
        *arrived_s = seconds_of(&stamp);
    } else if (len >= 0) {
        die("an answer without the kernel's time stamp");
    }
    return len;
}

/* Takes answers until `until_s`. */
static void take_answers(struct checker *checker, double until_s)
{
    uint8_t wire[ANSWER_MAX];
    for (;;) {
        double arrived_s = 0;
        ssize_t len = receive(checker, wire, &arrived_s);
        if (len >= 0) {
            judge(checker, wire, (size_t)len, arrived_s);
            continue;
        }
        double left_s = until_s - clock_s();
        if (left_s <= 0) {
            return;
        }
        struct pollfd fd = {.fd = checker->fd, .events = POLLIN};
        const struct timespec wait = {.tv_sec = (time_t)left_s,
                                      .tv_nsec = (long)((left_s - (double)(time_t)left_s) * 1e9)};
        (void)ppoll(&fd, 1, &wait, NULL);
    }
}

static double percentile_us(const struct checker *checker, double part)
{
    uint64_t below = 0;
    for (unsigned i = 0; i < BUCKETS; i++) {
        below += checker->buckets[i];
        if ((double)below >= part * (double)checker->figures.answers) {
            return (i + 1) * BUCKET_US;
        }
    }
    return 0;
}

void live_checker_run(const struct live_history *history, uint64_t delegates, uint16_t port, double per_second,
                      double seconds, struct live_checker_figures *figures)
{
    const struct sockaddr_in to = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    const int room = 4 << 20, on = 1;
    struct checker *checker = calloc(1, sizeof *checker);
    if (checker == NULL) {
        die("bench_live");
    }
    checker->history = history;
    checker->delegates = delegates;
    checker->fd = socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0);
    if (checker->fd < 0 || connect(checker->fd, (const struct sockaddr *)&to, sizeof to) != 0 ||
        setsockopt(checker->fd, SOL_SOCKET, SO_TIMESTAMPNS, &on, sizeof on) != 0) {
        die("socket");
    }
    (void)setsockopt(checker->fd, SOL_SOCKET, SO_RCVBUF, &room, sizeof room);
    const double begun_s = clock_s();
    for (double due_s = begun_s; due_s < begun_s + seconds; due_s += 1 / per_second) {
        take_answers(checker, due_s);
        ask(checker);
    }
    for (double end_s = clock_s() + CHECKER_PATIENCE_S; checker->open > 0 && clock_s() < end_s;) {
        take_answers(checker, clock_s() + 0.05);
    }
    checker->figures.missing += checker->open;
    checker->figures.p50_us = percentile_us(checker, 0.5);
    checker->figures.p99_us = percentile_us(checker, 0.99);
    checker->figures.p999_us = percentile_us(checker, 0.999);
    *figures = checker->figures;
    (void)close(checker->fd);
    free(checker);
}
