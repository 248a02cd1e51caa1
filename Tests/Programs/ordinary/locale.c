// flags: -O2
// Sets the environment's locale and counts the characters of a UTF-8 text.
#include <langinfo.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>

int main(void) {
    if (setlocale(LC_ALL, "") == NULL)
        return 1;
    printf("%s %zu\n", nl_langinfo(CODESET), mbstowcs(NULL, "žluťoučký kůň", 0));
    return 0;
}
