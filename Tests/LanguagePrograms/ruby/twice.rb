def twice(number)
  2 * number
end
