#include "scanner/progress.h"

#include <inttypes.h>
#include <math.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

static const double SMOOTH_S = 3;

void progress_meter_init(struct progress_meter *meter, struct mono_time now, uint64_t done, uint64_t sent)
{
    *meter = (struct progress_meter){.started = now, .measured = now, .sent_then = sent, .done_then = done};
}

void progress_meter_update(struct progress_meter *meter, struct mono_time now, struct observation_progress *progress)
{
    double seconds = (double)mono_elapsed_ns(meter->measured, now) / 1e9;

    if (seconds > 0.05) {
        bool first = meter->measured.ns == meter->started.ns;
        double weight = first ? 1 : 1 - exp(-seconds / SMOOTH_S);
        meter->rate_pps += weight * ((double)(progress->probes_sent - meter->sent_then) / seconds - meter->rate_pps);
        meter->done_per_s +=
            weight * ((double)(progress->probes_done - meter->done_then) / seconds - meter->done_per_s);
        meter->measured = now;
        meter->sent_then = progress->probes_sent;
        meter->done_then = progress->probes_done;
    }
    progress->rate_pps = (uint64_t)(meter->rate_pps + 0.5);
    progress->eta_s = -1;
    if (progress->probes_done >= progress->probes) {
        progress->eta_s = 0;
    } else if (meter->done_per_s >= 0.01) {
        progress->eta_s = (int64_t)ceil((double)(progress->probes - progress->probes_done) / meter->done_per_s);
    }
}

/* 1234567 as "1,234,567". */
static const char *group_digits(uint64_t value, char buffer[32])
{
    char plain[24];
    int length = snprintf(plain, sizeof(plain), "%" PRIu64, value);
    char *out = buffer;

    for (int i = 0; i < length; i++) {
        if (i > 0 && (length - i) % 3 == 0) {
            *out++ = ',';
        }
        *out++ = plain[i];
    }
    *out = '\0';
    return buffer;
}

static const char *format_left(int64_t seconds, char buffer[48])
{
    if (seconds < 0) {
        return "time left not known yet";
    }
    if (seconds < 120) {
        snprintf(buffer, 48, "%" PRId64 " s left", seconds);
    } else if (seconds < 7200) {
        snprintf(buffer, 48, "%" PRId64 " min left", (seconds + 59) / 60);
    } else {
        snprintf(buffer, 48, "%" PRId64 " h left", (seconds + 3599) / 3600);
    }
    return buffer;
}

const char *progress_format(const struct observation_progress *progress, char *buffer)
{
    char done[32];
    char all[32];
    char rate[32];
    char open[32];
    char left[48];
    double share = progress->probes > 0 ? 100.0 * (double)progress->probes_done / (double)progress->probes : 100;

    snprintf(buffer, PROGRESS_TEXT_SIZE, "%.0f%%  %s of %s  %s/s  %s  %s open", floor(share),
             group_digits(progress->probes_done, done), group_digits(progress->probes, all),
             group_digits(progress->rate_pps, rate), format_left(progress->eta_s, left),
             group_digits(progress->open, open));
    if (progress->asks) {
        size_t used = strlen(buffer);
        snprintf(buffer + used, PROGRESS_TEXT_SIZE - used, "  %s asked", group_digits(progress->asked, done));
    }
    return buffer;
}

void progress_init(struct progress *progress, FILE *stream)
{
    const char *term = getenv("TERM");
    const char *no_color = getenv("NO_COLOR");
    bool dumb = term == NULL || strcmp(term, "dumb") == 0;

    *progress = (struct progress){0};
    if (isatty(fileno(stream)) == 1) {
        progress->stream = stream;
        progress->colour = !dumb && (no_color == NULL || *no_color == '\0');
    }
}

void progress_show(struct progress *progress, const struct observation_progress *figures)
{
    char text[PROGRESS_TEXT_SIZE];

    if (progress->stream == NULL) {
        return;
    }
    progress_format(figures, text);
    /* \r and "erase to the end of the line" (ECMA-48 EL) are movement, not colour. */
    fprintf(progress->stream, progress->colour ? "\r\033[2m%s\033[0m\033[K" : "\r%s\033[K", text);
    fflush(progress->stream);
    progress->shown = true;
}

void progress_clear(struct progress *progress)
{
    if (!progress->shown) {
        return;
    }
    fputs("\r\033[K", progress->stream);
    fflush(progress->stream);
    progress->shown = false;
}
