#include "dataplane/zone/delegate_entry.h"

#include <assert.h>
#include <stdbool.h>
#include <string.h>

#include "dataplane/dns/constants.h"
#include "dataplane/dns/cursor.h"

#define OWNER_IS_QUESTION (0xC000 | DNS_QNAME_OFFSET) /* a compression pointer, RFC 1035 section 4.1.4 */
#define RECORD_FIXED_LEN  12 /* octets of owner pointer, type, class, TTL and RDLENGTH, RFC 1035 section 4.1.3 */

_Static_assert(DELEGATE_ENTRY_IDLE_LEN == 24, "an idle delegate costs 24 octets beside its slot");
_Static_assert(DELEGATE_ENTRY_LEN_MAX - sizeof(struct delegate_entry) <= UINT16_MAX, "rrset_len holds every rrset");

static bool is_idle(const struct delegate_state *state)
{
    return state->disabled || (state->values_count == 0 && state->persistent_count == 0);
}

/* Octets of a TXT record whose text is cut into strings; at least one (RFC 1035 section 3.3.14). */
static size_t record_len(size_t text_len)
{
    size_t strings = text_len == 0 ? 1 : (text_len + DELEGATE_VALUE_LEN_MAX - 1) / DELEGATE_VALUE_LEN_MAX;
    return RECORD_FIXED_LEN + text_len + strings;
}

/* What is served of a state, in this order: the persistent values, then the others. */
struct served {
    struct {
        const char *text;
        size_t len;
    } values[DELEGATE_PERSISTENT_VALUES_MAX + DELEGATE_VALUES_MAX];
    unsigned count;
    unsigned persistent_count; /* of these */
    size_t rrset_len;
};

/* Equal records would stand in an RRset twice (RFC 2181 section 5): the first is enough. */
static void add_served(struct served *served, const char *text, size_t len)
{
    for (unsigned i = 0; i < served->count; i++) {
        if (served->values[i].len == len && memcmp(served->values[i].text, text, len) == 0) {
            return;
        }
    }
    served->values[served->count].text = text;
    served->values[served->count].len = len;
    served->count++;
    served->rrset_len += record_len(len);
}

static void collect_served(const struct delegate_state *state, struct served *served)
{
    served->count = 0;
    served->rrset_len = 0;
    size_t at = 0, len;
    const char *text;
    while ((text = delegate_persistent_next(state, &at, &len)) != NULL) {
        add_served(served, text, len);
    }
    served->persistent_count = served->count;
    for (unsigned i = 0; i < state->values_count; i++) {
        add_served(served, state->values[i].text, state->values[i].len);
    }
}

/* One TXT record of as many character-strings as it takes. */
static void write_txt_record(struct wire_writer *writer, const char *text, size_t len, uint32_t ttl_s)
{
    write_u16(writer, OWNER_IS_QUESTION);
    write_u16(writer, DNS_TYPE_TXT);
    write_u16(writer, DNS_CLASS_IN);
    write_u32(writer, ttl_s);
    write_u16(writer, (uint16_t)(record_len(len) - RECORD_FIXED_LEN));
    size_t at = 0;
    do {
        size_t some = len - at < DELEGATE_VALUE_LEN_MAX ? len - at : DELEGATE_VALUE_LEN_MAX;
        write_u8(writer, (uint8_t)some);
        write_octets(writer, text + at, some);
        at += some;
    } while (at < len);
}

int delegate_entry_check(const struct delegate_state *state)
{
    bool is_fit =
        state->values_count <= DELEGATE_VALUES_MAX && state->expires_at_s >= 0 && delegate_persistent_valid(state);
    return is_fit ? 0 : TXTD_EINVAL;
}

size_t delegate_entry_len(const struct delegate_state *state)
{
    if (is_idle(state)) {
        return DELEGATE_ENTRY_IDLE_LEN;
    }
    struct served served;
    collect_served(state, &served);
    return offsetof(struct delegate_entry, rrset) + served.rrset_len;
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
    struct served served;
    collect_served(state, &served);
    entry->values_count = (uint8_t)served.count;
    entry->rrset_len = (uint16_t)served.rrset_len;
    entry->expires_at_s = state->expires_at_s > UINT32_MAX ? UINT32_MAX : (uint32_t)state->expires_at_s;
    entry->persistent_count = (uint8_t)served.persistent_count;
    entry->persistent_len = 0;
    entry->reserved = 0;
    struct wire_writer writer = writer_at(entry->rrset, entry->rrset_len, 0);
    for (unsigned i = 0; i < served.count; i++) {
        write_txt_record(&writer, served.values[i].text, served.values[i].len, ttl_s);
        if (i + 1 == served.persistent_count) {
            entry->persistent_len = (uint16_t)writer.at;
        }
    }
    assert(writer_ok(&writer)); /* record_len counted the same octets */
}

size_t delegate_entry_lasting_len(const struct delegate_entry *entry)
{
    return entry->persistent_count == 0 ? DELEGATE_ENTRY_IDLE_LEN
                                        : offsetof(struct delegate_entry, rrset) + entry->persistent_len;
}

void delegate_entry_fill_lasting(struct delegate_entry *lasting, const struct delegate_entry *entry)
{
    delegate_entry_fill_idle(lasting, &entry->id, entry->zone);
    if (entry->persistent_count == 0) {
        return;
    }
    lasting->values_count = lasting->persistent_count = entry->persistent_count;
    lasting->rrset_len = lasting->persistent_len = entry->persistent_len;
    lasting->expires_at_s = 0;
    lasting->reserved = 0;
    memcpy(lasting->rrset, entry->rrset, entry->persistent_len);
}
