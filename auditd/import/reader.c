#include "auditd/import/reader.h"

#include <string.h>

static const struct import_reader *const readers[] = {&import_nmap, &import_masscan_json, &import_masscan_list};

const struct import_reader *import_reader_find(const char *name)
{
    for (size_t i = 0; i < sizeof(readers) / sizeof(*readers); i++) {
        if (strcmp(readers[i]->name, name) == 0) {
            return readers[i];
        }
    }
    return NULL;
}

const struct import_reader *import_reader_guess(FILE *file)
{
    char head[256] = "";
    size_t length = fread(head, 1, sizeof(head) - 1, file);
    const char *text = head;

    rewind(file);
    head[length] = '\0';
    text += strncmp(text, "\xef\xbb\xbf", 3) == 0 ? 3 : 0;
    text += strspn(text, " \t\r\n");
    if (text[0] == '<') {
        return &import_nmap;
    }
    if (text[0] == '[' || text[0] == '{') {
        return &import_masscan_json;
    }
    return strncmp(text, "#masscan", 8) == 0 || strncmp(text, "open ", 5) == 0 ? &import_masscan_list : NULL;
}
