#include "lib/standard.h"

#include "lib/standard_table.h"

#include <string.h>

const struct standard_control *standard_control_find(const char *id)
{
    for (size_t i = 0; i < standard_table_count; i++) {
        if (strcmp(standard_table[i].id, id) == 0) {
            return &standard_table[i];
        }
    }
    return NULL;
}

const struct standard_control *standard_controls(size_t *ret_count)
{
    *ret_count = standard_table_count;
    return standard_table;
}

const char *const *standard_control_ids(void)
{
    return standard_table_ids;
}

const struct standard_control *standard_control_next(const char **list)
{
    while (**list != '\0') {
        char id[STANDARD_ID_SIZE] = "";
        size_t length = strcspn(*list, " ");
        const struct standard_control *control = NULL;
        if (length < sizeof(id)) {
            memcpy(id, *list, length);
            control = standard_control_find(id);
        }
        *list += length;
        *list += strspn(*list, " ");
        if (control != NULL) {
            return control;
        }
    }
    return NULL;
}
