#include "dataplane/io/udp.h"

#include <errno.h>
#include <netinet/in.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <urcu/urcu-qsbr.h>

#include "dataplane/io/clock.h"
#include "dataplane/io/gather.h"
#include "dataplane/io/latency.h"
#include "dataplane/io/socket.h"

#define BUFFER_LEN 2048
#define BUFFER_STRIDE                                                                                                  \
    (BUFFER_LEN + 64) /* no multiple of a page: the headers of a burst fall into different cache sets */
#define CONTROL_LEN CMSG_SPACE(sizeof(struct in6_pktinfo))
#define BURST       RESPOND_BURST_MAX

/* The memory of one worker, touched by it alone. */
struct burst_memory {
    struct mmsghdr received[BURST];
    struct mmsghdr sent[BURST];
    struct iovec received_at[BURST];
    struct iovec sent_from[BURST];
    struct sockaddr_storage clients[BURST];
    struct packet packets[BURST];
    uint8_t controls[BURST][CONTROL_LEN] __attribute__((aligned(8)));
    uint8_t buffers[BURST][BUFFER_STRIDE] __attribute__((aligned(64)));
};

static void count(uint64_t *counter)
{
    __atomic_store_n(counter, *counter + 1, __ATOMIC_RELAXED);
}

static void memory_prepare(struct burst_memory *memory)
{
    for (unsigned i = 0; i < BURST; i++) {
        memory->received_at[i] = (struct iovec){memory->buffers[i], BUFFER_LEN};
        memory->received[i].msg_hdr =
            (struct msghdr){.msg_name = &memory->clients[i], .msg_iov = &memory->received_at[i], .msg_iovlen = 1};
        memory->packets[i] = (struct packet){.wire = memory->buffers[i],
                                             .capacity = BUFFER_LEN,
                                             .transport = TRANSPORT_UDP,
                                             .client = (const struct sockaddr *)&memory->clients[i]};
    }
}

static int receive(struct burst_memory *memory, const struct udp_socket *socket, int flags)
{
    for (unsigned i = 0; i < BURST; i++) {
        struct msghdr *header = &memory->received[i].msg_hdr;
        header->msg_namelen = sizeof memory->clients[i];
        header->msg_control = socket->wildcard ? memory->controls[i] : NULL;
        header->msg_controllen = socket->wildcard ? CONTROL_LEN : 0;
    }
    return recvmmsg(socket->fd, memory->received, BURST, flags, NULL);
}

/* Turns what the kernel told of a query's destination into what it must be told of the answer's source: IPv4 names the
 * source in another field; the interface is left to routing, but for link-local IPv6 addresses. */
static void turn_control(struct msghdr *header)
{
    for (struct cmsghdr *control = CMSG_FIRSTHDR(header); control != NULL; control = CMSG_NXTHDR(header, control)) {
        if (control->cmsg_level == IPPROTO_IP && control->cmsg_type == IP_PKTINFO) {
            struct in_pktinfo info;
            memcpy(&info, CMSG_DATA(control), sizeof info);
            info.ipi_spec_dst = info.ipi_addr;
            info.ipi_ifindex = 0;
            memcpy(CMSG_DATA(control), &info, sizeof info);
        } else if (control->cmsg_level == IPPROTO_IPV6 && control->cmsg_type == IPV6_PKTINFO) {
            struct in6_pktinfo info;
            memcpy(&info, CMSG_DATA(control), sizeof info);
            if (!IN6_IS_ADDR_LINKLOCAL(&info.ipi6_addr)) {
                info.ipi6_ifindex = 0;
            }
            memcpy(CMSG_DATA(control), &info, sizeof info);
        }
    }
}

/* Lines up the answers for sending. Returns how many there are. */
static unsigned collect_answers(struct burst_memory *memory, unsigned received, bool wildcard)
{
    unsigned answers = 0;
    for (unsigned i = 0; i < received; i++) {
        const struct packet *packet = &memory->packets[i];
        if (packet->len == 0) {
            continue;
        }
        struct msghdr *from = &memory->received[i].msg_hdr;
        memory->sent_from[answers] = (struct iovec){packet->wire, packet->len};
        memory->sent[answers].msg_hdr = (struct msghdr){.msg_name = from->msg_name,
                                                        .msg_namelen = from->msg_namelen,
                                                        .msg_iov = &memory->sent_from[answers],
                                                        .msg_iovlen = 1};
        if (wildcard) {
            turn_control(from);
            memory->sent[answers].msg_hdr.msg_control = from->msg_control;
            memory->sent[answers].msg_hdr.msg_controllen = from->msg_controllen;
        }
        answers++;
    }
    return answers;
}

/* Sends all; an answer that the kernel refuses (a full queue, an unreachable client) is given up, as UDP allows. */
static void send_answers(struct udp_worker *worker, struct burst_memory *memory, int fd, unsigned answers)
{
    for (unsigned at = 0; at < answers;) {
        int sent = sendmmsg(fd, memory->sent + at, answers - at, MSG_DONTWAIT);
        if (sent > 0) {
            at += (unsigned)sent;
        } else if (errno != EINTR) {
            count(&worker->respond->counters.dropped[RESPOND_DROP_SEND]);
            at++;
        }
    }
}

static void serve_burst(struct udp_worker *worker, struct burst_memory *memory, const struct udp_socket *socket,
                        unsigned received)
{
    const uint64_t begin_ns = latency_begin(worker->respond);
    for (unsigned i = 0; i < received; i++) {
        struct packet *packet = &memory->packets[i];
        packet->cut = (memory->received[i].msg_hdr.msg_flags & MSG_TRUNC) != 0;
        packet->len = packet->cut ? 0 : (uint16_t)memory->received[i].msg_len;
    }
    struct respond_clock now;
    clock_read(&now);
    respond_burst(worker->responder, worker->respond, &now, memory->packets, received);
    unsigned answers = collect_answers(memory, received, socket->wildcard);
    send_answers(worker, memory, socket->fd, answers);
    latency_end(worker->respond, TRANSPORT_UDP, begin_ns, received);
}

static bool stopping(const struct udp_worker *worker)
{
    return __atomic_load_n(worker->stop, __ATOMIC_ACQUIRE);
}

/* One socket: the receive itself waits, for at most SOCKET_WAKE_MS. */
static void serve_one_socket(struct udp_worker *worker, struct burst_memory *memory)
{
    const struct udp_socket *socket = &worker->sockets[0];
    struct gather gather;
    gather_begin(&gather, worker->gather_us);
    while (!stopping(worker)) {
        const bool gathers = gather_wanted(&gather);
        urcu_qsbr_thread_offline();
        if (gathers) {
            gather_sleep(&gather);
        }
        int received = receive(memory, socket, gathers ? MSG_DONTWAIT : MSG_WAITFORONE);
        urcu_qsbr_thread_online();
        gather_received(&gather, received > 0 ? (unsigned)received : 0, BURST);
        if (received > 0) {
            serve_burst(worker, memory, socket, (unsigned)received);
        }
    }
}

/* Returns how many queries there were. */
static unsigned serve_ready_sockets(struct udp_worker *worker, struct burst_memory *memory, const struct pollfd *ready)
{
    unsigned sum = 0;
    for (unsigned i = 0; i < worker->sockets_count; i++) {
        if (ready[i].revents == 0) {
            continue;
        }
        int received = receive(memory, &worker->sockets[i], MSG_DONTWAIT);
        if (received > 0) {
            serve_burst(worker, memory, &worker->sockets[i], (unsigned)received);
            urcu_qsbr_quiescent_state();
            sum += (unsigned)received;
        }
    }
    return sum;
}

static void serve_many_sockets(struct udp_worker *worker, struct burst_memory *memory)
{
    struct pollfd ready[DNS_SERVER_ADDRESSES_MAX];
    for (unsigned i = 0; i < worker->sockets_count; i++) {
        ready[i] = (struct pollfd){.fd = worker->sockets[i].fd, .events = POLLIN};
    }
    struct gather gather;
    gather_begin(&gather, worker->gather_us);
    while (!stopping(worker)) {
        const bool gathers = gather_wanted(&gather);
        urcu_qsbr_thread_offline();
        if (gathers) {
            gather_sleep(&gather);
        }
        int count_ready = poll(ready, worker->sockets_count, gathers ? 0 : SOCKET_WAKE_MS);
        urcu_qsbr_thread_online();
        unsigned received = count_ready > 0 ? serve_ready_sockets(worker, memory, ready) : 0;
        gather_received(&gather, received < BURST ? received : BURST, BURST);
    }
}

int udp_worker_run(struct udp_worker *worker)
{
    struct burst_memory *memory = aligned_alloc(64, (sizeof *memory + 63) / 64 * 64);
    if (memory == NULL) {
        return TXTD_ENOMEM;
    }
    memset(memory, 0, sizeof *memory);
    memory_prepare(memory);
    urcu_qsbr_register_thread();
    if (worker->sockets_count == 1) {
        serve_one_socket(worker, memory);
    } else {
        serve_many_sockets(worker, memory);
    }
    urcu_qsbr_unregister_thread();
    free(memory);
    return 0;
}
