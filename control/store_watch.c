#include "control/store_watch.h"

#include "control/log.h"
#include "storage/store.h"

#define HINT_SPACE "make room: changes are refused until store.reserve is free again; DNS goes on"
#define HINT_IO    "look at the disk; the store is opened anew by itself once it works; DNS goes on"
#define HINT_DAMAGE                                                                                                    \
    "what is in that file cannot be read: stop txtd, check the disk, restore the store from a backup (txtctl restore)"

/* A take-over is neither: another process has the store, and says what there is to say. */
static int refusal(int writable)
{
    return writable == TXTD_ECLOSED ? 0 : writable;
}

static void tell_refusal(struct store_watch *watch, int code, const struct store_trouble *trouble)
{
    struct store_disk disk;
    bool is_space = code == TXTD_ENOSPC;
    store_disk(watch->store, &disk);
    log_event(watch->log, LOG_LEVEL_ERROR, "store.refuses", log_text("reason", is_space ? "space" : "io"),
              log_text("error", trouble->failed_writes > watch->failed_writes ? trouble->failure.text : ""),
              log_uint("available", disk.available), log_uint("reserve", disk.reserve),
              log_text("hint", is_space ? HINT_SPACE : HINT_IO));
}

static void tell_damage(struct store_watch *watch, const struct store_trouble *trouble, int64_t now_s)
{
    bool is_first = watch->damaged_reads == 0;
    if (trouble->damaged_reads == watch->damaged_reads ||
        (!is_first && now_s - watch->damage_told_s < STORE_WATCH_REPEAT_S)) {
        return;
    }
    log_event(watch->log, LOG_LEVEL_ERROR, "store.corrupt", log_text("error", trouble->damage.text),
              log_uint("reads", trouble->damaged_reads), log_text("hint", HINT_DAMAGE));
    watch->damaged_reads = trouble->damaged_reads;
    watch->damage_told_s = now_s;
}

int store_watch_look(struct store_watch *watch, int64_t now_s)
{
    struct store_trouble trouble;
    int writable = store_writable(watch->store);
    int code = refusal(writable);
    store_trouble(watch->store, &trouble);
    bool failed = trouble.failed_writes > watch->failed_writes;
    bool begins = watch->refused == 0 && (code != 0 || failed);
    bool differs = watch->refused != 0 && code != 0 && code != watch->refused; /* a full disk that is broken, say */
    if (begins || differs) {
        tell_refusal(watch, code != 0 ? code : TXTD_EIO, &trouble);
        watch->refused_since_s = begins ? now_s : watch->refused_since_s;
    }
    if (code == 0 && (watch->refused != 0 || failed)) {
        log_event(watch->log, LOG_LEVEL_INFO, "store.writable", log_int("after_s", now_s - watch->refused_since_s));
    }
    watch->refused = code;
    watch->failed_writes = trouble.failed_writes;
    tell_damage(watch, &trouble, now_s);
    return writable;
}

bool store_watch_is_damaged(const struct store_watch *watch)
{
    return watch->damaged_reads > 0;
}
