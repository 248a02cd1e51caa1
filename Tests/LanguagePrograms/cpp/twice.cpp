#include "twice.h"

long twice(long number) {
    return 2 * number;
}
