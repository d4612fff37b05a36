#include "dataplane/zone/delegate_entry.h"

#include <assert.h>
#include <stdbool.h>

#include "dataplane/dns/constants.h"
#include "dataplane/dns/cursor.h"

#define OWNER_IS_QUESTION (0xC000 | DNS_QNAME_OFFSET) /* a compression pointer, RFC 1035 section 4.1.4 */
#define RECORD_FIXED_LEN  12 /* octets of owner pointer, type, class, TTL and RDLENGTH, RFC 1035 section 4.1.3 */

_Static_assert(DELEGATE_ENTRY_IDLE_LEN == 24, "an idle delegate costs 24 octets beside its slot");
_Static_assert(DELEGATE_ENTRY_LEN_MAX - sizeof(struct delegate_entry) <= UINT16_MAX, "rrset_len holds every rrset");

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
static void write_txt_record(struct wire_writer *writer, const struct delegate_value *value, uint32_t ttl_s)
{
    write_u16(writer, OWNER_IS_QUESTION);
    write_u16(writer, DNS_TYPE_TXT);
    write_u16(writer, DNS_CLASS_IN);
    write_u32(writer, ttl_s);
    write_u16(writer, (uint16_t)(1 + value->len));
    write_u8(writer, value->len);
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
    struct wire_writer writer = writer_at(entry->rrset, entry->rrset_len, 0);
    for (unsigned i = 0; i < state->values_count; i++) {
        write_txt_record(&writer, &state->values[i], ttl_s);
    }
    assert(writer_ok(&writer)); /* rrset_len counted the same octets */
}
