long twice(long number);
