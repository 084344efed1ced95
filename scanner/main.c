#include <stdio.h>

int main(void)
{
    puts("leastport-scan " LEASTPORT_VERSION);
    return 0;
}
