fun twice(number: Long) = 2 * number
