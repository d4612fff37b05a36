#include "tests/unit/storage/scene.h"

#include <pthread.h>

#include "storage/feed.h"

static void messages_come_back(void **state)
{
    (void)state;
    struct delegate_state *sent = calloc(1, sizeof(*sent));
    struct delegate_state *got = calloc(1, sizeof(*got));
    uint8_t message[FEED_MESSAGE_MAX];
    sent->id = scene_id(7);
    sent->zone = 513;
    sent->version = 3;
    scene_add_value(sent, "LHDhK3oGRvkiefQnx7OOczTY5Tic_xZ6HcMOc_gmtoM", 1700000000);
    int len = feed_message_encode(UINT64_MAX, sent, message, sizeof(message));
    assert_true(len > 0);
    uint64_t revision = 0;
    assert_int_equal(feed_message_decode(message, (size_t)len, &revision, got), 0);
    assert_true(revision == UINT64_MAX);
    assert_same_delegate(sent, got);
    for (size_t cut = 0; cut < (size_t)len; cut++) {
        assert_int_equal(feed_message_decode(message, cut, &revision, got), TXTD_ECORRUPT);
        uint8_t small[FEED_MESSAGE_MAX];
        assert_int_equal(feed_message_encode(1, sent, small, cut < 40 ? cut : 40), TXTD_ETRUNCATED);
    }
    message[0] = 2;
    assert_int_equal(feed_message_decode(message, (size_t)len, &revision, got), TXTD_ECORRUPT);
    free(sent);
    free(got);
}

static void an_empty_feed_times_out_and_a_closed_one_ends(void **state)
{
    (void)state;
    struct feed *feed = NULL;
    uint8_t message[FEED_MESSAGE_MAX];
    assert_int_equal(feed_new(1, &feed), 0); /* too small for anything: it gets room for one message */
    assert_int_equal(feed_next(feed, message, sizeof(message), 0), 0);
    assert_int_equal(feed_next(feed, message, sizeof(message), 20), 0);
    assert_int_equal(feed_append(feed, message, 0), TXTD_EINVAL);
    assert_int_equal(feed_append(feed, message, FEED_MESSAGE_MAX + 1), TXTD_EINVAL);
    memset(message, 5, sizeof(message));
    assert_int_equal(feed_append(feed, message, FEED_MESSAGE_MAX), 0);
    feed_close(feed);
    assert_int_equal(feed_append(feed, message, 1), TXTD_ECLOSED);
    assert_int_equal(feed_next(feed, message, 100, 1000), TXTD_ETRUNCATED); /* it stays for a caller with more room */
    assert_int_equal(feed_next(feed, message, sizeof(message), 1000), FEED_MESSAGE_MAX);
    assert_int_equal(feed_next(feed, message, sizeof(message), 1000), TXTD_ECLOSED);
    feed_free(feed);
}

enum { MESSAGES = 20000 };

static size_t length_of(uint32_t number)
{
    return sizeof(number) + (number * 7919U) % 3000;
}

static void *produce(void *argument)
{
    struct feed *feed = argument;
    static uint8_t message[FEED_MESSAGE_MAX];
    for (uint32_t i = 0; i < MESSAGES; i++) {
        memset(message, (int)i, sizeof(message));
        memcpy(message, &i, sizeof(i));
        bool of_many = i % 32 != 0 && i % 32 < 20 && i + 1 < MESSAGES; /* single ones, and runs */
        if ((of_many ? feed_append_of_many : feed_append)(feed, message, length_of(i)) != 0) {
            return feed;
        }
    }
    feed_close(feed);
    return NULL;
}

/* The ring is far smaller than what goes through: it wraps and fills all the time. */
static void order_and_octets_are_kept(void **state)
{
    (void)state;
    struct feed *feed = NULL;
    pthread_t producer;
    uint8_t message[FEED_MESSAGE_MAX];
    assert_int_equal(feed_new(10007, &feed), 0);
    assert_int_equal(pthread_create(&producer, NULL, produce, feed), 0);
    for (uint32_t i = 0; i < MESSAGES; i++) {
        int len = feed_next(feed, message, sizeof(message), 10000);
        assert_int_equal(len, length_of(i));
        uint32_t number = 0;
        memcpy(&number, message, sizeof(number));
        assert_int_equal(number, i);
        if ((size_t)len > sizeof(number)) {
            assert_int_equal(message[len - 1], (uint8_t)i);
        }
    }
    assert_int_equal(feed_next(feed, message, sizeof(message), 10000), TXTD_ECLOSED);
    void *failed = NULL;
    pthread_join(producer, &failed);
    assert_null(failed);
    feed_free(feed);
}

/* A producer that waits for room is released by the close. */
static void close_wakes_the_producer(void **state)
{
    (void)state;
    struct feed *feed = NULL;
    pthread_t producer;
    assert_int_equal(feed_new(0, &feed), 0);
    assert_int_equal(pthread_create(&producer, NULL, produce, feed), 0);
    usleep(20000);
    feed_close(feed);
    void *failed = NULL;
    pthread_join(producer, &failed);
    assert_ptr_equal(failed, feed);
    feed_free(feed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(messages_come_back),
        cmocka_unit_test(an_empty_feed_times_out_and_a_closed_one_ends),
        cmocka_unit_test(order_and_octets_are_kept),
        cmocka_unit_test(close_wakes_the_producer),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
