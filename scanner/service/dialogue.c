#include "scanner/service/dialogue.h"

#include <stdarg.h>
#include <stdio.h>
#include <string.h>

enum { LINE_SIZE = 1024 };

void dialogue_init(struct dialogue *dialogue, const struct dialogue_target *target, struct facts *facts,
                   struct evidence *evidence)
{
    *dialogue = (struct dialogue){.target = *target, .facts = facts, .evidence = evidence};
}

void dialogue_send(struct dialogue *dialogue, struct span bytes)
{
    if (dialogue->out_failed || bytes.size > sizeof(dialogue->out) - dialogue->out_size) {
        dialogue->out_failed = true;
        return;
    }
    if (bytes.size > 0) {
        memcpy(dialogue->out + dialogue->out_size, bytes.bytes, bytes.size);
        dialogue->out_size += bytes.size;
    }
    evidence_note(dialogue->evidence, true, bytes);
}

void dialogue_send_text(struct dialogue *dialogue, const char *text)
{
    dialogue_send(dialogue, (struct span){(const uint8_t *)text, strlen(text)});
}

void dialogue_sendf(struct dialogue *dialogue, const char *format, ...)
{
    char text[LINE_SIZE];
    va_list list;
    int size;

    va_start(list, format);
    size = vsnprintf(text, sizeof(text), format, list);
    va_end(list);
    if (size < 0 || (size_t)size >= sizeof(text)) {
        dialogue->out_failed = true;
        return;
    }
    dialogue_send_text(dialogue, text);
}

void dialogue_take(struct dialogue *dialogue, size_t size)
{
    dialogue->in = span_from(dialogue->in, size);
}

bool dialogue_take_line(struct dialogue *dialogue, struct span *ret_line)
{
    return span_line(dialogue->in, ret_line, &dialogue->in);
}

enum dialogue_next dialogue_end(const struct dialogue *dialogue)
{
    return dialogue->recognised ? DIALOGUE_DONE : DIALOGUE_FOREIGN;
}

enum dialogue_next dialogue_outcome(const struct dialogue *dialogue, enum dialogue_event event, enum dialogue_next next)
{
    bool over = event != DIALOGUE_ARRIVED && event != DIALOGUE_SECURED;

    return over && (next == DIALOGUE_WAIT || next == DIALOGUE_SECURE) ? dialogue_end(dialogue) : next;
}

void dialogue_open_door(struct dialogue *dialogue, const char *question)
{
    facts_set_string(dialogue->facts, "auth", "none");
    facts_set_string(dialogue->facts, "door", question);
}

void dialogue_note_arrival(struct dialogue *dialogue, struct span bytes)
{
    evidence_note(dialogue->evidence, false, bytes);
}

void dialogue_reopen(struct dialogue *dialogue)
{
    dialogue->greeted = false;
    dialogue->secured = false;
    dialogue->in = (struct span){NULL, 0};
    dialogue->out_size = 0;
    dialogue->out_failed = false;
}
