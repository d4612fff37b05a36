#include "control/txtctl/progress.h"

#include <stdio.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#define BAR_WIDTH   30
#define INTERVAL_MS 100

static int64_t now_ms(void)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

struct progress progress_begin(const char *what, bool prints)
{
    return (struct progress){.what = what,
                             .shown = isatty(STDERR_FILENO) == 1 && !(prints && isatty(STDOUT_FILENO) == 1)};
}

static void draw(const struct progress *progress)
{
    char bar[BAR_WIDTH + 1];
    size_t done = progress->done, of = progress->of;
    if (of == 0) {
        (void)fprintf(stderr, "\r%s: %zu ", progress->what, done);
        return;
    }
    size_t share = done < of ? done * BAR_WIDTH / of : BAR_WIDTH;
    memset(bar, '.', BAR_WIDTH);
    memset(bar, '#', share);
    bar[BAR_WIDTH] = '\0';
    (void)fprintf(stderr, "\r%s [%s] %3zu %% ", progress->what, bar, done < of ? done * 100 / of : 100);
}

void progress_show(struct progress *progress, size_t done, size_t of)
{
    int64_t now = progress->shown ? now_ms() : 0;
    progress->done = done;
    progress->of = of;
    if (progress->shown && now >= progress->next_ms) {
        progress->next_ms = now + INTERVAL_MS;
        draw(progress);
    }
}

void progress_end(struct progress *progress, bool finished)
{
    if (!progress->shown) {
        return;
    }
    if (finished) {
        progress->done = progress->of > 0 ? progress->of : progress->done;
        draw(progress);
        (void)fputc('\n', stderr);
    } else {
        (void)fputs("\r\033[K", stderr); /* ECMA-48 section 8.3.41: erase to the end of the line */
    }
}
