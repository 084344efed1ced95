/* Protocols whose servers speak in lines of text: how their lines and numbered replies are taken, bounded in length and
 * in all, and what words stand in them. Pure; knows no single protocol. */
#ifndef LEASTPORT_SCANNER_SERVICE_LINES_H
#define LEASTPORT_SCANNER_SERVICE_LINES_H

#include "scanner/service/dialogue.h"
#include "scanner/service/wire.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    LINES_LINE_MAX = 8192, /* of one line, or of one reply of several lines */
    LINES_ALL_MAX = 65536, /* of all that one dialogue hears */
    /* The place of dialogue->scratch that counts this; a protocol has those before it. */
    LINES_SCRATCH = DIALOGUE_SCRATCH_SIZE / sizeof(uint64_t) - 1,
};

/* What one line (without its end) makes of the dialogue. It may be called after the server has closed. */
typedef enum dialogue_next lines_handler(struct dialogue *dialogue, struct span line);

/* hear() of a protocol: hands every whole line to `handler` as long as that answers DIALOGUE_WAIT, and ends the
 * dialogue when nothing more can come of it: the server is gone or late, or floods. What waits is dropped before TLS
 * begins: nothing that was said in clear may be taken for something said inside (RFC 3207, section 6). */
enum dialogue_next lines_hear(struct dialogue *dialogue, enum dialogue_event event, lines_handler *handler);

/* A reply of FTP (RFC 959, section 4.2) or SMTP (RFC 5321, section 4.2.1): three digits and text, over several lines
 * when a hyphen follows the digits of the first. */
struct reply {
    unsigned int code;
    struct span text; /* all its lines; reply_line() reads them */
};

typedef enum dialogue_next reply_handler(struct dialogue *dialogue, const struct reply *reply);

/* As lines_hear(), for replies. What is no reply ends the dialogue. */
enum dialogue_next lines_hear_replies(struct dialogue *dialogue, enum dialogue_event event, reply_handler *handler);
/* The first reply of `bytes`, and what follows it. -EAGAIN as long as its end is missing, -EBADMSG when it is none. */
int reply_read(struct span bytes, struct reply *ret_reply, struct span *ret_rest);
/* Takes the next line's text, without the digits, out of *text; false when there is none left. */
bool reply_line(struct span *text, struct span *ret_line);
/* The fact "banner": the first line that mentions the protocol's name, else the first that is not blank. Others tell
 * the time, or how many are connected. */
void reply_banner(const struct reply *reply, struct span name, struct facts *facts);

/* Sends the text and waits for its answer at that step. */
void lines_ask(struct dialogue *dialogue, uint32_t step, const char *text);
/* DONE or FOREIGN, as recognised says. */
enum dialogue_next lines_end(const struct dialogue *dialogue);

/* Takes the next word, with blanks around it, out of *line; false when there is none left. */
bool lines_word(struct span *line, struct span *ret_word);
/* Equal but for the case of ASCII letters. */
bool lines_is(struct span a, struct span b);
/* Whether `what` stands anywhere in `text`, in any case. */
bool lines_mention(struct span text, struct span what);
/* The name of a host with at least one dot: letters, digits, hyphens (RFC 1123, section 2.1); an address is none. */
bool lines_is_domain(struct span word);
/* The fact "hostname", when the text begins with such a name and none is known yet. */
void lines_learn_host(struct facts *facts, struct span text);
/* Every byte is of a text's: printable, a blank or an end of line, or not ASCII. */
bool lines_is_text(struct span bytes);

/* Adds the name of a way to authenticate to a list with blanks between, unless it stands there already, there is no
 * room or it is no such name: letters, digits, hyphens and underscores (RFC 4422, section 3.1). */
void lines_add_method(struct wire_writer *list, struct span name);

#endif
