#include "control/health_query.h"

#include <string.h>

#include "control/zone_loader.h"

#define HEADER_LEN 12
#define FLAG_QR    0x80 /* in the third octet */
#define FLAG_AA    0x04
#define FLAG_TC    0x02
#define RCODE_MASK 0x0f /* in the fourth */
#define TYPE_SOA   6
#define CLASS_IN   1

int health_query_build(const char *apex, uint16_t id, uint8_t query[HEALTH_QUERY_MAX])
{
    uint8_t name[ZONE_APEX_LEN_MAX];
    size_t name_len;
    if (zone_name_to_wire(apex, name, &name_len, NULL) != 0) {
        return TXTD_EINVAL;
    }
    const uint8_t header[HEADER_LEN] = {(uint8_t)(id >> 8), (uint8_t)id, 0, 0, 0, 1};
    const uint8_t question_end[] = {0, TYPE_SOA, 0, CLASS_IN};
    memcpy(query, header, HEADER_LEN);
    memcpy(query + HEADER_LEN, name, name_len);
    memcpy(query + HEADER_LEN + name_len, question_end, sizeof question_end);
    return (int)(HEADER_LEN + name_len + sizeof question_end);
}

bool health_query_answered(const uint8_t query[HEALTH_QUERY_MAX], const uint8_t *answer, size_t answer_len)
{
    if (answer_len < HEADER_LEN || memcmp(answer, query, 2) != 0 || (answer[2] & FLAG_QR) == 0) {
        return false;
    }
    return (answer[2] & FLAG_TC) != 0 || ((answer[2] & FLAG_AA) != 0 && (answer[3] & RCODE_MASK) == 0);
}
