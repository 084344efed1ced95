/* masscan's list, or its JSON as the first character tells. */
#include "tests/fuzz/auditd/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    import_check(size > 0 && data[0] == '[' ? &import_masscan_json : &import_masscan_list, data, size);
    return 0;
}
