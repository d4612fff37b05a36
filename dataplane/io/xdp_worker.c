#include "dataplane/io/xdp_worker.h"

#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <urcu/urcu-qsbr.h>

#include "dataplane/io/clock.h"
#include "dataplane/io/gather.h"
#include "dataplane/io/latency.h"
#include "dataplane/io/xdp_frame.h"

#define WAIT_MS      200 /* how long a worker may sleep: xdp_stop is noticed after at most that */
#define WAIT_SEND_MS 1   /* the same while frames wait to be sent */
#define DRAIN_TURNS  200 /* at the end: turns of WAIT_SEND_MS for the last answers to leave */

/* Waits for frames, off line, so that a grace period need not wait for us. */
static void wait_for_frames(struct xdp_worker *worker, int timeout_ms)
{
    struct pollfd poll_fd = {.fd = xdp_socket_fd(worker->socket), .events = POLLIN};
    urcu_qsbr_thread_offline();
    (void)poll(&poll_fd, 1, timeout_ms);
    urcu_qsbr_thread_online();
}

/* Finds the queries in the frames. What is none gets length 0, and so is not sent. Returns the number of queries;
 * `buffer_of[i]` is the buffer of packet i. */
static unsigned parse_burst(struct xdp_worker *worker, struct xdp_buffer buffers[], unsigned count,
                            struct xdp_frame frames[], struct packet packets[], uint8_t buffer_of[])
{
    unsigned queries = 0;
    for (unsigned i = 0; i < count; i++) {
        struct xdp_buffer *buffer = &buffers[i];
        struct xdp_frame *frame = &frames[queries];
        if (xdp_frame_parse(buffer->octets, buffer->len, frame) != 0) {
            buffer->len = 0;
            __atomic_store_n(&worker->invalid, worker->invalid + 1, __ATOMIC_RELAXED);
            continue;
        }
        packets[queries] = (struct packet){
            .wire = buffer->octets + frame->payload,
            .len = frame->payload_len,
            .capacity = (uint16_t)(buffer->capacity - frame->payload),
            .transport = TRANSPORT_XDP,
            .client = &frame->client.any,
        };
        buffer_of[queries] = (uint8_t)i;
        queries++;
    }
    return queries;
}

/* Receives, answers and sends one burst. Returns the number of frames received. */
static unsigned serve_burst(struct xdp_worker *worker)
{
    struct xdp_buffer buffers[RESPOND_BURST_MAX];
    struct xdp_frame frames[RESPOND_BURST_MAX];
    struct packet packets[RESPOND_BURST_MAX];
    uint8_t buffer_of[RESPOND_BURST_MAX];
    struct respond_clock clock;

    unsigned received = xdp_socket_receive(worker->socket, buffers, RESPOND_BURST_MAX);
    if (received == 0) {
        return 0;
    }
    const uint64_t begin_ns = latency_begin(&worker->respond);
    unsigned queries = parse_burst(worker, buffers, received, frames, packets, buffer_of);
    clock_read(&clock);
    respond_burst(worker->responder, &worker->respond, &clock, packets, queries);
    for (unsigned i = 0; i < queries; i++) {
        struct xdp_buffer *buffer = &buffers[buffer_of[i]];
        buffer->len = packets[i].len == 0 ? 0 : (uint32_t)xdp_frame_reply(buffer->octets, &frames[i], packets[i].len);
    }
    xdp_socket_send(worker->socket, buffers, received);
    latency_end(&worker->respond, TRANSPORT_XDP, begin_ns, queries);
    xdp_socket_turn(worker->socket);
    urcu_qsbr_quiescent_state();
    return received;
}

/* The gate is shut: nothing new comes. */
static void drain(struct xdp_worker *worker)
{
    while (serve_burst(worker) > 0) {
    }
    for (unsigned i = 0; i < DRAIN_TURNS && xdp_socket_unsent(worker->socket) > 0; i++) {
        wait_for_frames(worker, WAIT_SEND_MS);
        (void)serve_burst(worker);
        xdp_socket_turn(worker->socket);
    }
}

static void pin_to(int cpu)
{
    cpu_set_t set;
    CPU_ZERO(&set);
    CPU_SET((size_t)cpu, &set);
    (void)pthread_setaffinity_np(pthread_self(), sizeof set, &set); /* a matter of speed only */
}

static bool stopping(const struct xdp_worker *worker)
{
    return atomic_load_explicit(&worker->stop, memory_order_relaxed);
}

/* Nothing came. */
static void rest(struct xdp_worker *worker)
{
    wait_for_frames(worker, xdp_socket_unsent(worker->socket) > 0 ? WAIT_SEND_MS : WAIT_MS);
}

/* Busy polling: turn after turn, in which the kernel polls the card, until nothing has come for busy_poll_us. */
static void serve_polling(struct xdp_worker *worker)
{
    const uint64_t patience_ns = (uint64_t)worker->busy_poll_us * 1000;
    uint64_t last_ns = latency_now_ns();
    while (!stopping(worker)) {
        if (serve_burst(worker) > 0) {
            last_ns = latency_now_ns();
            continue;
        }
        xdp_socket_turn(worker->socket);
        if (latency_now_ns() - last_ns < patience_ns) {
            urcu_qsbr_quiescent_state();
        } else {
            rest(worker);
        }
    }
}

static void serve_waiting(struct xdp_worker *worker)
{
    struct gather gather;
    gather_begin(&gather, worker->gather_us);
    while (!stopping(worker)) {
        const unsigned received = serve_burst(worker);
        const bool gathers = gather_wanted(&gather);
        gather_received(&gather, received, RESPOND_BURST_MAX);
        if (gathers && gather_wanted(&gather)) {
            if (received == 0) {
                xdp_socket_turn(worker->socket);
            }
            urcu_qsbr_thread_offline();
            gather_sleep(&gather);
            urcu_qsbr_thread_online();
        } else if (received == 0) {
            xdp_socket_turn(worker->socket);
            rest(worker);
        }
    }
}

static void *worker_run(void *argument)
{
    struct xdp_worker *worker = argument;
    if (worker->cpu >= 0) {
        pin_to(worker->cpu);
    }
    urcu_qsbr_register_thread();
    if (worker->busy_poll_us > 0) {
        serve_polling(worker);
    } else {
        serve_waiting(worker);
    }
    drain(worker);
    urcu_qsbr_unregister_thread();
    return NULL;
}

int xdp_worker_start(struct xdp_worker *worker)
{
    atomic_store(&worker->stop, false);
    worker->running = pthread_create(&worker->thread, NULL, worker_run, worker) == 0;
    if (worker->running) {
        char name[16];
        (void)snprintf(name, sizeof name, "dns-xdp-%u", worker->queue % 1000);
        (void)pthread_setname_np(worker->thread, name);
    }
    return worker->running ? 0 : TXTD_ESYS;
}

void xdp_worker_stop(struct xdp_worker *worker)
{
    if (worker->running) {
        atomic_store(&worker->stop, true);
        (void)pthread_join(worker->thread, NULL);
        worker->running = false;
    }
}
