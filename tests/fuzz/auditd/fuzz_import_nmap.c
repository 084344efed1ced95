/* nmap's XML. */
#include "tests/fuzz/auditd/import.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    import_check(&import_nmap, data, size);
    return 0;
}
