package main

func twice(number int64) int64 { return 2 * number }
