n = gets.to_i
puts n < 55 ? 2 * n : n
