#include "web/accept.h"

#include <stddef.h>
#include <string.h>
#include <strings.h>

/* How exactly a range of `length` bytes names the type: 0 not at all, 1 by its star, 2 by type/star, 3 in full. */
static int accept_specificity(const char *range, size_t length, const char *type)
{
    size_t major = (size_t)(strchr(type, '/') - type) + 1;

    if (length == 3 && strncmp(range, "*/*", 3) == 0) {
        return 1;
    }
    if (length == major + 1 && range[major] == '*' && strncasecmp(range, type, major) == 0) {
        return 2;
    }
    return length == strlen(type) && strncasecmp(range, type, length) == 0 ? 3 : 0;
}

/* Whether the parameters ";q=0", ";q=0.000" stand in the `length` bytes. */
static bool accept_is_refused(const char *params, size_t length)
{
    for (size_t i = 0; i + 3 < length + 1; i++) {
        bool starts = i > 0 && (params[i - 1] == ';' || params[i - 1] == ' ');
        if (!starts || strncasecmp(params + i, "q=0", 3) != 0) {
            continue;
        }
        i += 3;
        while (i < length && (params[i] == '.' || params[i] == '0')) {
            i++;
        }
        return i == length || params[i] == ';' || params[i] == ' ';
    }
    return false;
}

bool accept_takes(const char *accept, const char *type)
{
    int best = 0;
    bool is_taken = false;

    if (accept == NULL || accept[strspn(accept, " \t")] == '\0') {
        return true;
    }
    while (*accept != '\0') {
        size_t length = strcspn(accept, ",");
        size_t lead = strspn(accept, " \t");
        size_t name = strcspn(accept, ",; \t");
        int specificity;
        if (lead > 0) {
            accept += lead < length ? lead : length;
            accept += *accept == ',' ? 1 : 0;
            continue;
        }
        specificity = accept_specificity(accept, name, type);
        if (specificity > best) {
            best = specificity;
            is_taken = !accept_is_refused(accept + name, length - name);
        }
        accept += length;
        accept += *accept == ',' ? 1 : 0;
    }
    return is_taken;
}
