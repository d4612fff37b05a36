#include "dataplane/io/xdp_program.h"

#include <arpa/inet.h>
#include <assert.h>
#include <bpf/bpf.h>
#include <errno.h>
#include <linux/bpf.h>
#include <linux/if_ether.h>
#include <linux/if_link.h>
#include <linux/ip.h>
#include <linux/ipv6.h>
#include <linux/udp.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stddef.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dataplane/io/xdp_socket.h"

/* --- A small assembler --- */

#define INSNS_MAX  2048
#define FIXUPS_MAX 512

enum label { LABEL_VLAN, LABEL_NETWORK, LABEL_IPV4, LABEL_REDIRECT, LABEL_PASS, LABEL_COUNT };

struct fixup {
    unsigned insn;
    enum label label;
};

struct assembler {
    struct bpf_insn insns[INSNS_MAX];
    unsigned count;
    struct fixup fixups[FIXUPS_MAX];
    unsigned fixups_count;
    unsigned labels[LABEL_COUNT];
};

static void emit(struct assembler *as, uint8_t code, unsigned dst, unsigned src, int16_t off, int32_t imm)
{
    assert(as->count < INSNS_MAX);
    as->insns[as->count++] =
        (struct bpf_insn){.code = code, .dst_reg = dst & 0xf, .src_reg = src & 0xf, .off = off, .imm = imm};
}

static void emit_move(struct assembler *as, unsigned dst, unsigned src)
{
    emit(as, BPF_ALU64 | BPF_MOV | BPF_X, dst, src, 0, 0);
}

static void emit_add_imm(struct assembler *as, unsigned dst, int32_t imm)
{
    /* NOLINTNEXTLINE(misc-redundant-expression): several of the kernel's codes are 0 */
    emit(as, BPF_ALU64 | BPF_ADD | BPF_K, dst, 0, 0, imm);
}

/* dst = constant, or what a pseudo source makes of it: a map by its descriptor, or the address of a map's value. */
static void emit_load_64(struct assembler *as, unsigned dst, unsigned pseudo, uint64_t value)
{
    /* NOLINTNEXTLINE(misc-redundant-expression): several of the kernel's codes are 0 */
    emit(as, BPF_LD | BPF_DW | BPF_IMM, dst, pseudo, 0, (int32_t)(uint32_t)value);
    emit(as, 0, 0, 0, 0, (int32_t)(uint32_t)(value >> 32));
}

/* dst = *(size *)(base + off) */
static void emit_load(struct assembler *as, uint8_t size, unsigned dst, unsigned base, size_t off)
{
    emit(as, BPF_LDX | BPF_MEM | size, dst, base, (int16_t)off, 0);
}

static void note_fixup(struct assembler *as, enum label label)
{
    assert(as->fixups_count < FIXUPS_MAX);
    as->fixups[as->fixups_count++] = (struct fixup){.insn = as->count, .label = label};
}

/* if ((u32)reg <op> imm) goto label */
static void emit_jump_imm(struct assembler *as, uint8_t op, unsigned reg, uint32_t imm, enum label label)
{
    note_fixup(as, label);
    emit(as, BPF_JMP32 | op | BPF_K, reg, 0, 0, (int32_t)imm);
}

/* if (left <op> right) goto label */
static void emit_jump_reg(struct assembler *as, uint8_t op, unsigned left, unsigned right, enum label label)
{
    note_fixup(as, label);
    emit(as, BPF_JMP | op | BPF_X, left, right, 0, 0);
}

static void emit_jump(struct assembler *as, enum label label)
{
    note_fixup(as, label);
    emit(as, BPF_JMP | BPF_JA, 0, 0, 0, 0);
}

static void place_label(struct assembler *as, enum label label)
{
    as->labels[label] = as->count;
}

static void resolve_labels(struct assembler *as)
{
    for (unsigned i = 0; i < as->fixups_count; i++) {
        unsigned insn = as->fixups[i].insn;
        as->insns[insn].off = (int16_t)((int)as->labels[as->fixups[i].label] - (int)insn - 1);
    }
}

/* --- The program ---
 *
 * R6 context, R2 the frame (from LABEL_NETWORK on: 14 octets before the network header, whether there is a VLAN tag or
 * not), R3 its end, R7 and R8 the destination address, R9 the destination port, as they stand in the packet. */

_Static_assert(XDP_SOCKET_MEMORY_LEN - XDP_SOCKET_FRAME_MAX == XDP_PACKET_HEADROOM, "the kernel's headroom");

#define DNS_HEADER_LEN           12
#define VLAN_TAG_LEN             4
#define FIELD_OFF(header, field) (ETH_HLEN + offsetof(struct header, field))

/* goto pass unless `len` octets from R2 on are in the frame */
static void emit_bounds_check(struct assembler *as, size_t len)
{
    emit_move(as, BPF_REG_4, BPF_REG_2);
    emit_add_imm(as, BPF_REG_4, (int32_t)len);
    emit_jump_reg(as, BPF_JGT, BPF_REG_4, BPF_REG_3, LABEL_PASS);
}

static void emit_gate(struct assembler *as, int gate_map)
{
    emit_load_64(as, BPF_REG_1, BPF_PSEUDO_MAP_VALUE, (uint32_t)gate_map);
    emit_load(as, BPF_W, BPF_REG_1, BPF_REG_1, 0);
    emit_jump_imm(as, BPF_JEQ, BPF_REG_1, 0, LABEL_PASS);
}

/* goto pass when the frame is longer than a socket takes: a redirection would lose it */
static void emit_length_check(struct assembler *as)
{
    emit_move(as, BPF_REG_4, BPF_REG_2);
    emit_add_imm(as, BPF_REG_4, XDP_SOCKET_FRAME_MAX + 1);
    emit_jump_reg(as, BPF_JLE, BPF_REG_4, BPF_REG_3, LABEL_PASS);
}

static void emit_link_layer(struct assembler *as, const uint8_t mac[6])
{
    uint32_t mac_start;
    uint16_t mac_end;
    memcpy(&mac_start, mac, sizeof mac_start);
    memcpy(&mac_end, mac + 4, sizeof mac_end);

    emit_bounds_check(as, ETH_HLEN + VLAN_TAG_LEN);
    emit_load(as, BPF_W, BPF_REG_1, BPF_REG_2, 0);
    emit_jump_imm(as, BPF_JNE, BPF_REG_1, mac_start, LABEL_PASS);
    emit_load(as, BPF_H, BPF_REG_1, BPF_REG_2, 4);
    emit_jump_imm(as, BPF_JNE, BPF_REG_1, mac_end, LABEL_PASS);
    emit_load(as, BPF_H, BPF_REG_5, BPF_REG_2, offsetof(struct ethhdr, h_proto));
    emit_jump_imm(as, BPF_JEQ, BPF_REG_5, htons(ETH_P_8021Q), LABEL_VLAN);
    emit_jump(as, LABEL_NETWORK);
    place_label(as, LABEL_VLAN); /* one tag (IEEE 802.1Q); a second is not an IP ethertype and so passes */
    emit_load(as, BPF_H, BPF_REG_5, BPF_REG_2, ETH_HLEN + 2);
    emit_add_imm(as, BPF_REG_2, VLAN_TAG_LEN);
    place_label(as, LABEL_NETWORK);
    emit_jump_imm(as, BPF_JEQ, BPF_REG_5, htons(ETH_P_IP), LABEL_IPV4);
    emit_jump_imm(as, BPF_JNE, BPF_REG_5, htons(ETH_P_IPV6), LABEL_PASS);
}

/* A datagram whose first and only header after IPv6's is UDP: extension headers, fragments among them, pass. */
static void emit_ipv6(struct assembler *as, const struct xdp_target targets[], unsigned count)
{
    emit_bounds_check(as, ETH_HLEN + sizeof(struct ipv6hdr) + sizeof(struct udphdr) + DNS_HEADER_LEN);
    emit_load(as, BPF_B, BPF_REG_1, BPF_REG_2, ETH_HLEN);
    emit(as, BPF_ALU64 | BPF_AND | BPF_K, BPF_REG_1, 0, 0, 0xf0);
    emit_jump_imm(as, BPF_JNE, BPF_REG_1, 0x60, LABEL_PASS);
    emit_load(as, BPF_B, BPF_REG_1, BPF_REG_2, FIELD_OFF(ipv6hdr, nexthdr));
    emit_jump_imm(as, BPF_JNE, BPF_REG_1, IPPROTO_UDP, LABEL_PASS);
    emit_load(as, BPF_DW, BPF_REG_7, BPF_REG_2, FIELD_OFF(ipv6hdr, daddr));
    emit_load(as, BPF_DW, BPF_REG_8, BPF_REG_2, FIELD_OFF(ipv6hdr, daddr) + 8);
    emit_load(as, BPF_H, BPF_REG_9, BPF_REG_2, ETH_HLEN + sizeof(struct ipv6hdr) + offsetof(struct udphdr, dest));
    for (unsigned i = 0; i < count; i++) {
        if (!targets[i].ipv6) {
            continue;
        }
        uint64_t halves[2];
        memcpy(halves, targets[i].address, sizeof halves);
        emit(as, BPF_JMP32 | BPF_JNE | BPF_K, BPF_REG_9, 0, 6, htons(targets[i].port)); /* to the next target */
        emit_load_64(as, BPF_REG_1, 0, halves[0]);
        emit(as, BPF_JMP | BPF_JNE | BPF_X, BPF_REG_7, BPF_REG_1, 3, 0); /* likewise */
        emit_load_64(as, BPF_REG_1, 0, halves[1]);
        emit_jump_reg(as, BPF_JEQ, BPF_REG_8, BPF_REG_1, LABEL_REDIRECT);
    }
    emit_jump(as, LABEL_PASS);
}

/* A datagram without options that is not a fragment. */
static void emit_ipv4(struct assembler *as, const struct xdp_target targets[], unsigned count)
{
    place_label(as, LABEL_IPV4);
    emit_bounds_check(as, ETH_HLEN + sizeof(struct iphdr) + sizeof(struct udphdr) + DNS_HEADER_LEN);
    emit_load(as, BPF_B, BPF_REG_1, BPF_REG_2, ETH_HLEN);
    emit_jump_imm(as, BPF_JNE, BPF_REG_1, 0x45, LABEL_PASS);
    emit_load(as, BPF_H, BPF_REG_1, BPF_REG_2, FIELD_OFF(iphdr, frag_off));
    emit_jump_imm(as, BPF_JSET, BPF_REG_1, htons(0x3fff), LABEL_PASS); /* more fragments, or an offset */
    emit_load(as, BPF_B, BPF_REG_1, BPF_REG_2, FIELD_OFF(iphdr, protocol));
    emit_jump_imm(as, BPF_JNE, BPF_REG_1, IPPROTO_UDP, LABEL_PASS);
    emit_load(as, BPF_W, BPF_REG_7, BPF_REG_2, FIELD_OFF(iphdr, daddr));
    emit_load(as, BPF_H, BPF_REG_9, BPF_REG_2, ETH_HLEN + sizeof(struct iphdr) + offsetof(struct udphdr, dest));
    for (unsigned i = 0; i < count; i++) {
        if (targets[i].ipv6) {
            continue;
        }
        uint32_t address;
        memcpy(&address, targets[i].address, sizeof address);
        emit(as, BPF_JMP32 | BPF_JNE | BPF_K, BPF_REG_9, 0, 1, htons(targets[i].port)); /* to the next target */
        emit_jump_imm(as, BPF_JEQ, BPF_REG_7, address, LABEL_REDIRECT);
    }
    emit_jump(as, LABEL_PASS);
}

static void emit_verdicts(struct assembler *as, int sockets)
{
    place_label(as,
                LABEL_REDIRECT); /* return bpf_redirect_map(sockets, rx_queue_index, XDP_PASS if there is no socket) */
    emit_load_64(as, BPF_REG_1, BPF_PSEUDO_MAP_FD, (uint32_t)sockets);
    emit_load(as, BPF_W, BPF_REG_2, BPF_REG_6, offsetof(struct xdp_md, rx_queue_index));
    emit(as, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_3, 0, 0, XDP_PASS);
    emit(as, BPF_JMP | BPF_CALL, 0, 0, 0, BPF_FUNC_redirect_map);
    emit(as, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
    place_label(as, LABEL_PASS);
    emit(as, BPF_ALU64 | BPF_MOV | BPF_K, BPF_REG_0, 0, 0, XDP_PASS);
    emit(as, BPF_JMP | BPF_EXIT, 0, 0, 0, 0);
}

static void assemble(struct assembler *as, const struct xdp_program *program, const uint8_t mac[6],
                     const struct xdp_target targets[], unsigned count)
{
    emit_move(as, BPF_REG_6, BPF_REG_1);
    emit_gate(as, program->gate_map);
    emit_load(as, BPF_W, BPF_REG_2, BPF_REG_6, offsetof(struct xdp_md, data));
    emit_load(as, BPF_W, BPF_REG_3, BPF_REG_6, offsetof(struct xdp_md, data_end));
    emit_length_check(as);
    emit_link_layer(as, mac);
    emit_ipv6(as, targets, count);
    emit_ipv4(as, targets, count);
    emit_verdicts(as, program->sockets);
    resolve_labels(as);
}

/* --- Loading and attaching --- */

static int make_maps(struct xdp_program *program, unsigned queues, struct error_detail *detail)
{
    program->sockets =
        bpf_map_create(BPF_MAP_TYPE_XSKMAP, "txtd_sockets", sizeof(uint32_t), sizeof(uint32_t), queues, NULL);
    if (program->sockets < 0) {
        return error_describe(detail, errno == EINVAL ? TXTD_EUNSUPPORTED : TXTD_ESYS,
                              "cannot make a map of XDP sockets: %s; run as root, on a kernel with AF_XDP",
                              strerror(errno));
    }
    LIBBPF_OPTS(bpf_map_create_opts, options, .map_flags = BPF_F_MMAPABLE);
    program->gate_map =
        bpf_map_create(BPF_MAP_TYPE_ARRAY, "txtd_gate", sizeof(uint32_t), sizeof(uint32_t), 1, &options);
    if (program->gate_map < 0) {
        return error_describe(detail, TXTD_ESYS, "cannot make the XDP program's gate: %s", strerror(errno));
    }
    void *gate = mmap(NULL, (size_t)sysconf(_SC_PAGESIZE), PROT_READ | PROT_WRITE, MAP_SHARED, program->gate_map, 0);
    if (gate == MAP_FAILED) {
        return error_describe(detail, TXTD_ESYS, "cannot map the XDP program's gate: %s", strerror(errno));
    }
    program->gate = gate;
    return 0;
}

int xdp_program_load(struct xdp_program *program, const uint8_t mac[6], const struct xdp_target targets[],
                     unsigned targets_count, unsigned queues, struct error_detail *detail)
{
    *program = XDP_PROGRAM_NONE;
    if (targets_count > XDP_TARGETS_MAX) {
        return error_describe(detail, TXTD_EINVAL, "more than %d addresses for XDP", XDP_TARGETS_MAX);
    }
    int rc = make_maps(program, queues, detail);
    if (rc != 0) {
        return rc;
    }
    struct assembler as = {.count = 0};
    assemble(&as, program, mac, targets, targets_count);
    program->program = bpf_prog_load(BPF_PROG_TYPE_XDP, "txtd", "Dual BSD/GPL", as.insns, as.count, NULL);
    if (program->program < 0) {
        return error_describe(detail, TXTD_ESYS, "the kernel refuses the XDP program: %s", strerror(errno));
    }
    return 0;
}

static int attach(const struct xdp_program *program, unsigned interface_index, uint32_t flags)
{
    LIBBPF_OPTS(bpf_link_create_opts, options, .flags = flags);
    int link = bpf_link_create(program->program, (int)interface_index, BPF_XDP, &options);
    return link < 0 ? -errno : link;
}

int xdp_program_attach(struct xdp_program *program, const char *interface, enum xdp_mode mode,
                       struct error_detail *detail)
{
    unsigned index = if_nametoindex(interface);
    if (index == 0) {
        return error_describe(detail, TXTD_EINVAL, "there is no interface %s", interface);
    }
    int link = -EOPNOTSUPP;
    if (mode != XDP_MODE_GENERIC) {
        link = attach(program, index, XDP_FLAGS_DRV_MODE);
        program->native = link >= 0;
    }
    if (link < 0 && link != -EBUSY && mode != XDP_MODE_NATIVE) {
        link = attach(program, index, XDP_FLAGS_SKB_MODE);
    }
    if (link == -EBUSY || link == -EEXIST) { /* in this mode, or in the other */
        return error_describe(detail, TXTD_ESYS,
                              "%s has an XDP program already; detach it (ip link set dev %s xdp off)", interface,
                              interface);
    }
    if (link < 0) {
        return error_describe(detail, link == -EOPNOTSUPP || link == -EINVAL ? TXTD_EUNSUPPORTED : TXTD_ESYS,
                              "cannot attach to %s in %s mode: %s", interface,
                              mode == XDP_MODE_NATIVE ? "native" : "generic", strerror(-link));
    }
    program->link = link;
    return 0;
}

int xdp_program_set_socket(const struct xdp_program *program, uint32_t queue, int socket_fd)
{
    return bpf_map_update_elem(program->sockets, &queue, &socket_fd, BPF_ANY) == 0 ? 0 : TXTD_ESYS;
}

void xdp_program_open_gate(const struct xdp_program *program, bool open)
{
    __atomic_store_n(program->gate, open ? 1u : 0u, __ATOMIC_RELEASE);
}

static void close_fd(int *fd)
{
    if (*fd >= 0) {
        (void)close(*fd);
        *fd = -1;
    }
}

void xdp_program_unload(struct xdp_program *program)
{
    close_fd(&program->link); /* the last descriptor of an unpinned link: detaches */
    close_fd(&program->program);
    close_fd(&program->sockets);
    if (program->gate != NULL) {
        (void)munmap(program->gate, (size_t)sysconf(_SC_PAGESIZE));
        program->gate = NULL;
    }
    close_fd(&program->gate_map);
}
