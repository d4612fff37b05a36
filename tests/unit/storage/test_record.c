#include "tests/unit/storage/scene.h"

#include "storage/record.h"

/* Delegates of every shape, made from its number. */
enum { DELEGATE_SHAPES = 12, ACCOUNT_SHAPES = 11, EVENT_SHAPES = 5 };

static struct delegate_state *delegate_of_shape(int shape)
{
    struct delegate_state *state = calloc(1, sizeof(*state));
    assert_non_null(state);
    state->version = 1;
    switch (shape) {
    case 0: break; /* idle */
    case 1: state->deleted = true; break;
    case 2: state->disabled = true; break;
    case 3: state->expires_at_s = 1900000000; break;
    case 4: state->version = UINT64_MAX; break;
    case 5: scene_add_value(state, "", 0); break;
    case 6:
        scene_add_value(state, "LHDhK3oGRvkiefQnx7OOczTY5Tic_xZ6HcMOc_gmtoM", 1700000000);
        scene_add_value(state, "gfj9Xq...Rg85nM", 1700000001);
        break;
    case 7: /* times in no order, and as far apart as they go */
        scene_add_value(state, "a", INT64_MAX);
        scene_add_value(state, "b", INT64_MIN);
        scene_add_value(state, "c", -1);
        break;
    case 8: state->expires_at_s = INT64_MIN; break;
    case 9: assert_int_equal(delegate_persistent_add(state, "ca.example; policy=wildcard", 27), 0); break;
    case 10: /* values of both kinds */
        scene_add_value(state, "a", 1700000000);
        assert_int_equal(delegate_persistent_add(state, "a", 1), 0);
        assert_int_equal(delegate_persistent_add(state, "ca.example", 10), 0);
        break;
    default: /* the largest */
        state->version = UINT64_MAX;
        state->deleted = true;
        state->disabled = true;
        state->expires_at_s = INT64_MIN;
        state->values_count = DELEGATE_VALUES_MAX;
        for (size_t i = 0; i < DELEGATE_VALUES_MAX; i++) {
            state->values[i].set_at_s = i % 2 != 0 ? INT64_MIN / 2 : INT64_MAX / 2;
            state->values[i].len = DELEGATE_VALUE_LEN_MAX;
            memset(state->values[i].text, (int)(i * 17), DELEGATE_VALUE_LEN_MAX);
        }
        for (size_t i = 0; i < DELEGATE_PERSISTENT_VALUES_MAX; i++) {
            char text[DELEGATE_PERSISTENT_LEN_MAX / DELEGATE_PERSISTENT_VALUES_MAX - 2];
            memset(text, 'p', sizeof(text));
            assert_int_equal(delegate_persistent_add(state, text, sizeof(text)), 0);
        }
    }
    return state;
}

static void add_key(struct store_account *account, uint8_t scheme, uint8_t hash_len, uint32_t key_id, int64_t created_s)
{
    struct store_key *key = &account->keys[account->keys_count++];
    key->scheme = scheme;
    key->hash_len = hash_len;
    memset(key->hash, 0xa0 + account->keys_count, hash_len);
    key->key_id = key_id;
    key->created_s = created_s;
}

static void add_cidr(struct store_account *account, bool is_ipv4, uint8_t len, uint8_t last)
{
    struct store_cidr *cidr = &account->allowfrom[account->allowfrom_count++];
    cidr->is_ipv4 = is_ipv4;
    cidr->len = len;
    memset(cidr->address + 10, is_ipv4 ? 0xff : 0x20, 2);
    cidr->address[15] = last;
}

static struct store_account *account_of_shape(int shape)
{
    struct store_account *account = calloc(1, sizeof(*account));
    assert_non_null(account);
    account->version = 1;
    account->zone = 1;
    account->delegate = scene_id(4);
    account->created_s = 1700000000;
    switch (shape) {
    case 0: break; /* no key: disabled for good */
    case 1: add_key(account, STORE_KEY_SHA256, 32, 1, 1700000000); break;
    case 2:
        add_key(account, STORE_KEY_BCRYPT, 60, 1, 0);
        add_key(account, STORE_KEY_SHA256, 32, UINT32_MAX, INT64_MAX);
        break;
    case 3: add_cidr(account, true, 96 + 24, 0); break;
    case 4:
        add_cidr(account, true, 96, 0);   /* 0.0.0.0/0 */
        add_cidr(account, true, 128, 9);  /* one host */
        add_cidr(account, false, 0, 0);   /* ::/0 */
        add_cidr(account, false, 128, 1); /* one host */
        add_cidr(account, false, 64, 1);  /* host bits set */
        break;
    case 5: account->zone = UINT16_MAX; break;
    case 6: account->deleted = true; break;
    case 7:
        account->note_len = 4;
        memcpy(account->note, "note", 4);
        break;
    case 8:
        account->slots = 16;
        account->value_expiry_s = STORE_VALUE_EXPIRY_NEVER;
        break;
    case 9:
        add_key(account, STORE_KEY_SHA256, 32, 3, 1700000000);
        account->last_key_id = 4; /* which was revoked */
        break;
    default: /* the largest */
        account->deleted = true;
        account->slots = 255;
        account->value_expiry_s = INT64_MIN;
        account->last_key_id = UINT32_MAX;
        account->note_len = STORE_NOTE_LEN_MAX;
        memset(account->note, 'n', STORE_NOTE_LEN_MAX);
        account->version = UINT64_MAX;
        account->created_s = INT64_MIN;
        for (uint32_t i = 0; i < STORE_KEYS_MAX; i++) {
            add_key(account, 255, 64, UINT32_MAX - 1 - i, INT64_MAX);
        }
        for (uint8_t i = 0; i < STORE_ALLOWFROM_MAX; i++) {
            add_cidr(account, false, 128, i);
        }
    }
    return account;
}

static void every_delegate_comes_back(void **state)
{
    (void)state;
    for (int shape = 0; shape < DELEGATE_SHAPES; shape++) {
        struct delegate_state *delegate = delegate_of_shape(shape);
        struct delegate_state *decoded = delegate_of_shape(DELEGATE_SHAPES - 1); /* everything is to be overwritten */
        decoded->id = delegate->id;
        uint8_t record[RECORD_DELEGATE_MAX];
        int len = record_delegate_encode(delegate, record, sizeof(record));
        assert_true(len > 0);
        assert_int_equal(record_delegate_decode(record, (size_t)len, decoded), 0);
        assert_same_delegate(delegate, decoded);
        struct record_head head;
        assert_int_equal(record_delegate_head(record, (size_t)len, &head), 0);
        assert_true(head.version == delegate->version && head.deleted == delegate->deleted);
        free(delegate);
        free(decoded);
    }
}

static void every_account_comes_back(void **state)
{
    (void)state;
    for (int shape = 0; shape < ACCOUNT_SHAPES; shape++) {
        struct store_account *account = account_of_shape(shape);
        struct store_account *decoded = account_of_shape(ACCOUNT_SHAPES - 1);
        uint8_t record[RECORD_ACCOUNT_MAX];
        int len = record_account_encode(account, record, sizeof(record));
        assert_true(len > 0);
        assert_int_equal(record_account_decode(record, (size_t)len, decoded), 0);
        assert_same_account(account, decoded);
        struct record_head head;
        assert_int_equal(record_account_head(record, (size_t)len, &head), 0);
        assert_true(head.version == account->version);
        free(account);
        free(decoded);
    }
}

/* A copy in its own allocation, so that a sanitizer sees one octet too far. */
static int decode_copy(int (*decode)(const uint8_t *, size_t), const uint8_t *record, size_t len)
{
    uint8_t *copy = malloc(len != 0 ? len : 1);
    assert_non_null(copy);
    memcpy(copy, record, len);
    int code = decode(copy, len);
    free(copy);
    return code;
}

static int decode_delegate(const uint8_t *record, size_t len)
{
    struct delegate_state delegate;
    return record_delegate_decode(record, len, &delegate);
}

static int decode_account(const uint8_t *record, size_t len)
{
    struct store_account account;
    return record_account_decode(record, len, &account);
}

/* Cut at every octet, one octet too many, a format above `formats`, format 0. */
static void assert_strict(int (*decode)(const uint8_t *, size_t), uint8_t formats, uint8_t *record, size_t len)
{
    for (size_t cut = 0; cut < len; cut++) {
        assert_int_equal(decode_copy(decode, record, cut), TXTD_ECORRUPT);
    }
    record[len] = 0;
    assert_int_equal(decode_copy(decode, record, len + 1), TXTD_ECORRUPT);
    record[0] = (uint8_t)(formats + 1);
    assert_int_equal(decode_copy(decode, record, len), TXTD_EUNSUPPORTED);
    record[0] = 0;
    assert_int_equal(decode_copy(decode, record, len), TXTD_ECORRUPT);
}

static void broken_delegates_are_refused(void **state)
{
    (void)state;
    for (int shape = 0; shape < DELEGATE_SHAPES; shape++) {
        struct delegate_state *delegate = delegate_of_shape(shape);
        uint8_t record[RECORD_DELEGATE_MAX + 1];
        int len = record_delegate_encode(delegate, record, RECORD_DELEGATE_MAX);
        for (int room = 0; room < len; room++) {
            uint8_t small[RECORD_DELEGATE_MAX];
            assert_int_equal(record_delegate_encode(delegate, small, (size_t)room), TXTD_ETRUNCATED);
        }
        assert_strict(decode_delegate, 2, record, (size_t)len);
        free(delegate);
    }
}

static void broken_accounts_are_refused(void **state)
{
    (void)state;
    for (int shape = 0; shape < ACCOUNT_SHAPES; shape++) {
        struct store_account *account = account_of_shape(shape);
        uint8_t record[RECORD_ACCOUNT_MAX + 1];
        int len = record_account_encode(account, record, RECORD_ACCOUNT_MAX);
        for (int room = 0; room < len; room++) {
            uint8_t small[RECORD_ACCOUNT_MAX];
            assert_int_equal(record_account_encode(account, small, (size_t)room), TXTD_ETRUNCATED);
        }
        assert_strict(decode_account, 2, record, (size_t)len);
        free(account);
    }
}

struct bad_record {
    size_t len;
    uint8_t octets[24];
};

static const struct bad_record bad_delegates[] = {
    {3, {1, 0x10, 1}},            /* an unknown flag */
    {4, {1, 4, 1, 0}},            /* expires, but never */
    {4, {1, 8, 1, 0}},            /* values, but none */
    {4, {1, 8, 1, 17}},           /* above DELEGATE_VALUES_MAX */
    {7, {1, 8, 1, 1, 2, 2, 'a'}}, /* a value longer than the record */
    {4, {1, 0, 0x81, 0x00}},      /* a version in too many octets */
    {3, {2, 0, 1}},               /* format 2 for what format 1 can hold */
    {6, {1, 16, 1, 1, 1, 'a'}},   /* persistent values in format 1 */
    {4, {2, 16, 1, 0}},           /* persistent values, but none */
    {5, {2, 16, 1, 1, 0}},        /* an empty one */
    {22, {2, 16, 1, 9, 1, 'a', 1, 'a', 1, 'a', 1, 'a', 1, 'a', 1, 'a', 1, 'a', 1, 'a', 1, 'a'}}, /* nine */
};

static const struct bad_record bad_accounts[] = {
    {22, {1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 5, 0}},             /* five keys */
    {23, {1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 1, 1, 65}},         /* a hash of 65 octets */
    {22, {1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 33}},            /* 33 prefixes */
    {24, {1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 1, 33, 0}},      /* IPv4 /33 */
    {24, {1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 1, 193, 0}},     /* IPv6 /129 */
    {24, {1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x80, 4, 2, 0, 0}}, /* zone 65536 */
    {23, {2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 0}},          /* format 2 for format 1 */
    {23, {2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 32}},         /* an unknown field */
    {24, {2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 2, 0}},       /* an empty note */
    {24, {2, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 0, 16, 0}},      /* no last key_id */
};

static void impossible_records_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad_delegates) / sizeof(bad_delegates[0]); i++) {
        assert_int_equal(decode_copy(decode_delegate, bad_delegates[i].octets, bad_delegates[i].len), TXTD_ECORRUPT);
    }
    for (size_t i = 0; i < sizeof(bad_accounts) / sizeof(bad_accounts[0]); i++) {
        assert_int_equal(decode_copy(decode_account, bad_accounts[i].octets, bad_accounts[i].len), TXTD_ECORRUPT);
    }
}

static void impossible_states_are_not_written(void **state)
{
    (void)state;
    uint8_t record[RECORD_DELEGATE_MAX];
    struct delegate_state *delegate = delegate_of_shape(0);
    delegate->values_count = DELEGATE_VALUES_MAX + 1;
    assert_int_equal(record_delegate_encode(delegate, record, sizeof(record)), TXTD_EINVAL);
    free(delegate);

    struct store_account *account = account_of_shape(3);
    account->allowfrom[0].len = 95; /* shorter than the IPv4-mapped prefix itself */
    assert_int_equal(record_account_encode(account, record, sizeof(record)), TXTD_EINVAL);
    account->allowfrom[0].len = 129;
    assert_int_equal(record_account_encode(account, record, sizeof(record)), TXTD_EINVAL);
    account->allowfrom[0].len = 96;
    account->allowfrom[0].address[0] = 1; /* no IPv4-mapped address */
    assert_int_equal(record_account_encode(account, record, sizeof(record)), TXTD_EINVAL);
    account->allowfrom_count = STORE_ALLOWFROM_MAX + 1;
    assert_int_equal(record_account_encode(account, record, sizeof(record)), TXTD_EINVAL);
    account->allowfrom_count = 0;
    account->keys_count = STORE_KEYS_MAX + 1;
    assert_int_equal(record_account_encode(account, record, sizeof(record)), TXTD_EINVAL);
    account->keys_count = 1;
    account->keys[0].hash_len = 65;
    assert_int_equal(record_account_encode(account, record, sizeof(record)), TXTD_EINVAL);
    free(account);
}

static struct store_event event_of_shape(int shape)
{
    struct store_event event = {.kind = STORE_EVENT_UPDATED, .version = 2, .at_s = 1700000000, .key_id = 1};
    switch (shape) {
    case 0: break; /* from within */
    case 1:        /* IPv4 */
        event.client[10] = event.client[11] = 0xff;
        event.client[12] = 192;
        break;
    case 2: event.client[0] = 0x20; break;
    case 3: event.client[15] = 1; break;
    default: /* the largest */
        event = (struct store_event){.kind = 255,
                                     .version = UINT64_MAX,
                                     .at_s = INT64_MIN,
                                     .key_id = UINT32_MAX,
                                     .subject = UINT32_MAX,
                                     .text_len = STORE_EVENT_TEXT_MAX};
        memset(event.client, 0xfe, sizeof(event.client));
        memset(event.text, 't', sizeof(event.text));
    }
    return event;
}

static int decode_event(const uint8_t *record, size_t len)
{
    struct store_event event;
    return record_event_decode(record, len, &event);
}

static void every_event_comes_back(void **state)
{
    (void)state;
    for (int shape = 0; shape < EVENT_SHAPES; shape++) {
        struct store_event event = event_of_shape(shape);
        struct store_event decoded = {0};
        uint8_t record[RECORD_EVENT_MAX + 1];
        int len = record_event_encode(&event, record, RECORD_EVENT_MAX);
        assert_true(len > 0);
        assert_int_equal(record_event_decode(record, (size_t)len, &decoded), 0);
        assert_memory_equal(&event, &decoded, sizeof(event));
        for (int room = 0; room < len; room++) {
            uint8_t small[RECORD_EVENT_MAX];
            assert_int_equal(record_event_encode(&event, small, (size_t)room), TXTD_ETRUNCATED);
        }
        assert_strict(decode_event, 1, record, (size_t)len);
    }
    /* an IPv4 client in the long form */
    static const uint8_t twice[] = {1, 1, 2, 2, 1, 0, 6, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff, 192, 0, 2, 1, 0};
    assert_int_equal(decode_copy(decode_event, twice, sizeof(twice)), TXTD_ECORRUPT);
}

static int decode_usage(const uint8_t *record, size_t len)
{
    struct store_usage usage;
    return record_usage_decode(record, len, &usage);
}

static int decode_revoked(const uint8_t *record, size_t len)
{
    struct store_revoked revoked;
    return record_revoked_decode(record, len, &revoked);
}

static void usage_and_revoked_keys_come_back(void **state)
{
    (void)state;
    uint8_t record[RECORD_REVOKED_MAX + RECORD_USAGE_MAX];
    struct store_usage usage = {.asked_at_s = 1700002800 + 59, .asked_count = UINT64_MAX};
    struct store_usage used = {0};
    int len = record_usage_encode(&usage, record, RECORD_USAGE_MAX);
    assert_true(len > 0);
    assert_int_equal(record_usage_decode(record, (size_t)len, &used), 0);
    assert_true(used.asked_at_s == 1700002800 && used.asked_count == UINT64_MAX); /* to the hour */
    assert_strict(decode_usage, 1, record, (size_t)len);
    usage.asked_at_s = -1;
    assert_int_equal(record_usage_encode(&usage, record, RECORD_USAGE_MAX), TXTD_EINVAL);

    struct store_revoked revoked = {.username = scene_id(7), .key_id = UINT32_MAX, .at_s = INT64_MIN};
    struct store_revoked read = {.key_id = 0};
    len = record_revoked_encode(&revoked, record, RECORD_REVOKED_MAX);
    assert_true(len > 0);
    assert_int_equal(record_revoked_decode(record, (size_t)len, &read), 0);
    assert_memory_equal(&revoked.username, &read.username, sizeof(read.username));
    assert_true(read.key_id == UINT32_MAX && read.at_s == INT64_MIN);
    assert_strict(decode_revoked, 1, record, (size_t)len);
}

/* 100 million of them are to be small on disk. */
static void an_idle_delegate_is_three_octets(void **state)
{
    (void)state;
    struct delegate_state *delegate = delegate_of_shape(0);
    uint8_t record[RECORD_DELEGATE_MAX];
    assert_int_equal(record_delegate_encode(delegate, record, sizeof(record)), 3);
    free(delegate);
}

static void keys_sort_by_zone(void **state)
{
    (void)state;
    struct delegate_id lowest = {{0}};
    struct delegate_id highest;
    memset(&highest, 0xff, sizeof(highest));
    uint8_t a[RECORD_DELEGATE_KEY_LEN];
    uint8_t b[RECORD_DELEGATE_KEY_LEN];
    record_delegate_key(0x00ff, &highest, a);
    record_delegate_key(0x0100, &lowest, b);
    assert_true(memcmp(a, b, sizeof(a)) < 0);
    uint16_t zone = 0;
    struct delegate_id id;
    assert_int_equal(record_delegate_key_decode(a, sizeof(a), &zone, &id), 0);
    assert_int_equal(zone, 0x00ff);
    assert_memory_equal(&id, &highest, sizeof(id));
    assert_int_equal(record_delegate_key_decode(a, sizeof(a) - 1, &zone, &id), TXTD_ECORRUPT);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_delegate_comes_back),        cmocka_unit_test(every_account_comes_back),
        cmocka_unit_test(broken_delegates_are_refused),     cmocka_unit_test(broken_accounts_are_refused),
        cmocka_unit_test(impossible_records_are_refused),   cmocka_unit_test(impossible_states_are_not_written),
        cmocka_unit_test(an_idle_delegate_is_three_octets), cmocka_unit_test(keys_sort_by_zone),
        cmocka_unit_test(every_event_comes_back),           cmocka_unit_test(usage_and_revoked_keys_come_back),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
