#include <stdio.h>

int main(void)
{
    puts("leastport-web " LEASTPORT_VERSION);
    return 0;
}
