#include "auditd/meter.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

void meter_init(struct meter *meter, FILE *stream)
{
    const char *terminal = getenv("TERM");
    bool shown = isatty(fileno(stream)) == 1 && (terminal == NULL || strcmp(terminal, "dumb") != 0);

    *meter = (struct meter){.terminal = shown ? stream : NULL};
}

static void meter_format_left(int64_t eta_s, char *text, size_t size)
{
    if (eta_s < 0) {
        text[0] = '\0';
    } else if (eta_s < 120) {
        snprintf(text, size, ", %" PRId64 " s left", eta_s);
    } else if (eta_s < 7200) {
        snprintf(text, size, ", %" PRId64 " min left", eta_s / 60);
    } else {
        snprintf(text, size, ", %" PRId64 " h left", eta_s / 3600);
    }
}

/* 0 to 1, whatever the numbers are: another process told them. */
static double meter_share(const struct meter_reading *reading)
{
    if (reading->probes <= 0 || reading->probes_done >= reading->probes) {
        return 1;
    }
    return reading->probes_done <= 0 ? 0 : (double)reading->probes_done / (double)reading->probes;
}

const char *meter_format(const struct meter_reading *reading, char *text)
{
    double share = meter_share(reading);
    char left[48];

    meter_format_left(reading->eta_s, left, sizeof(left));
    /* 100 % is for the end: nothing is rounded up to it. */
    snprintf(text, METER_TEXT_SIZE, "%s %3d %%  %" PRId64 " of %" PRId64 " %s, %" PRId64 "/s%s, %" PRId64 " open",
             reading->what, (int)(share * 100), reading->probes_done, reading->probes,
             reading->unit == NULL ? "probes" : reading->unit, reading->rate_pps, left, reading->open);
    return text;
}

void meter_show(struct meter *meter, const struct meter_reading *reading)
{
    char text[METER_TEXT_SIZE];

    if (meter->terminal == NULL) {
        return;
    }
    /* Carriage return, then erase to the end of the line (ECMA-48 EL). */
    fprintf(meter->terminal, "\r\x1b[K%s", meter_format(reading, text));
    fflush(meter->terminal);
    meter->drawn = true;
}

void meter_clear(struct meter *meter)
{
    if (meter->terminal != NULL && meter->drawn) {
        fputs("\r\x1b[K", meter->terminal);
        fflush(meter->terminal);
        meter->drawn = false;
    }
}
