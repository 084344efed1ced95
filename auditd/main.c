#include <stdio.h>

int main(void)
{
    puts("leastport-auditd " LEASTPORT_VERSION);
    return 0;
}
