#include "lib/prefix_list.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>

struct prefix_list_reader {
    FILE *stream;
    unsigned long line;
    char word[PREFIX_TEXT_SIZE + 4];
    size_t length;
    bool is_wrong; /* too long, or with a NUL in it */
};

int prefix_list_add(struct prefix_list *list, const char *text)
{
    struct prefix prefix;
    struct prefix *grown;
    int rc = prefix_parse(text, &prefix);

    if (rc < 0) {
        return rc;
    }
    /* Twice the room whenever the count is a power of two. */
    if ((list->count & (list->count - 1)) == 0) {
        grown = realloc(list->items, (list->count == 0 ? 1 : list->count * 2) * sizeof(*grown));
        if (grown == NULL) {
            return -ENOMEM;
        }
        list->items = grown;
    }
    list->items[list->count++] = prefix;
    return 0;
}

static bool prefix_list_is_space(int byte)
{
    return byte == ' ' || (byte >= '\t' && byte <= '\r');
}

/* "\0" in place of a NUL, so that the word can be shown. */
static void prefix_list_keep(struct prefix_list_reader *reader, int byte)
{
    if (reader->length + 3 > sizeof(reader->word)) {
        reader->is_wrong = true;
        return;
    }
    if (byte == '\0') {
        reader->is_wrong = true;
        reader->word[reader->length++] = '\\';
        byte = '0';
    }
    reader->word[reader->length++] = (char)byte;
}

/* The end of the word, when there is one. */
static int prefix_list_take(struct prefix_list *list, struct prefix_list_reader *reader)
{
    int rc = 0;

    reader->word[reader->length] = '\0';
    if (reader->length > 0) {
        rc = reader->is_wrong ? -EINVAL : prefix_list_add(list, reader->word);
    }
    if (rc == 0) {
        reader->length = 0;
    }
    return rc == 0 || rc == -ENOMEM ? rc : -EBADMSG;
}

static int prefix_list_skip_comment(FILE *stream)
{
    int byte;

    do {
        byte = getc(stream);
    } while (byte != '\n' && byte != EOF);
    return byte;
}

/* RFC 3629 section 6: editors put it before a text. */
static void prefix_list_skip_mark(struct prefix_list_reader *reader)
{
    static const char mark[] = "\xef\xbb\xbf";

    if (reader->length == 3 && memcmp(reader->word, mark, 3) == 0) {
        reader->length = 0;
    }
}

static int prefix_list_read_all(struct prefix_list *list, struct prefix_list_reader *reader)
{
    bool begins = true;
    int byte;
    int rc = 0;

    do {
        byte = getc(reader->stream);
        if (byte == '#') {
            byte = prefix_list_skip_comment(reader->stream);
        }
        if (byte == EOF && ferror(reader->stream) != 0) {
            return errno == 0 ? -EIO : -errno;
        }
        if (byte == EOF || prefix_list_is_space(byte)) {
            rc = prefix_list_take(list, reader);
            begins = false;
        } else {
            prefix_list_keep(reader, byte);
        }
        if (begins) {
            prefix_list_skip_mark(reader);
            begins = reader->length > 0 && reader->length < 3;
        }
        reader->line += rc == 0 && byte == '\n';
    } while (rc == 0 && byte != EOF);
    return rc;
}

int prefix_list_read(struct prefix_list *list, FILE *stream, struct prefix_list_fault *ret_fault)
{
    struct prefix_list_reader reader = {.stream = stream, .line = 1};
    int rc;

    errno = 0;
    rc = prefix_list_read_all(list, &reader);
    if (rc == -EBADMSG) {
        ret_fault->line = reader.line;
        memcpy(ret_fault->word, reader.word, sizeof(ret_fault->word));
    }
    return rc;
}

void prefix_list_done(struct prefix_list *list)
{
    free(list->items);
    *list = (struct prefix_list){0};
}
