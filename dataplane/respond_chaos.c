#include "dataplane/respond_chaos.h"

#include "dataplane/zone/zone_lookup.h"

static const char id_server[] = "\2id\6server";
static const char hostname_bind[] = "\10hostname\4bind";
static const char version_bind[] = "\7version\4bind";

static bool qname_is(const struct answer *answer, const char *name, size_t len)
{
    return answer->query->labels->len == len &&
           name_equal(answer->writer.data + DNS_QNAME_OFFSET, (const uint8_t *)name, len);
}

void chaos_answer(struct answer *answer, const struct respond_settings *settings)
{
    const char *text = "";
    if (qname_is(answer, id_server, sizeof id_server) || qname_is(answer, hostname_bind, sizeof hostname_bind)) {
        text = settings->identity;
    } else if (qname_is(answer, version_bind, sizeof version_bind)) {
        text = settings->version;
    }
    uint16_t qtype = answer->query->qtype;
    size_t len = strlen(text);
    if (len == 0 || (qtype != DNS_TYPE_TXT && qtype != DNS_TYPE_ANY)) {
        return;
    }
    uint8_t wire[11 + sizeof settings->identity];
    struct wire_writer writer = writer_at(wire, sizeof wire, 0);
    write_u16(&writer, DNS_TYPE_TXT);
    write_u16(&writer, DNS_CLASS_CH);
    write_u32(&writer, 0);
    write_u16(&writer, (uint16_t)(len + 1));
    write_u8(&writer, (uint8_t)len);
    write_octets(&writer, text, len);
    struct rrset rrset = {.type = DNS_TYPE_TXT, .records = 1, .len = (uint32_t)writer.at, .wire = wire};
    if (!answer_append_rrset(answer, SECTION_ANSWER, answer->writer.data + DNS_QNAME_OFFSET, answer->query->labels->len,
                             &rrset)) {
        answer_truncate(answer);
    }
    answer->rcode = DNS_RCODE_NOERROR;
    answer->authoritative = true;
}
