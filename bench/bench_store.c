/* bench_store.c: durable updates a second: the disk's, RocksDB's, the committer's; and the start-up scan.
 *
 *     bench_store [directory [delegates]]          default: a directory in the working directory, 1000000
 *
 * In turn, ROUNDS times, SLICE_S seconds each; medians are printed:
 *   - fdatasync of one thread that appends 4 KiB to a preallocated file;
 *   - RocksDB alone: 64 threads, each a synced put of an update's size (RocksDB groups them itself);
 *   - the committer: 64 clients in closed loops on two threads, 100,000 delegates, each update read, rotated, committed, fed to
 *     a consumer and completed. Latency is from submit to complete.
 * Then a store of idle delegates is filled, closed, and scanned in one and in two parts.
 *
 * Target: >= 20,000 durable updates/s with 64 waiting clients. */
#include <fcntl.h>
#include <ftw.h>
#include <inttypes.h>
#include <pthread.h>
#include <rocksdb/c.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "storage/committer.h"

#define ROUNDS        3
#define SLICE_S       1.5
#define CLIENTS       64
#define LOOPS         2
#define HOT_DELEGATES 100000
#define LATENCIES_MAX (1 << 20)
#define FILL_BATCH    1000

static double now_s(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (double)now.tv_sec + 1e-9 * (double)now.tv_nsec;
}

static double cpu_s(void)
{
    struct rusage usage;
    getrusage(RUSAGE_SELF, &usage);
    return (double)(usage.ru_utime.tv_sec + usage.ru_stime.tv_sec) +
           1e-6 * (double)(usage.ru_utime.tv_usec + usage.ru_stime.tv_usec);
}

static void check(int code, const char *what)
{
    if (code != 0) {
        fprintf(stderr, "bench_store: %s: %s\n", what, txtd_error_text(code));
        exit(1);
    }
}

static void check_rocksdb(char *error)
{
    if (error != NULL) {
        fprintf(stderr, "bench_store: %s\n", error);
        exit(1);
    }
}

static struct delegate_id id_of(uint64_t number)
{
    struct delegate_id id;
    for (size_t i = 0; i < 2; i++) {
        uint64_t x = (number + 1) * UINT64_C(0x9e3779b97f4a7c15) + i;
        x = (x ^ (x >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
        x = (x ^ (x >> 27)) * UINT64_C(0x94d049bb133111eb);
        x ^= x >> 31;
        memcpy(id.octets + 8 * i, &x, sizeof(x));
    }
    return id;
}

static int remove_one(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static void remove_tree(const char *path)
{
    nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* --- the disk --- */

static double measure_fdatasync(const char *directory)
{
    char path[512];
    static const char page[4096] = {1};
    snprintf(path, sizeof(path), "%s/fdatasync", directory);
    int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC, 0600);
    if (fd < 0 || fallocate(fd, FALLOC_FL_KEEP_SIZE, 0, 64 << 20) != 0) {
        check(TXTD_ESYS, path);
    }
    uint64_t count = 0;
    double start = now_s();
    while (now_s() - start < SLICE_S) {
        if (write(fd, page, sizeof(page)) != (ssize_t)sizeof(page) || fdatasync(fd) != 0) {
            check(TXTD_EIO, path);
        }
        count++;
    }
    double rate = (double)count / (now_s() - start);
    close(fd);
    unlink(path);
    return rate;
}

/* --- RocksDB alone --- */

struct bare {
    rocksdb_t *db;
    rocksdb_writeoptions_t *write;
    _Atomic bool is_over;
    _Atomic uint64_t count;
};

static void *bare_client(void *argument)
{
    struct bare *bare = argument;
    uint64_t number = (uint64_t)(uintptr_t)&number;
    uint64_t count = 0;
    while (!atomic_load_explicit(&bare->is_over, memory_order_relaxed)) {
        struct delegate_id id = id_of(number++);
        char value[110] = {0};
        char *error = NULL;
        rocksdb_put(bare->db, bare->write, (const char *)id.octets, sizeof(id.octets), value, sizeof(value), &error);
        check_rocksdb(error);
        count++;
    }
    atomic_fetch_add(&bare->count, count);
    return NULL;
}

static double measure_bare(const char *directory)
{
    char path[512];
    char *error = NULL;
    pthread_t threads[CLIENTS];
    snprintf(path, sizeof(path), "%s/bare", directory);
    rocksdb_options_t *options = rocksdb_options_create();
    rocksdb_options_set_create_if_missing(options, 1);
    struct bare bare = {.db = rocksdb_open(options, path, &error), .write = rocksdb_writeoptions_create()};
    check_rocksdb(error);
    rocksdb_writeoptions_set_sync(bare.write, 1);
    double start = now_s();
    for (int i = 0; i < CLIENTS; i++) {
        check(pthread_create(&threads[i], NULL, bare_client, &bare) == 0 ? 0 : TXTD_ESYS, "thread");
    }
    usleep((useconds_t)(SLICE_S * 1e6));
    atomic_store(&bare.is_over, true);
    for (int i = 0; i < CLIENTS; i++) {
        pthread_join(threads[i], NULL);
    }
    double rate = (double)bare.count / (now_s() - start);
    rocksdb_writeoptions_destroy(bare.write);
    rocksdb_close(bare.db);
    rocksdb_options_destroy(options);
    remove_tree(path);
    return rate;
}

/* --- the committer --- */

struct loop; /* stands for a thread of the HTTP server: completions come to it by message */

struct client {
    struct change_request request;
    struct client *next_done;
    struct loop *loop;
    uint64_t turn;
    double submitted_s;
};

struct loop {
    struct committer *committer;
    pthread_t thread;
    pthread_mutex_t lock;
    pthread_cond_t woken;
    struct client *done;
    struct client clients[CLIENTS / LOOPS];
    _Atomic bool *is_over;
    uint64_t count;
    float *latencies_s;
};

struct committer_figures {
    double rate, p50_ms, p99_ms, cpu_us, batch;
};

static int rotate(struct change_request *request, struct change_state *state, int64_t at_s)
{
    struct client *client = (struct client *)request;
    struct delegate_state *delegate = &state->delegate;
    if (delegate->values_count == 2) {
        delegate->values[0] = delegate->values[1];
        delegate->values_count = 1;
    }
    struct delegate_value *value = &delegate->values[delegate->values_count++];
    value->set_at_s = at_s;
    value->len = 43;
    memset(value->text, 'A' + (int)(client->turn % 26), 43);
    state->write_delegate = true;
    return 0;
}

static void complete(struct change_request *request, int result)
{
    struct client *client = (struct client *)request;
    struct loop *loop = client->loop;
    check(result, "update");
    pthread_mutex_lock(&loop->lock);
    bool wake = loop->done == NULL;
    client->next_done = loop->done;
    loop->done = client;
    pthread_mutex_unlock(&loop->lock);
    if (wake) {
        pthread_cond_signal(&loop->woken);
    }
}

static void submit(struct client *client)
{
    client->turn++;
    uint64_t number = (client->turn * 7919 + (uint64_t)(client - client->loop->clients) * 104729) % HOT_DELEGATES;
    client->request.delegate = id_of(number);
    client->submitted_s = now_s();
    check(committer_submit(client->loop->committer, &client->request), "submit");
}

static void *loop_run(void *argument)
{
    struct loop *loop = argument;
    size_t open = CLIENTS / LOOPS;
    for (size_t i = 0; i < CLIENTS / LOOPS; i++) {
        loop->clients[i].loop = loop;
        loop->clients[i].request = (struct change_request){.zone = 1, .decide = rotate, .complete = complete};
        submit(&loop->clients[i]);
    }
    while (open != 0) {
        pthread_mutex_lock(&loop->lock);
        while (loop->done == NULL) {
            pthread_cond_wait(&loop->woken, &loop->lock);
        }
        struct client *client = loop->done;
        loop->done = NULL;
        pthread_mutex_unlock(&loop->lock);
        while (client != NULL) {
            struct client *next = client->next_done;
            loop->latencies_s[loop->count++ % LATENCIES_MAX] = (float)(now_s() - client->submitted_s);
            if (atomic_load_explicit(loop->is_over, memory_order_relaxed)) {
                open--;
            } else {
                submit(client);
            }
            client = next;
        }
    }
    return NULL;
}

struct consumer {
    struct feed *feed;
    struct committer *committer;
};

static void *consume(void *argument)
{
    struct consumer *consumer = argument;
    uint8_t message[FEED_MESSAGE_MAX];
    struct delegate_state state;
    uint64_t revision = 0;
    for (int len; (len = feed_next(consumer->feed, message, sizeof(message), 1000)) != TXTD_ECLOSED;) {
        if (len > 0) {
            check(feed_message_decode(message, (size_t)len, &revision, &state), "message");
            committer_published(consumer->committer, revision);
        }
    }
    return NULL;
}

static int compare_floats(const void *a, const void *b)
{
    float left = *(const float *)a;
    float right = *(const float *)b;
    return (left > right) - (left < right);
}

static void loops_run(struct loop loops[LOOPS], _Atomic bool *is_over)
{
    for (int i = 0; i < LOOPS; i++) {
        check(pthread_create(&loops[i].thread, NULL, loop_run, &loops[i]) == 0 ? 0 : TXTD_ESYS, "thread");
    }
    usleep((useconds_t)(SLICE_S * 1e6));
    atomic_store(is_over, true);
    for (int i = 0; i < LOOPS; i++) {
        pthread_join(loops[i].thread, NULL);
    }
}

static struct committer_figures measure_committer(struct store *store)
{
    const struct committer_settings settings = {.queue_max = 4096, .batch_max = 1024};
    static struct loop loops[LOOPS];
    _Atomic bool is_over = false;
    struct consumer consumer;
    pthread_t consumer_thread;
    check(feed_new(1 << 20, &consumer.feed), "feed");
    check(committer_start(store, consumer.feed, &settings, &consumer.committer), "committer");
    check(pthread_create(&consumer_thread, NULL, consume, &consumer) == 0 ? 0 : TXTD_ESYS, "thread");
    memset(loops, 0, sizeof(loops));
    for (int i = 0; i < LOOPS; i++) {
        loops[i].committer = consumer.committer;
        loops[i].is_over = &is_over;
        loops[i].latencies_s = calloc(LATENCIES_MAX, sizeof(float));
        pthread_mutex_init(&loops[i].lock, NULL);
        pthread_cond_init(&loops[i].woken, NULL);
    }
    double start = now_s();
    double start_cpu = cpu_s();
    loops_run(loops, &is_over);
    double took = now_s() - start;
    double took_cpu = cpu_s() - start_cpu;
    committer_stop(consumer.committer);
    pthread_join(consumer_thread, NULL);
    struct committer_stats stats;
    committer_stats(consumer.committer, &stats);
    committer_free(consumer.committer);
    feed_free(consumer.feed);

    size_t count = loops[0].count < LATENCIES_MAX ? loops[0].count : LATENCIES_MAX; /* one loop's say enough */
    qsort(loops[0].latencies_s, count, sizeof(float), compare_floats);
    struct committer_figures figures = {
        .rate = (double)stats.requests / took,
        .p50_ms = 1e3 * loops[0].latencies_s[count / 2],
        .p99_ms = 1e3 * loops[0].latencies_s[count * 99 / 100],
        .cpu_us = 1e6 * took_cpu / (double)stats.requests,
        .batch = (double)stats.requests / (double)stats.commits,
    };
    for (int i = 0; i < LOOPS; i++) {
        free(loops[i].latencies_s);
    }
    return figures;
}

/* --- filling and scanning --- */

static void fill(struct store *store, uint64_t from, uint64_t to)
{
    struct delegate_state *states = calloc(FILL_BATCH, sizeof(*states));
    struct store_change *changes = calloc(FILL_BATCH, sizeof(*changes));
    for (uint64_t at = from; at < to; at += FILL_BATCH) {
        uint64_t revision = 0;
        size_t some = to - at < FILL_BATCH ? to - at : FILL_BATCH;
        for (size_t i = 0; i < some; i++) {
            states[i] = (struct delegate_state){.id = id_of(at + i), .zone = 1, .version = 1};
            changes[i] = (struct store_change){.delegate = &states[i]};
        }
        check(store_commit(store, changes, some, &revision), "fill");
    }
    free(changes);
    free(states);
}

static int count_one(void *context, unsigned part, const struct delegate_state *state)
{
    (void)state;
    ((uint64_t *)context)[part * 8]++;
    return 0;
}

static _Atomic uint64_t tree_octets;

static int add_size(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)path;
    (void)type;
    (void)walk;
    tree_octets += (uint64_t)status->st_blocks * 512;
    return 0;
}

static void measure_scan(const struct store_options *options, uint64_t delegates)
{
    struct store *store = NULL;
    struct error_detail detail = {""};
    uint16_t zone = 0;
    check(store_open(options, &store, &detail), "open");
    check(store_zone_number(store, "bench.example", &zone, &detail), "zone");
    double start = now_s();
    fill(store, HOT_DELEGATES, delegates);
    printf("filled with commits of %d             %10.0f delegates/s\n", FILL_BATCH,
           (double)(delegates - HOT_DELEGATES) / (now_s() - start));
    store_close(store);
    nftw(options->directory, add_size, 16, FTW_PHYS);
    printf("on disk                                %10.1f octets a delegate (%d of them with two values)\n",
           (double)tree_octets / (double)delegates, HOT_DELEGATES);
    for (unsigned parts = 1; parts <= 2; parts++) {
        uint64_t counts[16] = {0};
        start = now_s();
        check(store_open(options, &store, &detail), "open");
        double opened = now_s();
        check(store_scan(store, parts, count_one, counts, &detail), "scan");
        printf("scan in %u part%s                        %10.0f delegates/s (%.3f s, opening %.3f s)\n", parts,
               parts == 1 ? " " : "s", (double)(counts[0] + counts[8]) / (now_s() - opened), now_s() - opened,
               opened - start);
        store_close(store);
    }
}

static int compare_doubles(const void *a, const void *b)
{
    double left = *(const double *)a;
    double right = *(const double *)b;
    return (left > right) - (left < right);
}

static double median(double values[ROUNDS])
{
    qsort(values, ROUNDS, sizeof(double), compare_doubles);
    return values[ROUNDS / 2];
}

int main(int argc, char **argv)
{
    char directory[256] = "bench-store-XXXXXX";
    uint64_t delegates = argc > 2 ? strtoull(argv[2], NULL, 10) : 1000000;
    if (argc > 1) {
        snprintf(directory, sizeof(directory), "%s/bench-store-XXXXXX", argv[1]);
    }
    if (mkdtemp(directory) == NULL || delegates < HOT_DELEGATES) {
        fprintf(stderr, "usage: bench_store [directory [delegates, at least %d]]\n", HOT_DELEGATES);
        return 2;
    }
    char path[300];
    snprintf(path, sizeof(path), "%s/store", directory);
    const struct store_options options = {.directory = path, .block_cache = (size_t)64 << 20, .sync = true};
    double syncs[ROUNDS];
    double bares[ROUNDS];
    double figures[5][ROUNDS];
    struct store *store = NULL;
    struct error_detail detail = {""};
    check(store_open(&options, &store, &detail), "open");
    fill(store, 0, HOT_DELEGATES);
    for (int round = 0; round < ROUNDS; round++) {
        syncs[round] = measure_fdatasync(directory);
        bares[round] = measure_bare(directory);
        struct committer_figures committer = measure_committer(store);
        figures[0][round] = committer.rate;
        figures[1][round] = committer.p50_ms;
        figures[2][round] = committer.p99_ms;
        figures[3][round] = committer.cpu_us;
        figures[4][round] = committer.batch;
    }
    store_close(store);
    printf("fdatasync, one thread                  %10.0f /s\n", median(syncs));
    printf("RocksDB alone, %d threads              %10.0f synced puts/s\n", CLIENTS, median(bares));
    printf("committer, %d clients                  %10.0f updates/s, p50 %.2f ms, p99 %.2f ms, %.1f us of CPU, %.1f a "
           "commit\n",
           CLIENTS, median(figures[0]), median(figures[1]), median(figures[2]), median(figures[3]), median(figures[4]));
    measure_scan(&options, delegates);
    remove_tree(directory);
    return 0;
}
