/* scene.h: what the tests of the store share: a directory of their own, states made from a number. */
#ifndef TXTD_TESTS_STORAGE_SCENE_H
#define TXTD_TESTS_STORAGE_SCENE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "storage/store.h"

struct scene {
    char directory[64]; /* exists; removed at the end */
    char path[96];      /* of the store in it; not made yet */
};

static inline struct scene scene_begin(void)
{
    struct scene scene = {.directory = "/tmp/txtd-test-XXXXXX"};
    assert_non_null(mkdtemp(scene.directory));
    snprintf(scene.path, sizeof(scene.path), "%s/store", scene.directory);
    return scene;
}

static inline int scene_remove(const char *path, const struct stat *status, int type, struct FTW *walk)
{
    (void)status;
    (void)type;
    (void)walk;
    return remove(path);
}

static inline void scene_end(struct scene *scene)
{
    nftw(scene->directory, scene_remove, 16, FTW_DEPTH | FTW_PHYS);
}

static inline struct store_options scene_options(const struct scene *scene)
{
    return (struct store_options){.directory = scene->path, .block_cache = (size_t)8 << 20, .sync = true};
}

static inline struct store *scene_open(const struct scene *scene)
{
    struct store_options options = scene_options(scene);
    struct store *store = NULL;
    struct error_detail detail = {""};
    int code = store_open(&options, &store, &detail);
    if (code != 0) {
        fail_msg("store_open: %d: %s", code, detail.text);
    }
    return store;
}

/* A spread of ids: the numbers' bits go everywhere, so that every range of a scan gets some. */
static inline struct delegate_id scene_id(uint64_t number)
{
    struct delegate_id id;
    uint64_t mixed = number;
    for (size_t i = 0; i < sizeof(id.octets); i++) {
        mixed = mixed * 6364136223846793005U + 1442695040888963407U;
        id.octets[i] = (uint8_t)(mixed >> 33);
    }
    return id;
}

static inline void scene_add_value(struct delegate_state *state, const char *text, int64_t set_at_s)
{
    struct delegate_value *value = &state->values[state->values_count++];
    value->set_at_s = set_at_s;
    value->len = (uint8_t)strlen(text);
    memcpy(value->text, text, value->len);
}

static inline void assert_same_delegate(const struct delegate_state *a, const struct delegate_state *b)
{
    assert_memory_equal(&a->id, &b->id, sizeof(a->id));
    assert_int_equal(a->zone, b->zone);
    assert_int_equal(a->deleted, b->deleted);
    assert_int_equal(a->disabled, b->disabled);
    assert_true(a->version == b->version);
    assert_true(a->expires_at_s == b->expires_at_s);
    assert_int_equal(a->values_count, b->values_count);
    for (size_t i = 0; i < a->values_count; i++) {
        assert_true(a->values[i].set_at_s == b->values[i].set_at_s);
        assert_int_equal(a->values[i].len, b->values[i].len);
        assert_memory_equal(a->values[i].text, b->values[i].text, a->values[i].len);
    }
    assert_int_equal(a->persistent_count, b->persistent_count);
    assert_int_equal(a->persistent_len, b->persistent_len);
    assert_memory_equal(a->persistent, b->persistent, a->persistent_len);
}

static inline void assert_same_account(const struct store_account *a, const struct store_account *b)
{
    assert_memory_equal(&a->username, &b->username, sizeof(a->username));
    assert_memory_equal(&a->delegate, &b->delegate, sizeof(a->delegate));
    assert_int_equal(a->zone, b->zone);
    assert_true(a->created_s == b->created_s);
    assert_true(a->version == b->version);
    assert_int_equal(a->keys_count, b->keys_count);
    for (size_t i = 0; i < a->keys_count; i++) {
        assert_int_equal(a->keys[i].scheme, b->keys[i].scheme);
        assert_int_equal(a->keys[i].hash_len, b->keys[i].hash_len);
        assert_memory_equal(a->keys[i].hash, b->keys[i].hash, a->keys[i].hash_len);
        assert_int_equal(a->keys[i].key_id, b->keys[i].key_id);
        assert_true(a->keys[i].created_s == b->keys[i].created_s);
    }
    assert_int_equal(a->allowfrom_count, b->allowfrom_count);
    for (size_t i = 0; i < a->allowfrom_count; i++) {
        assert_memory_equal(a->allowfrom[i].address, b->allowfrom[i].address, 16);
        assert_int_equal(a->allowfrom[i].len, b->allowfrom[i].len);
        assert_int_equal(a->allowfrom[i].is_ipv4, b->allowfrom[i].is_ipv4);
    }
    assert_int_equal(a->deleted, b->deleted);
    assert_int_equal(a->slots, b->slots);
    assert_true(a->value_expiry_s == b->value_expiry_s);
    assert_int_equal(a->last_key_id, b->last_key_id);
    assert_int_equal(a->note_len, b->note_len);
    assert_memory_equal(a->note, b->note, a->note_len);
}

#endif
