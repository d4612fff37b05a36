/* The delegate table when the system gives no memory: this program's own mmap refuses on demand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>
#include <errno.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "dataplane/zone/delegate_table.h"

#define MAPS_UNLIMITED UINT32_MAX

static unsigned maps_left = MAPS_UNLIMITED;

void *mmap(void *address, size_t len, int protection, int flags, int fd, off_t offset)
{
    if (maps_left == 0) {
        errno = ENOMEM;
        return MAP_FAILED;
    }
    if (maps_left != MAPS_UNLIMITED) {
        maps_left--;
    }
    return (void *)syscall(SYS_mmap, address, len, protection, flags, fd, offset);
}

static struct delegate_state state_of(uint64_t number, unsigned count)
{
    struct delegate_state state = {.zone = 1, .values_count = (uint8_t)count};
    memcpy(state.id.octets, &number, sizeof number);
    for (unsigned i = 0; i < count; i++) {
        state.values[i].len = 43;
        memset(state.values[i].text, 'a' + (int)i, 43);
    }
    return state;
}

static const struct delegate_entry *find(const struct delegate_table *table, uint64_t number)
{
    struct delegate_state state = state_of(number, 0);
    return delegate_table_find(table, 1, &state.id);
}

static int restore_maps(void **unused)
{
    (void)unused;
    maps_left = MAPS_UNLIMITED;
    return 0;
}

static void new_fails_cleanly(void **unused)
{
    (void)unused;
    struct delegate_table *table = NULL;
    maps_left = 0;
    assert_int_equal(delegate_table_new(1000, &table), TXTD_ENOMEM);
    assert_null(table);
    maps_left = MAPS_UNLIMITED;
    assert_int_equal(delegate_table_new(UINT64_MAX / 2, &table), TXTD_ENOMEM); /* more than an address space */
}

static void a_refused_insertion_changes_nothing(void **unused)
{
    (void)unused;
    struct delegate_table *table = NULL;
    assert_int_equal(delegate_table_new(0, &table), 0);
    struct delegate_state state = state_of(0, 0);
    assert_int_equal(delegate_table_apply(table, &state, 1), 0);

    maps_left = 0; /* no larger array, no second chunk */
    uint64_t inserted = 1;
    int rc;
    do {
        state = state_of(inserted, 0);
        rc = delegate_table_apply(table, &state, 1);
        inserted += rc == 0;
    } while (rc == 0 && inserted < 100000);
    assert_int_equal(rc, TXTD_ENOMEM);
    struct delegate_table_stats stats;
    delegate_table_stats(table, &stats);
    assert_int_equal(stats.delegates, inserted);
    assert_true(inserted >= stats.slots * 7 / 8); /* it served on to its limit */
    for (uint64_t i = 0; i < inserted; i++) {
        assert_non_null(find(table, i));
    }
    assert_null(find(table, inserted));

    /* A full table takes removals, and then as many insertions. */
    state = state_of(0, 0);
    state.deleted = true;
    assert_int_equal(delegate_table_apply(table, &state, 1), 0);
    assert_null(find(table, 0));

    maps_left = MAPS_UNLIMITED;
    for (uint64_t i = inserted; i < 10000; i++) {
        state = state_of(i, (unsigned)(i % 3));
        assert_int_equal(delegate_table_apply(table, &state, 1), 0);
    }
    for (uint64_t i = 1; i < 10000; i++) {
        assert_non_null(find(table, i));
        assert_int_equal(find(table, i)->values_count, i < inserted ? 0 : i % 3);
    }
    delegate_table_free(table);
}

static void a_refused_replacement_leaves_the_old_values(void **unused)
{
    (void)unused;
    struct delegate_table *table = NULL;
    assert_int_equal(delegate_table_new(100, &table), 0);
    struct delegate_state state = state_of(1, 1);
    state.expires_at_s = 5;
    assert_int_equal(delegate_table_apply(table, &state, 1), 0);
    maps_left = 0;
    state = state_of(1, 16); /* a larger class needs a chunk */
    assert_int_equal(delegate_table_apply(table, &state, 1), TXTD_ENOMEM);
    assert_int_equal(find(table, 1)->values_count, 1);
    assert_int_equal(find(table, 1)->rrset_len, 12 + 44);
    assert_int_equal(delegate_table_sweep(table, 10, 1000), 0); /* idle entries need a chunk too */
    assert_int_equal(find(table, 1)->values_count, 1);
    maps_left = MAPS_UNLIMITED;
    assert_int_equal(delegate_table_sweep(table, 10, 1000), 1);
    assert_int_equal(find(table, 1)->values_count, 0);
    delegate_table_free(table);
}

/* Growth meets the refusal at every possible point of many insertions; each is retried until it succeeds. */
static void growth_survives_refusals(void **unused)
{
    (void)unused;
    enum { KEYS = 200000 };
    struct delegate_table *table = NULL;
    assert_int_equal(delegate_table_new(0, &table), 0);
    unsigned refused = 0;
    for (uint64_t i = 0; i < KEYS; i++) {
        struct delegate_state state = state_of(i, i % 64 == 0);
        maps_left = i % 7 == 0 ? MAPS_UNLIMITED : 0;
        int rc = delegate_table_apply(table, &state, 1);
        if (rc != 0) {
            refused++;
            assert_int_equal(rc, TXTD_ENOMEM);
            assert_null(find(table, i));
            maps_left = MAPS_UNLIMITED;
            assert_int_equal(delegate_table_apply(table, &state, 1), 0);
        }
    }
    assert_true(refused > 0);
    for (uint64_t i = 0; i < KEYS; i++) {
        assert_non_null(find(table, i));
    }
    delegate_table_free(table);
}

static void a_refused_build_leaves_a_table(void **unused)
{
    (void)unused;
    struct delegate_table *table = NULL;
    assert_int_equal(delegate_table_new(0, &table), 0);
    maps_left = 0;
    assert_int_equal(delegate_table_build_begin(table, 1000, 2), TXTD_ENOMEM);
    maps_left = MAPS_UNLIMITED;
    assert_int_equal(delegate_table_build_begin(table, 1000, 2), 0);
    maps_left = 0;
    struct delegate_state state = state_of(1, 2);
    assert_int_equal(delegate_table_build_add(table, 0, &state, 1), TXTD_ENOMEM);
    maps_left = MAPS_UNLIMITED;
    assert_int_equal(delegate_table_build_add(table, 0, &state, 1), 0);
    assert_int_equal(delegate_table_build_end(table), 0);
    assert_int_equal(find(table, 1)->values_count, 2);
    delegate_table_free(table);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_teardown(new_fails_cleanly, restore_maps),
        cmocka_unit_test_teardown(a_refused_insertion_changes_nothing, restore_maps),
        cmocka_unit_test_teardown(a_refused_replacement_leaves_the_old_values, restore_maps),
        cmocka_unit_test_teardown(growth_survives_refusals, restore_maps),
        cmocka_unit_test_teardown(a_refused_build_leaves_a_table, restore_maps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
