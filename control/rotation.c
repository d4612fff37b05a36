#include "control/rotation.h"

#include <string.h>

static void drop_value(struct delegate_state *delegate, unsigned at)
{
    delegate->values_count--;
    memmove(&delegate->values[at], &delegate->values[at + 1],
            (delegate->values_count - at) * sizeof delegate->values[0]);
}

int rotation_apply(struct delegate_state *delegate, unsigned slots, int64_t expiry_s, const char *value, size_t len,
                   int64_t now_s)
{
    if (len == 0 || len > DELEGATE_VALUE_LEN_MAX || slots == 0 || slots > DELEGATE_VALUES_MAX) {
        return TXTD_EINVAL;
    }
    if (delegate->expires_at_s != 0 && delegate->expires_at_s <= now_s) {
        delegate->values_count = 0;
    }
    for (unsigned i = 0; i < delegate->values_count; i++) {
        if (delegate->values[i].len == len && memcmp(delegate->values[i].text, value, len) == 0) {
            drop_value(delegate, i);
            break;
        }
    }
    /* More than one too many only after the zone's slots were configured down. */
    while (delegate->values_count >= slots) {
        drop_value(delegate, 0);
    }
    struct delegate_value *newest = &delegate->values[delegate->values_count++];
    memset(newest, 0, sizeof *newest);
    newest->set_at_s = now_s;
    newest->len = (uint8_t)len;
    memcpy(newest->text, value, len);
    delegate->expires_at_s = expiry_s == 0 ? 0 : now_s + expiry_s;
    return 0;
}
