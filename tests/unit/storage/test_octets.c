#include "tests/unit/storage/scene.h"

#include "storage/octets.h"

static const uint64_t numbers[] = {0,         1, 127, 128, 16383, 16384, UINT32_MAX, (uint64_t)1 << 63, UINT64_MAX - 1,
                                   UINT64_MAX};
static const int64_t signed_numbers[] = {0, -1, 1, 63, -64, 64, INT32_MIN, INT64_MAX, INT64_MIN};

static void varints_come_back(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++) {
        uint8_t octets[OCTETS_VARINT_MAX];
        struct octets_writer writer = {.next = octets, .end = octets + sizeof(octets)};
        octets_write_varint(&writer, numbers[i]);
        assert_false(writer.failed);
        size_t len = (size_t)(writer.next - octets);
        for (size_t cut = 0; cut < len; cut++) {
            struct octets_reader cut_reader = {.next = octets, .end = octets + cut};
            octets_read_varint(&cut_reader);
            assert_true(cut_reader.failed);
        }
        struct octets_reader reader = {.next = octets, .end = writer.next};
        assert_true(octets_read_varint(&reader) == numbers[i]);
        assert_false(reader.failed);
        assert_int_equal(octets_left(&reader), 0);
    }
    for (size_t i = 0; i < sizeof(signed_numbers) / sizeof(signed_numbers[0]); i++) {
        uint8_t octets[OCTETS_VARINT_MAX];
        struct octets_writer writer = {.next = octets, .end = octets + sizeof(octets)};
        octets_write_signed(&writer, signed_numbers[i]);
        struct octets_reader reader = {.next = octets, .end = writer.next};
        assert_true(octets_read_signed(&reader) == signed_numbers[i]);
        assert_false(reader.failed);
    }
}

struct bad_varint {
    size_t len;
    uint8_t octets[12];
};

static const struct bad_varint bad_varints[] = {
    {2, {0x80, 0x00}},                                                              /* 0, longer than needed */
    {3, {0xff, 0x80, 0x00}},                                                        /* 127, longer than needed */
    {10, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0x02}},             /* 65 bits */
    {11, {0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x80, 0x01}},       /* 71 bits */
    {12, {0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff, 0xff}}, /* no end */
};

static void other_forms_are_refused(void **state)
{
    (void)state;
    for (size_t i = 0; i < sizeof(bad_varints) / sizeof(bad_varints[0]); i++) {
        struct octets_reader reader = {.next = bad_varints[i].octets,
                                       .end = bad_varints[i].octets + bad_varints[i].len};
        assert_true(octets_read_varint(&reader) == 0);
        assert_true(reader.failed);
        assert_null(octets_read(&reader, 0)); /* and it stays so */
    }
}

static void a_writer_keeps_to_its_room(void **state)
{
    (void)state;
    uint8_t octets[4] = {9, 9, 9, 9};
    struct octets_writer writer = {.next = octets, .end = octets + 2};
    octets_write(&writer, "abc", 3);
    assert_true(writer.failed);
    octets_write_u8(&writer, 1); /* would fit, but something before it did not */
    assert_ptr_equal(writer.next, octets);
    assert_int_equal(octets[0], 9);
}

static void a_bound_is_kept(void **state)
{
    (void)state;
    const uint8_t octets[] = {10, 11};
    struct octets_reader reader = {.next = octets, .end = octets + sizeof(octets)};
    assert_true(octets_read_bounded(&reader, 10) == 10);
    assert_true(octets_read_bounded(&reader, 10) == 0);
    assert_true(reader.failed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(varints_come_back),
        cmocka_unit_test(other_forms_are_refused),
        cmocka_unit_test(a_writer_keeps_to_its_room),
        cmocka_unit_test(a_bound_is_kept),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
