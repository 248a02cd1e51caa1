let twice number = 2 * number
