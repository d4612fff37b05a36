#include "tests/unit/storage/scene.h"

#include "storage/record.h"

/* Delegates of every shape, made from its number. */
enum { DELEGATE_SHAPES = 10, ACCOUNT_SHAPES = 7 };

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
    default: /* the largest */
        account->version = UINT64_MAX;
        account->created_s = INT64_MIN;
        for (uint32_t i = 0; i < STORE_KEYS_MAX; i++) {
            add_key(account, 255, 64, UINT32_MAX - i, INT64_MAX);
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

/* Cut at every octet, one octet too many, an unknown format, too little room. */
static void assert_strict(int (*decode)(const uint8_t *, size_t), uint8_t *record, size_t len)
{
    for (size_t cut = 0; cut < len; cut++) {
        assert_int_equal(decode_copy(decode, record, cut), TXTD_ECORRUPT);
    }
    record[len] = 0;
    assert_int_equal(decode_copy(decode, record, len + 1), TXTD_ECORRUPT);
    record[0]++;
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
        assert_strict(decode_delegate, record, (size_t)len);
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
        assert_strict(decode_account, record, (size_t)len);
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
};

static const struct bad_record bad_accounts[] = {
    {22, {1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 5, 0}},             /* five keys */
    {23, {1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 1, 1, 65}},         /* a hash of 65 octets */
    {22, {1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 33}},            /* 33 prefixes */
    {24, {1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 1, 33, 0}},      /* IPv4 /33 */
    {24, {1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 1, 2, 0, 1, 193, 0}},     /* IPv6 /129 */
    {24, {1, 1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0x80, 0x80, 4, 2, 0, 0}}, /* zone 65536 */
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
