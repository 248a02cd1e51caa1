require_relative "twice"

mode, *rest = $stdin.read.split
puts "hello" if mode == "hello"
puts twice(rest.sum(&:to_i)) if mode == "sum"
exit 7 if mode == "exit"
if mode == "memory"
  kept = []
  loop { kept << "x" * (1 << 20) }
end
loop {} if mode == "spin"
puts 4.times.map { Thread.new { (0..99).sum } }.sum(&:value) if mode == "threads"
