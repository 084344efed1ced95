/* A plan that was sent, on the first line, and what a scanner says that it was, on the second: taken for the same, it
 * lets the same be seen. */
#include "auditd/plan_echo.h"
#include "auditd/scan_plan.h"
#include "tests/fuzz/fuzz.h"

#include <assert.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>

static bool sees(const struct scan_plan *plan, const char *address, uint16_t port)
{
    struct addr addr;

    assert(addr_parse(address, &addr) == 0);
    return scan_plan_has_endpoint(plan, &addr, false, port);
}

static void check_sight(const struct scan_plan *sent, const struct scan_plan *told)
{
    static const char *const addresses[] = {"10.0.0.1", "10.0.0.2", "10.0.1.0", "192.0.2.1", "fd00::1", "::1"};
    static const uint16_t ports[] = {0, 1, 22, 80, 443, 65535};

    for (size_t i = 0; i < sizeof(addresses) / sizeof(*addresses); i++) {
        for (size_t j = 0; j < sizeof(ports) / sizeof(*ports); j++) {
            assert(sees(sent, addresses[i], ports[j]) == sees(told, addresses[i], ports[j]));
        }
    }
}

static void compare(const json_t *sent, const json_t *told)
{
    char why[256] = "";
    char reason[PLAN_ECHO_REASON_SIZE] = "";
    struct scan_plan *sent_plan = NULL;
    struct scan_plan *told_plan = NULL;
    int rc = plan_echo_check(sent, told, reason);

    assert(rc == 0 || (rc == -EBADMSG && reason[0] != '\0'));
    if (scan_plan_create(sent, &sent_plan, why) == 0) {
        /* Names that one has addresses for and the other has not are the scanner's to find. */
        if (rc == 0 && json_equal(json_object_get(sent, "resolved"), json_object_get(told, "resolved")) &&
            scan_plan_create(told, &told_plan, why) == 0) {
            check_sight(sent_plan, told_plan);
        }
    }
    scan_plan_destroy(sent_plan);
    scan_plan_destroy(told_plan);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    const char *text = (const char *)data;
    const char *newline = memchr(text, '\n', size);
    size_t first = newline == NULL ? size : (size_t)(newline - text);
    json_t *sent = json_loadb(text, first, 0, NULL);
    json_t *told = newline == NULL ? NULL : json_loadb(newline + 1, size - first - 1, 0, NULL);

    if (json_is_object(sent) && json_is_object(told)) {
        compare(sent, told);
    }
    json_decref(sent);
    json_decref(told);
    return 0;
}
