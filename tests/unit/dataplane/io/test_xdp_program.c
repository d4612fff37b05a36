/* The XDP program's verdicts, frame by frame, through the kernel's own test run. In a network namespace of its own, with a
 * veth pair for the socket that redirection needs. Skipped without the privileges for that. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <arpa/inet.h>
#include <bpf/bpf.h>
#include <cmocka.h>
#include <errno.h>
#include <linux/bpf.h>
#include <sched.h>
#include <stdbool.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dataplane/io/xdp_program.h"
#include "dataplane/io/xdp_socket.h"
#include "dataplane/io/xdp_targets.h"
#include "xdp_skip.h"

#define PAYLOAD_LEN 12 /* a DNS header */

static const uint8_t station[6] = {2, 0, 0, 0, 0, 0x53};

struct scene {
    struct xdp_program program;
    struct xdp_socket *socket;
};

struct sample {
    uint8_t octets[2048];
    size_t len;
    size_t network;
};

static void put_u16(uint8_t *at, unsigned value)
{
    at[0] = (uint8_t)(value >> 8);
    at[1] = (uint8_t)value;
}

/* A UDP datagram to that address and port; `tag`: 0, or the ethertype of a VLAN tag. */
static void make_sample(struct sample *sample, const char *address, unsigned port, unsigned tag)
{
    bool ipv6 = strchr(address, ':') != NULL;
    memset(sample, 0, sizeof *sample);
    memcpy(sample->octets, station, 6);
    sample->octets[6] = 2;
    uint8_t *at = sample->octets + 12;
    if (tag != 0) {
        put_u16(at, tag);
        put_u16(at + 2, 100);
        at += 4;
    }
    put_u16(at, ipv6 ? 0x86dd : 0x0800);
    at += 2;
    sample->network = (size_t)(at - sample->octets);
    at[0] = ipv6 ? 0x60 : 0x45;
    if (ipv6) {
        put_u16(at + 4, 8 + PAYLOAD_LEN);
        at[6] = 17;
        assert_int_equal(inet_pton(AF_INET6, address, at + 24), 1);
        at += 40;
    } else {
        put_u16(at + 2, 28 + PAYLOAD_LEN);
        at[9] = 17;
        assert_int_equal(inet_pton(AF_INET, address, at + 16), 1);
        at += 20;
    }
    put_u16(at + 2, port);
    put_u16(at + 4, 8 + PAYLOAD_LEN);
    sample->len = (size_t)(at - sample->octets) + 8 + PAYLOAD_LEN;
}

static unsigned verdict_of(const struct scene *scene, const struct sample *sample)
{
    uint8_t out[sizeof sample->octets];
    LIBBPF_OPTS(bpf_test_run_opts, options, .data_in = sample->octets, .data_size_in = (uint32_t)sample->len,
                .data_out = out, .data_size_out = sizeof out, .repeat = 1);
    assert_int_equal(bpf_prog_test_run_opts(scene->program.program, &options), 0);
    return options.retval;
}

static unsigned verdict(const struct scene *scene, const char *address, unsigned port, unsigned tag)
{
    struct sample sample;
    make_sample(&sample, address, port, tag);
    return verdict_of(scene, &sample);
}

/* The verdict for a good datagram in which one octet of the network header, or of what follows it, was changed. */
static unsigned verdict_changed(const struct scene *scene, const char *address, size_t off, uint8_t octet)
{
    struct sample sample;
    make_sample(&sample, address, 53, 0);
    sample.octets[sample.network + off] = octet;
    return verdict_of(scene, &sample);
}

static void served_addresses_and_ports_are_taken(void **state)
{
    const struct scene *scene = *state;
    assert_int_equal(verdict(scene, "192.0.2.53", 53, 0), XDP_REDIRECT);
    assert_int_equal(verdict(scene, "192.0.2.54", 5353, 0), XDP_REDIRECT);
    assert_int_equal(verdict(scene, "2001:db8::53", 53, 0), XDP_REDIRECT);
    assert_int_equal(verdict(scene, "2001:db8::54", 5353, 0), XDP_REDIRECT);

    assert_int_equal(verdict(scene, "192.0.2.53", 54, 0), XDP_PASS);
    assert_int_equal(verdict(scene, "192.0.2.53", 5353, 0), XDP_PASS);
    assert_int_equal(verdict(scene, "192.0.2.55", 53, 0), XDP_PASS);
    assert_int_equal(verdict(scene, "2001:db8::53", 5353, 0), XDP_PASS);
    assert_int_equal(verdict(scene, "2001:db8::55", 53, 0), XDP_PASS);
    assert_int_equal(verdict(scene, "2001:db8:0:1::53", 53, 0), XDP_PASS); /* the other half differs */
}

static void one_vlan_tag_is_looked_behind(void **state)
{
    const struct scene *scene = *state;
    assert_int_equal(verdict(scene, "192.0.2.53", 53, 0x8100), XDP_REDIRECT);
    assert_int_equal(verdict(scene, "2001:db8::53", 53, 0x8100), XDP_REDIRECT);
    assert_int_equal(verdict(scene, "192.0.2.55", 53, 0x8100), XDP_PASS);
    assert_int_equal(verdict(scene, "192.0.2.53", 53, 0x88a8), XDP_PASS);
    struct sample sample;
    make_sample(&sample, "192.0.2.53", 53, 0x8100);
    put_u16(sample.octets + 16, 0x8100); /* a second tag */
    assert_int_equal(verdict_of(scene, &sample), XDP_PASS);
}

static void what_is_no_whole_udp_datagram_goes_to_the_kernel(void **state)
{
    const struct scene *scene = *state;
    assert_int_equal(verdict_changed(scene, "192.0.2.53", 9, 6), XDP_PASS);        /* TCP */
    assert_int_equal(verdict_changed(scene, "192.0.2.53", 9, 1), XDP_PASS);        /* ICMP */
    assert_int_equal(verdict_changed(scene, "192.0.2.53", 0, 0x46), XDP_PASS);     /* options */
    assert_int_equal(verdict_changed(scene, "192.0.2.53", 0, 0x55), XDP_PASS);     /* version */
    assert_int_equal(verdict_changed(scene, "192.0.2.53", 6, 0x20), XDP_PASS);     /* more fragments */
    assert_int_equal(verdict_changed(scene, "192.0.2.53", 6, 0x01), XDP_PASS);     /* offset, upper bits */
    assert_int_equal(verdict_changed(scene, "192.0.2.53", 7, 0x01), XDP_PASS);     /* offset, lower bits */
    assert_int_equal(verdict_changed(scene, "192.0.2.53", 6, 0x40), XDP_REDIRECT); /* don't fragment */
    assert_int_equal(verdict_changed(scene, "2001:db8::53", 6, 6), XDP_PASS);      /* TCP */
    assert_int_equal(verdict_changed(scene, "2001:db8::53", 6, 58), XDP_PASS);     /* ICMPv6 */
    assert_int_equal(verdict_changed(scene, "2001:db8::53", 6, 44), XDP_PASS);     /* a fragment */
    assert_int_equal(verdict_changed(scene, "2001:db8::53", 6, 0), XDP_PASS);      /* hop-by-hop options */
    assert_int_equal(verdict_changed(scene, "2001:db8::53", 0, 0x40), XDP_PASS);   /* version */
    struct sample sample;
    make_sample(&sample, "192.0.2.53", 53, 0);
    put_u16(sample.octets + 12, 0x0806); /* ARP */
    assert_int_equal(verdict_of(scene, &sample), XDP_PASS);
}

static void other_stations_frames_are_left_alone(void **state)
{
    const struct scene *scene = *state;
    for (unsigned i = 0; i < 6; i++) {
        struct sample sample;
        make_sample(&sample, "192.0.2.53", 53, 0);
        sample.octets[i] ^= 1;
        assert_int_equal(verdict_of(scene, &sample), XDP_PASS);
    }
    struct sample broadcast;
    make_sample(&broadcast, "192.0.2.53", 53, 0);
    memset(broadcast.octets, 0xff, 6);
    assert_int_equal(verdict_of(scene, &broadcast), XDP_PASS);
}

static void cut_frames_go_to_the_kernel(void **state)
{
    const struct scene *scene = *state;
    static const char *const addresses[] = {"192.0.2.53", "2001:db8::53"};
    for (unsigned i = 0; i < 4; i++) {
        struct sample sample;
        make_sample(&sample, addresses[i % 2], 53, i < 2 ? 0 : 0x8100);
        size_t len = sample.len;
        for (sample.len = 14; sample.len < len; sample.len++) { /* the kernel's test run takes no less */
            assert_int_equal(verdict_of(scene, &sample), XDP_PASS);
        }
        assert_int_equal(verdict_of(scene, &sample), XDP_REDIRECT);
    }
}

/* The kernel would drop what does not fit a frame of the socket. */
static void frames_longer_than_a_socket_takes_go_to_the_kernel(void **state)
{
    const struct scene *scene = *state;
    static const char *const addresses[] = {"192.0.2.53", "2001:db8::53"};
    for (unsigned i = 0; i < 4; i++) {
        struct sample sample;
        make_sample(&sample, addresses[i % 2], 53, i < 2 ? 0 : 0x8100);
        sample.len = XDP_SOCKET_FRAME_MAX;
        assert_int_equal(verdict_of(scene, &sample), XDP_REDIRECT);
        sample.len++;
        assert_int_equal(verdict_of(scene, &sample), XDP_PASS);
    }
}

static void a_shut_gate_passes_everything(void **state)
{
    const struct scene *scene = *state;
    xdp_program_open_gate(&scene->program, false);
    assert_int_equal(verdict(scene, "192.0.2.53", 53, 0), XDP_PASS);
    assert_int_equal(verdict(scene, "2001:db8::53", 53, 0), XDP_PASS);
    xdp_program_open_gate(&scene->program, true);
    assert_int_equal(verdict(scene, "192.0.2.53", 53, 0), XDP_REDIRECT);
}

/* As many targets as there can be, of the longer kind: the program must still assemble, load and find the last. */
static void the_most_targets_load(void **state)
{
    struct scene *scene = *state;
    static struct xdp_target targets[XDP_TARGETS_MAX];
    for (unsigned i = 0; i < XDP_TARGETS_MAX; i++) {
        targets[i] = (struct xdp_target){.ipv6 = true, .port = 53};
        assert_int_equal(inet_pton(AF_INET6, "2001:db8::", targets[i].address), 1);
        targets[i].address[15] = (uint8_t)(i + 1);
    }
    struct scene other = {.socket = scene->socket};
    struct error_detail detail = {""};
    assert_int_equal(xdp_program_load(&other.program, station, targets, XDP_TARGETS_MAX, 1, &detail), 0);
    assert_int_equal(xdp_program_set_socket(&other.program, 0, xdp_socket_fd(scene->socket)), 0);
    xdp_program_open_gate(&other.program, true);
    assert_int_equal(verdict(&other, "2001:db8::1", 53, 0), XDP_REDIRECT);
    assert_int_equal(verdict(&other, "2001:db8::80", 53, 0), XDP_REDIRECT);
    assert_int_equal(verdict(&other, "2001:db8::81", 53, 0), XDP_PASS);
    xdp_program_unload(&other.program);
    assert_int_equal(xdp_program_load(&other.program, station, targets, XDP_TARGETS_MAX + 1, 1, &detail), TXTD_EINVAL);
    xdp_program_unload(&other.program);
}

static struct dns_address dns_address_of(const char *address, uint16_t port)
{
    struct dns_address made = {.address_len = sizeof(struct sockaddr_in6)};
    if (strchr(address, ':') != NULL) {
        struct sockaddr_in6 in6 = {.sin6_family = AF_INET6, .sin6_port = htons(port)};
        assert_int_equal(inet_pton(AF_INET6, address, &in6.sin6_addr), 1);
        memcpy(&made.address, &in6, sizeof in6);
    } else {
        struct sockaddr_in in = {.sin_family = AF_INET, .sin_port = htons(port)};
        assert_int_equal(inet_pton(AF_INET, address, &in.sin_addr), 1);
        memcpy(&made.address, &in, sizeof in);
    }
    return made;
}

static void a_wildcard_stands_for_the_hosts_addresses(void **state)
{
    (void)state;
    struct xdp_target targets[XDP_TARGETS_MAX];
    unsigned count = 0, left_out = 0;
    struct error_detail detail = {""};
    const struct dns_address wildcard[] = {dns_address_of("0.0.0.0", 53), dns_address_of("198.51.100.1", 53)};
    assert_int_equal(xdp_targets_collect(wildcard, 2, targets, &count, &left_out, &detail), 0);
    assert_int_equal(count, 2); /* the namespace has one IPv4 address beside loopback */
    static const uint8_t hosts[4] = {203, 0, 113, 9};
    static const uint8_t given[4] = {198, 51, 100, 1};
    assert_memory_equal(targets[0].address, hosts, 4);
    assert_int_equal(targets[0].port, 53);
    assert_memory_equal(targets[1].address, given, 4);
    const struct dns_address twice[] = {dns_address_of("198.51.100.1", 53), dns_address_of("198.51.100.1", 53)};
    assert_int_equal(xdp_targets_collect(twice, 2, targets, &count, &left_out, &detail), 0);
    assert_int_equal(count, 1);
    assert_int_equal(xdp_targets_collect(twice, 0, targets, &count, &left_out, &detail), TXTD_EINVAL);
}

static void targets_beyond_the_most_are_told_of(void **state)
{
    (void)state;
    enum { ADDRESSES = XDP_TARGETS_MAX + 3 };
    static struct dns_address addresses[ADDRESSES];
    struct xdp_target targets[XDP_TARGETS_MAX];
    unsigned count = 0, left_out = 0;
    struct error_detail detail = {""};
    for (unsigned i = 0; i < ADDRESSES; i++) {
        addresses[i] = dns_address_of("198.51.100.1", (uint16_t)(1000 + i));
    }
    assert_int_equal(xdp_targets_collect(addresses, XDP_TARGETS_MAX, targets, &count, &left_out, &detail), 0);
    assert_int_equal(left_out, 0);
    assert_int_equal(xdp_targets_collect(addresses, ADDRESSES, targets, &count, &left_out, &detail), 0);
    assert_int_equal(count, XDP_TARGETS_MAX);
    assert_int_equal(left_out, 3);
}

/* Another's program, in either mode, is in the way of ours in every mode; and the message says how to take it off. */
static void anothers_program_is_named(void **state)
{
    const struct scene *scene = *state;
    for (unsigned other_mode = XDP_MODE_NATIVE; other_mode <= XDP_MODE_GENERIC; other_mode++) {
        struct xdp_program other = XDP_PROGRAM_NONE;
        const struct xdp_target target = {.ipv6 = false, .address = {192, 0, 2, 53}, .port = 53};
        struct error_detail detail = {""};
        assert_int_equal(xdp_program_load(&other, station, &target, 1, 1, &detail), 0);
        assert_int_equal(xdp_program_attach(&other, "xt0", other_mode, &detail), 0);
        for (unsigned mode = XDP_MODE_AUTO; mode <= XDP_MODE_GENERIC; mode++) {
            struct xdp_program ours = scene->program;
            assert_int_equal(xdp_program_attach(&ours, "xt0", mode, &detail), TXTD_ESYS);
            assert_non_null(strstr(detail.text, "ip link set dev xt0 xdp off"));
        }
        xdp_program_unload(&other);
    }
}

static void interfaces_are_described(void **state)
{
    (void)state;
    uint8_t mac[6];
    struct error_detail detail = {""};
    assert_int_equal(xdp_interface_mac("xt0", mac, &detail), 0);
    assert_memory_equal(mac, station, 6);
    assert_int_equal(xdp_interface_queues("xt0"), 1);
    assert_int_equal(xdp_interface_mac("absent0", mac, &detail), TXTD_EINVAL);
    assert_non_null(strstr(detail.text, "absent0"));
    assert_int_equal(xdp_interface_mac("lo", mac, &detail), TXTD_EINVAL);
}

static int set_up(void **state)
{
    static struct scene scene;
    struct error_detail detail = {""};
    if (system("ip link add xt0 address 02:00:00:00:00:53 type veth peer name xt1 && ip link set xt0 up && "
               "ip link set xt1 up && ip address add 203.0.113.9/24 dev xt0") != 0) {
        return -1;
    }
    struct xdp_target targets[4] = {{.ipv6 = false, .address = {192, 0, 2, 53}, .port = 53},
                                    {.ipv6 = true, .port = 53},
                                    {.ipv6 = false, .address = {192, 0, 2, 54}, .port = 5353},
                                    {.ipv6 = true, .port = 5353}};
    (void)inet_pton(AF_INET6, "2001:db8::53", targets[1].address);
    (void)inet_pton(AF_INET6, "2001:db8::54", targets[3].address);
    const struct xdp_socket_options options = {.interface = "xt0", .copy = true};
    if (xdp_program_load(&scene.program, station, targets, 4, 1, &detail) != 0 ||
        xdp_socket_open(&options, &scene.socket, &detail) != 0 ||
        xdp_program_set_socket(&scene.program, 0, xdp_socket_fd(scene.socket)) != 0) {
        print_error("%s\n", detail.text);
        return -1;
    }
    xdp_program_open_gate(&scene.program, true);
    *state = &scene;
    return 0;
}

static int tear_down(void **state)
{
    struct scene *scene = *state;
    xdp_program_unload(&scene->program);
    xdp_socket_close(scene->socket);
    return 0;
}

int main(void)
{
    if (unshare(CLONE_NEWNET) != 0) {
        return xdp_test_cannot_run("no network namespaces");
    }
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(served_addresses_and_ports_are_taken),
        cmocka_unit_test(one_vlan_tag_is_looked_behind),
        cmocka_unit_test(what_is_no_whole_udp_datagram_goes_to_the_kernel),
        cmocka_unit_test(other_stations_frames_are_left_alone),
        cmocka_unit_test(cut_frames_go_to_the_kernel),
        cmocka_unit_test(frames_longer_than_a_socket_takes_go_to_the_kernel),
        cmocka_unit_test(a_shut_gate_passes_everything),
        cmocka_unit_test(the_most_targets_load),
        cmocka_unit_test(a_wildcard_stands_for_the_hosts_addresses),
        cmocka_unit_test(targets_beyond_the_most_are_told_of),
        cmocka_unit_test(anothers_program_is_named),
        cmocka_unit_test(interfaces_are_described),
    };
    return cmocka_run_group_tests(tests, set_up, tear_down);
}
