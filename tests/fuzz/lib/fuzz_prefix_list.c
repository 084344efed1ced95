/* Never-scan lists: whatever stands in one is in force or refused, never passed over. */
#include "lib/prefix_list.h"
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static int read_text(const char *text, size_t size, struct prefix_list *list, struct prefix_list_fault *fault)
{
    FILE *stream = fmemopen(NULL, size + 1, "w+");
    int rc;

    assert(stream != NULL && fwrite(text, 1, size, stream) == size && fflush(stream) == 0);
    rewind(stream);
    rc = prefix_list_read(list, stream, fault);
    fclose(stream);
    return rc;
}

/* Counted another way: what strtok(3) finds once the comments are blanks. */
static size_t count_words(const uint8_t *data, size_t size)
{
    char *text = fuzz_text(data, size);
    size_t count = 0;
    char *rest = NULL;

    for (char *hash = strchr(text, '#'); hash != NULL; hash = strchr(hash, '#')) {
        memset(hash, ' ', strcspn(hash, "\n"));
    }
    for (char *word = strtok_r(text, " \t\n\v\f\r", &rest); word != NULL; word = strtok_r(NULL, " \t\n\v\f\r", &rest)) {
        count++;
    }
    free(text);
    return count;
}

static void check_again(const struct prefix_list *list)
{
    struct prefix_list again = {0};
    char text[PREFIX_TEXT_SIZE];

    for (size_t i = 0; i < list->count; i++) {
        assert(prefix_list_add(&again, prefix_format(&list->items[i], text)) == 0);
        assert(addr_equal(&again.items[i].addr, &list->items[i].addr) && again.items[i].bits == list->items[i].bits);
    }
    prefix_list_done(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct prefix_list list = {0};
    struct prefix_list_fault fault = {0};
    size_t mark = size >= 3 && memcmp(data, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    int rc = read_text((const char *)data, size, &list, &fault);

    if (rc == 0) {
        /* A NUL that stood anywhere but in a comment would have been refused. */
        assert(memchr(data, '#', size) != NULL || memchr(data, '\0', size) == NULL);
        assert(memchr(data, '\0', size) != NULL || list.count == count_words(data + mark, size - mark));
    } else {
        assert(rc == -EBADMSG && fault.line > 0 && fault.word[0] != '\0');
        assert(memchr(fault.word, '\0', sizeof(fault.word)) != NULL);
    }
    check_again(&list);
    prefix_list_done(&list);
    return 0;
}
