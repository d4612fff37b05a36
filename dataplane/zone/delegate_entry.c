#include "dataplane/zone/delegate_entry.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#define TYPE_TXT 16
#define CLASS_IN 1
#define OWNER_IS_QUESTION                                                                                              \
    0xC00C                  /* a compression pointer to offset 12, where the question begins (RFC 1035 section 4.1.4) */
#define RECORD_FIXED_LEN 12 /* octets of owner pointer, type, class, TTL and RDLENGTH (RFC 1035 section 4.1.3) */

_Static_assert(DELEGATE_ENTRY_IDLE_LEN == 24, "an idle delegate costs 24 octets beside its slot");
_Static_assert(DELEGATE_ENTRY_LEN_MAX - sizeof(struct delegate_entry) <= UINT16_MAX, "rrset_len holds every rrset");

/* The only writer of wire octets here: a cursor that cannot pass its end. */
struct record_writer {
    uint8_t *at;
    const uint8_t *end;
};

static void write_octets(struct record_writer *writer, const void *octets, size_t len)
{
    assert((size_t)(writer->end - writer->at) >= len);
    memcpy(writer->at, octets, len);
    writer->at += len;
}

static void write_u16(struct record_writer *writer, uint16_t value)
{
    uint8_t octets[2] = {(uint8_t)(value >> 8), (uint8_t)value};
    write_octets(writer, octets, sizeof octets);
}

static bool is_idle(const struct delegate_state *state)
{
    return state->disabled || state->values_count == 0;
}

static size_t rrset_len(const struct delegate_state *state)
{
    size_t len = 0;
    for (unsigned i = 0; i < state->values_count; i++) {
        len += RECORD_FIXED_LEN + 1 + (size_t)state->values[i].len;
    }
    return len;
}

/* One TXT record of one character-string (RFC 1035 section 3.3.14). */
static void write_txt_record(struct record_writer *writer, const struct delegate_value *value, uint32_t ttl_s)
{
    write_u16(writer, OWNER_IS_QUESTION);
    write_u16(writer, TYPE_TXT);
    write_u16(writer, CLASS_IN);
    write_u16(writer, (uint16_t)(ttl_s >> 16));
    write_u16(writer, (uint16_t)ttl_s);
    write_u16(writer, (uint16_t)(1 + value->len));
    write_octets(writer, &value->len, 1);
    write_octets(writer, value->text, value->len);
}

int delegate_entry_check(const struct delegate_state *state)
{
    return state->values_count <= DELEGATE_VALUES_MAX && state->expires_at_s >= 0 ? 0 : TXTD_EINVAL;
}

size_t delegate_entry_len(const struct delegate_state *state)
{
    if (is_idle(state)) {
        return DELEGATE_ENTRY_IDLE_LEN;
    }
    return offsetof(struct delegate_entry, rrset) + rrset_len(state);
}

void delegate_entry_fill_idle(struct delegate_entry *entry, const struct delegate_id *id, uint16_t zone)
{
    entry->id = *id;
    entry->zone = zone;
    entry->values_count = 0;
    entry->rrset_len = 0;
    entry->rrsig_len = 0;
}

void delegate_entry_fill(struct delegate_entry *entry, const struct delegate_state *state, uint32_t ttl_s)
{
    delegate_entry_fill_idle(entry, &state->id, state->zone);
    if (is_idle(state)) {
        return;
    }
    entry->values_count = state->values_count;
    entry->rrset_len = (uint16_t)rrset_len(state);
    entry->expires_at_s = state->expires_at_s > UINT32_MAX ? UINT32_MAX : (uint32_t)state->expires_at_s;
    struct record_writer writer = {.at = entry->rrset, .end = entry->rrset + entry->rrset_len};
    for (unsigned i = 0; i < state->values_count; i++) {
        write_txt_record(&writer, &state->values[i], ttl_s);
    }
}
