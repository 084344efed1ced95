#include <stdio.h>

int main(void)
{
    puts("leastport " LEASTPORT_VERSION);
    return 0;
}
