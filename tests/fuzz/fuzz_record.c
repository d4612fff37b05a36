/* Fuzz target: the decoders of stored delegates, accounts, events and the rest, and of feed messages. Whatever they accept must encode to the very
 * octets that were read, and the head must agree with the whole. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "storage/feed.h"
#include "storage/record.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void require(bool holds)
{
    if (!holds) {
        abort();
    }
}

static void try_delegate(const uint8_t *data, size_t size)
{
    static struct delegate_state state;
    static uint8_t again[RECORD_DELEGATE_MAX];
    struct record_head head;
    if (record_delegate_decode(data, size, &state) != 0) {
        return;
    }
    require(record_delegate_encode(&state, again, sizeof(again)) == (int)size);
    require(memcmp(again, data, size) == 0);
    require(record_delegate_head(data, size, &head) == 0);
    require(head.version == state.version && head.deleted == state.deleted);
}

static void try_account(const uint8_t *data, size_t size)
{
    static struct store_account account;
    static uint8_t again[RECORD_ACCOUNT_MAX];
    struct record_head head;
    if (record_account_decode(data, size, &account) != 0) {
        return;
    }
    require(record_account_encode(&account, again, sizeof(again)) == (int)size);
    require(memcmp(again, data, size) == 0);
    require(record_account_head(data, size, &head) == 0);
    require(head.version == account.version);
}

static void try_message(const uint8_t *data, size_t size)
{
    static struct delegate_state state;
    static uint8_t again[FEED_MESSAGE_MAX];
    uint64_t revision = 0;
    if (feed_message_decode(data, size, &revision, &state) != 0) {
        return;
    }
    require(feed_message_encode(revision, &state, again, sizeof(again)) == (int)size);
    require(memcmp(again, data, size) == 0);
}

static void try_event(const uint8_t *data, size_t size)
{
    static struct store_event event;
    static uint8_t again[RECORD_EVENT_MAX];
    if (record_event_decode(data, size, &event) != 0) {
        return;
    }
    require(record_event_encode(&event, again, sizeof(again)) == (int)size);
    require(memcmp(again, data, size) == 0);
}

static void try_small(const uint8_t *data, size_t size)
{
    struct store_usage usage;
    struct store_revoked revoked;
    uint8_t again[RECORD_REVOKED_MAX];
    if (record_usage_decode(data, size, &usage) == 0) {
        require(record_usage_encode(&usage, again, RECORD_USAGE_MAX) == (int)size);
        require(memcmp(again, data, size) == 0);
    }
    if (record_revoked_decode(data, size, &revoked) == 0) {
        require(record_revoked_encode(&revoked, again, sizeof(again)) == (int)size);
        require(memcmp(again, data, size) == 0);
    }
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    if (size == 0) {
        return 0;
    }
    switch (data[0] % 5) { /* which decoder */
    case 0: try_delegate(data + 1, size - 1); break;
    case 1: try_account(data + 1, size - 1); break;
    case 2: try_message(data + 1, size - 1); break;
    case 3: try_event(data + 1, size - 1); break;
    default: try_small(data + 1, size - 1); break;
    }
    return 0;
}
